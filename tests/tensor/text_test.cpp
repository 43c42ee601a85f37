#include "tensor/text.h"

#include <doctest/doctest.h>

using namespace gradus;

TEST_CASE("join puts the separator between words only") {
  const std::vector<std::string> none, one = {"a"}, three = {"a", "", "c"};
  CHECK(join(none) == "");
  CHECK(join(one) == "a");
  CHECK(join(three) == "a, , c");
  CHECK(join(three, "/") == "a//c");
}

TEST_CASE("the nearest spelling is found, and only a near one") {
  const std::vector<std::string> known = {"alibi", "none", "rope", "ropepool", "sinusoidal"};
  CHECK(nearest("rotery", known) == "rope");  // begins alike
  CHECK(nearest("rotisserie", known) == "");
  CHECK(nearest("roep", known) == "rope");  // one swap
  CHECK(nearest("ROPE", known) == "rope");
  CHECK(nearest("rope", known) == "rope");
  CHECK(nearest("rope_pool", known) == "ropepool");
  CHECK(nearest("sinusodial", known) == "sinusoidal");
  CHECK(nearest("alibbi", known) == "alibi");
  CHECK(nearest("", known) == "");
  CHECK(nearest("x", known) == "");
  CHECK(nearest("rope", std::vector<std::string>{}) == "");
  CHECK(nearest("", std::vector<std::string>{""}) == "");
  CHECK(nearest(std::string(1000000, 'r'), known) == "");
  CHECK(did_you_mean("ropepol", known) == "; did you mean 'ropepool'?");
  CHECK(did_you_mean("banana", known) == "");
}

TEST_CASE("byte counts read well") {
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(1023) == "1023 B");
  CHECK(bytes_text(1024) == "1.0 KiB");
  CHECK(bytes_text(1536 * 1024) == "1.5 MiB");
  CHECK(bytes_text((1 << 20) - 1) == "1.0 MiB");
  CHECK(bytes_text(std::uint64_t{100} << 30) == "100.0 GiB");
  CHECK(bytes_text(~std::uint64_t{0}) == "16.0 EiB");
}

TEST_CASE("split keeps empty pieces; an empty text has none") {
  CHECK(split("", ',').empty());
  CHECK(split("a", ',') == std::vector<std::string>{"a"});
  CHECK(split(",", ',') == std::vector<std::string>{"", ""});
  CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
}

TEST_CASE("trim takes blanks from both ends") {
  CHECK(trim("") == "");
  CHECK(trim(" \t\r\n") == "");
  CHECK(trim("\t a b \n") == "a b");
}

TEST_CASE("glob") {
  CHECK(matches("", ""));
  CHECK(matches("*", ""));
  CHECK_FALSE(matches("?", ""));
  CHECK_FALSE(matches("", "a"));
  CHECK(matches("*", "a/b/c"));
  CHECK(matches("model/*/q", "model/layer0/attn/q"));
  CHECK_FALSE(matches("model/*/q", "model/layer0/attn/k"));
  CHECK(matches("*attn*", "model/layer0/attn/q"));
  CHECK(matches("layer?", "layer1"));
  CHECK_FALSE(matches("layer?", "layer12"));
  CHECK(matches("a*b*c", "abbxbc"));
  CHECK(matches("**a", "bca"));
  // A pattern of many stars must not take exponential time.
  CHECK_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

// Options: what a text becomes, what a type accepts, and the words for what it does not.
#include "nn/options.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace gradus;

namespace {

template <class F>
std::string message(F&& f) {
  try {
    f();
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

Options of(std::initializer_list<const char*> settings) {
  Options o("pe 'rope'");
  for (const char* s : settings) o.set(s);
  return o;
}

}  // namespace

TEST_CASE("a text becomes the value that it looks like") {
  Options o = of({"a=true", "b=false", "c=-3", "d=+2.5e3", "e=word", "f=1,2.5,-3", "g=bass, snare",
                  "h=inf", "i = 7 ", "j=1,two", "k=.5", "l=10x"});
  CHECK(o.flag("a", false));
  CHECK(!o.flag("b", true));
  CHECK(o.integer("c", 0, -10, 10) == -3);
  CHECK(o.real("d", 0, 0, 1e6) == 2500);
  CHECK(o.integer("d", 0, 0, 10000) == 2500);
  CHECK(o.word("e", "") == "word");
  CHECK(o.reals("f", {}) == std::vector<double>{1, 2.5, -3});
  CHECK(o.words("g", {}) == std::vector<std::string>{"bass", "snare"});
  CHECK(o.word("h", "") == "inf");
  CHECK(o.integer("i", 0, 0, 10) == 7);
  CHECK(o.words("j", {}) == std::vector<std::string>{"1", "two"});
  CHECK(o.real("k", 0, 0, 1) == 0.5);
  CHECK(o.word("l", "") == "10x");
  CHECK_NOTHROW(o.finish());
}

TEST_CASE("what is not given is the default; one value is a list of one") {
  Options o = of({"n=3", "w=chord"});
  CHECK(o.flag("x", true));
  CHECK(o.integer("x", 99, 0, 1) == 99);
  CHECK(o.choice("x", "slow", {"fast", "slow"}) == "slow");
  CHECK(o.reals("n", {}) == std::vector<double>{3});
  CHECK(o.real("n", 0, 0, 5) == 3);
  CHECK(o.words("w", {}) == std::vector<std::string>{"chord"});
  CHECK(o.has("n"));
  CHECK(!o.has("x"));
}

TEST_CASE("wrong values are refused with what is allowed") {
  CHECK(message([] { of({"n=11"}).integer("n", 0, 1, 10); }) ==
        "pe 'rope': option 'n' is an integer from 1 to 10, got 11");
  CHECK(message([] { of({"n=2.5"}).integer("n", 0, 1, 10); }) ==
        "pe 'rope': option 'n' is an integer from 1 to 10, got 2.5");
  CHECK(message([] { of({"n=1e30"}).integer("n", 0, 1, 10); }).find("got 1e+30") !=
        std::string::npos);
  CHECK(message([] { of({"x=abc"}).real("x", 0, 0, 1); }) ==
        "pe 'rope': option 'x' is a number from 0 to 1, got 'abc'");
  Options nan("o");
  nan.set("x", std::nan(""));
  CHECK_THROWS_AS(nan.real("x", 0, 0, std::numeric_limits<double>::infinity()), ConfigError);
  CHECK(message([] { of({"b=1"}).flag("b", false); }) ==
        "pe 'rope': option 'b' is true or false, got 1");
  CHECK(message([] { of({"w=3"}).word("w", ""); }) == "pe 'rope': option 'w' is a word, got 3");
  CHECK(message([] {
          of({"p=halv"}).choice("p", "half", {"half", "interleaved"});
        }) ==
        "pe 'rope': option 'p' is one of half, interleaved; got 'halv'; did you mean 'half'?");
  CHECK(message([] { of({"f=a,b"}).reals("f", {}); }) ==
        "pe 'rope': option 'f' is a list of numbers, got ['a', 'b']");
  CHECK(message([] { of({"f=1,2"}).words("f", {}); }) ==
        "pe 'rope': option 'f' is a list of words, got [1, 2]");
  for (const char* text : {"", "a", "=1", " = 2", "a=", "a= "})
    CHECK_THROWS_AS(Options().set(text), ConfigError);
}

TEST_CASE("an option that nobody read is refused with the nearest spelling") {
  Options o = of({"bse=10"});
  o.real("base", 10000, 1, 1e9);
  o.choice("pairing", "half", {"half"});
  CHECK(message([&] { o.finish(); }) ==
        "pe 'rope': option 'bse' is unknown; it takes base, pairing; did you mean 'base'?");
  CHECK(message([] { of({"a=1"}).finish(); }) ==
        "pe 'rope': option 'a' is unknown; it takes no options");
}

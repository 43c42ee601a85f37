// gradus pe cost: what it prints, how memory grows, what it refuses. No test looks at times.
#include "tests/tools/command.h"

using namespace gradus;

namespace {

double memory_slope(const std::string& arguments) {
  const CommandResult r = gradus_command("pe cost --runs 1 " + arguments);
  CAPTURE(r.out);
  REQUIRE(r.code == 0);
  const std::string mark = "of log memory ";
  const std::size_t at = r.out.find(mark);
  REQUIRE(at != std::string::npos);
  return std::stod(r.out.substr(at + mark.size()));
}

}  // namespace

TEST_CASE("memory grows with length, with its square where a term of each pair of tokens is made") {
  CHECK(memory_slope("rope --lengths 512,1024,2048") < 1.15);
  CHECK(memory_slope("ropepool --lengths 512,1024,2048") < 1.15);
  for (const char* decaying : {"permuteformer", "xpos"})  // no power overflows
    CHECK(memory_slope(fmt::format("{} --lengths 8192,16384", decaying)) < 1.15);
  CHECK(memory_slope("alibi --lengths 512,1024,2048") < 1.3);
  CHECK(memory_slope("rope --core softmax --lengths 512,1024,2048") < 1.3);
  CHECK(memory_slope("shaw --core softmax --lengths 256,512,1024") > 1.6);
}

TEST_CASE("memory is that of a first run: neither more runs nor other lengths change it") {
  // In MiB, on one thread: what threads use beside each other is the system's choice.
  const auto memory = [](const std::string& arguments) {
    const CommandResult r = gradus_command("pe cost lrpe " + arguments, "GRADUS_THREADS=1");
    CAPTURE(r.out);
    REQUIRE(r.code == 0);
    const std::size_t line = r.out.find(" 4096 "), unit = r.out.find(" MiB", line);
    REQUIRE(unit != std::string::npos);
    return std::stod(r.out.substr(r.out.find_last_of(' ', unit - 1) + 1));
  };
  const double alone = memory("--lengths 4096 --runs 1");
  CHECK(memory("--lengths 4096 --runs 3") == doctest::Approx(alone).epsilon(0.02));
  CHECK(memory("--lengths 1024,4096,16384 --runs 2") == doctest::Approx(alone).epsilon(0.02));
}

TEST_CASE("softmax attention stands beside the linear encodings, in the table and the picture") {
  const std::string file = scratch() / "beside.svg";
  const CommandResult r =
      gradus_command("pe cost none none:softmax rope --lengths 16,64 --runs 1 --svg " + file);
  CAPTURE(r.out);
  REQUIRE(r.code == 0);
  CHECK(r.has("\nnone              linear         16 "));
  CHECK(r.has("\nnone              softmax        16 "));
  CHECK(r.has("\nrope              linear         16 "));
  const std::string svg = read_file(file);
  CHECK(svg.find(">none</text>") != std::string::npos);
  CHECK(svg.find(">none (softmax)</text>") != std::string::npos);
  // A name's own core wins over --core.
  const CommandResult own =
      gradus_command("pe cost rope none:linear --core softmax --lengths 16 --runs 1");
  CHECK(own.has("\nrope              softmax        16 "));
  CHECK(own.has("\nnone              linear         16 "));
}

TEST_CASE("a line for each length, for several encodings") {
  const CommandResult r = gradus_command("pe cost none sinusoidal --lengths 32,64 --runs 2");
  CAPTURE(r.out);
  CHECK(r.code == 0);
  CHECK(r.has("\nnone              linear         32 "));
  CHECK(r.has("\nsinusoidal        linear         32 "));
  // One length has no slope.
  CHECK(!gradus_command("pe cost none --lengths 32 --runs 1").has("slope"));
}

TEST_CASE("lengths that would take too long are left out; the picture has a curve an encoding") {
  const std::string file = scratch() / "cost.svg";
  const CommandResult r = gradus_command(
      "pe cost shaw alibi --core softmax --lengths 16,32,1048576 --runs 1 --most-seconds 1 --svg " +
      file);
  CAPTURE(r.out);
  REQUIRE(r.code == 0);
  CHECK(r.has("\nshaw              softmax        16 "));
  CHECK(r.has("\nalibi             softmax        16 "));
  CHECK(!r.has(" 1048576 "));
  CHECK(r.has("slope"));
  const std::string svg = read_file(file);
  CHECK(svg.find("<svg") == 0);
  CHECK(svg.find(">alibi (softmax)</text>") != std::string::npos);
  CHECK(svg.find(">shaw (softmax)</text>") != std::string::npos);
}

TEST_CASE("wrong words are one clear message and exit code 2") {
  check_refused("pe cost ropee", {"unknown positional encoding", "did you mean 'rope'?"});
  check_refused("pe cost rope --core lineer", {"lineer", "did you mean 'linear'?"});
  check_refused("pe cost alibi --core linear", {"alibi", "softmax"});
  check_refused("pe cost rope:lineer", {"lineer", "did you mean 'linear'?"});
  check_refused("pe cost ropee:linear", {"unknown positional encoding", "did you mean 'rope'?"});
  check_refused("pe cost rope:", {"unknown attention ''", "linear"});
  check_refused("pe cost rope --lengths 64,32", {"each is longer"});
  check_refused("pe cost rope --lengths 64.5", {"whole numbers", "64.5"});
  check_refused("pe cost rope --lengths x", {"--lengths takes numbers", "'x'"});
  check_refused("pe cost rope --runs 0", {"--runs takes a whole number from 1"});
  check_refused("pe cost rope --most-seconds 0", {"--most-seconds takes a whole number from 1"});
  check_refused("pe cost rope --heads 7", {"64", "7"});
}

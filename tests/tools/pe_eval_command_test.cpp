// gradus pe eval: the worked example of one pair of tokens.
#include <cmath>
#include <sstream>

#include "tests/tools/command.h"

using namespace gradus;

namespace {

const std::string kPair = " --q .5,-1,2,.25 --k 1.5,.75,-.5,1 --pm 2 --pn 5 ";

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> all;
  for (std::string w; stream >> w;) all.push_back(w);
  return all;
}

}  // namespace

TEST_CASE("features, score, terms and gradient of one pair") {
  const CommandResult r = gradus_command("pe eval ropepool" + kPair + "--set frequencies=1,.1");
  CAPTURE(r.out);
  CHECK(r.code == 0);
  for (const char* text :
       {"features of q   1.572019559, 2.552821129\n", "a_mn            -0.8429359671\n",
        "  q4 k4        0.2500000000  x     0.3111188019  =     0.0777797005\n",
        "sum of 8 terms: -0.8429359671", "\n  k4 ", "\n  f2 "})
    CHECK_MESSAGE(r.has(text), text);
}

TEST_CASE("the worked example of pe/README.md is what the command prints") {
  const std::string readme = read_file(std::string(GRADUS_SOURCE_DIR) + "/pe/README.md");
  const std::string prompt = "    $ gradus ";
  const std::size_t begin = readme.find(prompt);
  REQUIRE(begin != std::string::npos);
  std::istringstream shown(readme.substr(begin + prompt.size()));
  std::string arguments, line, printed_line;
  std::getline(shown, arguments);
  std::istringstream printed(gradus_command(arguments).out);
  int numbers = 0;
  while (std::getline(printed, printed_line)) {
    REQUIRE(static_cast<bool>(std::getline(shown, line)));
    const std::vector<std::string> mine = words_of(line), its = words_of(printed_line);
    REQUIRE_MESSAGE(mine.size() == its.size(), line);
    for (std::size_t i = 0; i < its.size(); ++i) {
      char* end = nullptr;
      const double number = std::strtod(its[i].c_str(), &end);
      if (end == its[i].c_str()) {
        CHECK(mine[i] == its[i]);
      } else {
        CHECK_MESSAGE(std::abs(std::stod(mine[i]) - number) < 1e-7, printed_line);
        ++numbers;
      }
    }
  }
  CHECK(numbers > 60);
  while (std::getline(shown, line) && line.empty()) {
  }
  CHECK(line.starts_with("## "));  // nothing more is shown than is printed
}

TEST_CASE("every gradient stands beside its finite difference, for every encoding") {
  const CommandResult table = gradus_command("pe --markdown");
  int encodings = 0, rows = 0, of_frequencies = 0;
  std::istringstream lines(table.out);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| ") || line.starts_with("| name") || line.starts_with("| ---"))
      continue;
    const std::string name = line.substr(2, line.find(' ', 2) - 2);
    ++encodings;
    CommandResult r;
    // Frequencies where it has some; where not, it says so.
    r = gradus_command("pe eval " + name + kPair + "--set frequencies=1,.1");
    CAPTURE(name);
    const bool with_f = r.code == 0;
    if (with_f) {
      ++of_frequencies;
      CHECK_MESSAGE(r.has("\n  f1 "), r.out);
      CHECK_MESSAGE(r.has("\n  f2 "), r.out);
    } else {
      CHECK_MESSAGE(r.has(name + " has no frequencies f"), r.out);
      r = gradus_command("pe eval " + name + kPair);
      CHECK_MESSAGE(r.has("  f: " + name + " has no frequencies"), r.out);
    }
    REQUIRE_MESSAGE(r.code == 0, r.out);
    std::istringstream out(r.out.substr(r.out.find("gradient of a_mn by")));
    std::string row;
    std::getline(out, row);
    while (std::getline(out, row)) {
      if (row.find(": ") != std::string::npos) continue;
      const std::vector<std::string> all = words_of(row);
      REQUIRE(all.size() >= 4);
      const double exact = std::stod(all[all.size() - 3]), numeric = std::stod(all[all.size() - 2]);
      CAPTURE(row);
      CHECK(std::abs(exact - numeric) <= 1e-6 * (1 + std::abs(exact)));
      ++rows;
    }
  }
  CHECK(encodings >= 32);
  CHECK(of_frequencies >= 18);
  CHECK(rows >= 8 * encodings);
}

TEST_CASE("the finite difference by a frequency is one at large labels too") {
  for (const char* name : {"rope", "ropepool", "f_stripe1"})
    for (const char* label : {"1000", "100000"}) {
      const CommandResult r =
          gradus_command(fmt::format("pe eval {} --q .5,-1,2,.25 --k 1.5,.75,-.5,1 --pm {} --pn 5 "
                                     "--set frequencies=1,.1",
                                     name, label));
      REQUIRE_MESSAGE(r.code == 0, r.out);
      for (const char* f : {"\n  f1 ", "\n  f2 "}) {
        const std::size_t at = r.out.find(f);
        REQUIRE(at != std::string::npos);
        const std::vector<std::string> all =
            words_of(r.out.substr(at + 1, r.out.find('\n', at + 1) - at - 1));
        const double exact = std::stod(all[1]), numeric = std::stod(all[2]);
        CAPTURE(r.out);
        CHECK(std::abs(exact - numeric) <= 1e-5 * std::abs(exact));
      }
    }
}

TEST_CASE("vectors of labels and frequencies") {
  const CommandResult r = gradus_command(
      "pe eval rope --q=-.5,-1,2,.25 --k -1.5,.75,-.5,1 --pm 1,3 --pn 2,-1 "
      "--set frequencies=1:.2,.1:-.3");
  CHECK(r.code == 0);
  CHECK_MESSAGE(r.has("a_mn            -1.8756802702"), r.out);
  CHECK_MESSAGE(r.has("\n  f2 of label 2 "), r.out);
  // Labels of one number alone are refused by name, with what to give.
  for (const char* name : {"xpos", "rope_scaled", "sine_spe", "cosformer"})
    check_refused("pe eval " + std::string(name) + " --q 1,2 --k 1,2 --pm 1,3 --pn 2,1",
                  {name, "labels of 1 number (time), got 2; give one number for each token"});
}

TEST_CASE("wrong words are one clear message and exit code 2") {
  check_refused("pe eval", {"needs the name of an encoding"});
  check_refused("pe eval none --q 1e308,1 --k 1e308,1 --pm 1 --pn 2",
                {"--q takes numbers of at most 1e+100 in size, got 1e+308"});
  check_refused("pe eval ropee" + kPair, {"unknown positional encoding", "did you mean 'rope'?"});
  check_refused("pe evil", {"unknown word 'evil'", "did you mean 'eval'?"});
  check_refused("pe eval rope --q 1,2 --k 1,2 --pm 1", {"gradus pe eval needs --pn NUMBERS"});
  check_refused("pe eval rope --q 1,x --k 1,2 --pm 1 --pn 2", {"--query takes numbers", "'x'"});
  check_refused("pe eval rope --q 1,2,3,4 --k 1,2 --pm 1 --pn 2", {"4 numbers", "--k has 2"});
  check_refused("pe eval rope --q 1,2 --k 1,2 --pm 1,2 --pn 2", {"--pm has 2 numbers"});
  check_refused("pe eval rope --q 1,2,3 --k 1,2,3 --pm 1 --pn 2", {"even", "3"});
  check_refused("pe eval toeplitz --q 1,2 --k 1,2 --pm 1,2 --pn 2,3", {"labels of 1 number"});
  check_refused("pe eval ns_rpe --q 1,2 --k 1,2 --pm 1,2,3 --pn 2,3,4",
                {"--set tracks=", "labels of 2 numbers (chord, section), got 3"});
  check_refused("pe eval alibi" + kPair + "--set frequencies=1", {"alibi has no frequencies f"});
  check_refused("pe eval rope" + kPair + "--set frequncies=1", {"did you mean 'frequencies'?"});
  check_refused("pe eval rope" + kPair + "--set frequencies=1,2,3", {"3 numbers"});
  check_refused("pe eval rope" + kPair + "--seed x", {"--seed takes a whole number", "'x'"});
  // Which token is which stands beside its number.
  check_refused("pe eval learned --q 1,2 --k 1,2 --pm 600 --pn 5",
                {"labels 0 to 511; token 1 has 600", "\n  token 0 is the key, token 1 the query"});
  check_refused("pe eval xpos --q 1,2 --k 1,2 --pm -3 --pn 5",
                {"'time' of token 0 is -3", "\n  token 0 is the query, token 1 the key"});
  check_refused("pe eval music_transformer --q 1,2 --k 1,2 --pm .5 --pn 2", {"equal steps", "0.5"});
}

// gradus pe toy and gradus pe interaction as commands: what they print and write, and refuse.
#include <cmath>

#include "tensor/npy.h"
#include "tests/tools/command.h"

using namespace gradus;

namespace {

/// A picture that asks for nothing from outside.
void check_svg(const std::string& path) {
  const std::string svg = read_file(path);
  CHECK(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  CHECK(svg.ends_with("</svg>\n"));
  for (const char* outside : {"href", "url(", "<script", "<image", "https:"})
    CHECK_MESSAGE(svg.find(outside) == std::string::npos, outside);
  CHECK(svg.find("nan") == std::string::npos);
}

}  // namespace

TEST_CASE("pe toy prints the gaps, draws, and writes the scores") {
  const std::string svg = scratch() / "toy.svg", npy = scratch() / "toy.npy";
  const CommandResult r = gradus_command("pe toy --svg " + svg + " --npy " + npy);
  CHECK(r.code == 0);
  CHECK_MESSAGE(r.has("rope               0.333   0.660   1.009"), r.out);
  CHECK_MESSAGE(r.has("f_stripe1          0.333   0.379   0.509"), r.out);
  CHECK_MESSAGE(r.has("ropepool           0.164   0.023   1.213"), r.out);
  check_svg(svg);
  CHECK(read_file(svg).find("run the other way") != std::string::npos);
  CHECK(read_file(svg) == read_file(std::string(GRADUS_SOURCE_DIR) + "/pe/toy.svg"));
  const Tensor a = read_npy(npy);
  CHECK(a.shape() == Shape{3, 41, 25});
  CHECK(gradus_command("pe toy --seed 3").out != r.out);
  CHECK(gradus_command("pe toy --encodings alibi").code == 0);
}

TEST_CASE("pe toy draws what can be drawn, and says what is left out and why") {
  const std::string svg = scratch() / "some.svg";
  const CommandResult r = gradus_command("pe toy --encodings rope,xpos,shaw --svg " + svg);
  CAPTURE(r.out);
  CHECK(r.code == 0);
  CHECK(r.has("\n  xpos               0.333   0.660   1.008\nleft out\n  shaw: it has a number"));
  check_svg(svg);
  CHECK(read_file(svg).find(">shaw<") == std::string::npos);
  CHECK(gradus_command("pe toy --encodings all --svg " + svg).has("\n  rope_scaled  "));
  // What stands above a panel is no wider than it: 225 pixels, of at most 7 a letter.
  const std::string all = read_file(svg), soft = "font-size=\"11\" text-anchor=\"start\" fill=";
  CHECK(all.find(">pooled, phases, gains = false<") != std::string::npos);
  int lines = 0;
  for (std::size_t at = all.find(soft); at != std::string::npos; at = all.find(soft, at + 1)) {
    const std::size_t begin = all.find('>', at) + 1, end = all.find('<', at);
    CHECK_MESSAGE(end - begin <= 32, all.substr(begin, end - begin));
    ++lines;
  }
  CHECK(lines >= 20);
}

TEST_CASE("pe interaction writes the same numbers as .npy and CSV, and draws them") {
  const std::string svg = scratch() / "i.svg", npy = scratch() / "i.npy", csv = scratch() / "i.csv";
  const CommandResult r = gradus_command("pe interaction rope --from -1 --to 3 --size 2 --svg " +
                                         svg + " --npy " + npy + " --csv " + csv);
  CAPTURE(r.out);
  REQUIRE(r.code == 0);
  CHECK(r.has("(q1 k1 + q2 k2)\n      of D-: 1.0000, 0.5403"));
  check_svg(svg);
  const Tensor m = read_npy(npy);
  CHECK(m.shape() == Shape{2, 5, 5, 3, 3});
  CHECK(m.at({0, 3, 1, 0, 1}) == doctest::Approx(std::sin(2)));
  CHECK(m.at({1, 3, 1, 0, 1}) == doctest::Approx(std::sin(2)));
  const std::string text = read_file(csv);
  CHECK(text.starts_with("p_m,p_n,row,column,closed,monte_carlo\n-1,-1,q1,k1,1,"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 1 + 25 * 9);
  // Without a closed form its numbers are blank.
  CHECK(gradus_command("pe interaction cope --to 3 --npy " + npy).code == 0);
  CHECK(std::isnan(read_npy(npy).at({0, 0, 0, 0, 0})));
}

TEST_CASE("pe interaction says what Monte Carlo of random codes is compared with") {
  CHECK(gradus_command("pe interaction rff --to 3")
            .has("(random: the closed form is the mean over all codes, Monte Carlo averages 100 "
                 "draws)\n"));
  CHECK(!gradus_command("pe interaction rope --to 3").has("random"));
}

TEST_CASE("pe interaction --all has a line for every encoding") {
  const CommandResult all = gradus_command("pe interaction --all --to 4"),
                      table = gradus_command("pe --markdown");
  CAPTURE(all.out);
  CHECK(all.code == 0);
  int names = 0;
  for (std::size_t at = table.out.find("\n| ", table.out.find("---")); at != std::string::npos;
       at = table.out.find("\n| ", at + 1), ++names)
    CHECK(all.has("\n" + table.out.substr(at + 3, table.out.find(' ', at + 3) - at - 3) + " "));
  CHECK(names >= 19);
}

TEST_CASE("wrong words are one clear message and exit code 2") {
  check_refused("pe toy --encodings rope,ropool", {"unknown positional encoding 'ropool'"});
  check_refused("pe toy --encodings ''", {"--encodings takes names"});
  check_refused("pe toy --encodings t5",
                {"can draw none of these", "t5: it has a number for each whole label or lag"});
  check_refused("pe toy --encodings rope,ropepool,rope", {"names 'rope' twice"});
  check_refused("pe toy --seed x", {"--seed takes a whole number", "'x'"});
  check_refused("pe toy --svg /nowhere/toy.svg", {"/nowhere/toy.svg"});
  check_refused("pe toy --sgv x", {"did you mean '--svg'?"});
  check_refused("pe interaction", {"needs the name of an encoding, or --all"});
  check_refused("pe interaction rpe", {"unknown positional encoding 'rpe'"});
  check_refused("pe interaction rope --from 5 --to 5", {"labels run upwards"});
  check_refused("pe interaction rope --to 900", {"2 to 65 of them"});
  check_refused("pe interaction rope --to 1.5", {"--to takes a whole number", "'1.5'"});
  check_refused("pe interaction rope --size 3", {"even"});
  check_refused("pe interaction rope --all", {"--all takes no name"});
  check_refused("pe interaction --all --csv x", {"--all takes no --csv"});
  check_refused("pe interaction rope --set bsae=3", {"did you mean 'base'?"});
}

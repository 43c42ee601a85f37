// The words of gradus pe: each has a help that ends in an example, and the example runs.
#include "pe/suite.h"
#include "tensor/text.h"
#include "tests/tools/command.h"
#include "train/harmonizer.h"

using namespace gradus;

TEST_CASE("the help of every word ends in an example that runs") {
  const CommandResult all = gradus_command("pe --help");
  CHECK(all.code == 0);
  for (const std::string word : {"check", "cost", "eval", "interaction", "plot", "toy"}) {
    CAPTURE(word);
    CHECK(all.has("\n  " + word + " "));
    const CommandResult help = gradus_command("pe " + word + " --help");
    CHECK(help.code == 0);
    const std::string mark = "\nexample: gradus ";
    const std::size_t at = help.out.rfind(mark);
    REQUIRE_MESSAGE(at != std::string::npos, help.out);
    const std::string example(trim(std::string_view(help.out).substr(at + mark.size())));
    CHECK(example.starts_with("pe " + word + " "));
    CHECK(help.out.ends_with(example + "\n"));
    // Run where what it writes goes away with the test.
    const CommandResult r = gradus_command(example, "cd '" + (scratch() / "") + "' &&");
    CHECK_MESSAGE(r.code == 0, r.out);
  }
}

TEST_CASE("show: the evidence of every trait, and an example that makes a model") {
  for (const EncodingDef* def : encodings()) {
    CAPTURE(def->name);
    const CommandResult r = gradus_command(fmt::format("pe show {}", def->name));
    REQUIRE(r.code == 0);
    CHECK(!r.has("FAILED"));
    for (const char* trait : {"gradient", "prefix", "cost", "f32"})
      CHECK(r.has(fmt::format("  {:<22}  ", trait)));
    CHECK(r.has("  passed  max error "));
    const std::size_t at = r.out.find("\nexample configuration");
    REQUIRE(at != std::string::npos);
    const std::size_t begin = r.out.find('\n', at + 1), end = r.out.find("\n\n", begin);
    const Experiment e =
        Experiment::parse(r.out.substr(begin, end - begin), "example", {"model.d_model=16"});
    CHECK(e.pe == def->name);
    CHECK(Harmonizer(e).model().parameter_count() > 0);
  }
}

TEST_CASE("check: a line for each setting and trait, none left out") {
  const CommandResult r = gradus_command("pe check rope sine_spe");
  CHECK(r.code == 0);
  CHECK(r.has("rope  relative                exactly       passed  max error "));
  CHECK(r.has("rope variant=C  learned                 yes           passed  "));
  CHECK(r.has("rope  max_length              not declared\n"));
  CHECK(r.has("relative                in the mean   passed  the mean of 200 draws lies within "));
  CHECK(
      r.has("rope  by hand                 own           passed  features and scores worked out"));
  std::size_t settings = 0, own = 0, lines = 0;
  for (const SuiteCase& c : suite_cases())
    if (c.name == "rope" || c.name == "sine_spe")
      ++settings, own += subject_of(c).own_traits.size();
  for (char ch : r.out) lines += ch == '\n';
  CHECK(lines == settings * (trait_names().size() + 1) + own + 1);
  CHECK(r.has(fmt::format("2 encodings, {} settings: ", settings)));
  CHECK(r.has(" checks passed, 0 failed\n"));
  CHECK(gradus_command("pe check rop").has("did you mean 'rope'?"));
}

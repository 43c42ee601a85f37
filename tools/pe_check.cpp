// gradus pe check: the suite of encodings (pe/suite.h) on every setting that the tests run, a line
// for each trait with what was measured.
#include "pe/suite.h"
#include "tools/command_line.h"
#include "tools/pe_words.h"

namespace gradus {

int pe_check(int argc, char** argv) {
  CommandOptions options(
      "gradus pe check",
      "Prove what each encoding declares, and what every encoding owes, on small "
      "random inputs in f64: a line for each trait with what was measured.");
  options.positional_help("[NAME ...]");
  // clang-format off
  options.add_options()
      ("help", "show this text")
      ("names", "encodings; all without a name", takes_words());
  // clang-format on
  options.parse_positional({"names"});
  const CommandLine line(options, argc, argv, "gradus pe check rope");
  if (line.helped()) return 0;
  std::vector<std::string> chosen;
  if (line.has("names"))
    for (const std::string& word : line.texts("names"))
      chosen.emplace_back(find_encoding(word).name);
  else
    for (const EncodingDef* def : encodings()) chosen.emplace_back(def->name);
  std::size_t settings = 0, passed = 0, failed = 0;
  for (const std::string& name : chosen)
    for (const SuiteCase& c : suite_cases()) {
      if (c.name != name) continue;
      const TraitReport report = check_traits(subject_of(c));
      fmt::print("{}\n", report.table());
      std::fflush(stdout);
      ++settings;
      for (const TraitCheck& check : report.checks) ++(check.passed ? passed : failed);
    }
  fmt::print("{} encodings, {} settings: {} checks passed, {} failed\n", chosen.size(), settings,
             passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace gradus

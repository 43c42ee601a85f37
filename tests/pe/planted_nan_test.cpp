// NaN from every hook of every encoding: no check that measures numbers may pass.
#include <doctest/doctest.h>

#include <set>

#include "tests/pe/encode.h"
#include "tests/pe/spoiled.h"

using namespace gradus;
using namespace gradus::testing;

TEST_CASE("no number passes for a right one where it is none") {
  const std::set<std::string_view> of_no_number{
      "hooks",       "cost",        "widths",    "uniform",       "max_length",  "whole_labels",
      "label_range", "causal_only", "time_only", "missing_label", "label_width", "memory"};
  std::set<std::string_view> rows;
  for (const SuiteCase& c : suite_cases()) {
    if (!rows.insert(c.name).second) continue;
    const SuiteSubject sound = subject_of(c);
    const SuiteSubject spoilt = with_fault(sound, "nan");
    CAPTURE(sound.name);
    for (const TraitCheck& check : check_traits(spoilt).checks) {
      if (of_no_number.count(check.trait)) continue;
      if (check.text == "no parameters") continue;
      CAPTURE(check.trait);
      CAPTURE(check.text);
      CHECK(!check.passed);
    }
  }
}

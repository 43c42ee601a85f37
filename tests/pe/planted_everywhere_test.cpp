// A fault in each trait of the suite around every encoding of the table that claims it, of
// behaviour: the check of that trait must fail. Own traits of a row: planted_own_test.cpp.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "tests/pe/encode.h"
#include "tests/pe/spoiled.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using Faults = std::vector<std::string>;

/// Faults of behaviour for a trait, where they depend on what is declared.
Faults faults_of_declared(std::string_view trait, const Traits& t) {
  if (trait == "cost") return {t.cost == Cost::quadratic ? "works on triples" : "works on pairs"};
  if (trait == "learned") return {t.learned ? "a parameter is ignored" : "a parameter of its own"};
  if (trait == "relative")
    return {t.relative == Relative::exactly ? "leaks labels" : "sees no labels"};
  if (trait == "mean") return {"leaks labels far away", "scores scaled"};
  if (trait == "stochastic")
    return t.stochastic
               ? Faults{"random at evaluation", "draws are ignored", "draws are not repeated"}
               : Faults{"random at evaluation", "draws noise"};
  if (trait == "max_length") return {"takes more tokens", "refuses tokens"};
  if (trait == "golden") return {"distorted"};
  if (trait == "linear") return {"number of queries", "gradients of many queries"};
  // A term that all keys have in common is none to softmax; planted_cores_test has its values.
  if (trait == "softmax") return {"gradients of many queries"};
  if (trait == "toeplitz") return {"bias by rank", "gradients of many queries"};
  return {};
}

Faults faults_of(const SuiteSubject& s, std::string_view trait) {
  const Traits t = s.make(Build("probe", Rng(1)), s.shape)->traits();
  Faults faults = faults_of_declared(trait, t);
  return faults.empty() ? Faults{std::string(trait)} : faults;
}

/// What a row claims: once with each of the things that it may declare of a trait.
std::string claim(const SuiteSubject& s, std::string_view row, std::string_view trait) {
  const Traits t = s.make(Build("probe", Rng(1)), s.shape)->traits();
  return fmt::format("{} {} {} {} {} {}", row, trait, t.hooks, name(t.relative), name(t.cost),
                     t.learned);
}

}  // namespace

TEST_CASE("a fault in each trait is caught around every encoding that claims it") {
  int planted = 0, caught = 0;
  std::set<std::string> claims;
  std::map<std::string_view, int> by_trait;
  for (const SuiteCase& c : suite_cases()) {
    const SuiteSubject sound = subject_of(c);
    CAPTURE(sound.name);
    for (std::string_view trait : trait_names()) {
      CAPTURE(trait);
      const std::string key = claim(sound, c.name, trait);
      if (claims.count(key)) continue;
      const TraitReport unspoilt = check_traits(with_fault(sound, "none"), trait);
      if (unspoilt.checks.empty()) continue;  // not declared
      claims.insert(key);
      CAPTURE(unspoilt.text());
      CHECK(unspoilt.passed());
      for (const std::string& fault : faults_of(sound, trait)) {
        const TraitReport report = check_traits(with_fault(sound, fault), trait);
        CAPTURE(fault);
        CAPTURE(report.text());
        REQUIRE(report.checks.size() == 1);
        CHECK(!report.passed());
        CHECK(!report.checks[0].text.empty());
        ++planted, ++by_trait[trait];
        caught += !report.passed();
      }
    }
  }
  MESSAGE("caught / planted: " << caught << " / " << planted);
  for (std::string_view trait : trait_names()) {
    CAPTURE(trait);
    CHECK(by_trait[trait] > 0);
  }
}

// A fault in each trait around every encoding of the table that claims it: the check of that trait
// must fail.
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
  if (trait == "toeplitz") return {"bias by rank", "gradients of many queries"};
  return {};
}

/// Of what one row claims; the trait's own name where nothing stands here.
Faults faults_of_own(std::string_view row, std::string_view trait) {
  static const std::map<std::pair<std::string_view, std::string_view>, Faults> list{
      {{"alibi", "slopes"}, {"bias scaled"}},
      {{"alibi", "corner"}, {"bias of all lags"}},
      {{"conv_spe", "support"}, {"codes in common"}},
      {{"cope", "shaw"}, {"bias scaled"}},
      {{"cosformer", "non-negative"}, {"non-negative"}},
      {{"f_stripe", "unpooled"}, {"leaks labels"}},
      {{"f_stripe1", "unpooled"}, {"leaks labels"}},
      {{"fire", "argument"}, {"later times"}},
      {{"fire", "bounded"}, {"bounded"}},
      {{"kerple", "exponent"}, {"exponent"}},
      {{"music_transformer", "shaw"}, {"bias scaled"}},
      {{"music_transformer", "memory"}, {"numbers of each pair"}},
      {{"none", "permutation"}, {"rows"}},
      {{"ns_rpe", "segments"}, {"segments"}},
      {{"permuteformer", "non-negative"}, {"non-negative"}},
      {{"permuteformer", "overflow"}, {"powers as numbers"}},
      {{"randomized", "order"}, {"order"}},
      {{"randomized", "evaluation"}, {"evaluation"}},
      {{"rff", "kernel"}, {"scores scaled"}},
      {{"rff", "error"}, {"scores scaled"}},
      {{"ropepool", "reflection"}, {"reflection"}},
      {{"sandwich", "sinusoids"}, {"bias scaled"}},
      {{"sinusoidal", "lag only"}, {"lag only"}},
      {{"t5", "buckets"}, {"far lags are near"}},
      {{"xpos", "overflow"}, {"label_range"}}};
  const auto found = list.find({row, trait});
  return found == list.end() ? Faults{"distorted"} : found->second;
}

Faults faults_of(const SuiteSubject& s, std::string_view row, std::string_view trait) {
  for (const OwnTrait& own : s.own_traits)
    if (own.name == trait) return faults_of_own(row, trait);
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
    std::vector<std::string_view> traits = trait_names();
    for (const OwnTrait& own : sound.own_traits) traits.push_back(own.name);
    CAPTURE(sound.name);
    for (std::string_view trait : traits) {
      CAPTURE(trait);
      const std::string key = claim(sound, c.name, trait);
      if (claims.count(key)) continue;
      const TraitReport unspoilt = check_traits(with_fault(sound, "none"), trait);
      if (unspoilt.checks.empty()) continue;  // not declared
      claims.insert(key);
      CAPTURE(unspoilt.text());
      CHECK(unspoilt.passed());
      for (const std::string& fault : faults_of(sound, c.name, trait)) {
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
  for (const EncodingDef* def : encodings())
    for (const OwnTrait& own : def->own_traits) {
      CAPTURE(def->name);
      CAPTURE(own.name);
      CHECK(by_trait[own.name] > 0);
    }
}

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

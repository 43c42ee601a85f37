// A fault in each trait that a row alone claims, of behaviour: the check of that trait must fail.
#include <doctest/doctest.h>

#include <map>

#include "tests/pe/encode.h"
#include "tests/pe/spoiled.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using Faults = std::vector<std::string>;

/// Of a row's trait: "distorted" where nothing stands here.
Faults faults_of(std::string_view row, std::string_view trait) {
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

}  // namespace

TEST_CASE("a fault in each own trait is caught, with every setting of its row") {
  int planted = 0, caught = 0;
  std::map<const EncodingDef*, std::size_t> proved;
  for (const SuiteCase& c : suite_cases()) {
    const SuiteSubject sound = subject_of(c);
    CAPTURE(sound.name);
    for (const OwnTrait& own : sound.own_traits) {
      CAPTURE(own.name);
      const TraitReport unspoilt = check_traits(with_fault(sound, "none"), own.name);
      if (unspoilt.checks.empty()) continue;  // not declared
      CAPTURE(unspoilt.text());
      CHECK(unspoilt.passed());
      for (const std::string& fault : faults_of(c.name, own.name)) {
        const TraitReport report = check_traits(with_fault(sound, fault), own.name);
        CAPTURE(fault);
        CAPTURE(report.text());
        REQUIRE(report.checks.size() == 1);
        CHECK(!report.passed());
        ++planted;
        caught += !report.passed();
      }
      ++proved[&find_encoding(c.name)];
    }
  }
  MESSAGE("caught / planted: " << caught << " / " << planted);
  for (const EncodingDef* def : encodings()) {
    CAPTURE(def->name);
    CHECK(proved[def] >= def->own_traits.size());
  }
}

// Every encoding of the table, with several settings each, through the suite.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "tests/pe/encode.h"

using namespace gradus;

TEST_CASE("every setting of every encoding proves what it declares") {
  for (const SuiteCase& c : suite_cases()) {
    const TraitReport report = check_traits(subject_of(c));
    CAPTURE(report.text());
    CHECK(report.passed());
    CHECK(report.checks.size() >= 14);
  }
}

TEST_CASE("the cases cover the table, and the table's traits are those of the defaults") {
  for (const EncodingDef* def : encodings()) {
    bool covered = false;
    for (const SuiteCase& c : suite_cases()) covered |= c.name == def->name;
    CAPTURE(def->name);
    CHECK(covered);
    const Traits t = encoding(def->name, {8, 2}, {})->traits();
    const Traits& d = def->traits;
    CHECK(t.hooks == d.hooks);
    CHECK(t.takes_vector == d.takes_vector);
    CHECK(t.takes_any_label == d.takes_any_label);
    CHECK(t.uniform_only == d.uniform_only);
    CHECK(t.cost == d.cost);
    CHECK(t.relative == d.relative);
    CHECK(t.norm_preserving == d.norm_preserving);
    CHECK(t.normaliser == d.normaliser);
    CHECK(t.stochastic == d.stochastic);
    CHECK(t.learned == d.learned);
    CHECK(t.max_length == d.max_length);
    CHECK(t.whole_labels == d.whole_labels);
    CHECK(t.labels_below == d.labels_below);
    CHECK(t.causal_only == d.causal_only);
    CHECK(t.conditionally_positive == d.conditionally_positive);
  }
}

TEST_CASE("the first setting of each row proves what the row is known for") {
  using Names = std::vector<std::string_view>;
  const std::map<std::string_view, Names> wanted{
      {"alibi", {"slopes", "corner"}},
      {"conv_spe", {"mean", "support", "prefix"}},
      {"cope", {"shaw", "relative", "causal_only"}},
      {"cosformer", {"linear", "max_length", "non-negative"}},
      {"deberta", {"relative"}},
      {"f_stripe", {"unpooled", "linear"}},
      {"f_stripe1", {"eq. 15", "unpooled", "by hand", "linear"}},
      {"f_stripe_sff", {"sine_spe", "mean"}},
      {"fire", {"argument", "bounded", "relative", "time_only"}},
      {"gated", {"gate", "mean"}},
      {"kerple", {"conditionally_positive", "exponent"}},
      {"learned", {"max_length", "label_range"}},
      {"lrpe", {"relative", "linear"}},
      {"music_transformer", {"shaw", "memory", "uniform"}},
      {"none", {"permutation"}},
      {"ns_rpe", {"relative", "segments"}},
      {"permuteformer", {"relative", "non-negative", "overflow", "linear"}},
      {"randomized", {"order", "evaluation"}},
      {"rff", {"relative", "kernel", "error"}},
      {"rope", {"relative", "norm", "composition", "eq. 14", "by hand", "linear"}},
      {"rope_scaled", {"unscaled", "norm factor", "relative"}},
      {"ropepool", {"eq. 23", "eq. 26", "relative", "reflection", "by hand", "linear"}},
      {"s_ape", {"missing_label", "label_range"}},
      {"s_rpe", {"relative"}},
      {"sandwich", {"sinusoids", "toeplitz"}},
      {"shaw", {"relative"}},
      {"sine_spe", {"mean", "linear"}},
      {"sinusoidal", {"lag only", "linear"}},
      {"t5", {"relative", "buckets", "toeplitz"}},
      {"toeplitz", {"toeplitz", "max_length"}},
      {"transformer_xl", {"relative"}},
      {"xpos", {"relative", "max_length", "overflow", "causal_only"}}};
  for (const EncodingDef* def : encodings()) {
    CAPTURE(def->name);
    const SuiteCase& first =
        *std::find_if(suite_cases().begin(), suite_cases().end(),
                      [def](const SuiteCase& c) { return c.name == def->name; });
    const SuiteSubject subject = subject_of(first);
    REQUIRE(wanted.count(def->name));
    Names names = wanted.at(def->name);
    if (def->name != "conv_spe") names.push_back("golden");  // its noise is a cipher's
    for (std::string_view trait : names) {
      CAPTURE(trait);
      const TraitReport report = check_traits(subject, trait);
      REQUIRE(report.find(trait));
      CHECK(report.find(trait)->passed);
    }
    for (const OwnTrait& own : def->own_traits) {
      CAPTURE(own.name);
      CHECK(!own.says.empty());
      const std::vector<std::string_view> general = trait_names();
      CHECK(std::find(general.begin(), general.end(), own.name) == general.end());
    }
  }
}

TEST_CASE("a trait that is not declared is not proved") {
  const SuiteSubject rope = subject_of(find_encoding("rope"));
  for (std::string_view trait : {"uniform", "max_length", "mean", "toeplitz"}) {
    CAPTURE(trait);
    CHECK(check_traits(rope, trait).checks.empty());
  }
}

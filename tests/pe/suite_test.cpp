// Every encoding of the table, with several settings each, through the suite.
#include <doctest/doctest.h>

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

TEST_CASE("which traits are proved") {
  const TraitReport rope = check_encoding(find_encoding("rope"));
  for (const char* trait : {"relative", "norm", "composition", "interaction", "query_offset",
                            "gradient", "second_gradient", "default_positions", "f32"}) {
    CAPTURE(trait);
    REQUIRE(rope.find(trait));
    CHECK(rope.find(trait)->passed);
  }
  CHECK(!rope.find("uniform"));
  CHECK(!rope.find("max_length"));
}

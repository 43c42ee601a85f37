// A fault in the fast form of attention under every encoding that it carries: the checks that hold
// it against the N x N form, and step by step against at once, must fail.
#include <doctest/doctest.h>

#include <set>

#include "tests/pe/encode.h"

using namespace gradus;

namespace {

enum class Fault { none, value, gradient, step };

/// A true core with a fault of one part in a thousand; its N x N form stays right.
class SpoiledCore : public AttentionCore {
 public:
  SpoiledCore(const Build& build, const CoreConfig& config, const PositionalEncoding& encoding,
              int64 head_dim, Fault fault)
      : AttentionCore(build),
        inner_(make_core(child("inner"), config, encoding, head_dim)),
        fault_(fault) {}

  Var operator()(const Var& q, const Var& k, const Var& v, const Positions& positions,
                 Pass& pass) const override {
    const Var y = (*inner_)(q, k, v, positions, pass);
    if (fault_ == Fault::value) return y * 1.001;
    return fault_ == Fault::gradient ? y + (y - stop_gradient(y)) * 0.001 : y;
  }
  Var weights(const Var& q, const Var& k, const Positions& positions, Pass& pass) const override {
    return inner_->weights(q, k, positions, pass);
  }
  Var step(const Var& q, const Var& k, const Var& v, const Positions& positions,
           AttentionState& state, Pass& pass) const override {
    const Var y = inner_->step(q, k, v, positions, state, pass);
    return fault_ == Fault::step ? y * 1.001 : y;
  }
  bool has_recurrence() const override { return inner_->has_recurrence(); }
  void draw(Rng& rng) override { inner_->draw(rng); }

 private:
  std::unique_ptr<AttentionCore> inner_;
  Fault fault_;
};

SuiteSubject with_core(SuiteSubject s, Fault fault) {
  s.core = [fault](const Build& b, const CoreConfig& c, const PositionalEncoding& e, int64 d) {
    return std::make_unique<SpoiledCore>(b, c, e, d, fault);
  };
  return s;
}

struct Plant {
  std::string_view trait;
  Fault fault;
};

}  // namespace

TEST_CASE("a fault in the fast form of attention is caught under every encoding") {
  int planted = 0, caught = 0;
  std::set<std::string_view> rows;
  for (const SuiteCase& c : suite_cases()) {
    if (!rows.insert(c.name).second) continue;
    const SuiteSubject sound = subject_of(c);
    CAPTURE(sound.name);
    for (const Plant& plant : {Plant{"linear", Fault::value}, Plant{"linear", Fault::gradient},
                               Plant{"recurrence", Fault::step}, Plant{"toeplitz", Fault::value},
                               Plant{"toeplitz", Fault::gradient}, Plant{"softmax", Fault::value},
                               Plant{"softmax", Fault::gradient}}) {
      const TraitReport report = check_traits(with_core(sound, plant.fault), plant.trait);
      if (report.checks.empty()) continue;  // not declared
      CAPTURE(plant.trait);
      CAPTURE(report.text());
      CHECK(!report.passed());
      ++planted;
      caught += !report.passed();
    }
  }
  MESSAGE("caught / planted: " << caught << " / " << planted);
  CHECK(planted >= 3 * 15 + 2 * 5 + 2 * 25);
}

TEST_CASE("the wrapper around a core alone is no fault") {
  const SuiteSubject rope = subject_of(find_encoding("rope"));
  for (std::string_view trait : {"linear", "recurrence", "softmax"})
    CHECK(check_traits(with_core(rope, Fault::none), trait).passed());
}

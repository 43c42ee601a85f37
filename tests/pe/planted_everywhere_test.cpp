// A fault in each trait around every encoding of the table that claims it: the check of that trait
// must fail. Most faults let something in that has no business there: how many keys there are, how
// many instances, whether a mask is set.
#include <doctest/doctest.h>

#include <map>

#include "tests/pe/encode.h"
#include "tests/pe/square_once.h"

using namespace gradus;

namespace {

/// Settings that make the suite quick, or cover labels of one number.
const std::map<std::string_view, std::vector<const char*>>& settings() {
  static const std::map<std::string_view, std::vector<const char*>> all{
      {"conv_spe", {"kernel=6", "realizations=16"}},
      {"cope", {"places=3"}},
      {"cosformer", {"max_length=16"}},
      {"deberta", {"clip=3"}},
      {"fire", {"hidden=16", "threshold=2"}},
      {"learned", {"max_length=8"}},
      {"music_transformer", {"clip=3"}},
      {"ns_rpe", {"tracks=chord"}},
      {"s_ape", {"tracks=chord,bar", "values=9"}},
      {"s_rpe", {"tracks=chord,bar", "clips=2"}},
      {"shaw", {"clip=3"}},
      {"t5", {"buckets=4", "distance=3"}},
      {"toeplitz", {"max_length=402"}},
      {"xpos", {"max_length=16"}}};
  return all;
}

int instances_made = 0;

/// An encoding of the table with the fault of one trait.
class Spoiled : public PositionalEncoding {
 public:
  Spoiled(const Build& build, EncodingShape shape, const MakeEncoding& make,
          std::vector<std::string> tracks, int64 width, std::string_view trait)
      : PositionalEncoding(build, shape, std::move(tracks)),
        trait_(trait),
        width_(width),
        inner_(make(child("inner"), shape)),
        number_(instances_made++) {
    Rng random = rng("hidden");
    hidden_ = uniform_number(random);
    set_kind(inner_->kind());
  }

  Traits traits() const override {
    Traits t = inner_->traits();
    if (is("hooks")) t.hooks ^= kEmbed;
    if (is("cost")) t.cost = t.cost == Cost::linear ? Cost::quadratic : Cost::linear;
    if (is("learned")) t.learned = !t.learned;
    if (is("relative")) t.relative = t.relative == Relative::no ? Relative::exactly : Relative::no;
    if (is("max_length")) t.max_length -= 1;
    if (is("stochastic")) t.stochastic = !t.stochastic;
    return t;
  }
  void draw(Rng& rng) override { inner_->draw(rng); }
  int64 transformed_width(int64 d) const override {
    return inner_->transformed_width(d) + (is("widths") ? 1 : 0);
  }
  int64 transformed_features(int64 m) const override { return inner_->transformed_features(m); }

  Var embed(const Var& x, const Positions& p, Pass& pass) const override {
    const Var y = inner_->embed(x, told(p), pass);
    return spoils(kEmbed) ? spoiled(y, p) : y;
  }
  QueryKey transform(const Var& q, const Var& k, const Positions& p, Pass& pass) const override {
    const QueryKey t = inner_->transform(q, k, told(p), pass);
    return spoils(kTransform) ? QueryKey{spoiled(t.q, p), t.k} : t;
  }
  QueryKey transform_features(const Var& q, const Var& k, const Positions& p,
                              Pass& pass) const override {
    QueryKey t = inner_->transform_features(q, k, told(p), pass);
    if (spoils(kTransformFeatures)) t.q = spoiled(t.q, p);
    return t;
  }
  std::optional<Var> lag_bias(const Tensor& delta, Pass& pass) const override {
    auto b = inner_->lag_bias(is("whole_labels") ? floor(delta) : delta, pass);
    if (b && is("conditionally_positive")) b = -*b;
    return b;
  }
  std::optional<Var> score_bias(const Var& q, const Var& k, const Positions& p,
                                Pass& pass) const override {
    auto b = inner_->score_bias(q, k, told(p), pass);
    if (b && spoils(kScoreBias)) b = spoiled(*b, p);
    return b;
  }
  std::optional<Var> value_bias(const Var& weights, const Positions& p, Pass& pass) const override {
    return inner_->value_bias(weights, told(p), pass);
  }
  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    auto closed = inner_->interaction(p_m, p_n);
    if (closed && is("interaction")) {
      const Tensor more = full({shape().heads}, 0.01, DType::f64);
      closed->gamma = closed->gamma.defined() ? add(closed->gamma, more) : more;
    }
    if (closed && is("mean")) closed->g = mul(closed->g, 2);
    return closed;
  }

 private:
  bool is(std::string_view trait) const { return trait_ == trait; }

  /// The hook whose result is spoilt: one that the encoding uses, or the input, where it uses none
  /// that sees positions.
  bool spoils(unsigned hook) const {
    const unsigned used =
        inner_->traits().hooks | (is("norm") || is("composition") ? kTransform : 0u);
    for (unsigned h : {kScoreBias, kTransform, kTransformFeatures})
      if (used & h) return h == hook;
    return hook == kEmbed;
  }

  Var spoiled(const Var& y, const Positions& p) const {
    if (is("norm") || (is("f32") && dtype() == DType::f32)) return y * 1.001;
    if (is("composition")) return -y;
    if (is("conditionally_positive")) return -y;
    if (is("gradient")) return y + (y - stop_gradient(y));
    if (is("second_gradient")) return y + apply(kSquareOnce, {y}) - square(y);
    const double by = 0.01 * intruder(p);
    return by == 0 ? y : y + by;
  }

  /// What no result may depend on.
  double intruder(const Positions& p) const {
    if (is("query_offset")) return static_cast<double>(p.query_begin);
    if (is("prefix")) return static_cast<double>(p.keys());
    if (is("default_positions")) return calls_++;
    if (is("padding")) return p.key_mask.defined() ? 1 : 0;
    if (is("batch")) return static_cast<double>(p.labels.size(0));
    if (is("state")) return hidden_;
    if (is("seed")) return number_;
    if (is("instances")) return instances_made;
    return 0;
  }

  /// What the inner encoding hears instead of what it would refuse.
  Positions told(Positions p) const {
    if (is("smallest")) check<ConfigError>(p.keys() > 1, "one token is too few");
    if (is("whole_labels")) p.labels = floor(p.labels);
    if (is("label_range"))
      p.labels = clamp(p.labels, 0, static_cast<double>(traits().labels_below - 1));
    if (is("causal_only")) p.causal = true;
    if (is("uniform")) p.uniform = true;
    if (is("time_only")) p.labels = time_positions(p.keys()).labels;
    if ((is("missing_label") || is("label_width")) && !tracks().empty()) {
      const bool wide = width_ > static_cast<int64>(tracks().size());
      p.labels = slice(p.labels, 2, 0, width_);
      p.tracks.clear();
      for (int64 i = 0; i < width_; ++i)
        p.tracks.push_back({.name = wide ? fmt::format("{}.{}", tracks()[0], i)
                                         : tracks()[static_cast<std::size_t>(i)],
                            .kind = TrackKind::real});
    }
    return p;
  }

  std::string trait_;
  int64 width_;
  std::unique_ptr<PositionalEncoding> inner_;
  int number_;
  double hidden_ = 0;
  mutable int calls_ = 0;
};

SuiteSubject with_fault(const SuiteSubject& sound, std::string_view trait) {
  SuiteSubject s = sound;
  s.other = {};
  const auto tracks = sound.make(Build("probe", Rng(1)), sound.shape)->tracks();
  s.make = [make = sound.make, tracks, width = sound.label_width, trait = std::string(trait)](
               const Build& b, EncodingShape shape) {
    return std::make_unique<Spoiled>(b, shape, make, tracks, width, trait);
  };
  return s;
}

}  // namespace

TEST_CASE("a fault in each trait is caught around every encoding that claims it") {
  int planted = 0, caught = 0;
  std::map<std::string_view, int> by_trait;
  for (const EncodingDef* def : encodings()) {
    Options options;
    const auto found = settings().find(def->name);
    if (found != settings().end())
      for (const char* s : found->second) options.set(s);
    const SuiteSubject sound = subject_of(*def, options);
    CAPTURE(def->name);
    const TraitReport whole = check_traits(with_fault(sound, "no trait"));
    CAPTURE(whole.text());
    REQUIRE(whole.passed());
    for (const TraitCheck& claimed : check_traits(sound).checks) {
      const TraitReport report = check_traits(with_fault(sound, claimed.trait), claimed.trait);
      CAPTURE(claimed.trait);
      CAPTURE(report.text());
      REQUIRE(report.checks.size() == 1);
      CHECK(!report.passed());
      CHECK(!report.checks[0].text.empty());
      ++planted, ++by_trait[claimed.trait];
      caught += !report.passed();
    }
  }
  MESSAGE("caught / planted: " << caught << " / " << planted);
  for (std::string_view trait : trait_names()) {
    CAPTURE(trait);
    CHECK(by_trait[trait] > 0);
  }
}

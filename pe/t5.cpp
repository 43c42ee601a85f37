#include <cmath>

#include "pe/lag_bias.h"
#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Relative position bias of T5 (Raffel et al. 2020, section 2.1): a learned number for each head
and bucket of lags, one table for all layers.

    score_mn = q_m . k_n / sqrt(d) + t_h[bucket(p_m - p_n)]

With n lags for one direction, n = buckets: lag x < n/2 has a bucket of its own, and
    bucket(x) = n/2 + floor(n/2 log(x / (n/2)) / log(distance / (n/2))),   at most n - 1.
direction = causal: x = max(p_m - p_n, 0), n = buckets. direction = both: x = |p_m - p_n|,
n = buckets / 2, keys ahead (p_n > p_m) have the other half. Labels other than time run backwards
too: for them, both. The authors' models have no 1/sqrt(d): scaled = false.

    layout   buckets of 32, distance 128, causal
             lag      0 1 ... 15 | 16 .. 18 | 19 .. 20 | ... | 113 and more
             bucket   0 1 ... 15 |    16    |    17    | ... |      31
    closed form   a = q . k + sqrt(d) t_h[bucket];  scaled = false: a = sqrt(d) (q . k + t_h)
)";

constexpr Traits kTraits{.hooks = kLagBias,
                         .takes_vector = true,
                         .cost = Cost::quadratic,
                         .relative = Relative::exactly,
                         .learned = true,
                         .whole_labels = true};

struct T5Config {
  LabelConfig labels;
  int64 buckets = 32, distance = 128;
  bool both = false, scaled = true;

  static T5Config read(Options& o) {
    T5Config c;
    c.labels = read_labels(o, true);
    c.both = o.choice("direction", "causal", {"causal", "both"}) == "both";
    c.buckets = o.integer("buckets", c.buckets, 2, 65536);
    const int64 sides = c.both ? 4 : 2;
    check<ConfigError>(
        c.buckets % sides == 0,
        "{}: half of the buckets{} are for single lags: 'buckets' must be a multiple "
        "of {}, got {}; make it {}",
        o.where(), c.both ? " of each direction" : "", sides, c.buckets,
        (c.buckets / sides + 1) * sides);
    c.distance = o.integer("distance", c.distance, 1, 1 << 30);
    check<ConfigError>(
        c.distance > c.buckets / sides,
        "{}: lags below {} have buckets of their own; 'distance' must be larger, got "
        "{}",
        o.where(), c.buckets / sides, c.distance);
    c.scaled = o.flag("scaled", c.scaled);
    return c;
  }
};

class T5 : public LagBias {
 public:
  T5(const Build& build, EncodingShape shape, T5Config config)
      : LagBias(build, shape, config.labels, kTraits, LabelValues::whole),
        config_(std::move(config)),
        table_(parameter(
            "table",
            init::normal_values(rng("table"), {label_width(), config_.buckets, shape.heads},
                                1 / std::sqrt(static_cast<double>(shape.d_model)), dtype()))) {}

  Traits traits() const override {
    Traits t = LagBias::traits();
    if (!config_.scaled) t.hooks |= kTransform;
    return t;
  }

  QueryKey transform(const Var& q, const Var& k, const Positions&, Pass& pass) const override {
    if (config_.scaled) return {q, k};
    const ScopeGuard scope = enter(pass);
    return {(q * content_factor()).named("q"), k};
  }

 protected:
  Var bias(int64 column, const Tensor& delta) const override {
    const Var rows = take_rows(select(*table_, 0, column), Var(buckets(delta)));  // S + [H]
    std::vector<int64> axes{rows.rank() - 1};
    for (int64 i = 0; i + 1 < rows.rank(); ++i) axes.push_back(i);
    return permute(rows, axes);
  }
  double content_factor() const override {
    return config_.scaled ? 1 : std::sqrt(static_cast<double>(shape().head_dim()));
  }

 private:
  Tensor buckets(const Tensor& delta) const {
    const int64 side = config_.both ? config_.buckets / 2 : config_.buckets, single = side / 2;
    const auto start = static_cast<double>(single);
    const double steps = start / std::log(static_cast<double>(config_.distance) / start);
    std::vector<int64> ids;
    ids.reserve(static_cast<std::size_t>(delta.numel()));
    for (double lag : delta.to_vector<double>()) {
      check<IndexError>(lag == std::floor(lag),
                        "t5 has buckets of whole lags; labels of '{}' are {} apart", tracks()[0],
                        lag);
      const double x = config_.both ? std::abs(lag) : std::max(lag, 0.0);
      // Where a quotient of logarithms is whole, rounding must not take it for the one below.
      const double row = x < start
                             ? x
                             : std::min(start + std::floor(steps * std::log(x / start) + 1e-9),
                                        static_cast<double>(side - 1));
      ids.push_back(static_cast<int64>(row) + (config_.both && lag < 0 ? side : 0));
    }
    return from_values(ids, delta.shape());
  }

  T5Config config_;
  Parameter& table_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// Tables that hold their rows' numbers show which bucket a lag has.
suite::Finding prove_buckets(const SuiteSubject& s) {
  using suite::Numbers;
  const auto buckets = [&s](std::initializer_list<const char*> settings, const Numbers& lags) {
    const auto e = suite::build_variant(s, settings, {2, 1});
    const int64 rows = suite::state_of(*e, "table").size(1);
    suite::set_state(*e, "table",
                     reshape(arange(0, static_cast<double>(rows), 1, DType::f64), {1, rows, 1}));
    return suite::lag_biases(*e, lags);
  };
  // Worked out from the formula of the authors' code by itself.
  const Numbers lags{-200, -128, -127, -100, -64, -33, -20, -16, -15, -12, -9, -8, -7,
                     -2,   -1,   0,    1,    2,   7,   8,   9,   12,  15,  16, 17, 18,
                     19,   20,   21,   33,   64,  100, 112, 113, 127, 128, 200},
      causal{0, 0, 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  1,  2, 7,
             8, 9, 12, 15, 16, 16, 16, 17, 17, 18, 21, 26, 30, 30, 31, 31, 31, 31},
      both{31, 31, 31, 31, 30, 28, 26, 26, 25, 25, 24, 24, 23, 18, 17, 0,  1,  2, 7,
           8,  8,  9,  9,  10, 10, 10, 10, 10, 10, 12, 14, 15, 15, 15, 15, 15, 15};
  suite::Worst worst;
  worst.include(buckets({}, lags), causal, "causal");
  worst.include(buckets({"direction=both"}, lags), both, "both directions");
  // Where a quotient of logarithms is whole, too.
  worst.include(buckets({"buckets=4", "distance=8"}, {0, 1, 2, 3, 4, 5, 100}),
                {0, 1, 2, 2, 3, 3, 3}, "4 buckets");
  return worst.within(0);
}

}  // namespace

extern const EncodingDef kT5{
    .name = "t5",
    .family = "lag bias",
    .formula = "t_h[bucket(p_m - p_n)], single lags, then log-spaced",
    .takes = "whole numbers of any tracks: the sum of a table each",
    .source = "Raffel et al. 2020",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"buckets", "the released table of buckets, causal and both ways", prove_buckets,
                    ProofOptions::other}},
    .options = {{"tracks", "time", "tracks", "the labels whose lags are looked up"},
                {"width", "number of tracks", "1 to 4096", "numbers per label"},
                {"direction", "causal", "causal, both", "which lags have buckets"},
                {"buckets", "32", "even, 2 to 65536", "rows of the table"},
                {"distance", "128", "above the single lags", "where the last bucket begins"},
                {"scaled", "true", "true, false", "false: without 1/sqrt(d), as the authors"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<T5>(build, shape, T5Config::read(options));
    }};

}  // namespace gradus::pe

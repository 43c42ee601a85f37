#include <algorithm>
#include <cmath>

#include "pe/label_encoding.h"
#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/matmul.h"
#include "tensor/reduce.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Functional interpolation (Li et al. 2024, FIRE, eq. 3 and 5): a small network of the lag, as a
share of how far the query could look back.

    b_h(m, n) = MLP_h(x),   x = psi(p_m - p_n) / psi(max(L, p_m)),   psi(t) = log(c t + 1)
    MLP(x) = W2 relu(w1 x + b1) + b2,   one for all heads, an output each;   c, L > 0 learned

With times from 0 on and no key behind its query, 0 <= x <= 1 at any length: what the network meets
beyond the lengths of the training are values that it knows. In turn the bias depends on p_m as well
as on the lag, wherever p_m > L. c = c_0 exp(a) and L = L_0 exp(b) stay positive.

    layout   bias [B|1, H, Nq, Nk], added to the scaled scores; q and k as they are
    closed form   a = q . k + sqrt(d) b_h(m, n)
)";

constexpr Traits kTraits{.hooks = kScoreBias,
                         .takes_any_label = false,
                         .cost = Cost::quadratic,
                         .learned = true,
                         .causal_only = true};

struct FireConfig {
  int64 hidden = 32;
  double threshold = 512, curvature = 0.1;

  static FireConfig read(Options& o) {
    FireConfig c;
    c.hidden = o.integer("hidden", c.hidden, 1, 65536);
    c.threshold = o.real("threshold", c.threshold, 1e-6, 1e12);
    c.curvature = o.real("curvature", c.curvature, 1e-6, 1e6);
    return c;
  }
};

class Fire : public LabelEncoding {
 public:
  Fire(const Build& build, EncodingShape shape, FireConfig config)
      : LabelEncoding(build, shape, {}),
        config_(config),
        curvature_(parameter("curvature", zeros({1}, dtype()))),
        threshold_(parameter("threshold", zeros({1}, dtype()))),
        weight_(parameter("weight", start("weight", {config.hidden}, 1))),
        bias_(parameter("bias", start("bias", {config.hidden}, 1))),
        out_weight_(parameter("out_weight",
                              start("out_weight", {shape.heads, config.hidden}, config.hidden))),
        out_bias_(parameter("out_bias", start("out_bias", {shape.heads}, config.hidden))) {}
  Traits traits() const override { return kTraits; }

  std::optional<Var> score_bias(const Var&, const Var&, const Positions& positions,
                                Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check<ConfigError>(positions.causal,
                       "fire measures lags as a share of the time before the query, so no query "
                       "looks ahead; set model.causal = true, or take t5 or kerple");
    const Tensor time = checked_labels(positions);
    check_forward(time);
    // Keys that are later are masked: lag 0 stands for theirs.
    const Tensor lag = relu(lags(time, positions, 0));
    return permute(network(lag, query_rows(time, positions)), {0, 3, 1, 2}).named("score_bias");
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    const Shape one{1, 1, 1};
    const Var b = network(reshape(sub(p_m, p_n), one), reshape(p_m, one));  // [1, 1, 1, H]
    return Interaction{.g = unit_products(),
                       .alpha = {},
                       .beta = {},
                       .gamma = mul(reshape(cast(b.value(), DType::f64), {shape().heads}),
                                    std::sqrt(static_cast<double>(shape().head_dim())))};
  }

 private:
  /// Uniform in +-1/sqrt(in): kinks of the network lie all over [0, 1].
  Tensor start(std::string_view which, const Shape& shape, int64 in) const {
    const double bound = 1 / std::sqrt(static_cast<double>(in));
    Rng random = rng(which);
    return uniform(random, shape, -bound, bound, dtype());
  }

  /// Lags f64 [B|1, Nq, Nk] >= 0, times of the queries f64 [B|1, Nq, 1] -> [B|1, Nq, Nk, H].
  Var network(const Tensor& lag, const Tensor& time) const {
    const Var c = exp(*curvature_) * config_.curvature, l = exp(*threshold_) * config_.threshold;
    const auto psi = [&](const Var& t) { return log1p(c * t); };
    const Var x = (psi(Var(cast(lag, dtype()))) / psi(maximum(l, Var(cast(time, dtype())))))
                      .named("argument");
    const Var hidden = relu(unsqueeze(x, 3) * *weight_ + *bias_);
    return matmul(hidden, transpose(*out_weight_)) + *out_bias_;
  }

  void check_forward(const Tensor& time) const {
    const std::vector<double> v = time.to_vector<double>();
    const auto n = static_cast<std::size_t>(time.size(1));
    for (std::size_t i = 0; i < v.size(); ++i) {
      check<IndexError>(v[i] >= 0, "fire: time counts from 0; token {} has {}", i % n, v[i]);
      check<IndexError>(i % n == 0 || v[i] >= v[i - 1],
                        "fire: time runs forward; token {} has {}, the one before it {}", i % n,
                        v[i], i % n == 0 ? v[i] : v[i - 1]);
    }
  }

  FireConfig config_;
  Parameter &curvature_, &threshold_, &weight_, &bias_, &out_weight_, &out_bias_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// The network as the identity shows its argument.
suite::Finding prove_argument(const SuiteSubject& s) {
  const Options options = suite::with_settings(s.options, {"hidden=2"});
  const auto e = s.with(options)(Build("pe", Rng(1), DType::f64), s.shape);
  const auto set = [&](const char* name, const std::vector<double>& v, const Shape& shape) {
    suite::set_state(
        *e, name, contiguous(broadcast_to(from_values(v, {static_cast<int64>(v.size())}), shape)));
  };
  const int64 heads = s.shape.heads;
  set("weight", {1, -1}, {2});  // relu(x) - relu(-x) = x
  set("bias", {0, 0}, {2});
  set("out_weight", {1, -1}, {heads, 2});
  set("out_bias", {0}, {heads});
  set("curvature", {0.3}, {1});
  set("threshold", {0.2}, {1});
  Options read = s.options;
  const double c = read.real("curvature", FireConfig{}.curvature, 0, HUGE_VAL) * std::exp(0.3),
               l = read.real("threshold", FireConfig{}.threshold, 0, HUGE_VAL) * std::exp(0.2);
  const std::vector<double> times{0, 0, 1, 2.5, 7, 1000, 1e6, 1e9};
  const auto n = static_cast<int64>(times.size());
  const Tensor q = suite::random_normal(1, {1, heads, n, s.shape.head_dim()});
  const Tensor got = suite::score_biases(*e, q, q, suite::labels_of(*e, times));
  suite::Worst worst;
  double least = 1, most = 0;
  for (int64 h = 0; h < heads; ++h)
    for (int64 i = 0; i < n; ++i)
      for (int64 j = 0; j <= i; ++j) {
        const double p_m = times[static_cast<std::size_t>(i)],
                     p_n = times[static_cast<std::size_t>(j)], x = got.at({0, h, i, j});
        if (!(x >= 0 && x <= 1))
          return suite::broken(fmt::format("times {} and {} give {:.6g}", p_m, p_n, x));
        least = std::min(least, x), most = std::max(most, x);
        worst.include(x, std::log(c * (p_m - p_n) + 1) / std::log(c * std::max(l, p_m) + 1),
                      "argument");
      }
  const suite::Finding formula = worst.within(1e-13);
  if (formula.outcome == suite::Finding::Outcome::broken) return formula;
  return suite::holds(fmt::format("from {:.2g} to {:.2g} for times to 1e9", least, most));
}

/// |b_h| <= |b2| + sum_i |w2_hi| (|w1_i| + |b1_i|), for any time.
suite::Finding prove_bounded(const SuiteSubject& s) {
  const auto e = suite::build(s);
  const Tensor w = suite::state_of(*e, "weight"), b = suite::state_of(*e, "bias"),
               out = suite::state_of(*e, "out_weight"), shift = suite::state_of(*e, "out_bias");
  const Tensor bound =  // [H]
      add(abs(shift), reshape(matmul(abs(out), unsqueeze(add(abs(w), abs(b)), 1)), shift.shape()));
  double share = 0;
  for (double last : {1.0, 100.0, 1e4, 1e9}) {
    const Tensor q = suite::random_normal(2, {1, s.shape.heads, 3, s.shape.head_dim()});
    const Tensor got =
        tril(suite::score_biases(*e, q, q, suite::labels_of(*e, {0, last / 3, last})));
    const double part = max(div(abs(got), reshape(bound, {1, s.shape.heads, 1, 1}))).item();
    if (!(part <= 1))
      return suite::broken(fmt::format("at time {} the bias is {:.3g} of its bound", last, part));
    share = std::max(share, part);
  }
  return suite::holds(fmt::format("at most {:.2g} of the bound for times to 1e9", share));
}

}  // namespace

extern const EncodingDef kFire{
    .name = "fire",
    .family = "lag bias of length",
    .formula = "MLP(log(c (p_m - p_n) + 1) / log(c max(L, p_m) + 1))",
    .takes = "time, forward from 0, behind a causal mask",
    .source = "Li et al. 2024",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"argument", "the argument of the network is in [0, 1] and as the formula says",
                    prove_argument},
                   {"bounded", "bounded for any length", prove_bounded}},
    .options = {{"hidden", "32", "1 to 65536", "width of the network"},
                {"threshold", "512", "1e-6 to 1e12", "where L starts"},
                {"curvature", "0.1", "1e-6 to 1e6", "where c starts"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Fire>(build, shape, FireConfig::read(options));
    }};

}  // namespace gradus::pe

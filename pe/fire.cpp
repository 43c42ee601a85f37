#include <cmath>

#include "pe/label_encoding.h"
#include "pe/table.h"
#include "tensor/elementwise.h"

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

}  // namespace

extern const EncodingDef kFire{.name = "fire",
                               .family = "lag bias of length",
                               .formula = "MLP(log(c (p_m - p_n) + 1) / log(c max(L, p_m) + 1))",
                               .takes = "time, forward from 0, behind a causal mask",
                               .source = "Li et al. 2024",
                               .derivation = kDerivation,
                               .traits = kTraits,
                               .options = {{"hidden", "32", "1 to 65536", "width of the network"},
                                           {"threshold", "512", "1e-6 to 1e12", "where L starts"},
                                           {"curvature", "0.1", "1e-6 to 1e6", "where c starts"}},
                               .make = [](const Build& build, EncodingShape shape,
                                          Options& options) -> std::unique_ptr<PositionalEncoding> {
                                 return std::make_unique<Fire>(build, shape,
                                                               FireConfig::read(options));
                               }};

}  // namespace gradus::pe

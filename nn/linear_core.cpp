// Linear attention, O(N): with features f = transform_features(phi(transform(.))),
//
//   y_m = f(q_m) S_m / (f(q_m) . z_m + eps),   S_m = sum f(k_n) v_n^T,   z_m = sum f(k_n)
//
// over n <= m (causal) or all n (Katharopoulos et al. 2020, eq. 4-6 and 8-11); as a recurrence S
// and z are the state. Padding multiplies f(k_n) by 0. With Normaliser::unrotated the denominator
// sums the features before transform_features, with Normaliser::none there is none (features that
// can be negative need that: their sum may be 0).
//
// Note [eps and log_scale]
// A feature map may take factors e^c out of its features (Features::log_scale). They cancel in the
// fraction but for eps, which would then depend on the largest key, the last one as well as the
// first. So eps is divided by the same factors: the result is that of the true features, for a
// prefix, step by step, or at once. Factors below 1 are left alone (eps must not outgrow the sums
// of tiny features), and above e^60 eps stays e^-60 eps, which keeps 0 / 0 away.
#include <array>
#include <cmath>

#include "nn/cores.h"
#include "nn/ops.h"
#include "tensor/elementwise.h"
#include "tensor/text.h"

namespace gradus::detail {
namespace {

constexpr double kEps = 1e-6;

Tensor sum_of_logs(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() ? a : b;
  return add(a, b);
}

class LinearCore : public AttentionCore {
 public:
  LinearCore(const Build& build, const CoreConfig& config, const PositionalEncoding& encoding,
             int64 head_dim)
      : AttentionCore(build),
        encoding_(encoding),
        normaliser_(config.normaliser == Normaliser::none ? Normaliser::none
                                                          : encoding.traits().normaliser) {
    Options options = config.feature_options;
    const int64 width = encoding.transformed_width(head_dim);
    map_ =
        find_feature_map(config.feature_map).make(child("feature_map"), width, head_dim, options);
    // An encoding of features says here that it was built for another number of them.
    encoding.transformed_features(map_->features(width));
    if (normaliser_ != Normaliser::none && !map_->non_negative()) {
      std::vector<std::string> fitting;
      for (const FeatureMapDef* def : feature_maps())
        if (def->non_negative) fitting.emplace_back(def->name);
      fail<ConfigError>(
          "the features of '{}' can be negative, and with '{}' linear attention divides by their "
          "sum, which nothing then keeps away from 0; use one of {}, or normaliser = none",
          config.feature_map, encoding.kind(), join(fitting));
    }
  }

  Var operator()(const Var& q, const Var& k, const Var& v, const Positions& positions,
                 Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_inputs(q, k, v, positions);
    const Prepared p = prepare(q, k, positions, pass);
    const Var y = sum_over_keys(p.q, p.k, with_ones(v), positions);
    if (normaliser_ != Normaliser::unrotated) return normalise(y, {}, p.log_scale());
    const Var ones(
        broadcast_to(full({1, 1, 1, 1}, 1, v.dtype()), {v.size(0), v.size(1), v.size(2), 1}));
    return normalise(y, sum_over_keys(p.plain_q, p.plain_k, ones, positions), p.log_scale());
  }

  Var weights(const Var& q, const Var& k, const Positions& positions, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_inputs(q, k, {}, positions);
    const Prepared p = prepare(q, k, positions, pass);
    const auto square = [&positions](const Var& a, const Var& b) {
      const Var s = matmul(a, transpose(b));
      return positions.causal ? tril(s, positions.query_begin) : s;
    };
    const Var s = square(p.q, p.k).named("scores");
    if (normaliser_ == Normaliser::none) return rescale(s, p.log_scale()).named("weights");
    const Var total = normaliser_ == Normaliser::sum ? s : square(p.plain_q, p.plain_k);
    return (s / with_eps(sum(total, {-1}, Keep::yes), p.log_scale())).named("weights");
  }

  Var step(const Var& q, const Var& k, const Var& v, const Positions& positions,
           AttentionState& state, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_inputs(q, k, v, positions);
    check_shape(q.size(2) == 1 && k.size(2) == 1,
                "a step takes one token, got {} queries and {} keys", q.size(2), k.size(2));
    check<ConfigError>(positions.causal, "step by step means causal; the positions are not");
    const NoGrad no_grad;
    const Prepared p = prepare(q, k, positions, pass);
    const Var more = matmul(transpose(p.k), with_ones(v));
    Var unrotated;
    if (normaliser_ == Normaliser::unrotated) unrotated = transpose(p.plain_k);
    accumulate(state, more.value(), unrotated.defined() ? unrotated.value() : Tensor(),
               p.key_scale);
    const Var y = matmul(p.q, Var(state.sums));
    const Var total = unrotated.defined() ? matmul(p.plain_q, Var(state.unrotated)) : Var();
    return normalise(y, total, sum_of_logs(p.query_scale, state.log_scale));
  }

  bool has_recurrence() const override { return true; }
  void draw(Rng& rng) override { map_->draw(rng); }

 private:
  struct Prepared {
    Var q, k;              // features, padding at 0
    Var plain_q, plain_k;  // before transform_features, for Normaliser::unrotated
    Tensor query_scale, key_scale;
    Tensor log_scale() const { return sum_of_logs(query_scale, key_scale); }
  };

  Prepared prepare(const Var& q, const Var& k, const Positions& positions, Pass& pass) const {
    const QueryKey t = encoding_.transform(q, k, positions, pass);
    Features fq = (*map_)(t.q, Side::query, pass), fk = (*map_)(t.k, Side::key, pass);
    QueryKey f = encoding_.transform_features(fq.phi, fk.phi, positions, pass);
    if (positions.key_mask.defined()) {
      const Var kept(key_factor(positions, f.k.dtype()));
      f.k = f.k * kept;
      if (normaliser_ == Normaliser::unrotated) fk.phi = fk.phi * kept;
    }
    return {f.q.named("query_features"),
            f.k.named("key_features"),
            fq.phi,
            fk.phi,
            fq.log_scale,
            fk.log_scale};
  }

  /// [v, 1], whose sum holds the numerator and the denominator at once.
  Var with_ones(const Var& v) const {
    if (normaliser_ != Normaliser::sum) return v;
    const std::array<Var, 2> parts{v, Var(broadcast_to(full({1, 1, 1, 1}, 1, v.dtype()),
                                                       {v.size(0), v.size(1), v.size(2), 1}))};
    return concat(parts, -1);
  }

  /// sum_n (q_m . k_n) v_n over the keys that query m may look at.
  static Var sum_over_keys(const Var& q, Var k, Var v, const Positions& positions) {
    if (!positions.causal) return matmul(q, matmul(transpose(k), v));
    const int64 begin = positions.query_begin, end = begin + positions.query_count;
    if (end < k.size(2)) k = slice(k, 2, 0, end), v = slice(v, 2, 0, end);
    if (begin == 0) return causal_product(q, k, v);
    const Var before = matmul(transpose(slice(k, 2, 0, begin)), slice(v, 2, 0, begin));
    return matmul(q, before) + causal_product(q, slice(k, 2, begin, end), slice(v, 2, begin, end));
  }

  /// See note [eps and log_scale].
  static Var with_eps(const Var& total, const Tensor& log_scale) {
    if (!log_scale.defined()) return total + kEps;
    return total + Var(mul(exp(neg(clamp(log_scale, 0, 60))), kEps));
  }

  static Var rescale(const Var& y, const Tensor& log_scale) {
    return log_scale.defined() ? y * Var(exp(log_scale)) : y;
  }

  Var normalise(const Var& y, const Var& unrotated_total, const Tensor& log_scale) const {
    if (normaliser_ == Normaliser::none) return rescale(y, log_scale);
    if (normaliser_ == Normaliser::unrotated) return y / with_eps(unrotated_total, log_scale);
    const int64 width = y.size(-1) - 1;
    return slice(y, -1, 0, width) / with_eps(slice(y, -1, width, width + 1), log_scale);
  }

  /// state += more; where features carry a scale, both are brought to the larger one.
  static void accumulate(AttentionState& state, const Tensor& more, const Tensor& more_unrotated,
                         const Tensor& scale) {
    Tensor old_factor, new_factor, largest = scale;
    if (scale.defined() && state.log_scale.defined()) {
      largest = maximum(scale, state.log_scale);
      old_factor = exp(sub(state.log_scale, largest));
      new_factor = exp(sub(scale, largest));
    }
    const auto join_sums = [&](Tensor& sums, const Tensor& added) {
      if (!added.defined()) return;
      if (!sums.defined()) {
        sums = added;
        return;
      }
      check_shape(sums.shape() == added.shape(),
                  "the state holds sums of shape {}, this step adds {}", sums.shape(),
                  added.shape());
      sums = old_factor.defined() ? add(mul(sums, old_factor), mul(added, new_factor))
                                  : add(sums, added);
    };
    join_sums(state.sums, more);
    join_sums(state.unrotated, more_unrotated);
    state.log_scale = largest;
    ++state.position;
  }

  const PositionalEncoding& encoding_;
  Normaliser normaliser_;
  std::unique_ptr<FeatureMap> map_;
};

}  // namespace

std::unique_ptr<AttentionCore> make_linear_core(const Build& build, const CoreConfig& config,
                                                const PositionalEncoding& encoding,
                                                int64 head_dim) {
  constexpr std::array<RefusedHook, 3> refused{
      {{kLagBias, "adds a bias to each score (lag_bias)"},
       {kScoreBias, "adds a term to each score (score_bias)"},
       {kValueBias, "adds to the output a term of each pair of tokens (value_bias)"}}};
  check_hooks(encoding, CoreKind::linear, refused, "linear attention never forms scores",
              CoreKind::softmax);
  check<ConfigError>(config.dropout == 0,
                     "the linear core forms no weights that dropout {} could drop; set it to 0, or "
                     "use attention = softmax",
                     config.dropout);
  return std::make_unique<LinearCore>(build, config, encoding, head_dim);
}

}  // namespace gradus::detail

// Toeplitz attention, O(N log N): linear attention whose pairs are weighted by a bias b_h of their
// lag (Luo et al. 2021, section 3),
//
//   y_m = sum_n e^(b_h(p_m - p_n)) (phi(q_m) . phi(k_n)) v_n / (the same without v_n, + eps)
//
// over n <= m (causal) or all n. Where time goes in equal steps the weights of the lags are one
// row, a Toeplitz matrix without the N x N numbers, and its products are made by FFT
// (toeplitz_product). There is no state of constant size, for each new token moves all weights on:
// no recurrence. e^b may overflow: the largest b of a head, if above 0, is taken out as the
// features' factors are (nn/kernel_core.h, note [eps and log_scale]).
//
// Note [rounding]
// An FFT rounds every row to 1e-16 of the largest: a row whose sum is that far below the others has
// no digit left. So eps follows the factors taken out to e^-14 (8e-13) only: below that a row fades
// to 0, where its rounding would else be divided by next to nothing.
#include <array>
#include <limits>

#include "nn/kernel_core.h"
#include "nn/ops.h"
#include "tensor/elementwise.h"

namespace gradus::detail {
namespace {

class ToeplitzCore : public AttentionCore {
 public:
  ToeplitzCore(const Build& build, const CoreConfig& config, const PositionalEncoding& encoding,
               int64 head_dim)
      : AttentionCore(build),
        encoding_(encoding),
        divide_(effective_normaliser(config, encoding) != Normaliser::none),
        map_(make_core_map(child("feature_map"), config, encoding, head_dim)) {}

  Var operator()(const Var& q, const Var& k, const Var& v, const Positions& positions,
                 Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_inputs(q, k, v, positions);
    const Prepared p = prepare(q, k, positions, pass);
    const int64 count = std::max<int64>(0, q.size(2) + k.size(2) - 1);
    const double first = static_cast<double>(positions.query_begin - (k.size(2) - 1));
    const Tensor rows = arange(first, first + static_cast<double>(count), 1, DType::f64);
    const Weighted w = weighted(mul(rows, step_of(positions)), rows, positions.causal, pass);
    const Var shared = broadcast_to(w.weights, {q.size(0), q.size(1), count});
    const Var y = toeplitz_product(p.q, p.k, divide_ ? with_ones(v) : v, shared);
    const Tensor log_scale = sum_of_logs(p.log_scale, w.log_scale);
    return divide_ ? divide_by_last(y, above_rounding(log_scale)) : rescale(y, log_scale);
  }

  Var weights(const Var& q, const Var& k, const Positions& positions, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_inputs(q, k, {}, positions);
    const Prepared p = prepare(q, k, positions, pass);
    const double begin = static_cast<double>(positions.query_begin);
    const Tensor query = arange(begin, begin + static_cast<double>(q.size(2)), 1, DType::f64);
    const Tensor key = arange(0, static_cast<double>(k.size(2)), 1, DType::f64);
    step_of(positions);
    const Weighted w =
        weighted(lags(positions, encoding_), sub(unsqueeze(query, 1), key), positions.causal, pass);
    // [H,B|1,Nq,Nk] -> [B|1,H,Nq,Nk]
    const Var s = (matmul(p.q, transpose(p.k)) * transpose(w.weights, 0, 1)).named("scores");
    const Tensor log_scale = sum_of_logs(p.log_scale, w.log_scale);
    if (!divide_) return rescale(s, log_scale).named("weights");
    return (s / with_eps(sum(s, {-1}, Keep::yes), above_rounding(log_scale))).named("weights");
  }

  Var step(const Var&, const Var&, const Var&, const Positions&, AttentionState&,
           Pass&) const override {
    fail<ConfigError>(
        "the toeplitz core has no recurrence: each new token moves the weights of all earlier keys "
        "on, so its state would grow; use attention = linear, or run the whole sequence");
  }
  bool has_recurrence() const override { return false; }
  void draw(Rng& rng) override { map_->draw(rng); }

 private:
  struct Prepared {
    Var q, k;  // features, padding at 0
    Tensor log_scale;
  };

  Prepared prepare(const Var& q, const Var& k, const Positions& positions, Pass& pass) const {
    const QueryKey t = encoding_.transform(q, k, positions, pass);
    Features fq = (*map_)(t.q, Side::query, pass), fk = (*map_)(t.k, Side::key, pass);
    if (positions.key_mask.defined()) fk.phi = fk.phi * Var(key_factor(positions, fk.phi.dtype()));
    return {fq.phi.named("query_features"), fk.phi.named("key_features"),
            sum_of_logs(fq.log_scale, fk.log_scale)};
  }

  /// From one row to the next.
  double step_of(const Positions& positions) const {
    check<ConfigError>(positions.uniform,
                       "the toeplitz core moves one row of weights along, so time must go in equal "
                       "steps and be the only track; for other labels use attention = softmax");
    const Tensor labels = positions.track_labels(encoding_.tracks(), encoding_.kind());
    if (labels.size(0) == 0 || labels.size(1) < 2) return 1;
    return labels.at({0, 1, 0}) - labels.at({0, 0, 0});
  }

  /// See note [rounding].
  static Tensor above_rounding(const Tensor& log_scale) {
    return log_scale.defined() ? minimum(log_scale, full({}, 14, log_scale.dtype())) : log_scale;
  }

  struct Weighted {
    Var weights;       // e^b of each lag, [H, S...]
    Tensor log_scale;  // [1,H,1,1]
  };
  /// For lags f64 [S...] of the labels; `rows`, the lags counted in rows, says which keys are
  /// later.
  Weighted weighted(const Tensor& delta, const Tensor& rows, bool causal, Pass& pass) const {
    Var b = *encoding_.lag_bias(delta, pass);
    Tensor largest;
    if (b.numel() > 0) {
      const int64 heads = b.size(0);
      largest = max(reshape(b.value(), {heads, -1}), {-1});
      largest = reshape(maximum(largest, full({}, 0, b.dtype())), {1, heads, 1, 1});
      Shape per_head = Shape::of_rank(b.value().rank(), 1);
      per_head[0] = heads;
      b = b - Var(reshape(largest, per_head));
    }
    if (causal)
      b = masked_fill(b, Var(less(rows, scalar(0, DType::f64))),
                      -std::numeric_limits<double>::infinity());
    return {exp(b).named("lag_weights"), largest};
  }

  const PositionalEncoding& encoding_;
  bool divide_;
  std::unique_ptr<FeatureMap> map_;
};

}  // namespace

std::unique_ptr<AttentionCore> make_toeplitz_core(const Build& build, const CoreConfig& config,
                                                  const PositionalEncoding& encoding,
                                                  int64 head_dim) {
  constexpr std::array<RefusedHook, 2> of_pairs{
      {{kScoreBias, "adds a term to each score (score_bias)"},
       {kValueBias, "adds to the output a term of each pair of tokens (value_bias)"}}};
  constexpr std::array<RefusedHook, 1> of_features{
      {{kTransformFeatures, "works on features (transform_features)"}}};
  constexpr std::string_view reason = "Toeplitz attention sees two tokens' lag alone";
  check_hooks(encoding, CoreKind::toeplitz, of_pairs, reason, CoreKind::softmax);
  check_hooks(encoding, CoreKind::toeplitz, of_features, reason, CoreKind::linear);
  const unsigned hooks = encoding.traits().hooks;
  check<ConfigError>(
      (hooks & kLagBias) != 0,
      "the toeplitz core weighs keys by a bias of their lag (lag_bias), and '{}' has "
      "none; {}",
      encoding.kind(), what_fits(encoding, CoreKind::toeplitz, CoreKind::linear));
  return std::make_unique<ToeplitzCore>(build, config, encoding, head_dim);
}

}  // namespace gradus::detail

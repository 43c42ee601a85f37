// Softmax attention, exact, O(N^2):
//
//   scores = (transformed q . k) / sqrt(d) + lag_bias + score_bias
//   y      = dropout(softmax(masked scores)) v + value_bias
//
// with d the head size before any transform (Vaswani et al. 2017). A query whose keys are all
// masked gives zeros.
#include <array>
#include <cmath>

#include "autograd/record.h"
#include "nn/cores.h"
#include "nn/ops.h"
#include "tensor/elementwise.h"

namespace gradus::detail {
namespace {

class SoftmaxCore : public AttentionCore {
 public:
  SoftmaxCore(const Build& build, const PositionalEncoding& encoding, int64 head_dim, double drop)
      : AttentionCore(build),
        encoding_(encoding),
        scale_(1 / std::sqrt(static_cast<double>(head_dim))),
        drop_(drop) {}

  Var operator()(const Var& q, const Var& k, const Var& v, const Positions& positions,
                 Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_inputs(q, k, v, positions);
    const bool drops = pass.training() && drop_ > 0;
    if (needs_weights()) {
      Var w = weighted(scores(q, k, positions, pass), positions);
      if (drops) {
        const RandomKey r = pass.random_key();
        w = dropout(w, drop_, r.key, r.draw);
      }
      const Var y = matmul(w, v);
      const std::optional<Var> bias = encoding_.value_bias(w, positions, pass);
      return bias ? y + *bias : y;
    }
    const QueryKey t = encoding_.transform(q, k, positions, pass);
    SoftmaxTerms terms{.scale = scale_,
                       .causal = positions.causal,
                       .first = positions.query_begin,
                       .key_mask = positions.key_mask};
    add_biases(terms, q, k, positions, pass);
    if (drops) {
      const RandomKey r = pass.random_key();
      terms.drop = drop_, terms.key = r.key, terms.draw = r.draw;
    }
    return softmax_attention(t.q, t.k, v, terms);
  }

  Var weights(const Var& q, const Var& k, const Positions& positions, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_inputs(q, k, {}, positions);
    return weighted(scores(q, k, positions, pass), positions);
  }

  Var step(const Var&, const Var&, const Var&, const Positions&, AttentionState&,
           Pass&) const override {
    fail<ConfigError>(
        "the softmax core has no recurrence: each new token looks at every earlier key, so its "
        "state would grow; use attention = linear, or run the whole sequence");
  }
  bool has_recurrence() const override { return false; }

 private:
  Var scores(const Var& q, const Var& k, const Positions& positions, Pass& pass) const {
    const QueryKey t = encoding_.transform(q, k, positions, pass);
    Var s = matmul(t.q * scale_, transpose(t.k));
    if (encoding_.traits().hooks & kLagBias)
      if (const std::optional<Var> bias = encoding_.lag_bias(lags(positions, encoding_), pass))
        s = s + transpose(*bias, 0, 1);  // [H,B|1,Nq,Nk] -> [B|1,H,Nq,Nk]
    if (const std::optional<Var> bias = encoding_.score_bias(q, k, positions, pass)) s = s + *bias;
    return s.named("scores");
  }

  static Var weighted(const Var& s, const Positions& p) {
    return masked_softmax(s, p.causal, p.query_begin, p.key_mask);
  }

  /// Where somebody looks at the weights, they are formed: an encoding, or the reader of a graph.
  bool needs_weights() const {
    return recording().fusion == Fusion::off || (encoding_.traits().hooks & kValueBias) != 0;
  }

  /// Where time goes in equal steps, a bias by lag is a number for each lag; else one for each
  /// pair.
  void add_biases(SoftmaxTerms& terms, const Var& q, const Var& k, const Positions& p,
                  Pass& pass) const {
    if (encoding_.traits().hooks & kLagBias) {
      if (p.uniform && q.size(2) > 0 && k.size(2) > 0) {
        if (const std::optional<Var> bias = encoding_.lag_bias(equal_lags(p), pass))
          terms.lag = *bias;
      } else if (const std::optional<Var> bias = encoding_.lag_bias(lags(p, encoding_), pass)) {
        terms.bias = transpose(*bias, 0, 1);  // [H,B|1,Nq,Nk] -> [B|1,H,Nq,Nk]
      }
    }
    if (const std::optional<Var> bias = encoding_.score_bias(q, k, p, pass)) {
      Shape pairs = bias->shape();
      pairs[2] = q.size(2), pairs[3] = k.size(2);
      const Var whole = broadcast_to(*bias, pairs);
      terms.bias = terms.bias.defined() ? terms.bias + whole : whole;
    }
  }

  /// The lags of rows from -(Nk - 1) on, f64 [Nq + Nk - 1].
  Tensor equal_lags(const Positions& p) const {
    const Tensor labels = p.track_labels(encoding_.tracks(), encoding_.kind());
    const double step = p.keys() < 2 ? 1 : labels.at({0, 1, 0}) - labels.at({0, 0, 0});
    const double begin = static_cast<double>(p.query_begin - (p.keys() - 1));
    const double end = static_cast<double>(p.query_begin + p.query_count);
    return mul(arange(begin, end, 1, DType::f64), step);
  }

  const PositionalEncoding& encoding_;
  double scale_, drop_;
};

}  // namespace

std::unique_ptr<AttentionCore> make_softmax_core(const Build& build, const CoreConfig& config,
                                                 const PositionalEncoding& encoding,
                                                 int64 head_dim) {
  constexpr std::array<RefusedHook, 1> refused{
      {{kTransformFeatures, "works on features (transform_features)"}}};
  check_hooks(encoding, CoreKind::softmax, refused, "softmax attention has no feature map",
              CoreKind::linear);
  Options("softmax attention, which has no feature map", config.feature_options.values()).finish();
  check<ConfigError>(config.normaliser != Normaliser::none,
                     "the softmax core always divides by the sum of its weights; for normaliser = "
                     "none use attention = linear");
  return std::make_unique<SoftmaxCore>(build, encoding, head_dim, config.dropout);
}

}  // namespace gradus::detail

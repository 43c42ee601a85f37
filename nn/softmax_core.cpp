// Softmax attention, exact, O(N^2):
//
//   scores = (transformed q . k) / sqrt(d) + lag_bias + score_bias
//   y      = dropout(softmax(masked scores)) v + value_bias
//
// with d the head size before any transform (Vaswani et al. 2017). A query whose keys are all
// masked gives zeros.
#include <array>
#include <cmath>
#include <limits>

#include "nn/cores.h"
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
    Var w = masked_softmax(scores(q, k, positions, pass), positions);
    if (pass.training() && drop_ > 0) {
      const RandomKey r = pass.random_key();
      w = dropout(w, drop_, r.key, r.draw);
    }
    const Var y = matmul(w, v);
    const std::optional<Var> bias = encoding_.value_bias(w, positions, pass);
    return bias ? y + *bias : y;
  }

  Var weights(const Var& q, const Var& k, const Positions& positions, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_inputs(q, k, {}, positions);
    return masked_softmax(scores(q, k, positions, pass), positions);
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

  static Var masked_softmax(const Var& s, const Positions& positions) {
    Tensor hidden = later_rows(positions), empty;
    if (positions.key_mask.defined() && s.numel() > 0) {
      const Tensor padding =
          reshape(equal(positions.key_mask, full({}, 0, DType::u8)),
                  {positions.key_mask.size(0), 1, 1, positions.key_mask.size(1)});
      hidden = hidden.defined() ? logical_or(hidden, padding) : padding;
      empty = all(hidden, {-1}, Keep::yes);
      hidden = logical_and(hidden, logical_not(empty));
    }
    Var masked = s;
    if (hidden.defined())
      masked = masked_fill(s, Var(hidden), -std::numeric_limits<double>::infinity());
    Var w = softmax(masked, -1);
    if (empty.defined()) w = masked_fill(w, Var(empty), 0);
    return w.named("weights");
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
  Options options = config.feature_options;
  options.finish();
  check<ConfigError>(config.normaliser != Normaliser::none,
                     "the softmax core always divides by the sum of its weights; for normaliser = "
                     "none use attention = linear");
  return std::make_unique<SoftmaxCore>(build, encoding, head_dim, config.dropout);
}

}  // namespace gradus::detail

// Linear attention, O(N): with features f = transform_features(phi(transform(.))),
//
//   y_m = f(q_m) S_m / (f(q_m) . z_m + eps),   S_m = sum f(k_n) v_n^T,   z_m = sum f(k_n)
//
// over n <= m (causal) or all n (Katharopoulos et al. 2020, eq. 4-6 and 8-11); as a recurrence S
// and z are the state. Padding multiplies f(k_n) by 0. With Normaliser::unrotated the denominator
// sums the features before transform_features, with Normaliser::none there is none (features that
// can be negative need that: their sum may be 0).
// eps beside features that a factor was taken out of: nn/kernel_core.h. Where the queries are the
// rows of the keys, or all keys are seen, all of it is the one op linear_attention; feature maps
// then work inside it, and so do features that an encoding turns, or scales (decay), by numbers of
// each token.
#include <array>

#include "nn/kernel_core.h"
#include "nn/ops.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/reduce.h"

namespace gradus::detail {
namespace {

class LinearCore : public AttentionCore {
 public:
  LinearCore(const Build& build, const CoreConfig& config, const PositionalEncoding& encoding,
             int64 head_dim)
      : AttentionCore(build),
        encoding_(encoding),
        normaliser_(effective_normaliser(config, encoding)),
        map_(make_core_map(child("feature_map"), config, encoding, head_dim)) {}

  Var operator()(const Var& q, const Var& k, const Var& v, const Positions& positions,
                 Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_inputs(q, k, v, positions);
    const bool from_start = !positions.causal || positions.query_begin == 0;
    const QueryKey t = encoding_.transform(q, k, positions, pass);
    if (from_start && normaliser_ != Normaliser::unrotated && recording().fusion == Fusion::on) {
      const bool transforms = encoding_.traits().hooks & kTransformFeatures;
      const QueryKey turns =
          transforms ? encoding_.feature_turns(positions, q.dtype()) : QueryKey{};
      if (!transforms || turns.q.defined())
        if (const auto features = map_->inside(t.q, t.k, pass))
          return attend(t.q, t.k, v, positions, features->rows, features->log_scale,
                        {.kept = key_bytes(t.k, positions), .q_turn = turns.q, .k_turn = turns.k});
    }
    const Prepared p = prepare(t, positions, pass);
    if (from_start && normaliser_ != Normaliser::unrotated) {
      LinearTerms scales;
      if (p.decays()) scales.q_scale = p.query_decay, scales.k_scale = p.key_decay;
      return attend(p.q, p.k, v, positions, {}, p.log_scale(), scales);
    }
    const Var y = p.decays() ? scaled_sum(p, columns(v), positions)
                             : sum_over_keys(p.q, p.k, columns(v), positions);
    if (normaliser_ != Normaliser::unrotated) return normalise(y, {}, p.log_scale());
    return normalise(y, sum_over_keys(p.plain_q, p.plain_k, ones_beside(v), positions),
                     p.log_scale());
  }

  Var weights(const Var& q, const Var& k, const Positions& positions, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check_inputs(q, k, {}, positions);
    const Prepared p = prepare(q, k, positions, pass);
    const auto square = [&positions](const Var& a, const Var& b) {
      const Var s = matmul(a, transpose(b));
      return positions.causal ? tril(s, positions.query_begin) : s;
    };
    Var s = square(p.q, p.k);
    if (p.decays())
      s = s * Var(cast(exp(tril(add(p.query_decay, transpose(p.key_decay)), positions.query_begin)),
                       s.dtype()));
    s = s.named("scores");
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
    const Var more = matmul(transpose(p.k), columns(v));
    Var unrotated;
    if (normaliser_ == Normaliser::unrotated) unrotated = transpose(p.plain_k);
    // Decay grows with the row: its logarithms stay in f64.
    const auto with_decay = [&](const Tensor& scale, const Tensor& decay) {
      if (!p.decays()) return scale;
      return sum_of_logs(scale.defined() ? cast(scale, DType::f64) : scale, decay);
    };
    accumulate(state, more.value(), unrotated.defined() ? unrotated.value() : Tensor(),
               with_decay(p.key_scale, p.key_decay));
    const Var y = matmul(p.q, Var(state.sums));
    const Var total = unrotated.defined() ? matmul(p.plain_q, Var(state.unrotated)) : Var();
    const Tensor scale = sum_of_logs(with_decay(p.query_scale, p.query_decay), state.log_scale);
    return normalise(y, total, p.decays() ? cast(scale, q.dtype()) : scale);
  }

  bool has_recurrence() const override { return true; }
  void draw(Rng& rng) override { map_->draw(rng); }

 private:
  /// The key mask as u8 [B,H,Nk,1] beside k, or undefined.
  static Var key_bytes(const Var& k, const Positions& positions) {
    const Tensor& mask = positions.key_mask;
    return mask.defined() ? beside(Var(reshape(mask, {mask.size(0), 1, mask.size(1), 1})), k)
                          : Var();
  }
  /// [B|1,H|1,N,w] as [B,H,N,w], as x is; an undefined one stays so.
  static Var beside(const Var& numbers, const Var& x) {
    if (!numbers.defined()) return numbers;
    return broadcast_to(numbers, {x.size(0), x.size(1), x.size(2), numbers.size(3)});
  }

  /// linear_attention of the keys that any query sees.
  Var attend(const Var& q, Var k, Var v, const Positions& positions, const RowFeatures& features,
             const Tensor& log_scale, LinearTerms terms) const {
    const Keys keys = positions.causal ? Keys::earlier : Keys::all;
    if (const int64 end = positions.query_count; positions.causal && end < k.size(2)) {
      for (Var* x : {&k, &v, &terms.kept, &terms.k_turn, &terms.k_scale})
        if (x->defined()) *x = slice(*x, 2, 0, end);
    }
    terms.q_turn = beside(terms.q_turn, q), terms.k_turn = beside(terms.k_turn, k);
    terms.q_scale = beside(terms.q_scale, q), terms.k_scale = beside(terms.k_scale, k);
    const bool divided = normaliser_ != Normaliser::none;
    if (divided) terms.eps = eps_beside(q, log_scale);
    const Var y = linear_attention(q, k, v, keys, features, terms);
    return divided ? y : rescale(y, log_scale);
  }

  struct Prepared {
    Var q, k;              // features, padding at 0
    Var plain_q, plain_k;  // before transform_features, for Normaliser::unrotated
    Tensor query_scale, key_scale;
    Tensor query_decay, key_decay;  // the encoding's scales of each token
    bool decays() const { return query_decay.defined(); }
    Tensor log_scale() const { return sum_of_logs(query_scale, key_scale); }
  };

  Prepared prepare(const Var& q, const Var& k, const Positions& positions, Pass& pass) const {
    return prepare(encoding_.transform(q, k, positions, pass), positions, pass);
  }
  /// Of transformed queries and keys.
  Prepared prepare(const QueryKey& t, const Positions& positions, Pass& pass) const {
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
            fk.log_scale,
            f.query_scale,
            f.key_scale};
  }

  Var columns(const Var& v) const { return normaliser_ == Normaliser::sum ? with_ones(v) : v; }

  /// sum_n (q_m . k_n) v_n over the keys that query m may look at.
  static Var sum_over_keys(const Var& q, Var k, Var v, const Positions& positions) {
    if (!positions.causal) return matmul(q, matmul(transpose(k), v));
    const int64 begin = positions.query_begin, end = begin + positions.query_count;
    if (end < k.size(2)) k = slice(k, 2, 0, end), v = slice(v, 2, 0, end);
    if (begin == 0) return causal_product(q, k, v);
    const Var before = matmul(transpose(slice(k, 2, 0, begin)), slice(v, 2, 0, begin));
    return matmul(q, before) + causal_product(q, slice(k, 2, begin, end), slice(v, 2, begin, end));
  }

  /// The same with scales of each token: sum_n e^(s_m + t_n) (q_m . k_n) v_n over n <= m.
  static Var scaled_sum(const Prepared& p, const Var& v, const Positions& positions) {
    const int64 begin = positions.query_begin, end = begin + positions.query_count;
    const auto own = [&](const auto& x) { return slice(x, 2, begin, end); };
    const Var y = linear_attention(p.q, own(p.k), own(v), Keys::earlier, {},
                                   {.q_scale = beside(Var(p.query_decay), p.q),
                                    .k_scale = beside(Var(own(p.key_decay)), own(p.k))});
    if (begin == 0) return y;
    // Earlier keys count from their largest scale, as in nn/kernels/token_scales.h.
    const auto before = [&](const auto& x) { return slice(x, 2, 0, begin); };
    const auto power = [&](const Tensor& x) { return Var(cast(exp(x), v.dtype())); };
    const Tensor t = before(p.key_decay), edge = max(t, {2}, Keep::yes);
    const Var k = before(p.k) * power(sub(t, edge)), q = p.q * power(add(p.query_decay, edge));
    return y + matmul(q, matmul(transpose(k), before(v)));
  }

  Var normalise(const Var& y, const Var& unrotated_total, const Tensor& log_scale) const {
    if (normaliser_ == Normaliser::none) return rescale(y, log_scale);
    if (normaliser_ == Normaliser::unrotated) return y / with_eps(unrotated_total, log_scale);
    return divide_by_last(y, log_scale);
  }

  /// state += more; where features carry a scale, both are brought to the larger one.
  static void accumulate(AttentionState& state, const Tensor& more, const Tensor& more_unrotated,
                         const Tensor& scale) {
    Tensor old_factor, new_factor, largest = scale;
    if (scale.defined() && state.log_scale.defined()) {
      largest = maximum(scale, state.log_scale);
      old_factor = cast(exp(sub(state.log_scale, largest)), more.dtype());
      new_factor = cast(exp(sub(scale, largest)), more.dtype());
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
  return std::make_unique<LinearCore>(build, config, encoding, head_dim);
}

}  // namespace gradus::detail

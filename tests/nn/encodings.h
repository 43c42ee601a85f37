// Small encodings for the tests of attention, one for each hook: nn/ knows none of pe/.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "nn/attention_core.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"

namespace gradus::testing {

inline const std::vector<std::string> kTime{"time"};

/// Traits as given, no hook does anything.
class Plain : public PositionalEncoding {
 public:
  Plain(const Build& b, EncodingShape s, Traits t = {})
      : PositionalEncoding(b, s, kTime), traits_(t) {}
  Traits traits() const override { return traits_; }

 private:
  Traits traits_;
};

/// x [.., N, r] with its halves rotated by the labels [B|1, N, 1] (r even).
inline Var rotate(const Var& x, const Tensor& labels) {
  const int64 half = x.size(-1) / 2;
  const Tensor frequency = add(mul(arange(0, static_cast<double>(half), 1, DType::f64), 0.3), 0.2);
  const Tensor theta = unsqueeze(phase(frequency, labels, x.dtype()), 1);
  const Var c(cos(theta)), s(sin(theta));
  const Var a = slice(x, -1, 0, half), b = slice(x, -1, half, 2 * half);
  const std::vector<Var> parts{a * c - b * s, a * s + b * c};
  return concat(parts, -1);
}

class Rotation : public PositionalEncoding {
 public:
  Rotation(const Build& b, EncodingShape s) : PositionalEncoding(b, s, kTime) {}
  Traits traits() const override { return {.hooks = kTransform, .relative = Relative::exactly}; }
  QueryKey transform(const Var& q, const Var& k, const Positions& p, Pass&) const override {
    return {rotate(q, query_labels(p)), rotate(k, key_labels(p))};
  }
};

/// Behind the feature map, with the sum of the features before it below the line.
class FeatureRotation : public PositionalEncoding {
 public:
  FeatureRotation(const Build& b, EncodingShape s) : PositionalEncoding(b, s, kTime) {}
  Traits traits() const override {
    return {.hooks = kTransformFeatures, .normaliser = Normaliser::unrotated};
  }
  QueryKey transform_features(const Var& q, const Var& k, const Positions& p,
                              Pass&) const override {
    return {rotate(q, query_labels(p)), rotate(k, key_labels(p))};
  }
};

/// Behind the feature map, f -> [f cos a, f sin a], a = 0.02 label.
class FeatureTurns : public PositionalEncoding {
 public:
  FeatureTurns(const Build& b, EncodingShape s) : PositionalEncoding(b, s, kTime) {}
  Traits traits() const override { return {.hooks = kTransformFeatures}; }
  QueryKey transform_features(const Var& q, const Var& k, const Positions& p,
                              Pass&) const override {
    const QueryKey turns = feature_turns(p, q.dtype());
    const auto turned = [](const Var& f, const Var& turn) {
      const std::vector<Var> halves{f * slice(turn, -1, 0, 1), f * slice(turn, -1, 1, 2)};
      return concat(halves, -1);
    };
    return {turned(q, turns.q), turned(k, turns.k)};
  }
  QueryKey feature_turns(const Positions& p, DType dtype) const override {
    const auto of = [dtype](const Tensor& labels) {
      const Tensor a = mul(unsqueeze(labels, 1), 0.02);
      return Var(cast(concat(std::vector<Tensor>{cos(a), sin(a)}, -1), dtype));
    };
    return {of(query_labels(p)), of(key_labels(p))};
  }
  int64 transformed_features(int64 m) const override { return 2 * m; }
};

/// -0.1 h |lag| on each score.
class TimeBias : public PositionalEncoding {
 public:
  TimeBias(const Build& b, EncodingShape s) : PositionalEncoding(b, s, kTime) {}
  Traits traits() const override { return {.hooks = kLagBias}; }
  std::optional<Var> lag_bias(const Tensor& delta, Pass&) const override {
    std::vector<Tensor> heads;
    for (int64 h = 1; h <= shape().heads; ++h)
      heads.push_back(cast(mul(abs(delta), -0.1 * static_cast<double>(h)), dtype()));
    return Var(stack(heads, 0));
  }
};

/// A learned number times the lag on each score, and one times the mean lag on the output.
class PairTerms : public PositionalEncoding {
 public:
  PairTerms(const Build& b, EncodingShape s)
      : PositionalEncoding(b, s, kTime),
        score_(parameter("score", full({}, 0.2, dtype()))),
        value_(parameter("value", full({}, 0.5, dtype()))) {}
  Traits traits() const override {
    return {.hooks = kScoreBias | kValueBias, .cost = Cost::quadratic, .learned = true};
  }
  std::optional<Var> score_bias(const Var&, const Var&, const Positions& p, Pass&) const override {
    return lags(p) * *score_;
  }
  std::optional<Var> value_bias(const Var& weights, const Positions& p, Pass&) const override {
    return sum(weights * lags(p), {-1}, Keep::yes) * *value_;
  }

 private:
  Var lags(const Positions& p) const {
    return Var(cast(unsqueeze(sub(query_labels(p), transpose(key_labels(p))), 1), dtype()));
  }
  Parameter &score_, &value_;
};

template <class E>
MakeEncoding make() {
  return [](const Build& b, EncodingShape s) -> std::unique_ptr<PositionalEncoding> {
    return std::make_unique<E>(b, s);
  };
}

/// A core with the encoding that it refers to.
struct CoreCase {
  CoreCase(const CoreConfig& config, const MakeEncoding& make_encoding, int64 heads, int64 head_dim,
           DType dtype = DType::f64)
      : encoding(make_encoding(Build("encoding", Rng(1), dtype), {heads * head_dim, heads})),
        core(make_core(Build("core", Rng(2), dtype), config, *encoding, head_dim)) {}
  CoreCase(const CoreCase&) = delete;
  CoreCase& operator=(const CoreCase&) = delete;
  std::unique_ptr<PositionalEncoding> encoding;
  std::unique_ptr<AttentionCore> core;
};

struct Input {
  Var q, k, v;
};
/// Random leaves q, k [B,H,N,d] and v [B,H,N,dv].
inline Input random_input(const Shape& batch_heads, int64 n, int64 d, int64 dv, double size = 1,
                          DType dtype = DType::f64, std::uint64_t seed = 5) {
  Rng rng(seed);
  Shape s = batch_heads;
  s.push_back(n);
  s.push_back(d);
  Shape sv = batch_heads;
  sv.push_back(n);
  sv.push_back(dv);
  return {leaf(normal(rng, s, 0, size, dtype), "q"), leaf(normal(rng, s, 0, size, dtype), "k"),
          leaf(normal(rng, sv, 0, 1, dtype), "v")};
}

/// A core with this feature map, few features, and the normaliser that its sign allows.
inline CoreConfig core_with_map(CoreKind kind, std::string_view map) {
  CoreConfig c;
  c.kind = kind;
  c.feature_map = map;
  const FeatureMapDef& def = find_feature_map(map);
  if (def.stochastic) c.feature_options.set("features=12");
  if (!def.non_negative) c.normaliser = Normaliser::none;
  return c;
}
inline Var run(const AttentionCore& core, const Input& in, const Positions& p) {
  Pass pass = Pass::eval();
  return core(in.q, in.k, in.v, p, pass);
}
/// By the N x N form.
inline Var run_square(const AttentionCore& core, const Input& in, const Positions& p) {
  Pass pass = Pass::eval();
  return matmul(core.weights(in.q, in.k, p, pass), in.v);
}

/// Tokens begin .. + count of p, on their own.
inline Positions only(const Positions& p, int64 begin, int64 count) {
  Positions part = p;
  part.labels = slice(p.labels, 1, begin, begin + count);
  if (p.key_mask.defined()) part.key_mask = slice(p.key_mask, 1, begin, begin + count);
  part.query_begin = 0;
  part.query_count = count;
  return part;
}

inline Var rows_of(const Var& x, int64 begin, int64 end) { return slice(x, 2, begin, end); }

/// The text of the error that f throws, or "".
template <class E = Error, class F>
std::string error_text(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "";
}
inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace gradus::testing

// What the generic suite tries linear_attention with.
#include "nn/ops/linear_attention.h"
#include "nn/ops/row_features.h"

namespace gradus::ops {

namespace {

constexpr Keys kEarlier = Keys::earlier, kAll = Keys::all;

/// What a sample is like beside its sizes.
struct Kind {
  Keys keys;
  FeaturesSaid said;
  bool divided, masked = false, turned = false;
  double scales = 0;  ///< how large scales of tokens are about; 0: none
};
/// `columns`: of the weight.
struct Sizes {
  int64 queries, keys, features, width, columns = 0;
};

InputSpec matrix(const Shape& batch, int64 rows, int64 columns, double low, double high,
                 std::vector<double> kinks = {}) {
  Shape s = batch;
  s.push_back(rows);
  s.push_back(columns);
  return {.shape = s, .low = low, .high = high, .kinks = std::move(kinks)};
}

Sample sample(const Kind& kind, const Shape& batch, const Sizes& n) {
  const FeaturesSaid& f = kind.said;
  const bool has_kink = f.map == ElementMap::relu || f.map == ElementMap::squared_relu;
  const bool needs_sign = kind.divided && (f.map == ElementMap::identity || has_kink);
  const auto input = [&](int64 rows, int64 w, double low, double high,
                         std::vector<double> kinks = {}) {
    return matrix(batch, rows, w, low, high, std::move(kinks));
  };
  // Of a sum no number of the inputs is where the kink is.
  const std::vector<double> kinks =
      has_kink && !f.weighted ? std::vector<double>{0} : std::vector<double>{};
  const double low = !needs_sign ? -1.5 : has_kink ? -0.5 : 0.2;
  Sample s{
      .in = {input(n.queries, n.features, low, 1.5, kinks),
             input(n.keys, n.features, low, 1.5, kinks), input(n.keys, n.width, -1, 1)},
      .attrs = attrs_of(kind.keys, f, kind.divided, kind.masked, kind.turned, kind.scales > 0)};
  if (kind.divided) s.in.push_back(input(n.queries, 1, 0.5, 1));
  if (kind.masked) {
    s.in.push_back(input(n.keys, 1, 0, 2));
    s.in.back().dtype = DType::u8;
  }
  if (kind.turned)
    for (int64 rows : {n.queries, n.keys}) s.in.push_back(input(rows, 2, 0.2, 1));
  if (f.weighted) s.in.push_back(matrix({}, n.features, n.columns, -0.5, 1));
  if (f.biased) s.in.push_back({.shape = {n.columns}, .low = -0.3, .high = 0.3});
  if (f.shifted)
    for (int64 rows : {n.queries, int64{1}}) s.in.push_back(input(rows, 1, 0.2, 1));
  if (const double scale = kind.scales; scale > 0) {
    s.in.push_back(input(n.queries, 1, -scale - 1, -scale));
    s.in.push_back(input(n.keys, 1, scale - 1, scale));
  }
  return s;
}

constexpr FeaturesSaid of(ElementMap map) { return {.map = map}; }
constexpr FeaturesSaid kIdentity = of(ElementMap::identity), kElu1 = of(ElementMap::elu1),
                       kRelu = of(ElementMap::relu), kSoftplus = of(ElementMap::softplus),
                       kSquaredRelu = of(ElementMap::squared_relu);
constexpr FeaturesSaid kExp{.map = ElementMap::exp, .shifted = true};
constexpr FeaturesSaid kExpOfNorm{.map = ElementMap::exp, .norm = 0.7};
constexpr FeaturesSaid kEluOfSum{.map = ElementMap::elu1, .weighted = true, .biased = true};
constexpr FeaturesSaid kFavorRelu{.map = ElementMap::relu, .weighted = true};
constexpr FeaturesSaid kFavorPlus{
    .map = ElementMap::exp_pair, .weighted = true, .shifted = true, .norm = 0.7};
constexpr FeaturesSaid kHedgehog{
    .map = ElementMap::exp_pair, .weighted = true, .biased = true, .shifted = true};
constexpr FeaturesSaid kTrig{.map = ElementMap::cos_sin, .weighted = true, .scale = 0.7};
constexpr FeaturesSaid kTaylor{.map = ElementMap::quadratic, .scale = 0.8};

}  // namespace

Attrs attrs_of(Keys keys, const FeaturesSaid& f, bool divided, bool masked, bool turned,
               bool scaled) {
  const auto flag = [](bool b) { return static_cast<int64>(b); };
  return {{"causal", flag(keys == Keys::earlier)},
          {"map", std::string(name_of(f.map))},
          {"divided", flag(divided)},
          {"masked", flag(masked)},
          {"turned", flag(turned)},
          {"weighted", flag(f.weighted)},
          {"biased", flag(f.biased)},
          {"shifted", flag(f.shifted)},
          {"scaled", flag(scaled)},
          {"norm", f.norm},
          {"scale", f.scale}};
}

Places places_of(const Attrs& a) {
  int next = 3;
  const auto take = [&](const char* flag, int count) {
    if (!a.flag(flag)) return 0;
    next += count;
    return next - count;
  };
  Places p{};
  p.eps = take("divided", 1), p.kept = take("masked", 1), p.turn = take("turned", 2);
  p.weight = take("weighted", 1), p.bias = take("biased", 1), p.shift = take("shifted", 2);
  p.scale = take("scaled", 2);
  return p;
}

std::vector<Sample> linear_attention_samples() {
  return {sample({kEarlier, kElu1, true}, {2, 1}, {5, 5, 3, 2}),
          sample({kEarlier, kRelu, true}, {}, {4, 4, 2, 1}),
          sample({kEarlier, kIdentity, true}, {1}, {3, 3, 2, 9}),
          sample({kEarlier, kElu1, false}, {}, {66, 66, 1, 1}),
          sample({kEarlier, kElu1, true}, {}, {67, 67, 1, 1}),
          sample({kAll, kElu1, true}, {2}, {3, 4, 2, 3}),
          sample({kEarlier, kSoftplus, true}, {2}, {5, 5, 3, 2}),
          sample({kAll, kSoftplus, false, true, true}, {}, {3, 4, 2, 2}),
          sample({kEarlier, kSquaredRelu, true, true}, {2}, {5, 5, 3, 2}),
          sample({kAll, kSquaredRelu, false, false, true}, {}, {3, 4, 2, 1}),
          sample({kAll, kIdentity, false}, {1, 2}, {4, 2, 3, 1}),
          sample({kEarlier, kElu1, true}, {}, {1, 1, 1, 1}),
          sample({kEarlier, kElu1, true, true}, {2}, {5, 5, 3, 2}),
          sample({kAll, kIdentity, false, true}, {}, {3, 4, 2, 2}),
          sample({kEarlier, kElu1, true, true, true}, {2}, {5, 5, 3, 2}),
          sample({kEarlier, kRelu, false, false, true}, {}, {34, 34, 1, 2}),
          sample({kAll, kIdentity, true, false, true}, {2}, {3, 4, 9, 1}),
          sample({kEarlier, kExp, true}, {2}, {5, 5, 3, 2}),
          sample({kEarlier, kExp, true}, {}, {67, 67, 1, 1}),
          sample({kEarlier, kExp, false, true, true}, {}, {34, 34, 1, 1}),
          sample({kAll, kExp, true, true}, {1, 2}, {3, 4, 2, 1}),
          sample({kEarlier, kExp, true}, {}, {1, 1, 1, 1}),
          sample({kAll, kExpOfNorm, false}, {}, {3, 4, 3, 2}),
          sample({kEarlier, kEluOfSum, true}, {2}, {5, 5, 3, 2, 3}),
          sample({kAll, kEluOfSum, false, true, true}, {}, {3, 4, 2, 1, 3}),
          sample({kEarlier, kFavorRelu, true}, {2}, {5, 5, 3, 2, 9}),
          sample({kEarlier, kFavorRelu, false, true, true}, {}, {34, 34, 1, 1, 2}),
          sample({kEarlier, kFavorPlus, true}, {2}, {5, 5, 3, 2, 2}),
          sample({kEarlier, kFavorPlus, true, true, true}, {}, {34, 34, 2, 1, 1}),
          sample({kAll, kFavorPlus, false, true}, {2}, {3, 4, 2, 2, 9}),
          sample({kEarlier, kFavorPlus, true}, {}, {1, 1, 1, 1, 1}),
          sample({kEarlier, kHedgehog, true}, {2}, {5, 5, 2, 2, 2}),
          sample({kEarlier, kHedgehog, true, true}, {}, {67, 67, 1, 1, 1}),
          sample({kAll, kHedgehog, true, true, true}, {2}, {3, 4, 2, 1, 2}),
          sample({kEarlier, kTrig, false, true}, {2}, {5, 5, 3, 2, 2}),
          sample({kAll, kTrig, false, false, true}, {}, {3, 4, 2, 1, 9}),
          sample({kEarlier, kTrig, false}, {}, {34, 34, 1, 1, 1}),
          sample({kEarlier, kTaylor, true, true}, {2}, {5, 5, 3, 2}),
          sample({kEarlier, kTaylor, false, false, true}, {}, {34, 34, 2, 1}),
          sample({kAll, kTaylor, false, true}, {2}, {3, 4, 3, 1}),
          sample({kEarlier, kTaylor, true}, {}, {1, 1, 1, 1}),
          sample({kEarlier, kIdentity, true, true, false, 2}, {2}, {5, 5, 3, 2}),
          sample({kEarlier, kElu1, true, false, false, 1}, {}, {1, 1, 2, 1}),
          sample({kEarlier, kExp, true, false, true, 90}, {}, {33, 33, 1, 1}),
          sample({kEarlier, kFavorPlus, true, false, false, 2}, {2}, {5, 5, 3, 2, 2}),
          sample({kEarlier, kIdentity, false, false, false, 1}, {}, {67, 67, 1, 1})};
}

std::vector<BadSample> linear_attention_bad() {
  const Attrs causal = attrs_of(kEarlier, kElu1, true, false),
              all = attrs_of(kAll, kElu1, true, false);
  const InputSpec q{.shape = {5, 3}}, v{.shape = {5, 2}}, one{.shape = {5, 1}};
  return {
      {.in = {{.shape = {5}}, {.shape = {5}}, {.shape = {5}}},
       .attrs = causal,
       .message = "[..., tokens, features]"},
      {.in = {q, v, v}, .attrs = causal, .message = "q is (5, 3), k is (5, 2)"},
      {.in = {q, {.shape = {4, 3}}, {.shape = {4, 2}}},
       .attrs = causal,
       .message = "as many queries as keys, got 5 and 4"},
      {.in = {q, {.shape = {4, 3}}, v}, .attrs = all, .message = "k is (4, 3), v is (5, 2)"},
      {.in = {q, q, v, {.shape = {5}}}, .attrs = causal, .message = "eps must be (5, 1), got (5)"},
      {.in = {q, q, v, v, one},
       .attrs = attrs_of(kEarlier, kElu1, false, false, true),
       .message = "the turn of k must be (5, 2), got (5, 1)"},
      {.in = {q, q, v, one, {.shape = {5}}},
       .attrs = attrs_of(kEarlier, kElu1, false, false, false, true),
       .message = "the scale of k must be (5, 1), got (5)"},
      {.in = {q, q, v, one, one},
       .attrs = attrs_of(kAll, kElu1, false, false, false, true),
       .message = "scales of tokens need keys that are earlier"},
      {.in = {q, q, v, one, one},
       .attrs = attrs_of(kEarlier, kExp, false, false),
       .message = "the shift of k must be (1, 1), got (5, 1)"},
      {.in = {q, q, v},
       .attrs = attrs_of(kEarlier, {.map = ElementMap::cos_sin, .norm = 1}, false, false),
       .message = "only exponential features have a shift or a norm, not 'cos_sin'"},
      {.in = {q, q, v, {.shape = {2, 3}}},
       .attrs = attrs_of(kEarlier, {.map = ElementMap::relu, .weighted = true}, false, false),
       .message = "the weight must be (3, columns), got (2, 3)"},
      {.in = {q, q, v, {.shape = {3, 4}}, {.shape = {3}}},
       .attrs = attrs_of(kEarlier, {.map = ElementMap::relu, .weighted = true, .biased = true},
                         false, false),
       .message = "the bias must be (4), got (3)"},
      {.in = {q, q, v, {.shape = {3, 4}}},
       .attrs = attrs_of(kEarlier, {.map = ElementMap::quadratic, .weighted = true}, false, false),
       .message = "quadratic features take no weight"},
      {.in = {{.shape = {5, 0}}, {.shape = {5, 0}}, {.shape = {5, 0}}},
       .attrs = attrs_of(kEarlier, {.map = ElementMap::quadratic}, false, false),
       .message = "made of rows of 1 number or more, got (5, 0)"}};
}

}  // namespace gradus::ops

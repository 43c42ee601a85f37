#include "nn/ops/row_features.h"

#include <array>
#include <cmath>

#include "nn/ops/matrices.h"
#include "tensor/elementwise.h"

namespace gradus::ops {

namespace {

struct NamedMap {
  const char* name;
  ElementMap map;
};
constexpr NamedMap kMaps[] = {{"identity", ElementMap::identity},
                              {"elu1", ElementMap::elu1},
                              {"relu", ElementMap::relu},
                              {"softplus", ElementMap::softplus},
                              {"squared_relu", ElementMap::squared_relu},
                              {"exp", ElementMap::exp},
                              {"exp_pair", ElementMap::exp_pair},
                              {"cos_sin", ElementMap::cos_sin},
                              {"quadratic", ElementMap::quadratic}};

/// [rows, columns rounded up], zeros beyond.
template <class T>
Tensor padded_rows(const Tensor& x) {
  const Tensor from = contiguous(x);
  const int64 rows = from.size(0), columns = from.size(1), lead = stage_padded(columns);
  Tensor to = zeros({rows, lead}, from.dtype());
  const T* in = from.data<T>();
  T* out = to.writable<T>();
  for (int64 i = 0; i < rows; ++i)
    std::copy(in + i * columns, in + (i + 1) * columns, out + i * lead);
  return to;
}

Var products_of_pairs(const Var& x) {
  Shape row = x.shape(), flat = x.shape();
  row[row.rank() - 1] = 1;
  flat[flat.rank() - 1] = x.size(-1) * x.size(-1);
  const Var outer = unsqueeze(x, -1) * unsqueeze(x, -2);
  const std::array<Var, 3> parts{Var(ones(row, x.dtype())), x,
                                 reshape(outer, flat) * std::sqrt(0.5)};
  return concat(parts, -1);
}

}  // namespace

std::string_view name_of(ElementMap map) {
  for (const NamedMap& m : kMaps)
    if (m.map == map) return m.name;
  fail<InternalError>("linear_attention: map {} has no name", static_cast<int>(map));
}
ElementMap map_named(std::string_view name) {
  for (const NamedMap& m : kMaps)
    if (m.name == name) return m.map;
  fail<InternalError>("linear_attention has no map '{}'", name);
}
bool is_exponential(ElementMap map) {
  return map == ElementMap::exp || map == ElementMap::exp_pair;
}

Var plain_features(const Var& x, const RowFeatures& f, const Var& shift) {
  Var u = f.weight.defined() ? matmul(x, f.weight) : x;
  if (f.bias.defined()) u = u + f.bias;
  const auto lowered = [&](Var exponent) {
    if (f.norm != 0) exponent = exponent - sum(square(x), {-1}, Keep::yes) * (f.norm / 2);
    return exp(shift.defined() ? exponent - shift : exponent);
  };
  const auto both = [](const Var& a, const Var& b) {
    const std::array<Var, 2> halves{a, b};
    return concat(halves, -1);
  };
  switch (f.map) {
    case ElementMap::identity:
      return u;
    case ElementMap::elu1:
      return elu1(u);
    case ElementMap::relu:
      return relu(u);
    case ElementMap::softplus:
      return softplus(u);
    case ElementMap::squared_relu:
      return square(relu(u));
    case ElementMap::exp:
      return lowered(u);
    case ElementMap::exp_pair:
      return both(lowered(u), lowered(neg(u)));
    case ElementMap::cos_sin:
      return both(cos(u), sin(u)) * f.scale;
    case ElementMap::quadratic:
      return products_of_pairs(u * f.scale);
  }
  return u;
}

template <class T>
StageMemory<T>::StageMemory(ElementMap map, int64 inputs, const Tensor& weight, const Tensor& bias,
                            double norm, double scale, bool both_ways) {
  if (map < ElementMap::exp && !weight.defined()) return;  // a function of each number
  stage_.inputs = stage_.columns = inputs;
  stage_.norm = static_cast<T>(norm), stage_.scale = static_cast<T>(scale);
  if (!weight.defined()) return;
  stage_.columns = weight.size(1);
  weight_ = padded_rows<T>(weight);
  stage_.weight = {weight_.data<T>(), stage_padded(stage_.columns)};
  if (both_ways) {
    transposed_ = padded_rows<T>(transpose(weight));
    stage_.transposed = {transposed_.data<T>(), stage_padded(inputs)};
  }
  if (!bias.defined()) return;
  bias_ = padded_rows<T>(unsqueeze(bias, 0));
  stage_.bias = bias_.data<T>();
}
template class StageMemory<float>;
template class StageMemory<double>;

}  // namespace gradus::ops

namespace gradus {

std::optional<ElementMap> find_element_map(std::string_view name) {
  for (const ops::NamedMap& m : ops::kMaps)
    if (m.name == name && m.map < ElementMap::exp) return m.map;
  return std::nullopt;
}

Tensor largest_exponents(const Tensor& x, const RowFeatures& f) {
  check_shape(x.rank() >= 2, "largest_exponents: x needs the axes [..., tokens, numbers], got {}",
              x.shape());
  if (f.weight.defined()) {
    const Shape& w = f.weight.shape();
    check_shape(w.rank() == 2 && w[0] == x.size(-1),
                "largest_exponents: the weight must be ({}, columns), got {}", x.size(-1), w);
    check_shape(!f.bias.defined() || f.bias.shape() == Shape{w[1]},
                "largest_exponents: the bias must be ({}), got {}", w[1],
                f.bias.defined() ? f.bias.shape() : Shape{});
  }
  Shape shape = x.shape();
  shape[shape.rank() - 1] = 1;
  Tensor largest = Tensor::empty(shape, x.dtype());
  dispatch_float(x.dtype(), "largest_exponents", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto value = [](const Var& v) { return v.defined() ? v.value() : Tensor(); };
    const ops::StageMemory<T> memory(f.map, x.size(-1), value(f.weight), value(f.bias), f.norm,
                                     f.scale, false);
    const ops::Matrices<T> rows(x);
    T* const to = largest.writable<T>();
    const int64 n = x.size(-2);
    const ops::HeadSizes sizes{n, 0, 0, 0, memory.stage().inputs, memory.stage().columns};
    ops::for_heads<T>(n == 0 ? 0 : largest.numel() / n, sizes, [&](int64 i, T* scratch) {
      GRADUS_KERNELS(kLinearAttention)
          .of(T())
          .largest({memory.stage(), f.map == ElementMap::exp_pair, rows.rows(i), n, to + i * n},
                   scratch);
    });
  });
  return largest;
}

}  // namespace gradus

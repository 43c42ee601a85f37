#include "tensor/elementwise_gradients.h"

#include "tensor/elementwise_rows.h"

namespace gradus {
namespace {

template <class F>
Tensor gradient(const Tensor& y, const Tensor& g, std::string_view what, F f) {
  detail::check_same_dtype(y, g, what);
  return dispatch_float(y.dtype(), what, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return detail::map2<T, T, T>(y, g, y.dtype(), f);
  });
}

}  // namespace

Tensor tanh_gradient(const Tensor& y, const Tensor& g) {
  return gradient(y, g, "tanh_gradient", [](auto v, auto c) { return c * (1 - v * v); });
}
Tensor sigmoid_gradient(const Tensor& y, const Tensor& g) {
  return gradient(y, g, "sigmoid_gradient", [](auto v, auto c) { return c * (v * (1 - v)); });
}

}  // namespace gradus

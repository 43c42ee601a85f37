#include <cmath>

#include "tensor/array.h"
#include "tensor/convert.h"
#include "tensor/strided.h"

namespace gradus {
namespace {

/// A tensor whose element i is value(i), a double.
template <class F>
Tensor generate(const Shape& shape, DType dtype, F value) {
  Tensor out = Tensor::empty(shape, dtype);
  dispatch_all(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = out.writable<T>();
    for (int64 i = 0, n = out.numel(); i < n; ++i) to[i] = detail::convert<T>(value(i));
  });
  return out;
}

}  // namespace

Tensor full(const Shape& shape, double value, DType dtype) {
  Tensor out = Tensor::empty(shape, dtype);
  dispatch_all(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T element = detail::convert<T>(value);
    T* to = out.writable<T>();
    const int64 n = out.numel();
    if (n < 2 * detail::kGrain)
      std::fill(to, to + n, element);
    else
      parallel_for(0, n, detail::kGrain,
                   [&](int64 begin, int64 end) { std::fill(to + begin, to + end, element); });
  });
  return out;
}

Tensor zeros(const Shape& shape, DType dtype) { return full(shape, 0, dtype); }
Tensor ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }
Tensor scalar(double value, DType dtype) { return full({}, value, dtype); }
Tensor zeros_like(const Tensor& t) { return zeros(t.shape(), t.dtype()); }
Tensor ones_like(const Tensor& t) { return ones(t.shape(), t.dtype()); }

Tensor arange(double begin, double end, double step, DType dtype) {
  check<ConfigError>(std::isfinite(begin) && std::isfinite(end) && std::isfinite(step) && step != 0,
                     "arange from {} to {} by {}: all must be finite and the step not 0", begin,
                     end, step);
  const double count = std::max(0.0, std::ceil((end - begin) / step));
  check_shape(count < 1e15, "arange from {} to {} by {} has {} elements", begin, end, step, count);
  return generate({static_cast<int64>(count)}, dtype,
                  [=](int64 i) { return begin + static_cast<double>(i) * step; });
}

Tensor linspace(double first, double last, int64 count, DType dtype) {
  check<ConfigError>(count >= 0, "linspace of {} values", count);
  const double step = count > 1 ? (last - first) / static_cast<double>(count - 1) : 0;
  return generate({count}, dtype, [=](int64 i) {
    return count > 1 && i == count - 1 ? last : first + static_cast<double>(i) * step;
  });
}

Tensor eye(int64 n, DType dtype) {
  return generate({n, n}, dtype, [=](int64 i) { return i / n == i % n ? 1.0 : 0.0; });
}

template <class T>
Tensor from_values(std::span<const T> values, const Shape& shape) {
  Tensor out = Tensor::empty(shape, dtype_of<T>());
  check_shape(out.numel() == static_cast<int64>(values.size()),
              "{} values do not fill {}, which has {} elements", values.size(), shape, out.numel());
  std::copy(values.begin(), values.end(), out.writable<T>());
  return out;
}
template Tensor from_values(std::span<const float>, const Shape&);
template Tensor from_values(std::span<const double>, const Shape&);
template Tensor from_values(std::span<const int64>, const Shape&);
template Tensor from_values(std::span<const std::uint8_t>, const Shape&);

Tensor tensor(std::initializer_list<double> values, const Shape& shape, DType dtype) {
  check_shape(shape.numel() == static_cast<int64>(values.size()),
              "{} values do not fill {}, which has {} elements", values.size(), shape,
              shape.numel());
  return generate(shape, dtype, [&](int64 i) { return values.begin()[i]; });
}

}  // namespace gradus

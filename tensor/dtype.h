// Element types and the one switch from a run-time dtype to a C++ type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "tensor/error.h"

namespace gradus {

using int64 = std::int64_t;

/// f32, f64: values with gradients. i64: ids, labels, counts. u8: masks and piano rolls.
enum class DType : std::uint8_t { f32, f64, i64, u8 };

constexpr std::string_view name(DType t) {
  switch (t) {
    case DType::f32:
      return "f32";
    case DType::f64:
      return "f64";
    case DType::i64:
      return "i64";
    default:
      return "u8";
  }
}
constexpr std::size_t size_of(DType t) {
  switch (t) {
    case DType::f32:
      return 4;
    case DType::f64:
    case DType::i64:
      return 8;
    default:
      return 1;
  }
}
constexpr bool is_float(DType t) { return t == DType::f32 || t == DType::f64; }

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>)
    return DType::f32;
  else if constexpr (std::is_same_v<T, double>)
    return DType::f64;
  else if constexpr (std::is_same_v<T, int64>)
    return DType::i64;
  else {
    static_assert(std::is_same_v<T, std::uint8_t>,
                  "element types are float, double, int64 and uint8_t");
    return DType::u8;
  }
}

template <class T>
struct TypeTag {
  using type = T;
};

/// Calls f(TypeTag<float>{}) or f(TypeTag<double>{}); another dtype is an error that names `what`.
template <class F>
decltype(auto) dispatch_float(DType t, std::string_view what, F&& f) {
  switch (t) {
    case DType::f32:
      return f(TypeTag<float>{});
    case DType::f64:
      return f(TypeTag<double>{});
    default:
      fail<DTypeError>("{} takes f32 or f64, got {}; use cast(x, DType::f32)", what, name(t));
  }
}
/// Calls f with the tag of any dtype.
template <class F>
decltype(auto) dispatch_all(DType t, F&& f) {
  switch (t) {
    case DType::f32:
      return f(TypeTag<float>{});
    case DType::f64:
      return f(TypeTag<double>{});
    case DType::i64:
      return f(TypeTag<int64>{});
    default:
      return f(TypeTag<std::uint8_t>{});
  }
}

}  // namespace gradus

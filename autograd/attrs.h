// Attrs: the numbers and words that an op needs besides its inputs (axes, shapes, keys). They are
// immutable, shared and printable; a node without attributes pays nothing for them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tensor/shape.h"

namespace gradus {

/// Anything else that an op carries (the function that `checkpoint` recomputes, say).
struct Payload {
  virtual ~Payload() = default;
};

using AttrValue = std::variant<int64, double, std::string, std::vector<int64>, std::vector<double>,
                               std::shared_ptr<const Payload>>;

class Attrs {
 public:
  using Item = std::pair<std::string, AttrValue>;
  Attrs() = default;
  Attrs(std::initializer_list<Item> items)
      : items_(std::make_shared<const std::vector<Item>>(items.begin(), items.end())) {}

  bool has(std::string_view key) const { return find(key) != nullptr; }
  int64 integer(std::string_view key) const { return get<int64>(key); }
  bool flag(std::string_view key) const { return get<int64>(key) != 0; }
  double real(std::string_view key) const { return get<double>(key); }
  const std::string& word(std::string_view key) const { return get<std::string>(key); }
  const std::vector<int64>& integers(std::string_view key) const {
    return get<std::vector<int64>>(key);
  }
  const std::vector<double>& reals(std::string_view key) const {
    return get<std::vector<double>>(key);
  }
  Shape shape(std::string_view key) const { return Shape(std::span<const int64>(integers(key))); }
  DType dtype(std::string_view key) const { return static_cast<DType>(integer(key)); }
  const Payload& payload(std::string_view key) const {
    return *get<std::shared_ptr<const Payload>>(key);
  }

  std::span<const Item> items() const {
    return items_ ? std::span<const Item>(*items_) : std::span<const Item>();
  }
  /// "axis=1, keep=0"
  std::string text() const;

 private:
  const AttrValue* find(std::string_view key) const {
    for (const Item& item : items())
      if (item.first == key) return &item.second;
    return nullptr;
  }
  template <class T>
  const T& get(std::string_view key) const {
    const AttrValue* v = find(key);
    const T* t = v ? std::get_if<T>(v) : nullptr;
    if (!t)
      throw InternalError(
          fmt::format("attribute '{}' is missing or of another type in ({})", key, text()));
    return *t;
  }
  std::shared_ptr<const std::vector<Item>> items_;
};

/// A shape as an attribute value.
inline AttrValue attr(const Shape& s) { return std::vector<int64>(s.begin(), s.end()); }
inline AttrValue attr(DType t) { return static_cast<int64>(t); }

}  // namespace gradus

// Shape: the sizes of up to eight axes, kept inline so that a shape never allocates.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <span>
#include <string>

#include "tensor/dtype.h"

namespace gradus {

inline constexpr int kMaxRank = 8;

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64> sizes)
      : Shape(std::span<const int64>(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const int64> sizes) {
    check_shape(sizes.size() <= kMaxRank, "a tensor has at most {} axes, got {}", kMaxRank,
                sizes.size());
    rank_ = static_cast<int>(sizes.size());
    std::copy(sizes.begin(), sizes.end(), sizes_);
  }
  static Shape of_rank(int rank, int64 size) {
    Shape s;
    check_shape(rank <= kMaxRank, "a tensor has at most {} axes, got {}", kMaxRank, rank);
    s.rank_ = rank;
    std::fill(s.sizes_, s.sizes_ + rank, size);
    return s;
  }

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  int64 operator[](int axis) const { return sizes_[axis]; }
  int64& operator[](int axis) { return sizes_[axis]; }
  int64 back() const { return sizes_[rank_ - 1]; }
  const int64* begin() const { return sizes_; }
  const int64* end() const { return sizes_ + rank_; }
  int64* begin() { return sizes_; }
  int64* end() { return sizes_ + rank_; }
  /// Number of elements; 1 for no axes.
  int64 numel() const {
    int64 n = 1;
    for (int64 s : *this) n *= s;
    return n;
  }
  void push_back(int64 size) {
    check_shape(rank_ < kMaxRank, "a tensor has at most {} axes, got {}", kMaxRank, rank_ + 1);
    sizes_[rank_++] = size;
  }
  void insert(int axis, int64 size);
  void erase(int axis);
  bool operator==(const Shape& o) const {
    if (rank_ != o.rank_) return false;
    for (int axis = 0; axis < rank_; ++axis)  // std::equal would call memcmp for two numbers
      if (sizes_[axis] != o.sizes_[axis]) return false;
    return true;
  }

 private:
  int64 sizes_[kMaxRank] = {};
  int rank_ = 0;
};

/// Strides in elements; the same container, another meaning.
using Strides = Shape;

/// "(4, 8)", "()" for a scalar.
std::string text(const Shape& s);
/// Row-major strides.
Strides contiguous_strides(const Shape& s);
/// -1 is the last axis; out of range is an IndexError that says the rank.
int normal_axis(int64 axis, int rank);
/// Numpy rules: aligned at the last axis, sizes equal or 1. A ShapeError names both shapes.
Shape broadcast_shapes(const Shape& a, const Shape& b);
/// True where `from` may be broadcast to `to`.
bool can_broadcast(const Shape& from, const Shape& to);

}  // namespace gradus

// Shapes are written into messages as they are: check_shape(ok, "... {}", shape) makes the text
// only when it throws, where text(shape) as an argument would make it on every call.
template <>
struct fmt::formatter<gradus::Shape> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  auto format(const gradus::Shape& s, fmt::format_context& context) const {
    const std::string words = gradus::text(s);
    return std::copy(words.begin(), words.end(), context.out());
  }
};

// Tensor: an n-d array with run-time dtype, a cheap handle on shared 64-byte-aligned storage.
// It is a value that nobody changes: view ops share storage, all other ops write fresh contiguous
// output, and writing goes through `writable`, which refuses storage that another handle shares. So
// there are no in-place versions and no aliasing surprises. Strides are counted in elements and may
// be 0 (broadcast); they are never negative.
#pragma once

#include <atomic>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tensor/shape.h"

namespace gradus {

namespace detail {
/// Header of a storage block. Pooled storage holds its elements in the same block, right behind the
/// header.
struct alignas(64) Storage {
  std::atomic<int> references{1};
  std::size_t bytes = 0;  // of the elements
  void* elements = nullptr;
  void (*release)(void* context) =
      nullptr;  // set: memory of somebody else, read only (a mapped file)
  void* context = nullptr;
};
void free_storage(Storage* s) noexcept;
/// The only holder needs no locked instruction: nobody else can come by a reference.
inline bool gives_up_last(Storage* s) noexcept {
  return s->references.load(std::memory_order_acquire) == 1 ||
         s->references.fetch_sub(1, std::memory_order_acq_rel) == 1;
}
[[noreturn]] void fail_undefined();
}  // namespace detail

class Tensor {
 public:
  /// No tensor at all: defined() is false, everything else throws or is empty.
  Tensor() noexcept = default;
  Tensor(const Tensor& o) noexcept
      : storage_(o.storage_),
        offset_(o.offset_),
        shape_(o.shape_),
        strides_(o.strides_),
        dtype_(o.dtype_) {
    if (storage_) storage_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Tensor(Tensor&& o) noexcept
      : storage_(std::exchange(o.storage_, nullptr)),
        offset_(o.offset_),
        shape_(o.shape_),
        strides_(o.strides_),
        dtype_(o.dtype_) {}
  Tensor& operator=(Tensor o) noexcept {
    swap(o);
    return *this;
  }
  ~Tensor() {
    if (storage_ && detail::gives_up_last(storage_)) detail::free_storage(storage_);
  }
  void swap(Tensor& o) noexcept {
    std::swap(storage_, o.storage_);
    std::swap(offset_, o.offset_);
    std::swap(shape_, o.shape_);
    std::swap(strides_, o.strides_);
    std::swap(dtype_, o.dtype_);
  }

  /// Fresh storage, elements not initialised: to be filled through writable().
  static Tensor empty(const Shape& shape, DType dtype);
  /// Read-only elements that somebody else owns; release(context) is called when the last handle
  /// goes.
  static Tensor borrow(const void* elements, const Shape& shape, DType dtype,
                       void (*release)(void*), void* context);

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  const Strides& strides() const { return strides_; }
  int rank() const { return shape_.rank(); }
  /// Size along an axis; -1 is the last.
  int64 size(int64 axis) const { return shape_[normal_axis(axis, rank())]; }
  int64 numel() const { return shape_.numel(); }
  DType dtype() const { return dtype_; }
  bool is_contiguous() const;
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype_); }
  bool shares_storage(const Tensor& o) const { return storage_ && storage_ == o.storage_; }
  /// True while this is the only handle on its (own) storage: what writable() asks for.
  bool is_sole_owner() const {
    return storage_ && !storage_->release &&
           storage_->references.load(std::memory_order_acquire) == 1;
  }

  /// The first element; the others by strides(). DTypeError where T is another type.
  template <class T>
  const T* data() const {
    require(dtype_of<T>());
    return reinterpret_cast<const T*>(raw());
  }
  /// All elements in order, without a copy; only for contiguous tensors (see contiguous()).
  template <class T>
  std::span<const T> values() const {
    require(dtype_of<T>());
    require_contiguous();
    return {reinterpret_cast<const T*>(raw()), static_cast<std::size_t>(numel())};
  }
  /// The one accessor that writes: contiguous, and refused (an Error) while another handle
  /// shares the storage.
  template <class T>
  T* writable() {
    require(dtype_of<T>());
    require_writable();
    return reinterpret_cast<T*>(const_cast<std::byte*>(raw()));
  }
  std::byte* writable_bytes() {
    require_writable();
    return const_cast<std::byte*>(raw());
  }
  const std::byte* raw() const {
    if (!storage_) [[unlikely]]
      detail::fail_undefined();
    return static_cast<const std::byte*>(storage_->elements) +
           static_cast<std::size_t>(offset_) * size_of(dtype_);
  }
  /// One element as a double (i64 above 2^53 loses its low digits; use to_vector there).
  double at(std::initializer_list<int64> index) const;
  /// The value of a tensor of one element.
  double item() const;
  /// A copy of all elements in logical order, converted to T.
  template <class T>
  std::vector<T> to_vector() const;

  /// View on the same storage with other sizes and strides; for view ops only, checked against the
  /// storage's size.
  Tensor with_layout(const Shape& shape, const Strides& strides, int64 offset_change) const;

 private:
  void require(DType wanted) const;
  void require_contiguous() const;
  void require_writable() const;

  detail::Storage* storage_ = nullptr;
  int64 offset_ = 0;  // in elements
  Shape shape_;
  Strides strides_;
  DType dtype_ = DType::f32;
};

// ---- creation ----------------------------------------------------------------------------------
// What takes a dtype makes f32 where none is given; all are contiguous.

Tensor full(const Shape& shape, double value, DType dtype = DType::f32);
Tensor zeros(const Shape& shape, DType dtype = DType::f32);
Tensor ones(const Shape& shape, DType dtype = DType::f32);
/// A tensor without axes.
Tensor scalar(double value, DType dtype = DType::f32);
/// begin, begin + step, ... below end.
Tensor arange(double begin, double end, double step = 1, DType dtype = DType::f32);
/// `count` values from first to last, both included.
Tensor linspace(double first, double last, int64 count, DType dtype = DType::f32);
Tensor eye(int64 n, DType dtype = DType::f32);
/// Elements in row-major order; their number must be the shape's.
template <class T>
Tensor from_values(std::span<const T> values, const Shape& shape);
template <class T>
Tensor from_values(const std::vector<T>& values, const Shape& shape) {
  return from_values(std::span<const T>(values), shape);
}
/// tensor({1, 2, 3, 4}, {2, 2}): numbers written in place, stored as dtype.
Tensor tensor(std::initializer_list<double> values, const Shape& shape, DType dtype = DType::f32);
Tensor zeros_like(const Tensor& t);
Tensor ones_like(const Tensor& t);

// ---- views -------------------------------------------------------------------------------------
// They share storage: no copy. Axes count from the back where they are negative.

/// Sizes with one -1 to be worked out; a view where strides allow, else a copy.
Tensor reshape(const Tensor& t, const Shape& shape);
Tensor transpose(const Tensor& t, int64 axis_a = -2, int64 axis_b = -1);
Tensor permute(const Tensor& t, std::span<const int64> axes);
inline Tensor permute(const Tensor& t, std::initializer_list<int64> axes) {
  return permute(t, std::span<const int64>(axes.begin(), axes.size()));
}
/// Elements begin, begin + step, ... below end along one axis; negative begin and end count from
/// the back.
Tensor slice(const Tensor& t, int64 axis, int64 begin, int64 end, int64 step = 1);
/// One index of one axis; the axis goes away.
Tensor select(const Tensor& t, int64 axis, int64 index);
Tensor unsqueeze(const Tensor& t, int64 axis);
Tensor squeeze(const Tensor& t, int64 axis);
Tensor broadcast_to(const Tensor& t, const Shape& shape);

// ---- copies and comparisons --------------------------------------------------------------------
// Any strides in. Comparisons are of elements, whatever their layout.

/// The tensor itself where it is contiguous already, else a contiguous copy.
Tensor contiguous(const Tensor& t);
/// Always a fresh copy.
Tensor copy(const Tensor& t);
/// Converted elements; f64 to f32 rounds, floats to integers truncate, u8 wraps. The tensor itself
/// where dtype is the same.
Tensor cast(const Tensor& t, DType dtype);
/// Same dtype, shape and bits (NaN equal to the same NaN).
bool same_bits(const Tensor& a, const Tensor& b);
/// |a - b| <= absolute + relative*|b| for every element; NaN is close to nothing.
[[nodiscard]] bool all_close(const Tensor& a, const Tensor& b, double relative = 1e-5,
                             double absolute = 1e-8);
/// Largest |a - b|; NaN where any difference is NaN.
double max_difference(const Tensor& a, const Tensor& b);

// ---- printing ----------------------------------------------------------------------------------
// For people: abridged and rounded; files keep every bit (tensor/npy.h, tensor/safetensors.h).

struct PrintOptions {
  int digits = 4;          ///< significant digits
  int64 edge_items = 3;    ///< shown at each end of a long axis
  int64 threshold = 1000;  ///< tensors above this many elements are abridged
};
/// "f32 (2, 3)\n[[1, 2, 3],\n [4, 5, 6]]": columns aligned, long axes abridged, reads well at any
/// size.
std::string to_string(const Tensor& t, const PrintOptions& options = {});
/// One line for error messages and logs: "f32 (2, 3)".
std::string describe(const Tensor& t);

}  // namespace gradus

/// "{}" with a tensor is its describe(), made only when a message is.
template <>
struct fmt::formatter<gradus::Tensor> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  auto format(const gradus::Tensor& t, fmt::format_context& context) const {
    const std::string words = gradus::describe(t);
    return std::copy(words.begin(), words.end(), context.out());
  }
};

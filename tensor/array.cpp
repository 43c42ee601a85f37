#include "tensor/array.h"

#include <cstring>
#include <limits>
#include <new>

#include "tensor/convert.h"
#include "tensor/memory.h"
#include "tensor/strided.h"

namespace gradus {
namespace {

static_assert(sizeof(detail::Storage) == 64, "elements start at the next 64-byte boundary");

/// Bytes of a tensor; refuses negative sizes and products that do not fit.
std::size_t checked_bytes(const Shape& shape, DType dtype) {
  constexpr int64 kMost = std::numeric_limits<int64>::max() / 16;
  int64 elements = 1, nonzero = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const int64 size = shape[axis];
    check_shape(size >= 0, "sizes must be 0 or more, got {} (axis {} is {})", shape, axis, size);
    const bool overflows = __builtin_mul_overflow(nonzero, std::max<int64>(size, 1), &nonzero);
    check_shape(size == 0 || (!overflows && nonzero <= kMost),
                "a tensor of shape {} does not fit into memory", shape);
    elements *= size;
  }
  return static_cast<std::size_t>(elements) * size_of(dtype);
}

}  // namespace

namespace detail {

void free_storage(Storage* s) noexcept {
  const std::size_t block = sizeof(Storage) + (s->release ? 0 : s->bytes);
  if (s->release) s->release(s->context);
  s->~Storage();
  pool_free(s, block);
}

void fail_undefined() {
  fail<Error>("the elements of an undefined tensor were asked for (Tensor() holds none)");
}

}  // namespace detail

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  const std::size_t bytes = checked_bytes(shape, dtype);
  void* block = pool_allocate(sizeof(detail::Storage) + bytes);
  Tensor t;
  t.storage_ = new (block) detail::Storage;
  t.storage_->bytes = bytes;
  t.storage_->elements = static_cast<std::byte*>(block) + sizeof(detail::Storage);
  t.shape_ = shape;
  t.strides_ = contiguous_strides(shape);
  t.dtype_ = dtype;
  return t;
}

Tensor Tensor::borrow(const void* elements, const Shape& shape, DType dtype, void (*release)(void*),
                      void* context) {
  const std::size_t bytes = checked_bytes(shape, dtype);
  Tensor t;
  t.storage_ = new (pool_allocate(sizeof(detail::Storage))) detail::Storage;
  t.storage_->bytes = bytes;
  t.storage_->elements = const_cast<void*>(elements);  // only ever read: see is_sole_owner()
  t.storage_->release = release ? release : [](void*) {};
  t.storage_->context = context;
  t.shape_ = shape;
  t.strides_ = contiguous_strides(shape);
  t.dtype_ = dtype;
  return t;
}

bool Tensor::is_contiguous() const {
  int64 step = 1;
  for (int axis = rank() - 1; axis >= 0; --axis) {
    if (shape_[axis] == 0) return true;
    if (shape_[axis] != 1 && strides_[axis] != step) return false;
    step *= shape_[axis];
  }
  return true;
}

void Tensor::require(DType wanted) const {
  if (!storage_) detail::fail_undefined();
  check_dtype(dtype_ == wanted, "elements of {} read as {}", *this, name(wanted));
}

void Tensor::require_contiguous() const {
  check_shape(is_contiguous(), "values() of a view that is not contiguous: {}; use contiguous(x)",
              *this);
}

void Tensor::require_writable() const {
  if (!storage_) detail::fail_undefined();
  if (storage_->release) fail<Error>("write to borrowed elements of {}", *this);
  if (!is_sole_owner())
    fail<Error>("write to {}, whose storage {} handles share; use copy(x)", *this,
                storage_->references.load());
  if (!is_contiguous()) fail<Error>("write to a strided view of {}", *this);
}

Tensor Tensor::with_layout(const Shape& shape, const Strides& strides, int64 offset_change) const {
  if (!storage_) detail::fail_undefined();
  const int64 first = offset_ + offset_change;
  const auto available = static_cast<int64>(storage_->bytes / size_of(dtype_));
  int64 last = first;
  bool valid = shape.rank() == strides.rank() && first >= 0, has_elements = true;
  for (int axis = 0; valid && axis < shape.rank(); ++axis) {
    valid = shape[axis] >= 0 && strides[axis] >= 0;
    has_elements = has_elements && shape[axis] > 0;
    last += (shape[axis] - 1) * strides[axis];
  }
  if (!valid || (has_elements && last >= available))
    fail<InternalError>("view {} with strides {} at {} leaves the storage of {} elements", shape,
                        strides, first, available);
  Tensor view = *this;
  view.shape_ = shape;
  view.strides_ = strides;
  view.offset_ = has_elements ? first : 0;
  return view;
}

double Tensor::at(std::initializer_list<int64> index) const {
  if (static_cast<int>(index.size()) != rank())
    fail<IndexError>("{} indices for {}", index.size(), *this);
  int64 position = 0;
  int axis = 0;
  for (int64 i : index) {
    const int64 n = shape_[axis];
    if (i < -n || i >= n)
      fail<IndexError>("index {} of axis {} of {}; allowed are {} to {}", i, axis, *this, -n,
                       n - 1);
    position += (i < 0 ? i + n : i) * strides_[axis++];
  }
  return dispatch_all(dtype_, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return static_cast<double>(data<T>()[position]);
  });
}

double Tensor::item() const {
  if (!storage_) detail::fail_undefined();
  check_shape(numel() == 1, "item() needs one element, got {}", *this);
  return dispatch_all(dtype_, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return static_cast<double>(*data<T>());
  });
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  if (!storage_) detail::fail_undefined();
  std::vector<T> out(static_cast<std::size_t>(numel()));
  dispatch_all(dtype_, [&](auto tag) {
    using From = typename decltype(tag)::type;
    const From* from = data<From>();
    const detail::Walk<1> walk(shape_, {this});
    const int64 step = walk.inner_stride(0);
    walk.run(0, numel(), [&](const int64(&at)[1], int64 first, int64 count) {
      for (int64 i = 0; i < count; ++i)
        out[static_cast<std::size_t>(first + i)] = detail::convert<T>(from[at[0] + i * step]);
    });
  });
  return out;
}
template std::vector<float> Tensor::to_vector<float>() const;
template std::vector<double> Tensor::to_vector<double>() const;
template std::vector<int64> Tensor::to_vector<int64>() const;
template std::vector<std::uint8_t> Tensor::to_vector<std::uint8_t>() const;

}  // namespace gradus

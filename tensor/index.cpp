// Gather and scatter: elements picked by numbers that are themselves data, so every id is checked.
#include "tensor/index.h"

#include "tensor/strided.h"

namespace gradus {
namespace {

void check_ids(const Tensor& ids, std::string_view what) {
  check_dtype(ids.dtype() == DType::i64, "{} takes i64 ids, got {}; use cast(ids, DType::i64)",
              what, ids);
}

[[noreturn]] void fail_id(std::string_view what, int64 id, int64 position, const Shape& shape,
                          int64 limit) {
  if (limit == 0) fail<IndexError>("{}: id {}, but there is nothing to pick from", what, id);
  fail<IndexError>("{}: id {} (number {} of {}) is out of range; allowed are 0 to {}", what, id,
                   position, shape, limit - 1);
}

/// All ids in order, checked.
Tensor checked_ids(const Tensor& ids, int64 limit, std::string_view what) {
  check_ids(ids, what);
  const Tensor list = contiguous(ids);
  const std::span<const int64> values = list.values<int64>();
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] < 0 || values[i] >= limit) [[unlikely]]
      fail_id(what, values[i], static_cast<int64>(i), ids.shape(), limit);
  return list;
}

/// Index shape for gather and scatter_add: `full` but for the picked axis, or 1 there.
void check_index(const Tensor& index, const Shape& full, int axis, std::string_view what) {
  check_ids(index, what);
  check_shape(index.rank() == full.rank(), "{}: the index {} needs as many axes as {}", what,
              index.shape(), full);
  for (int a = 0; a < full.rank(); ++a)
    check_shape(a == axis || index.shape()[a] == full[a] || index.shape()[a] == 1,
                "{}: axis {} of the index {} must have size {} or 1, as in {}", what, a,
                index.shape(), full[a], full);
}

/// t with one axis shrunk to its first element: where the picking along that axis starts from.
Tensor line_starts(const Tensor& t, int axis) {
  Shape shape = t.shape();
  shape[axis] = 1;
  return t.with_layout(shape, t.strides(), 0);
}

}  // namespace

Tensor take_rows(const Tensor& table, const Tensor& ids) {
  check_shape(table.rank() > 0, "take_rows needs a table with rows, got {}", table);
  const Tensor list = checked_ids(ids, table.shape()[0], "take_rows");
  const Tensor rows = contiguous(table);
  Shape shape = ids.shape();
  int64 width = 1;
  for (int axis = 1; axis < table.rank(); ++axis) {
    shape.push_back(table.shape()[axis]);
    width *= table.shape()[axis];
  }
  Tensor out = Tensor::empty(shape, table.dtype());
  const int64* id = list.data<int64>();
  dispatch_all(table.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = rows.data<T>();
    T* to = out.writable<T>();
    parallel_for(0, ids.numel(), 1 + detail::kGrain / (width + 1), [&](int64 begin, int64 end) {
      for (int64 i = begin; i < end; ++i) std::copy_n(from + id[i] * width, width, to + i * width);
    });
  });
  return out;
}

Tensor add_rows(const Tensor& rows, const Tensor& ids, int64 row_count) {
  check_shape(row_count >= 0, "add_rows into {} rows", row_count);
  check_shape(rows.rank() >= ids.rank() &&
                  std::equal(ids.shape().begin(), ids.shape().end(), rows.shape().begin()),
              "add_rows: the rows {} must begin with the shape of the ids, {}", rows.shape(),
              ids.shape());
  const Tensor list = checked_ids(ids, row_count, "add_rows");
  const Tensor source = contiguous(rows);
  Shape shape{row_count};
  int64 width = 1;
  for (int axis = ids.rank(); axis < rows.rank(); ++axis) {
    shape.push_back(rows.shape()[axis]);
    width *= rows.shape()[axis];
  }
  Tensor out = zeros(shape, rows.dtype());
  const int64* id = list.data<int64>();
  const int64 count = ids.numel();
  dispatch_all(rows.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = source.data<T>();
    T* to = out.writable<T>();
    // Threads take columns, so that the sum of every element runs in the order of the ids.
    parallel_for(0, width, 1 + detail::kGrain / (count + 1), [&](int64 begin, int64 end) {
      for (int64 i = 0; i < count; ++i)
        for (int64 c = begin; c < end; ++c) {
          T& sum = to[id[i] * width + c];
          sum = static_cast<T>(sum + from[i * width + c]);
        }
    });
  });
  return out;
}

Tensor gather(const Tensor& x, int64 axis, const Tensor& index) {
  const int a = normal_axis(axis, x.rank());
  check_index(index, x.shape(), a, "gather");
  Shape shape = x.shape();
  shape[a] = index.shape()[a];
  Tensor out = Tensor::empty(shape, x.dtype());
  if (out.numel() == 0) return out;
  const int64 limit = x.shape()[a], axis_step = x.strides()[a];
  const int64* ids = index.data<int64>();
  if (limit == 0) fail_id("gather", *ids, 0, index.shape(), limit);
  const Tensor starts = line_starts(x, a);
  const detail::Walk<2> walk(shape, {&starts, &index});
  const int64 step = walk.inner_stride(0), id_step = walk.inner_stride(1);
  dispatch_all(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = starts.data<T>();
    T* to = out.writable<T>();
    walk.run_parallel([&](const int64(&at)[2], int64 first, int64 count) {
      for (int64 i = 0; i < count; ++i) {
        const int64 id = ids[at[1] + i * id_step];
        if (id < 0 || id >= limit) [[unlikely]]
          fail_id("gather", id, first + i, shape, limit);
        to[first + i] = from[at[0] + i * step + id * axis_step];
      }
    });
  });
  return out;
}

Tensor scatter_add(const Tensor& source, int64 axis, const Tensor& index, const Shape& shape) {
  const int a = normal_axis(axis, shape.rank());
  check_shape(source.rank() == shape.rank(), "scatter_add of {} into {}: they need as many axes",
              source.shape(), shape);
  for (int b = 0; b < shape.rank(); ++b)
    check_shape(b == a || source.shape()[b] == shape[b],
                "scatter_add of {} into {}: axis {} has sizes {} and {}", source.shape(), shape, b,
                source.shape()[b], shape[b]);
  check_index(index, source.shape(), a, "scatter_add");
  check_shape(index.shape()[a] == source.shape()[a],
              "scatter_add: the index {} and the source {} differ along axis {}", index.shape(),
              source.shape(), a);
  Tensor out = zeros(shape, source.dtype());
  const int64 n = source.numel(), limit = shape[a], axis_step = out.strides()[a];
  if (n == 0) return out;
  const int64* ids = index.data<int64>();
  if (limit == 0) fail_id("scatter_add", *ids, 0, index.shape(), limit);
  int64 outer = 1;
  for (int b = 0; b < a; ++b) outer *= shape[b];
  dispatch_all(source.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = out.writable<T>();
    const T* from = source.data<T>();
    const Tensor starts = line_starts(out, a);
    const detail::Walk<3> walk(source.shape(), {&source, &index, &starts});
    const int64 step = walk.inner_stride(0), id_step = walk.inner_stride(1),
                out_step = walk.inner_stride(2);
    // What lies before the axis is independent; the rest is added in order.
    const int64 block = n / outer;
    parallel_for(0, outer, 1 + detail::kGrain / block, [&](int64 begin, int64 end) {
      walk.run(begin * block, end * block, [&](const int64(&at)[3], int64 first, int64 count) {
        for (int64 i = 0; i < count; ++i) {
          const int64 id = ids[at[1] + i * id_step];
          if (id < 0 || id >= limit) [[unlikely]]
            fail_id("scatter_add", id, first + i, source.shape(), limit);
          T& sum = to[at[2] + i * out_step + id * axis_step];
          sum = static_cast<T>(sum + from[at[0] + i * step]);
        }
      });
    });
  });
  return out;
}

}  // namespace gradus

#include "tensor/batch_product.h"

#include "tensor/kernels/product.h"
#include "tensor/parallel.h"

namespace gradus {
namespace {

constexpr int64 kPart = 1 << 19;  // multiply-adds that are worth another thread

/// Where `index` of a batch (row-major) starts in t, whose batch axes broadcast to `batch`.
int64 batch_offset(const Tensor& t, const Shape& batch, int64 index) {
  int64 offset = 0;
  const int own = t.rank() - 2, shift = batch.rank() - own;
  for (int axis = batch.rank() - 1; axis >= shift; --axis) {
    if (t.shape()[axis - shift] != 1) offset += index % batch[axis] * t.strides()[axis - shift];
    index /= batch[axis];
  }
  return offset;
}

/// run(begin, end) over `tasks` tasks of `work` multiply-adds each.
template <class F>
void run_tasks(int64 tasks, double work, F run) {
  if (tasks == 1)
    run(int64{0}, int64{1});
  else
    parallel_for(0, tasks, 1 + static_cast<int64>(static_cast<double>(kPart) / work), run);
}

double multiply_adds(const BatchProduct& p) {
  return static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
}

// ---- our own kernel

/// Whether tensor/kernels/product.h is the faster one: where less than a fifth of the columns that
/// it computes are computed twice, where a transposed copy of B serves enough rows, and where rows
/// are near enough for the caches (1024 numbers apart it is a third slower than BLAS, which copies
/// its operands).
template <class T>
bool ours_is_faster(const BatchProduct& p) {
  constexpr int64 kLeastRows = 32, kFarthestBytes = 3072;
  if (kernel_level() == Level::portable) return false;
  const int64 columns = GRADUS_KERNELS(product_kernels).of(T{}).columns;
  const int64 computed = (p.n + columns - 1) / columns * columns;
  if (p.n < columns || 4 * computed > 5 * p.n) return false;
  if (p.layout_b.turned() && p.m < kLeastRows) return false;
  const int64 lead_b = p.layout_b.turned() ? p.n : p.layout_b.lead;
  return std::max(p.layout_a.lead, lead_b) * static_cast<int64>(sizeof(T)) <= kFarthestBytes;
}

/// The matrices of b, [..., k, n] and transposed in memory, row by row.
template <class T>
Tensor turned(const Tensor& b, const Layout& layout) {
  const auto& kernels = GRADUS_KERNELS(product_kernels).of(T{});
  Tensor out = Tensor::empty(b.shape(), b.dtype());
  T* const to = out.writable<T>();
  const T* const from = b.data<T>();
  const int64 k = b.shape()[b.rank() - 2], n = b.shape().back();
  Shape batch = b.shape();
  batch.erase(batch.rank() - 1), batch.erase(batch.rank() - 1);
  // A strip of a matrix is a task: so many rows of what is read, columns of what is written.
  const int64 strip = kernels.columns, strips = (n + strip - 1) / strip;
  run_tasks(batch.numel() * strips, static_cast<double>(strip * k), [&](int64 begin, int64 end) {
    for (int64 task = begin; task < end; ++task) {
      const int64 index = task / strips, first = task % strips * strip;
      kernels.transpose(to + index * k * n + first, n,
                        from + batch_offset(b, batch, index) + first * layout.lead, layout.lead,
                        std::min(strip, n - first), k);
    }
  });
  return out;
}

/// Parts are whole rows of tiles, or columns of them where there are more of those.
template <class T>
void multiply_here(const BatchProduct& p, T* out) {
  const auto& kernels = GRADUS_KERNELS(product_kernels).of(T{});
  const bool of_rows = p.m > p.n;
  const int64 length = of_rows ? p.m : p.n, size = of_rows ? kernels.rows : kernels.columns;
  // The last columns may be more than a tile: the kernel takes no fewer.
  const int64 tiles = of_rows ? (length + size - 1) / size : length / size;
  const auto run_part = [&](int64 index, int64 first, int64 last) {
    Product<T> part = {.m = p.m,
                       .n = p.n,
                       .k = p.k,
                       .a = p.a.data<T>() + batch_offset(p.a, p.batch, index),
                       .row_a = p.layout_a.turned() ? 1 : p.layout_a.lead,
                       .column_a = p.layout_a.turned() ? p.layout_a.lead : 1,
                       .b = p.b.data<T>() + batch_offset(p.b, p.batch, index),
                       .lead_b = p.layout_b.lead,
                       .c = out + index * p.m * p.n,
                       .lead_c = p.n,
                       .bias = p.row.defined() ? p.row.data<T>() : nullptr};
    if (of_rows)
      part.m = last - first, part.a += first * part.row_a, part.c += first * p.n;
    else
      part.n = last - first, part.b += first, part.c += first, part.bias += part.bias ? first : 0;
    kernels.multiply(part);
  };
  run_tasks(p.batch.numel() * tiles, multiply_adds(p) / static_cast<double>(tiles),
            [&](int64 begin, int64 end) {
              while (begin < end) {
                const int64 index = begin / tiles, tile = begin % tiles;
                const int64 next = std::min(tile + end - begin, tiles);
                run_part(index, tile * size, next == tiles ? length : next * size);
                begin += next - tile;
              }
            });
}

// ---- BLAS

/// How one product is cut: blocks of rows, or of columns where there are more of those.
struct Blocks {
  bool of_rows;
  int64 size, count;
};
Blocks cut(int64 m, int64 n, int64 k) {
  constexpr int64 kLeast = 256;             // below this the packing of the other operand shows
  constexpr int64 kMultiplyAdds = 1 << 22;  // about 40 us of work
  const bool of_rows = m >= n;
  const int64 length = of_rows ? m : n, other = std::max<int64>(1, (of_rows ? n : m) * k);
  const int64 size = std::max(kLeast, (kMultiplyAdds / other + 63) / 64 * 64);
  return {of_rows, size, (length + size - 1) / size};
}

template <class T>
void add_row(T* out, int64 rows, int64 columns, int64 lead, const T* row) {
  for (int64 i = 0; i < rows; ++i)
    for (int64 j = 0; j < columns; ++j) out[i * lead + j] += row[j];
}

template <class T>
void multiply_by_blas(const BatchProduct& p, T* out) {
  const T *from_a = p.a.data<T>(), *from_b = p.b.data<T>();
  const Blocks blocks = cut(p.m, p.n, p.k);
  const int64 row_step = p.layout_a.turned() ? 1 : p.layout_a.lead;
  const int64 column_step = p.layout_b.turned() ? p.layout_b.lead : 1;
  run_tasks(p.batch.numel() * blocks.count, multiply_adds(p) / static_cast<double>(blocks.count),
            [&](int64 begin, int64 end) {
              for (int64 task = begin; task < end; ++task) {
                const int64 index = task / blocks.count, first = task % blocks.count * blocks.size;
                const int64 m = blocks.of_rows ? std::min(blocks.size, p.m - first) : p.m;
                const int64 n = blocks.of_rows ? p.n : std::min(blocks.size, p.n - first);
                const T* x = from_a + batch_offset(p.a, p.batch, index);
                const T* y = from_b + batch_offset(p.b, p.batch, index);
                T* z = out + index * p.m * p.n;
                if (blocks.of_rows)
                  x += first * row_step, z += first * p.n;
                else
                  y += first * column_step, z += first;
                gemm(p.layout_a.transposed, p.layout_b.transposed, m, n, p.k, T(1), x,
                     p.layout_a.lead, y, p.layout_b.lead, T(0), z, p.n);
                if (p.row.defined())
                  add_row(z, m, n, p.n, p.row.data<T>() + (blocks.of_rows ? 0 : first));
              }
            });
}

}  // namespace

template <class T>
void multiply(BatchProduct p, T* out) {
  if (!ours_is_faster<T>(p)) return multiply_by_blas(p, out);
  if (p.layout_b.turned()) {
    p.b = turned<T>(p.b, p.layout_b);
    p.layout_b = {true, Transposed::no, p.n};
  }
  multiply_here(p, out);
}

template void multiply<float>(BatchProduct, float*);
template void multiply<double>(BatchProduct, double*);

}  // namespace gradus

#include "pe/stripe_passes.h"

#include <algorithm>
#include <array>
#include <vector>

#include "pe/kernels/stripe_rows.h"
#include "pe/row_blocks.h"
#include "tensor/elementwise.h"
#include "tensor/gemm.h"
#include "tensor/matmul.h"
#include "tensor/parallel.h"
#include "tensor/reduce.h"

namespace gradus {

namespace {

using Form = StripeForm;

// Rows of a block, and numbers: its sums stay in the second cache.
constexpr int64 kBlockRows = 128, kBlockNumbers = 32768;

/// Blocks of fixed size: the gradient by weights is added up over them, in their order.
struct Blocks {
  Blocks(const Tensor& x, const Tensor& table)
      : shared(table.shape(), x.size(0), x.size(1)),
        stripes(table.size(3) / 2),
        rows(std::clamp<int64>(kBlockNumbers / std::max<int64>(1, 2 * stripes), 1, kBlockRows)),
        each((shared.tokens + rows - 1) / rows),
        count(shared.lines() * each) {}
  RowBlock at(int64 index) const {
    return shared.block(index / each * shared.tokens + index % each * rows, rows);
  }
  /// body(RowBlock, index) for all of them, spread over the threads; each part makes a body.
  template <class MakeBody>
  void run(MakeBody make_body) const {
    const int64 numbers = std::max<int64>(1, rows * 2 * stripes * shared.sharers());
    parallel_for(0, count, 1 + 32768 / numbers, [&](int64 begin, int64 end) {
      auto body = make_body();
      for (int64 i = begin; i < end; ++i) body(at(i), i);
    });
  }

  SharedRows shared;
  int64 stripes, rows, each, count;
};

/// Where a part of the work keeps what it gathers and works out.
template <class T>
struct Rooms {
  std::vector<T> x, g, table, row, modulated;
};

template <class T>
class StripesOf {
 public:
  StripesOf(const Tensor& x, const Tensor& table, const Tensor& weights)
      : x_(x),
        table_(table),
        weights_(contiguous(weights)),
        coordinates_(x.size(3)),
        stripes_(table.size(3) / 2),
        lines_(table.size(1)) {}
  PairRows<T> x(int64 batch, int64 head, const RowBlock& b, Rooms<T>& rooms) const {
    return x_.block(batch, head, b, rooms.x);
  }
  /// With the weights of head 0.
  StripeRows<T> table(const RowBlock& b, Rooms<T>& rooms) const {
    rooms.row.resize(static_cast<std::size_t>(stripe_room(stripes_)));
    return {table_.block(b.line / lines_, b.line % lines_, b, rooms.table),
            weights_.data<T>(),
            b.rows,
            coordinates_,
            stripes_,
            rooms.row.data()};
  }
  void choose_head(StripeRows<T>& rows, int64 head) const {
    rows.weights = weights_.data<T>() + weights_line(head) * 2 * stripes_;
  }
  int64 weights_line(int64 head) const { return weights_.size(0) == 1 ? 0 : head; }

 private:
  RowsOf<T> x_, table_;
  Tensor weights_;
  int64 coordinates_, stripes_, lines_;
};

/// The noise of a head, [2F, R].
template <class T>
class NoiseOf {
 public:
  explicit NoiseOf(const Tensor& noise) : noise_(contiguous(noise)) {}
  int64 width() const { return noise_.size(2); }
  /// y [rows, R] = modulated [rows, 2F] noise.
  void mix(int64 head, int64 rows, const T* modulated, T* y) const {
    const int64 k = noise_.size(1);
    if (k == 0) return std::fill(y, y + rows * width(), T{0});
    if (width() > 0)
      gemm<T>(Transposed::no, Transposed::no, rows, width(), k, 1, modulated, k, of(head), width(),
              0, y, width());
  }
  /// modulated = g noise^T.
  void mix_back(int64 head, int64 rows, const T* g, T* modulated) const {
    const int64 k = noise_.size(1);
    if (width() == 0) return std::fill(modulated, modulated + rows * k, T{0});
    if (k > 0)
      gemm<T>(Transposed::no, Transposed::yes, rows, k, width(), 1, g, width(), of(head), width(),
              0, modulated, k);
  }

 private:
  const T* of(int64 head) const {
    return noise_.data<T>() + (noise_.size(0) == 1 ? 0 : head) * noise_.size(1) * width();
  }
  Tensor noise_;
};

template <class T>
Tensor run_forward(std::span<const Tensor* const> in, Form form, const StripeKernels<T>& k) {
  const Tensor &x = *in[0], &table = *in[1];
  const Blocks blocks(x, table);
  const StripesOf<T> stripes(x, table, *in[2]);
  const NoiseOf<T> noise(form == Form::mixed ? *in[3] : zeros({1, 0, 0}, x.dtype()));
  const int64 width =
      form == Form::mixed ? noise.width() : stripe_width(x.shape(), table.shape(), form);
  Tensor y = Tensor::empty({x.size(0), x.size(1), x.size(2), width}, x.dtype());
  T* const out = y.writable<T>();
  blocks.run([&] {
    return [&, rooms = Rooms<T>()](const RowBlock& b, int64) mutable {
      StripeRows<T> rows = stripes.table(b, rooms);
      if (form == Form::mixed)
        rooms.modulated.resize(static_cast<std::size_t>(b.rows * 2 * blocks.stripes));
      for (int64 i = b.batch_begin; i < b.batch_end; ++i)
        for (int64 h = b.head_begin; h < b.head_end; ++h) {
          stripes.choose_head(rows, h);
          const PairRows<T> from = stripes.x(i, h, b, rooms);
          T* const to = out + ((i * x.size(1) + h) * x.size(2) + b.token) * width;
          if (form == Form::pooled) {
            k.pool(rows, from, to);
          } else if (form == Form::whole) {
            k.modulate(rows, from, to);
          } else {
            k.modulate(rows, from, rooms.modulated.data());
            noise.mix(h, b.rows, rooms.modulated.data(), to);
          }
        }
    };
  });
  return y;
}

/// What blocks found, [block][head of the block][2F], added up in the order of the blocks.
template <class T>
Tensor weight_gradient(const Blocks& blocks, const std::vector<double>& parts, const Shape& shape) {
  const int64 width = shape[1];
  std::vector<double> total(static_cast<std::size_t>(shape.numel()), 0.0);
  const double* part = parts.data();
  for (int64 i = 0; i < blocks.count; ++i) {
    const RowBlock b = blocks.at(i);
    for (int64 h = b.head_begin; h < (shape[0] == 1 ? b.head_begin + 1 : b.head_end); ++h) {
      double* const to = total.data() + (shape[0] == 1 ? 0 : h) * width;
      for (int64 j = 0; j < width; ++j) to[j] += part[j];
      part += width;
    }
  }
  return cast(from_values(total, shape), dtype_of<T>());
}

/// The gradients by x, table and weights.
template <class T>
std::array<Tensor, 3> run_back(const KernelCall& c, Form form, const StripeKernels<T>& k) {
  const Tensor &x = c.in[0], &table = c.in[1], &weights = c.in[2];
  const Blocks blocks(x, table);
  const StripesOf<T> stripes(x, table, weights);
  const NoiseOf<T> noise(form == Form::mixed ? c.in[3] : zeros({1, 0, 0}, x.dtype()));
  const Tensor cotangent = form == Form::mixed ? contiguous(c.cotangent) : c.cotangent;
  const RowsOf<T> g(cotangent);
  std::array<Tensor, 3> out;
  T *by_x = nullptr, *by_table = nullptr;
  if (c.wanted[0]) by_x = (out[0] = Tensor::empty(x.shape(), x.dtype())).template writable<T>();
  if (c.wanted[1])
    by_table = (out[1] = Tensor::empty(table.shape(), x.dtype())).template writable<T>();
  const int64 width = 2 * blocks.stripes;
  const int64 part = width * (weights.size(0) == 1 || table.size(1) != 1 ? 1 : blocks.shared.heads);
  const bool alone = blocks.shared.sharers() == 1;
  std::vector<double> parts(static_cast<std::size_t>(c.wanted[2] ? blocks.count * part : 0), 0.0);
  blocks.run([&] {
    return [&, rooms = Rooms<T>(), sums = std::vector<double>()](const RowBlock& b,
                                                                 int64 index) mutable {
      StripeRows<T> rows = stripes.table(b, rooms);
      const auto numbers = static_cast<std::size_t>(b.rows * width);
      T* const own = by_table ? by_table + (b.line * table.size(2) + b.token) * width : nullptr;
      if (own && !alone) sums.assign(numbers, 0.0);
      if (form == Form::mixed) rooms.modulated.resize(numbers);
      for (int64 i = b.batch_begin; i < b.batch_end; ++i)
        for (int64 h = b.head_begin; h < b.head_end; ++h) {
          stripes.choose_head(rows, h);
          const int64 row = (i * x.size(1) + h) * x.size(2) + b.token;
          StripeGradients<T> to;
          if (by_x) to.x = by_x + row * x.size(3);
          if (own && alone) to.own_table = own;
          if (own && !alone) to.table = sums.data();
          if (c.wanted[2])
            to.weights =
                parts.data() + index * part + (weights.size(0) == 1 ? 0 : h - b.head_begin) * width;
          PairRows<T> d = g.block(i, h, b, rooms.g);
          if (form == Form::mixed) {
            noise.mix_back(h, b.rows, d.at, rooms.modulated.data());
            d = {rooms.modulated.data(), width};
          }
          const PairRows<T> from = stripes.x(i, h, b, rooms);
          form == Form::pooled ? k.pool_back(rows, from, d, to)
                               : k.modulate_back(rows, from, d, to);
        }
      if (own && !alone)
        for (std::size_t j = 0; j < numbers; ++j) own[j] = static_cast<T>(sums[j]);
    };
  });
  if (c.wanted[2]) out[2] = weight_gradient<T>(blocks, parts, weights.shape());
  return out;
}

}  // namespace

int64 stripe_width(const Shape& x, const Shape& table, StripeForm form) {
  return form == Form::whole ? table[3] : x[3] == 0 ? 0 : table[3] / x[3];
}

Tensor stripes_forward(std::span<const Tensor* const> in, StripeForm form) {
  return dispatch_float(in[0]->dtype(), "stripes", [&](auto tag) {
    using T = typename decltype(tag)::type;
    return run_forward<T>(in, form, GRADUS_KERNELS(stripe_kernels).of(T{}));
  });
}

std::vector<Tensor> stripes_backward(const KernelCall& c, StripeForm form) {
  std::vector<Tensor> out(c.in.size());
  if (c.wanted[0] || c.wanted[1] || c.wanted[2])
    dispatch_float(c.cotangent.dtype(), "stripes", [&](auto tag) {
      using T = typename decltype(tag)::type;
      auto grads = run_back<T>(c, form, GRADUS_KERNELS(stripe_kernels).of(T{}));
      std::move(grads.begin(), grads.end(), out.begin());
    });
  if (form == Form::mixed && c.wanted[3]) {
    const std::array<const Tensor*, 3> in{&c.in[0], &c.in[1], &c.in[2]};
    const Tensor modulated = stripes_forward(in, Form::whole);
    out[3] = reshape(sum_to(matmul(transpose(modulated), c.cotangent),
                            {1, c.in[3].size(0), c.in[3].size(1), c.in[3].size(2)}),
                     c.in[3].shape());
  }
  return out;
}

}  // namespace gradus

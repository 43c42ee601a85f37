// reflect: every row mirrored in the plane across the vector v of its head, one pass each way and
// no tensor beside the results. With s = 2 / (v . v) and g the cotangent,
//     y = x - s (v . x) v,   dx = g - s (v . g) v,
//     dv = s^2 v sum_n (v . x) (v . g) - s sum_n (v . x) g + (v . g) x
// over the tokens n of all sequences, added up in f64, block by block in their order.
#include <span>
#include <vector>

#include "pe/kernels/reflect_rows.h"
#include "pe/ops.h"
#include "pe/row_blocks.h"
#include "tensor/elementwise.h"
#include "tensor/parallel.h"

namespace gradus {

namespace ops {

namespace {

constexpr int64 kBlockRows = 128;

/// Blocks of fixed size of the tokens of a sequence, all heads in one.
struct Blocks {
  explicit Blocks(const Shape& x)
      : shared({x[0], 1, x[2]}, x[0], x[1]),
        each((x[2] + kBlockRows - 1) / kBlockRows),
        count(x[0] * each) {}
  RowBlock at(int64 index) const {
    return shared.block(index / each * shared.tokens + index % each * kBlockRows, kBlockRows);
  }
  SharedRows shared;
  int64 each, count;
};

/// The vectors of all heads, [H, D].
template <class T>
class Mirrors {
 public:
  explicit Mirrors(const Tensor& v) : v_(contiguous(v)) {
    const std::vector<double> numbers = v_.to_vector<double>();
    const int64 heads = v.size(0), width = v.size(1);
    for (int64 h = 0; h < heads; ++h) {
      double square = 0;
      for (int64 i = h * width; i < (h + 1) * width; ++i)
        square += numbers[static_cast<std::size_t>(i)] * numbers[static_cast<std::size_t>(i)];
      factors_.push_back(2 / square);
    }
  }
  double factor(int64 head) const { return factors_[static_cast<std::size_t>(head)]; }
  Mirror<T> of(int64 head, int64 rows) const {
    const int64 width = v_.size(1);
    return {v_.data<T>() + head * width, static_cast<T>(factor(head)), rows, width};
  }

 private:
  Tensor v_;
  std::vector<double> factors_;
};

/// `from` mirrored, to y where there is one; what the gradient by v adds up, [block][H][D + 1],
/// with the rows of x, to sums where there are some.
template <class T>
void pass(const Tensor& from, const Tensor& x, const Mirrors<T>& mirrors, T* y, double* sums) {
  const Blocks blocks(from.shape());
  const int64 heads = from.size(1), width = from.size(3);
  const RowsOf<T> rows(from), others(x);
  const auto& k = GRADUS_KERNELS(reflect_kernels).of(T{});
  const int64 numbers = std::max<int64>(1, kBlockRows * heads * width);
  parallel_for(0, blocks.count, 1 + 32768 / numbers, [&](int64 begin, int64 end) {
    std::vector<T> room, other_room;
    for (int64 i = begin; i < end; ++i) {
      const RowBlock b = blocks.at(i);
      for (int64 h = 0; h < heads; ++h) {
        const Mirror<T> mirror = mirrors.of(h, b.rows);
        const PairRows<T> here = rows.block(b.batch_begin, h, b, room);
        if (y)
          k.reflect(mirror, here,
                    y + ((b.batch_begin * heads + h) * from.size(2) + b.token) * width);
        if (sums)
          k.sums(mirror, others.block(b.batch_begin, h, b, other_room), here,
                 sums + (i * heads + h) * (width + 1));
      }
    }
  });
}

Forward forward(const ForwardCall& c) {
  const Tensor& x = c.in(0);
  return dispatch_float(x.dtype(), "reflect", [&](auto tag) -> Forward {
    using T = typename decltype(tag)::type;
    Tensor y = Tensor::empty(x.shape(), x.dtype());
    pass<T>(x, x, Mirrors<T>(c.in(1)), y.writable<T>(), nullptr);
    return y;
  });
}

/// dv out of v and the sums of `count` blocks.
template <class T>
Tensor gradient_of_v(const Tensor& v, const Mirrors<T>& mirrors, const std::vector<double>& sums,
                     int64 count) {
  const int64 heads = v.size(0), width = v.size(1);
  std::vector<double> total(static_cast<std::size_t>(heads * (width + 1)), 0.0);
  for (int64 i = 0; i < count; ++i)
    for (std::size_t j = 0; j < total.size(); ++j)
      total[j] += sums[static_cast<std::size_t>(i) * total.size() + j];
  std::vector<double> dv = v.to_vector<double>();
  for (int64 h = 0; h < heads; ++h) {
    const double s = mirrors.factor(h), *of_head = total.data() + h * (width + 1);
    for (int64 i = 0; i < width; ++i) {
      double& d = dv[static_cast<std::size_t>(h * width + i)];
      d = s * (s * of_head[width] * d - of_head[i]);
    }
  }
  return cast(from_values(dv, v.shape()), v.dtype());
}

std::vector<Tensor> vjp(const KernelCall& c) {
  std::vector<Tensor> out(2);
  const Tensor &x = c.in[0], &v = c.in[1], &g = c.cotangent;
  dispatch_float(g.dtype(), "reflect", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Mirrors<T> mirrors(v);
    T* dx = nullptr;
    if (c.wanted[0]) dx = (out[0] = Tensor::empty(x.shape(), x.dtype())).template writable<T>();
    const int64 count = Blocks(x.shape()).count;
    std::vector<double> sums(
        static_cast<std::size_t>(c.wanted[1] ? count * v.size(0) * (v.size(1) + 1) : 0), 0.0);
    pass<T>(g, x, mirrors, dx, c.wanted[1] ? sums.data() : nullptr);
    if (c.wanted[1]) out[1] = gradient_of_v<T>(v, mirrors, sums, count);
  });
  return out;
}

}  // namespace

extern const OpDef kReflect{
    .name = "reflect",
    .formula = "y = x - s (v . x) v, s = 2 / (v . v), one v a head",
    .vjp_formula =
        "dx = g - s (v . g) v, "
        "dv = s^2 v sum_n (v . x) (v . g) - s sum_n ((v . x) g + (v . g) x)",
    .source = "Householder 1958; Qin et al. 2023",
    .infer = [](const InferCall& c) -> Inferred {
      const DType t = c.same_float();
      const Shape &x = c.shape(0), &v = c.shape(1);
      check_shape(x.rank() == 4 && v.rank() == 2 && v[0] == x[1] && v[1] == x[3],
                  "x is [batch, heads, tokens, d], v is [heads, d]; got {} and {}", x, v);
      return {x, t};
    },
    .reads = kReadsInputs,
    .forward = forward,
    .vjp_kernel = vjp,
    .reference = [](std::span<const Var> in, const Attrs&) -> Var {
      const Var &x = in[0], v = unsqueeze(in[1], -1);
      return x - matmul(x, v) * (2.0 / sum(square(v), {-2}, Keep::yes)) * transpose(v);
    },
    .samples = {{.in = {{.shape = {2, 3, 4, 6}}, {.shape = {3, 6}, .low = 0.5, .high = 2}}},
                {.in = {{.shape = {1, 2, 1, 3}}, {.shape = {2, 3}, .low = -2, .high = -0.5}}},
                {.in = {{.shape = {1, 1, 3, 2}}, {.shape = {1, 2}, .low = 0.5, .high = 2}}}},
    .bad_samples = {{.in = {{.shape = {1, 2, 3, 4}}, {.shape = {1, 4}}},
                     .message = "v is [heads, d]"},
                    {.in = {{.shape = {1, 2, 3, 4}}, {.shape = {2, 3}}},
                     .message = "v is [heads, d]"}}};

}  // namespace ops

Var reflect(At x, const Var& v) { return apply(ops::kReflect, {x, v}, {}, x.where); }

}  // namespace gradus

#include "tensor/reduce.h"

#include <doctest/doctest.h>

#include <limits>

#include "tensor/elementwise.h"
#include "tensor/parallel.h"
#include "tests/tensor/layouts.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
using List = std::vector<double>;
List list(const Tensor& t) { return t.to_vector<double>(); }

/// f(a, x) folded over the elements, straight from the definition.
template <class F>
Tensor fold(const Tensor& x, const Axes& axes, Keep keep, double start, F f) {
  const std::vector<bool> reduced = reduced_axes(axes, x.rank());
  const Shape shape = reduced_shape(x.shape(), axes, keep);
  const Shape all_kept = reduced_shape(x.shape(), axes, Keep::yes);
  List out(static_cast<std::size_t>(shape.numel()), start);
  const List values = list(x);
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto rest = static_cast<int64>(i);
    int64 place = 0, step = 1;
    for (int axis = x.rank() - 1; axis >= 0; --axis) {
      if (!reduced[static_cast<std::size_t>(axis)]) place += rest % x.shape()[axis] * step;
      step *= all_kept[axis];
      rest /= x.shape()[axis];
    }
    double& o = out[static_cast<std::size_t>(place)];
    o = f(o, values[i]);
  }
  return from_values(out, shape);
}

const std::vector<Axes> kAxes = {{}, {0}, {1}, {-1}, {0, 1}, {0, 2}, {2, 1}, {0, 1, 2}};

}  // namespace

TEST_CASE("sum, max and min over any axes, in any layout") {
  for (const Shape& shape : {Shape{2, 3, 4}, Shape{1, 1, 1}, Shape{5, 1, 33}, Shape{70, 3, 5}})
    for (const Axes& axes : kAxes)
      for (const Keep keep : {Keep::no, Keep::yes}) {
        const Tensor x = wave(shape);
        const Tensor total = fold(x, axes, keep, 0, [](double a, double b) { return a + b; });
        const Tensor most =
            fold(x, axes, keep, -kInf, [](double a, double b) { return a > b ? a : b; });
        const Tensor least =
            fold(x, axes, keep, kInf, [](double a, double b) { return a < b ? a : b; });
        for (const Tensor& view : layouts_of(x)) {
          CHECK(all_close(sum(view, axes, keep), total, 1e-12, 1e-12));
          CHECK(same_bits(max(view, axes, keep), most));
          CHECK(same_bits(min(view, axes, keep), least));
        }
      }
}

TEST_CASE("sums without elements are 0, means are NaN, extremes are errors") {
  CHECK(sum(zeros({0})).item() == 0);
  CHECK(list(sum(zeros({2, 0}), {1})) == List{0, 0});
  CHECK(sum(zeros({0, 3}), {1}).shape() == Shape{0});
  CHECK(std::isnan(mean(zeros({0})).item()));
  CHECK(contains(error_of<ShapeError>([] {
                   max(zeros({2, 0}), {1});
                 }),
                 "max of f32 (2, 0) over axis 1: no elements"));
  CHECK_THROWS_AS(min(zeros({0})), ShapeError);
  CHECK(max(zeros({0, 3}), {1}).shape() == Shape{0});
  CHECK(sum(scalar(3)).item() == 3);
}

TEST_CASE("axes are checked") {
  CHECK(contains(error_of<ShapeError>([] {
                   sum(zeros({2, 3}), {1, -1});
                 }),
                 "(1, -1) name axis 1 twice"));
  CHECK_THROWS_AS(sum(zeros({2}), {1}), IndexError);
  CHECK(reduced_shape({2, 3, 4}, {0, -1}, Keep::yes) == Shape{1, 3, 1});
  CHECK(reduced_shape({2, 3, 4}, {0, -1}, Keep::no) == Shape{3});
}

TEST_CASE("integers: u8 sums to i64, i64 wraps") {
  const Tensor ones_u8 = full({1000}, 255, DType::u8);
  CHECK(sum(ones_u8).dtype() == DType::i64);
  CHECK(sum(ones_u8).item() == 255000);
  CHECK(sum(full({2}, 3, DType::i64)).item() == 6);
  CHECK(max(tensor({-3, -7}, {2}, DType::i64)).item() == -3);
  CHECK(min(tensor({3, 7}, {2}, DType::u8)).item() == 3);
  CHECK_THROWS_AS(mean(ones_u8), DTypeError);
}

TEST_CASE("a NaN wins wherever it stands, infinities are ordinary") {
  for (int64 n : {1, 5, 16, 17, 100, 3000})
    for (int64 place : {int64{0}, n / 2, n - 1}) {
      Tensor x = wave({n}, DType::f32);
      x.writable<float>()[place] = std::numeric_limits<float>::quiet_NaN();
      CHECK(std::isnan(max(x).item()));
      CHECK(std::isnan(min(x).item()));
      const Tensor columns = broadcast_to(unsqueeze(x, 1), {n, 8});
      CHECK(std::isnan(max(copy(columns), {0}).at({7})));
    }
  CHECK(max(tensor({-kInf, -kInf}, {2})).item() == -kInf);
  CHECK(min(tensor({kInf, 1}, {2})).item() == 1);
}

TEST_CASE("f32 sums are pairwise: a million tenths stay good to 1e-6") {
  const Tensor x = full({1000000}, 0.1);
  const double truth = 1e6 * static_cast<double>(0.1f);
  CHECK(std::abs(sum(x).item() / truth - 1) < 1e-6);
  CHECK(std::abs(sum(reshape(x, {100000, 10}), {0}).at({3}) * 10 / truth - 1) < 1e-6);
  CHECK(std::abs(sum(reshape(x, {10, 100000}), {1}).at({3}) * 10 / truth - 1) < 1e-6);
}

TEST_CASE("the bits of a sum do not depend on the number of threads") {
  const int before = threads();
  const Tensor x = wave({700, 333}, DType::f32);
  std::vector<Tensor> first;
  for (int n : {1, 2, 5}) {
    set_threads(n);
    const std::vector<Tensor> now{sum(x),      sum(x, {0}),
                                  sum(x, {1}), sum(transpose(x), {0}),
                                  norm(x),     sum(reshape(x, {700 * 333, 1}), {0})};
    if (first.empty()) first = now;
    for (std::size_t i = 0; i < now.size(); ++i) CHECK(same_bits(now[i], first[i]));
  }
  set_threads(before);
}

TEST_CASE("any and all") {
  const Tensor m = tensor({0, 2, 0, 0, 1, 1}, {3, 2}, DType::u8);
  CHECK(list(any(m, {1})) == List{1, 0, 1});
  CHECK(list(all(m, {1})) == List{0, 0, 1});
  CHECK(list(any(m, {0})) == List{1, 1});
  CHECK(any(zeros({0}, DType::u8)).item() == 0);
  CHECK(all(zeros({0}, DType::u8)).item() == 1);
  CHECK_THROWS_AS(any(ones({2})), DTypeError);
}

TEST_CASE("norms neither overflow nor underflow") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    CHECK(norm(tensor({3, 4}, {2}, dtype)).item() == 5);
    CHECK(norm(zeros({3}, dtype)).item() == 0);
    CHECK(norm(zeros({0}, dtype)).item() == 0);
    CHECK(std::isnan(norm(tensor({kNan, 1}, {2}, dtype)).item()));
    CHECK(norm(tensor({kInf, 1}, {2}, dtype)).item() == kInf);
    const double huge = dtype == DType::f32 ? 1e38 : 1e300, tiny = 1 / huge;
    const Tensor t = tensor({3 * huge / 4, huge, 3 * tiny, 4 * tiny, 0, 0}, {3, 2}, dtype);
    const List n = list(norm(t, {1}));
    CHECK(n[0] == doctest::Approx(1.25 * huge));
    CHECK(n[1] / (5 * tiny) == doctest::Approx(1));
    CHECK(n[2] == 0);
    CHECK(norm(t, {1}, Keep::yes).shape() == Shape{3, 1});
  }
}

TEST_CASE("sum_to undoes a broadcast") {
  const Tensor x = wave({2, 3, 4});
  CHECK(sum_to(x, {2, 3, 4}).shares_storage(x));
  CHECK(all_close(sum_to(x, {3, 1}), sum(x, {0, 2}, Keep::no).with_layout({3, 1}, {1, 1}, 0)));
  CHECK(all_close(sum_to(x, {}), sum(x)));
  CHECK(all_close(sum_to(x, {1, 3, 4}), sum(x, {0}, Keep::yes)));
  CHECK(sum_to(zeros({0, 3}), {1, 3}).to_vector<double>() == List{0, 0, 0});
  CHECK_THROWS_AS(sum_to(x, {5}), ShapeError);
}

TEST_CASE("sums of columns side by side have the bits of columns apart, which plain loops add") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const int64 rows : {0, 1, 63, 64, 65, 300, 2000})
      for (const int64 columns : {4, 7, 16, 17, 63, 100, 256, 300}) {
        CAPTURE(rows);
        CAPTURE(columns);
        const Tensor apart = slice(wave({rows, 2 * columns}, dtype), 1, 0, 2 * columns, 2);
        const Tensor together = copy(apart);
        CHECK(same_bits(sum(together, {0}), sum(apart, {0})));
        const Tensor wide = pad(together, 1, 3, 2, 0);  // rows further apart
        CHECK(same_bits(sum(slice(wide, 1, 3, columns + 3), {0}), sum(apart, {0})));
      }
}

// Where there is no derivative, the vjp must lie between the one-sided differences: at the declared
// kinks, and where two elements of a `distinct` input tie.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/check_parts.h"

namespace gradus::detail {

namespace {

double phi(const SampleCheck& c, std::span<const Tensor> inputs) {
  std::vector<Var> in(inputs.begin(), inputs.end());
  const std::vector<double> y =
      apply(c.op, std::span<const Var>(in), c.sample.attrs).value().to_vector<double>();
  const std::vector<double> u = c.cotangent.to_vector<double>();
  return std::inner_product(y.begin(), y.end(), u.begin(), 0.0);
}

/// Element k of input i of a point where the function has no derivative.
void check_between(SampleCheck& c, std::vector<Tensor> point, std::size_t i, std::size_t k,
                   double analytic, const std::string& what) {
  const Shape shape = point[i].shape();
  std::vector<double> x = point[i].to_vector<double>();
  const double middle = x[k], h = 1e-5 * std::max(1.0, std::abs(middle)), here = phi(c, point);
  x[k] = middle - h;
  point[i] = from_values(x, shape);
  const double left = (here - phi(c, point)) / h;
  x[k] = middle + h;
  point[i] = from_values(x, shape);
  const double right = (phi(c, point) - here) / h;
  const double room = 1e-3 * (std::abs(left) + std::abs(right)) + 1e-6;
  c.expect(analytic >= std::min(left, right) - room && analytic <= std::max(left, right) + room,
           fmt::format("{} of input {}: the gradient {:.9g} is not between the one-sided "
                       "differences {:.9g} and {:.9g}",
                       what, i, analytic, left, right));
}

void check_point(SampleCheck& c, std::size_t i, const std::vector<double>& x,
                 std::span<const std::size_t> elements, const std::string& what) {
  std::vector<Tensor> point = c.inputs;
  point[i] = from_values(x, point[i].shape());
  const std::vector<double> g =
      run_op(c.op, c.sample.attrs, point, c.cotangent, i).grads[i].to_vector<double>();
  for (std::size_t k : elements) check_between(c, point, i, k, g[k], what);
}

}  // namespace

void check_kinks(SampleCheck& c) {
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const InputSpec& spec = c.sample.in[i];
    if (!c.is_float_input(i) || spec.shape.numel() == 0) continue;
    const std::vector<double> x = c.inputs[i].to_vector<double>();
    for (double kink : spec.kinks) {
      std::vector<double> at = x;
      const std::size_t k = at.size() / 2;
      at[k] = kink;
      check_point(c, i, at, std::span<const std::size_t>(&k, 1), fmt::format("kink {}", kink));
    }
    if (!spec.distinct) continue;
    std::vector<std::size_t> order(x.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return x[a] < x[b]; });
    for (std::size_t k = 0; k + 1 < order.size(); ++k) {
      std::vector<double> at = x;
      at[order[k]] = at[order[k + 1]];
      check_point(c, i, at, std::span<const std::size_t>(&order[k], 2), "tie");
    }
  }
}

}  // namespace gradus::detail

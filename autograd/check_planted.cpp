// Planted bugs: the suite makes the op's gradient wrong in four ways, and its own first-order check
// must notice each. This is what says that a passing check means something.
#include <algorithm>
#include <cmath>
#include <utility>

#include "autograd/check_parts.h"
#include "autograd/state.h"
#include "tensor/elementwise.h"

namespace gradus::detail {

namespace {

enum class Bug { thousandth, sign, zeroed, swapped };
constexpr std::pair<Bug, std::string_view> kBugs[] = {{Bug::thousandth, "times 1.001"},
                                                      {Bug::sign, "of the other sign"},
                                                      {Bug::zeroed, "with one element 0"},
                                                      {Bug::swapped, "with two elements swapped"}};

/// The smallest change of its kind that is still a bug and not rounding: elements below a
/// thousandth of the largest do not count. Undefined where there is none.
Tensor corrupted(const Tensor& g, Bug bug) {
  if (bug == Bug::thousandth) return mul(g, 1.001);
  if (bug == Bug::sign) return neg(g);
  std::vector<double> v = g.to_vector<double>();
  std::vector<std::size_t> order(v.size());
  double largest = 0;
  for (std::size_t i = 0; i < v.size(); ++i) {
    order[i] = i;
    largest = std::max(largest, std::abs(v[i]));
  }
  const double least = 1e-3 * largest;
  if (bug == Bug::zeroed) {
    const auto smaller = [&](std::size_t a, std::size_t b) {
      return std::abs(v[a]) < std::abs(v[b]);
    };
    std::sort(order.begin(), order.end(), smaller);
    for (std::size_t i : order)
      if (std::abs(v[i]) > least) {
        v[i] = 0;
        return from_values(v, g.shape());
      }
    return {};
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return v[a] < v[b]; });
  std::pair<std::size_t, std::size_t> nearest;
  double gap = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    // The next larger element that differs clearly.
    const auto j = std::upper_bound(order.begin(), order.end(), v[order[i]] + least,
                                    [&](double x, std::size_t k) { return x < v[k]; });
    if (j == order.end()) break;
    const double d = v[*j] - v[order[i]];
    if (gap == 0 || d < gap) gap = d, nearest = {order[i], *j};
  }
  if (gap == 0) return {};
  std::swap(v[nearest.first], v[nearest.second]);
  return from_values(v, g.shape());
}

/// What the wrapped vjp does; a vjp is a plain function, so it finds this through the thread.
struct Plant {
  const OpDef& op;
  std::size_t input;
  Bug bug;
  bool done = false;

  Tensor worsened(const Tensor& g) {
    const bool zero = [&] {
      for (double v : g.to_vector<double>())
        if (v != 0) return false;
      return true;
    }();
    Tensor bad = zero ? Tensor() : corrupted(g, bug);
    done |= bad.defined();
    return bad.defined() ? bad : g;
  }
};
thread_local Plant* plant = nullptr;

Grads wrong_vjp(const VjpCall& call, const Var& cotangent) {
  Grads grads = plant->op.vjp(call, cotangent);
  Var& g = grads[plant->input];
  if (g.defined()) g = Var(plant->worsened(g.value()));
  return grads;
}
std::vector<Tensor> wrong_kernel(const KernelCall& call) {
  std::vector<Tensor> grads = plant->op.vjp_kernel(call);
  Tensor& g = grads[plant->input];
  if (g.defined()) g = plant->worsened(g);
  return grads;
}

}  // namespace

void check_planted(SampleCheck& c) {
  OpDef wrong = c.op;
  if (wrong.vjp) wrong.vjp = wrong_vjp;
  if (wrong.vjp_kernel) wrong.vjp_kernel = wrong_kernel;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    if (!c.is_float_input(i)) continue;
    for (const auto& [bug, name] : kBugs) {
      Plant here{c.op, i, bug};
      const Restore<Plant*> planted(plant, &here);
      const GradcheckReport r =
          gradcheck(as_function(wrong, c.sample.attrs), c.inputs, c.gradcheck_options(1));
      if (!here.done) continue;  // no gradient, or no two elements that differ
      ++c.report.planted;
      if (r.outcome == GradcheckReport::Outcome::wrong && r.input == static_cast<int>(i))
        ++c.report.caught;
      else
        c.report.failures.push_back(
            fmt::format("sample {}: a gradient of input {} {} is not noticed", c.number, i, name));
    }
  }
}

}  // namespace gradus::detail

#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/backward.h"
#include "autograd/record.h"
#include "tensor/random.h"

namespace gradus {

namespace {

using Tensors = std::vector<Tensor>;

double dot(const Tensor& a, const Tensor& b) {
  const std::vector<double> u = a.to_vector<double>(), v = b.to_vector<double>();
  double sum = 0;
  for (std::size_t i = 0; i < u.size(); ++i) sum += u[i] * v[i];
  return sum;
}

std::string place(int64 element, const Shape& shape) {
  Shape index = shape;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    index[axis] = element % shape[axis];
    element /= shape[axis];
  }
  return text(index);
}

/// phi, the number that is differentiated, and its analytic gradient. At order 1
/// phi = <c, f(x)>; at order 2 phi = sum_i <w_i, vjp_i(x, c)>, and c is the last of the points.
class Problem {
 public:
  Problem(const VarFunction& f, std::span<const Tensor> inputs, const GradcheckOptions& options)
      : f_(f), order_(options.order), count_(inputs.size()), points_(inputs.begin(), inputs.end()) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      check<GraphError>(inputs[i].defined(), "gradcheck: input {} is an empty Tensor", i);
      check_dtype(inputs[i].dtype() != DType::f32,
                  "gradcheck: input {} is f32: rounding hides wrong gradients; pass f64", i);
      if (inputs[i].dtype() == DType::f64) checked_.push_back(i);
    }
    check_dtype(!checked_.empty(), "gradcheck: none of the {} inputs is f64", count_);
    const Tensor y = evaluate(points_).output.value(), again = evaluate(points_).output.value();
    check_dtype(y.dtype() == DType::f64, "gradcheck: the function returns {}, it must be f64",
                name(y.dtype()));
    check<GraphError>(same_bits(contiguous(y), contiguous(again)),
                      "gradcheck: the function gives other values when it is called again; fix its "
                      "random numbers");
    shape_ = y.shape();
    cotangent_ = random_cotangent(options.seed, shape_);
    weights_.resize(count_);
    if (order_ == 2) {
      for (std::size_t i : checked_)
        weights_[i] = random_cotangent(options.seed + 1 + i, points_[i].shape());
      checked_.push_back(points_.size());
      points_.push_back(cotangent_);
    }
  }

  const Tensors& points() const { return points_; }
  const std::vector<std::size_t>& checked() const { return checked_; }
  const Tensor& cotangent() const { return cotangent_; }
  bool trivial() const { return shape_.numel() == 0; }
  std::string name_of(std::size_t i) const {
    return i < count_ ? fmt::format("input {}", i) : std::string("the cotangent");
  }

  double phi(const Tensors& points) const {
    const Evaluated e = evaluate(points);
    if (order_ == 1) return dot(e.output.value(), cotangent_);
    const std::vector<Var> g = grad(e.output, e.leaves, {.allow_unused = true}, points.back());
    double sum = 0;
    for (std::size_t i = 0; i < g.size(); ++i) sum += dot(g[i].value(), weights_[e.places[i]]);
    return sum;
  }

  /// By the points that are checked, in order.
  Tensors analytic() const {
    const Evaluated e = evaluate(points_);
    Tensors result;
    if (order_ == 1) {
      for (const Var& g : grad(e.output, e.leaves, {.allow_unused = true}, Var(cotangent_)))
        result.push_back(g.value());
      return result;
    }
    std::vector<Var> by = e.leaves;
    by.push_back(leaf(cotangent_));
    const std::vector<Var> g =
        grad(e.output, e.leaves, {.create_graph = true, .allow_unused = true}, by.back());
    std::vector<std::vector<double>> sums;
    for (const Var& v : by) sums.emplace_back(static_cast<std::size_t>(v.numel()));
    for (std::size_t i = 0; i < g.size(); ++i) {
      const std::vector<Var> part =
          grad(g[i], by, {.allow_unused = true}, Var(weights_[e.places[i]]));
      for (std::size_t j = 0; j < by.size(); ++j) {
        const std::vector<double> v = part[j].value().to_vector<double>();
        for (std::size_t k = 0; k < v.size(); ++k) sums[j][k] += v[k];
      }
    }
    for (std::size_t j = 0; j < by.size(); ++j)
      result.push_back(from_values(sums[j], by[j].shape()));
    return result;
  }

 private:
  struct Evaluated {
    std::vector<Var> leaves;
    std::vector<std::size_t> places;
    Var output;
  };
  Evaluated evaluate(const Tensors& points) const {
    Evaluated e;
    std::vector<Var> in;
    for (std::size_t i = 0; i < count_; ++i) {
      if (points[i].dtype() != DType::f64) {
        in.push_back(Var(points[i]));
        continue;
      }
      in.push_back(leaf(points[i]));
      e.leaves.push_back(in.back());
      e.places.push_back(i);
    }
    e.output = f_(in);
    check<GraphError>(e.output.defined(), "gradcheck: the function returned an empty Var");
    if (cotangent_.defined())
      check_shape(e.output.shape() == shape_, "gradcheck: the function returned {}, before that {}",
                  text(e.output.shape()), text(shape_));
    return e;
  }

  const VarFunction& f_;
  int order_;
  std::size_t count_;  // of the function's inputs
  Tensors points_;
  std::vector<std::size_t> checked_;
  Shape shape_;
  Tensor cotangent_;
  Tensors weights_;
};

/// Two-point differences by every element of point i.
std::vector<double> differences(const Problem& problem, std::size_t i) {
  Tensors points = problem.points();
  const Shape shape = points[i].shape();
  std::vector<double> x = points[i].to_vector<double>(), n;
  for (double& element : x) {
    const double middle = element, h = 1e-5 * std::max(1.0, std::abs(middle));
    const double high = middle + h, low = middle - h;
    element = high;
    points[i] = from_values(x, shape);
    const double above = problem.phi(points);
    element = low;
    points[i] = from_values(x, shape);
    const double below = problem.phi(points);
    element = middle;
    n.push_back((above - below) / (high - low));
  }
  return n;
}

/// fmax: a NaN among others does not hide them; it fails as an element.
double largest(const std::vector<double>& v) {
  double m = 0;
  for (double e : v) m = std::fmax(m, std::abs(e));
  return m;
}

void compare(const Problem& problem, std::size_t i, const std::vector<double>& analytic, double phi,
             bool no_influence, const GradcheckOptions& options, GradcheckReport& report,
             double& worst) {
  const Tensor& point = problem.points()[i];
  const std::vector<double> x = point.to_vector<double>(), n = differences(problem, i);
  const double s = largest(n);
  const std::string input = problem.name_of(i) + " " + text(point.shape());
  constexpr double kBeyond = std::numeric_limits<double>::infinity();  // NaN comes before all
  bool wrong = false;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double bound = 1e-6 * std::max(std::abs(n[k]), s) + 1e-9 * std::max(1.0, std::abs(phi));
    const double distance = std::abs(analytic[k] - n[k]);
    const bool within = std::isfinite(bound) && distance <= bound;
    wrong |= !within;
    const double excess = within || distance > bound ? distance / bound : kBeyond;
    ++report.elements;
    if (!(excess > worst)) continue;
    worst = excess;
    report.input = static_cast<int>(i);
    report.element = static_cast<int64>(k);
    report.at = x[k];
    report.analytic = analytic[k];
    report.numeric = n[k];
    report.bound = bound;
    report.where = input + ", element " + place(static_cast<int64>(k), point.shape());
  }
  using Outcome = GradcheckReport::Outcome;
  if (wrong) {
    report.outcome = Outcome::wrong;
    report.reason = fmt::format(
        "{} = {:.9g}: the gradient is {:.12g}, differences of the values give {:.12g}; they differ "
        "by {:.3g}, allowed is {:.3g}",
        report.where, report.at, report.analytic, report.numeric,
        std::abs(report.analytic - report.numeric), report.bound);
  } else if (no_influence && s >= 1e-3) {
    report.outcome = Outcome::wrong;
    report.reason = fmt::format(
        "{} is declared to have no influence, yet has a derivative of {:.3g}", input, s);
  }
  if (report.outcome != Outcome::passed || no_influence || options.weak == Weak::allow || s >= 1e-3)
    return;
  // A linear op's vjp does not depend on the input at all: 0 = 0 is the truth at order 2.
  if (options.order == 2 && s == 0 && largest(analytic) == 0) return;
  report.outcome = Outcome::too_weak;
  report.reason = fmt::format(
      "{} is too weak to check anything: its largest derivative is {:.3g}, below 1e-3; take larger "
      "values, or declare that it has no influence",
      input, s);
}

}  // namespace

Tensor random_cotangent(std::uint64_t seed, const Shape& shape) {
  Rng rng = Rng(seed).stream("cotangent");
  std::vector<double> c = uniform(rng, shape, -1, 1, DType::f64).to_vector<double>();
  for (double& v : c) v += v < 0 ? -0.5 : 0.5;
  return from_values(c, shape);
}

GradcheckReport gradcheck(const VarFunction& f, std::span<const Tensor> inputs,
                          const GradcheckOptions& options) {
  check<ConfigError>(options.order == 1 || options.order == 2,
                     "gradcheck: the order must be 1 or 2, got {}", options.order);
  const RecordingGuard guard({true, recording().retain, recording().fusion});
  GradcheckReport report;
  report.order = options.order;
  const Problem problem(f, inputs, options);
  if (problem.trivial()) return report;
  const Tensors analytic = problem.analytic();
  const double phi = problem.phi(problem.points());
  double worst = -1;
  using Outcome = GradcheckReport::Outcome;
  for (std::size_t j = 0; j < analytic.size() && report.outcome != Outcome::wrong; ++j) {
    const std::size_t i = problem.checked()[j];
    if (problem.points()[i].numel() == 0) continue;
    const auto& free = options.without_influence;
    const bool no_influence =
        std::find(free.begin(), free.end(), static_cast<int>(i)) != free.end();
    compare(problem, i, analytic[j].to_vector<double>(), phi, no_influence, options, report, worst);
  }
  if (report.passed()) return report;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    report.details.push_back(fmt::format("input {}: {}", i, to_string(inputs[i], {.digits = 9})));
  report.details.push_back("cotangent: " + to_string(problem.cotangent(), {.digits = 9}));
  if (!options.command.empty()) report.details.push_back("to repeat: " + options.command);
  return report;
}

GradcheckReport gradcheck(const SingleVarFunction& f, const Tensor& input,
                          const GradcheckOptions& options) {
  return gradcheck([&f](std::span<const Var> in) { return f(in[0]); },
                   std::span<const Tensor>(&input, 1), options);
}

std::string GradcheckReport::text() const {
  if (passed()) {
    std::string all = fmt::format("order {}: {} elements agree", order, elements);
    if (input >= 0)
      all += fmt::format("; nearest to its bound: {}, {:.9g} against {:.9g}", where, analytic,
                         numeric);
    return all;
  }
  std::string all = fmt::format("order {}: {}", order, reason);
  for (const std::string& d : details) {
    all += "\n  ";
    for (char c : d) all += c == '\n' ? std::string("\n    ") : std::string(1, c);
  }
  return all;
}

}  // namespace gradus

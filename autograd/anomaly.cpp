#include "autograd/anomaly.h"

#include <cmath>
#include <optional>

#include "tensor/elementwise.h"
#include "tensor/reduce.h"

namespace gradus {

namespace {

struct Bad {
  int64 element;
  double value;
};

double element_of(const Tensor& t, int64 index) { return reshape(t, {t.numel()}).at({index}); }

/// x86 makes NaN with its sign set; that means nothing.
std::string number(double v) { return std::isnan(v) ? "nan" : fmt::format("{}", v); }

/// The first NaN, or where `infinite_too` the first NaN or Inf.
std::optional<Bad> first_bad(const Tensor& t, bool infinite_too) {
  if (!is_float(t.dtype())) return std::nullopt;
  const Statistics s = statistics(t);
  if (s.non_finite == 0) return std::nullopt;
  int64 at = s.first_non_finite;
  if (!infinite_too) {
    const Tensor nan = not_equal(t, t);
    if (any(nan).item() == 0) return std::nullopt;
    at = static_cast<int64>(argmax(reshape(nan, {nan.numel()}), 0).item());
  }
  return Bad{at, element_of(t, at)};
}

/// "(3), all finite, 0.1 to 2", "(3), 1 of 3 not finite, the others 0.1 to 2", ...
std::string state_of(const Tensor& t) {
  const Statistics s = statistics(t);
  const std::string shape = text(t.shape());
  if (t.numel() == 0) return shape + ", no elements";
  if (s.non_finite == t.numel()) return shape + ", none finite";
  if (s.non_finite == 0)
    return fmt::format("{}, all finite, {:.6g} to {:.6g}", shape, s.min, s.max);
  return fmt::format("{}, {} of {} not finite, the others {:.6g} to {:.6g}", shape, s.non_finite,
                     t.numel(), s.min, s.max);
}

void add_input(Error& e, std::size_t i, const Var& v) {
  e.add(fmt::format("input {}: '{}' {}", i, v.label(),
                    v.has_value() ? state_of(v.value()) : text(v.shape()) + ", value dropped"));
}

AnomalyError make_error(std::string rule, const Var& node, Bad bad) {
  AnomalyError e(std::move(rule));
  e.label = node.label();
  e.node = node.id();
  e.element = bad.element;
  e.value = bad.value;
  e.where = node.where();
  return e;
}

}  // namespace

bool AnomalyGuard::lets_infinity_pass(const Var& node, std::span<const Var* const> inputs) const {
  if (node.op()->may_be_infinite) return true;
  for (const Var* v : inputs) {
    if (node.numel() < v->numel()) continue;
    if (infinite_.count(v->id()) != 0) return true;
    const bool is_constant = !v->op() && !v->requires_grad() && is_float(v->dtype());
    if (is_constant && statistics(v->value()).non_finite > 0) return true;
  }
  return false;
}

void AnomalyGuard::on_op(const Var& node, std::span<const Var* const> inputs) {
  const std::optional<Bad> found = first_bad(node.value(), true);
  if (!found) return;
  Bad bad = *found;
  if (lets_infinity_pass(node, inputs)) {
    const std::optional<Bad> nan = first_bad(node.value(), false);
    if (!nan) {
      infinite_.insert(node.id());
      return;
    }
    bad = *nan;
  }
  AnomalyError e =
      make_error(fmt::format("first non-finite value: forward of '{}' {}, element {} = {}",
                             node.label(), node.shape(), bad.element, number(bad.value)),
                 node, bad);
  for (std::size_t i = 0; i < inputs.size(); ++i) add_input(e, i, *inputs[i]);
  if (node.where().file) e.add("at: " + node.where().text());
  e.add(fmt::format("formula: {}", node.op()->formula));
  throw e;
}

void AnomalyGuard::on_vjp(const VjpEvent& event) {
  for (std::size_t i = 0; i < event.grads.size(); ++i) {
    if (!event.grads[i].defined()) continue;
    const std::optional<Bad> bad = first_bad(event.grads[i].value(), true);
    if (!bad) continue;
    AnomalyError e = make_error(
        fmt::format("first non-finite value: backward of '{}' {}, gradient of input {} {}, element "
                    "{} = {}",
                    event.node.label(), event.node.shape(), i, event.grads[i].shape(), bad->element,
                    number(bad->value)),
        event.node, *bad);
    e.in_backward = true;
    e.input = static_cast<int64>(i);
    const Tensor& cotangent = event.cotangent.value();
    e.cotangent_was_finite = statistics(cotangent).non_finite == 0;
    e.add("incoming cotangent: " + state_of(cotangent));
    const std::vector<Var> inputs = event.node.inputs();
    for (std::size_t j = 0; j < inputs.size(); ++j) add_input(e, j, inputs[j]);
    if (event.node.where().file) e.add("at: " + event.node.where().text());
    e.add(fmt::format("formula: {};  {}", event.node.op()->formula, event.node.op()->vjp_formula));
    throw e;
  }
}

}  // namespace gradus

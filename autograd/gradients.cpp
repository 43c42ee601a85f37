// Gradients (the numbers of a backward pass) and the sentence that explains a missing one.
#include <cmath>
#include <unordered_set>

#include "autograd/backward.h"
#include "autograd/op.h"
#include "tensor/elementwise.h"
#include "tensor/reduce.h"
#include "tensor/text.h"

namespace gradus {

const Tensor& Gradients::of(const Var& v) const {
  if (auto it = by_id_.find(v.id()); it != by_id_.end()) return entries_[it->second].value;
  if (v.node().is_parameter)
    if (auto it = by_path_.find(v.label()); it != by_path_.end()) return entries_[it->second].value;
  const std::string kept = v.op() ? "; gradients of inner nodes are kept under KeepGrads::all, or "
                                    "KeepGrads::named where they have a name"
                                  : "; see why_no_gradient(loss, v)";
  fail<GraphError>("there is no gradient of '{}' in these Gradients{}", v.label(), kept);
}

bool Gradients::has(const Var& v) const {
  return by_id_.count(v.id()) != 0 || (v.node().is_parameter && by_path_.count(v.label()) != 0);
}

const Tensor* Gradients::find(const std::string& label) const {
  if (auto it = by_path_.find(label); it != by_path_.end()) return &entries_[it->second].value;
  auto it = by_label_.find(label);
  return it == by_label_.end() ? nullptr : &entries_[it->second.front()].value;
}

const Tensor& Gradients::by_name(const std::string& label) const {
  auto it = by_label_.find(label);
  if (it == by_label_.end()) {
    std::vector<std::string> known;
    for (const auto& [k, places] : by_label_) known.push_back(k);
    fail<GraphError>(
        "there is no gradient named '{}' among {}{}; inner nodes are kept under KeepGrads::named, "
        "and "
        "the inner nodes of a fused op exist only under FusionGuard(Fusion::off)",
        label, entries_.size(), did_you_mean(label, known));
  }
  if (it->second.size() > 1)
    fail<GraphError>("{} nodes are named '{}'; ask with of(v)", it->second.size(), label);
  return entries_[it->second.front()].value;
}

void Gradients::add(Entry e) {
  // A parameter is one thing under its path, whichever leaf of its slot was used.
  std::size_t place = entries_.size();
  if (e.parameter) {
    if (auto it = by_path_.find(e.label); it != by_path_.end()) place = it->second;
  } else if (auto it = by_id_.find(e.id); it != by_id_.end()) {
    place = it->second;
  }
  by_id_[e.id] = place;
  if (place < entries_.size()) {
    Entry& old = entries_[place];
    check<GraphError>(old.value.shape() == e.value.shape() && old.value.dtype() == e.value.dtype(),
                      "two gradients of '{}' cannot be added: {} and {}; two parameters with one "
                      "path?",
                      e.label, old.value, e.value);
    old.value = gradus::add(old.value, e.value);
    return;
  }
  if (e.parameter) by_path_[e.label] = place;
  by_label_[e.label].push_back(place);
  entries_.push_back(std::move(e));
}

Gradients& Gradients::operator+=(const Gradients& o) {
  if (&o == this) return *this *= 2;
  for (const Entry& e : o.entries_) add(e);
  return *this;
}

Gradients& Gradients::operator*=(double factor) {
  for (Entry& e : entries_) e.value = mul(e.value, factor);
  return *this;
}

double Gradients::global_norm() const {
  bool any_parameter = false;
  for (const Entry& e : entries_) any_parameter |= e.parameter;
  double sum_of_squares = 0;
  for (const Entry& e : entries_)
    if (e.parameter || !any_parameter) sum_of_squares += std::pow(norm(e.value).item(), 2);
  return std::sqrt(sum_of_squares);
}

namespace {

/// Is `target` reached from `from`? Along links with a gradient only, or along all; notes a
/// stop_gradient on the way.
bool reaches(const Var& from, const Var& target, bool gradient_only, std::string& stopped_at) {
  std::unordered_set<const detail::Node*> seen;
  std::vector<const detail::Node*> pending{&from.node()};
  while (!pending.empty()) {
    const detail::Node* n = pending.back();
    pending.pop_back();
    if (!seen.insert(n).second || (gradient_only && !n->requires_grad)) continue;
    if (n == &target.node()) return true;
    if (n->op && n->op->stops_gradient) stopped_at = Var::of(const_cast<detail::Node*>(n)).label();
    for (const detail::Edge& e : n->edges()) pending.push_back(e.node);
  }
  return false;
}

std::string why_constant(const Var& v, const char* role) {
  if (!is_float(v.dtype()))
    return fmt::format("{} '{}' is {}: only f32 and f64 have gradients", role, v.label(),
                       name(v.dtype()));
  if (!v.op())
    return fmt::format("{} '{}' is a constant; make it with leaf() or as a module's parameter",
                       role, v.label());
  if (v.op()->stops_gradient)
    return fmt::format("{} '{}' is the output of {}, where gradients stop", role, v.label(),
                       v.op()->name);
  return fmt::format(
      "{} '{}' is a constant: it was computed under NoGrad, behind stop_gradient, or from "
      "inputs none of which has a gradient",
      role, v.label());
}

}  // namespace

std::string why_no_gradient(const Var& loss, const Var& w) {
  if (!loss.requires_grad()) return why_constant(loss, "the loss");
  if (!w.requires_grad()) return why_constant(w, "the input");
  std::string stopped_at;
  if (reaches(loss, w, true, stopped_at))
    return fmt::format("'{}' has a gradient: '{}' depends on it", w.label(), loss.label());
  if (reaches(loss, w, false, stopped_at) && !stopped_at.empty())
    return fmt::format("'{}' reaches '{}' only through '{}', where gradients stop", w.label(),
                       loss.label(), stopped_at);
  return fmt::format(
      "'{}' does not depend on '{}': no op on the way to it used that node (a use under NoGrad, "
      "behind stop_gradient, or of its value alone, leaves no link){}",
      loss.label(), w.label(),
      w.node().is_parameter ? "; an optimizer step puts a new leaf into a parameter's "
                              "slot, and an old graph knows the old one"
                            : "");
}

}  // namespace gradus

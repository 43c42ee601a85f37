// apply: infer, forward, node, observers; and the context that errors get on their way up.
#include <array>

#include "autograd/op.h"
#include "autograd/state.h"

namespace gradus {

namespace {

std::string input_line(std::size_t i, const Var& v) {
  return fmt::format("input {}: '{}' {} {}", i, v.label(), text(v.shape()), name(v.dtype()));
}

void add_context(Error& e, const OpDef& op, std::span<const Var* const> in, const Attrs& attrs,
                 Location where) {
  e.set_op(op.name);
  for (std::size_t i = 0; i < in.size(); ++i)
    if (in[i]->defined()) e.add(input_line(i, *in[i]));
  if (!attrs.items().empty()) e.add("with: " + attrs.text());
  if (!current_scope().empty()) e.add("in: " + current_scope());
  if (where.file) e.add("at: " + where.text());
  std::string formula = fmt::format("formula: {}", op.formula);
  if (!op.vjp_formula.empty()) formula += fmt::format(";  {}", op.vjp_formula);
  e.add(std::move(formula));
}

void check_output(const OpDef& op, const Inferred& wanted, const Shape& shape, DType dtype,
                  std::string_view maker) {
  if (shape != wanted.shape || dtype != wanted.dtype) [[unlikely]]
    throw InternalError(fmt::format("infer of '{}' said {} {}, {} made {} {}", op.name,
                                    name(wanted.dtype), wanted.shape, maker, name(dtype), shape));
}

/// infer, with all that can be said about a failure before data is touched.
Inferred infer(const OpDef& op, std::span<const Var* const> in, const Attrs& attrs) {
  for (std::size_t i = 0; i < in.size(); ++i)
    if (!in[i]->defined()) fail<GraphError>("input {} is an empty Var", i);
  if (!op.infer || !op.forward) fail<GraphError>("this op has no infer or no forward");
  return op.infer(InferCall(op, in, attrs));
}

Forward run_forward(const OpDef& op, std::span<const Var* const> in, const Attrs& attrs,
                    Location where) {
  try {
    const Inferred wanted = infer(op, in, attrs);
    constexpr std::size_t kFew = 4;
    std::array<const Tensor*, kFew> few;
    std::vector<const Tensor*> many;
    const Tensor** values = few.data();
    if (in.size() > kFew) {
      many.resize(in.size());
      values = many.data();
    }
    for (std::size_t i = 0; i < in.size(); ++i) values[i] = &in[i]->value();
    Forward result = op.forward(ForwardCall({values, in.size()}, attrs));
    if (!result.output.defined()) fail<GraphError>("forward returned no tensor");
    check_output(op, wanted, result.output.shape(), result.output.dtype(), "forward");
    return result;
  } catch (Error& e) {
    if (e.op().empty()) add_context(e, op, in, attrs, where);
    throw;
  }
}

/// A fused op under Fusion::off: its reference in its place, each node at the caller's line.
Var run_as_reference(const OpDef& op, std::span<const Var* const> in, const Attrs& attrs,
                     Location where) {
  const Inferred wanted = [&] {
    try {
      return infer(op, in, attrs);
    } catch (Error& e) {
      if (e.op().empty()) add_context(e, op, in, attrs, where);
      throw;
    }
  }();
  std::vector<Var> list;
  for (const Var* v : in) list.push_back(*v);
  const detail::Restore<Location> at(detail::state().stands_at, where);
  Var y = op.reference(list, attrs);
  check_output(op, wanted, y.shape(), y.dtype(), "its reference");
  return y;
}

Var run(const OpDef& op, std::span<const Var* const> in, Attrs attrs, Location where) {
  const detail::ThreadState& st = detail::state();
  if (st.stands_at.file) where = st.stands_at;
  if (op.reference && st.recording.fusion == Fusion::off)
    return run_as_reference(op, in, attrs, where);
  Forward result = run_forward(op, in, attrs, where);
  // Here no context is added: what an observer throws is its own.
  return detail::record(op, in, std::move(attrs), where, std::move(result));
}

/// The inputs with value hooks by Var applied.
Var run_with_hooks(const OpDef& op, std::span<const Var* const> in, Attrs attrs, Location where) {
  std::vector<Var> list;
  for (const Var* v : in) list.push_back(v->defined() ? detail::run_value_hooks(*v, false) : *v);
  std::vector<const Var*> refs;
  for (const Var& v : list) refs.push_back(&v);
  return run(op, refs, std::move(attrs), where);
}

Var start(const OpDef& op, std::span<const Var* const> in, Attrs attrs, Location where) {
  const detail::ThreadState& st = detail::state();
  if (!st.value_hooks.empty() && st.hooks) [[unlikely]]
    return run_with_hooks(op, in, std::move(attrs), where);
  return run(op, in, std::move(attrs), where);
}

}  // namespace

namespace detail {

Var record(const OpDef& op, std::span<const Var* const> in, Attrs attrs, Location where,
           Forward&& result) {
  const ThreadState& st = state();
  bool wants = false;
  if (st.recording.grad && !op.stops_gradient && is_float(result.output.dtype()))
    for (const Var* v : in) wants |= v->requires_grad();
  const bool all = st.recording.retain == Retain::all;

  auto* n = new Node;
  Var v = Var::first(n);
  n->id = next_id();
  n->op = &op;
  n->requires_grad = wants;
  n->value = std::move(result.output);
  n->attrs = std::move(attrs);
  n->scope = st.scope;
  n->where = where;
  if (wants || all || (op.stops_gradient && st.recording.grad)) {
    n->edge_count = static_cast<int>(in.size());
    Edge* edges = n->inline_edges;
    if (in.size() > std::size(n->inline_edges)) {
      n->more_edges = std::make_unique<Edge[]>(in.size());
      edges = n->more_edges.get();
    }
    for (int i = 0; i < n->edge_count; ++i) {
      Node* from = &in[static_cast<std::size_t>(i)]->node();
      const bool reads = wants && op.reads.input(i);
      edges[i] = {from, reads, reads || all};
      edges[i].holds ? hold_handle(from) : hold(from);
    }
  }
  if (wants) n->saved = std::move(result.saved);
  if (all || (wants && op.reads.output)) hold_value(n);

  if (st.announce) tell_observers([&](Observer& o) { o.on_op(v, in); });
  return v;
}

}  // namespace detail

Var apply(const OpDef& op, std::initializer_list<VarRef> in, Attrs attrs, Location where) {
  std::array<const Var*, 8> refs;
  if (in.size() > refs.size())
    throw InternalError("more than 8 inputs in a braced list; pass a span of Vars");
  std::size_t n = 0;
  for (const VarRef& r : in) refs[n++] = r.var;
  return start(op, {refs.data(), n}, std::move(attrs), where);
}

Var apply(const OpDef& op, std::span<const Var> in, Attrs attrs, Location where) {
  std::vector<const Var*> refs;
  refs.reserve(in.size());
  for (const Var& v : in) refs.push_back(&v);
  return start(op, refs, std::move(attrs), where);
}

DType InferCall::float_input(int i) const {
  const DType t = dtype(i);
  check_dtype(is_float(t), "input {} must be f32 or f64, got {}; use cast(x, DType::f32)", i,
              name(t));
  return t;
}

DType InferCall::same_float() const {
  const DType t = float_input(0);
  for (int i = 1; i < count(); ++i)
    check_dtype(dtype(i) == t, "input 0 is {}, input {} is {}: nothing is promoted; use cast",
                name(t), i, name(dtype(i)));
  return t;
}

Var VjpCall::in(int i) const {
  const detail::Edge& e = edge(i);
  if (!e.reads)
    throw InternalError(
        fmt::format("the vjp of '{}' looks at input {}, which its `reads` does not declare",
                    node_.op->name, i));
  return Var::of(e.node);
}

Var VjpCall::out() const {
  if (!node_.op->reads.output)
    throw InternalError(fmt::format(
        "the vjp of '{}' looks at its output, which its `reads` does not declare", node_.op->name));
  return Var::of(const_cast<detail::Node*>(&node_));
}

}  // namespace gradus

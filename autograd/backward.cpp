#include "autograd/backward.h"

#include "autograd/ops.h"
#include "autograd/state.h"
#include "autograd/sweep.h"
#include "tensor/elementwise.h"

namespace gradus {

namespace {

using detail::Edge;
using detail::Node;
using detail::PlaceTable;
using detail::Sweep;

/// between: not those of the two ends, which are the business of the pass outside.
enum class PassHooks { all, none, between };

/// Fused op without create_graph: tensors in one pass.
Grads run_kernel(const Node& n, std::span<const std::uint8_t> wanted, const Tensor& cotangent) {
  std::vector<Tensor> in(static_cast<std::size_t>(n.edge_count));
  for (std::size_t i = 0; i < in.size(); ++i)
    if (n.edges()[i].reads) in[i] = n.edges()[i].node->value;
  const Tensor none;
  std::vector<Tensor> out = n.op->vjp_kernel(
      {in, n.op->reads.output ? n.value : none, n.saved, n.attrs, wanted, cotangent});
  std::vector<Var> grads;
  for (Tensor& t : out) grads.push_back(t.defined() ? Var(std::move(t)) : Var());
  return Grads(std::move(grads));
}

/// Fused op under create_graph: the gradient of its reference. The reference runs on aliases of the
/// inputs, so that one input that depends on another is not counted twice. An input that the vjp
/// does not read may be gone: where the vjp sees nothing that was computed from it (output, saved),
/// its value makes no difference and zeros stand in for it.
Grads run_reference(const Node& n, std::span<const std::uint8_t> wanted, const Var& cotangent) {
  if (!n.op->reference)
    fail<GraphError>(
        "'{}' has a vjp_kernel but no reference: it cannot be differentiated under "
        "create_graph",
        n.op->name);
  const detail::Restore<Location> at(detail::state().stands_at, n.where);
  std::vector<Var> in, targets;
  for (const Edge& e : n.edges()) {
    const Var x = Var::of(e.node);
    if (x.has_value()) {
      in.push_back(x.requires_grad() ? alias(x) : x);
      continue;
    }
    if (n.op->reads.output || !n.saved.empty())
      fail<GraphError>(
          "differentiating '{}' under create_graph needs the value of '{}', which was "
          "dropped: its vjp reads the output or saved tensors instead; keep a Var on "
          "it, or record under RetainGuard(Retain::all) or FusionGuard(Fusion::off)",
          n.op->name, x.label());
    const Tensor zero = zeros(x.shape(), x.dtype());
    in.push_back(x.requires_grad() ? leaf(zero) : Var(zero));
  }
  for (std::size_t i = 0; i < in.size(); ++i)
    if (wanted[i]) targets.push_back(in[i]);
  std::vector<Var> found =
      detail::inner_grad(n.op->reference(in, n.attrs), targets, cotangent, true);
  std::vector<Var> grads(in.size());
  for (std::size_t i = 0, j = 0; i < in.size(); ++i)
    if (wanted[i]) grads[i] = std::move(found[j++]);
  return Grads(std::move(grads));
}

void check_grads(const Node& n, std::span<const std::uint8_t> wanted, const Grads& grads) {
  if (grads.size() != static_cast<std::size_t>(n.edge_count)) [[unlikely]]
    fail<GraphError>("the vjp of '{}' returned {} cotangents for {} inputs", n.op->name,
                     grads.size(), n.edge_count);
  for (std::size_t i = 0; i < grads.size(); ++i) {
    if (!wanted[i] || !grads[i].defined()) continue;
    const Node& x = *n.edges()[i].node;
    check_shape(grads[i].shape() == x.shape(),
                "the vjp of '{}' returned shape {} for input {} of shape {}", n.op->name,
                grads[i].shape(), i, x.shape());
    check_dtype(grads[i].dtype() == x.dtype(),
                "the vjp of '{}' returned {} for input {} of dtype {}", n.op->name,
                name(grads[i].dtype()), i, name(x.dtype()));
  }
}

Grads run_vjp(const Node& n, std::span<const std::uint8_t> wanted, const Var& g,
              bool create_graph) {
  try {
    if (!n.op->vjp && !n.op->vjp_kernel)
      fail<GraphError>(
          "'{}' has no vjp: no gradient flows through it; use stop_gradient where "
          "none should",
          n.op->name);
    Grads made = !n.op->vjp_kernel ? n.op->vjp(VjpCall(n, wanted), g)
                 : create_graph    ? run_reference(n, wanted, g)
                                   : run_kernel(n, wanted, g.value());
    check_grads(n, wanted, made);
    return made;
  } catch (Error& e) {
    e.add(fmt::format("in the vjp of: '{}'", Var::of(const_cast<Node*>(&n)).label()));
    if (n.where.file) e.add("recorded at: " + n.where.text());
    throw;
  }
}

/// True where nobody else holds the number: neither its node nor its storage.
bool is_ours(const Var& v) {
  const Node& n = v.node();
  return n.references() == 1 && n.value.is_sole_owner() && n.value.is_contiguous();
}

/// sum += g. In a plain pass the sum's own storage takes the result where nobody else holds it: a
/// gradient that somebody else holds is never changed.
void accumulate(Var& sum, const Var& g, bool create_graph) {
  if (!sum.defined()) {
    sum = g;
  } else if (create_graph || !is_ours(sum)) {
    sum = add(sum, g);
  } else {
    add_to(sum.node().value, g.value());
  }
}

/// Runs the pass; `keep(place, cotangent)` sees each needed node's summed cotangent.
template <class F>
void run(Sweep& pass, Var start, bool create_graph, PassHooks hooks, F&& keep) {
  detail::ThreadState& st = detail::state();
  const Recording before = st.recording;
  // A plain pass records nothing, links of constants neither: cotangents go as soon as they are
  // used.
  const detail::Restore<Recording> recording(
      st.recording, {create_graph, create_graph ? before.retain : Retain::needed, before.fusion});
  const detail::Restore<bool> quiet(st.announce, st.announce && create_graph);
  const detail::Restore<bool> no_hooks(st.hooks, false);
  const detail::Restore<bool> inner(st.inner_hooks, hooks != PassHooks::none);
  pass.cotangent(0) = std::move(start);
  std::vector<std::uint8_t> wanted;
  std::vector<std::uint32_t> places;
  for (std::size_t i = 0; i < pass.size(); ++i) {
    pass.prefetch(i + 4);
    Node* n = pass.node(i);
    if (!pass.cotangent(i).defined() || !pass.needed(i)) {
      pass.done(i);
      continue;
    }
    const bool is_end = i == 0 || pass.is_target(i);
    if (!st.grad_hooks.empty() &&
        (hooks == PassHooks::all || (hooks == PassHooks::between && !is_end)))
      pass.cotangent(i) = detail::run_grad_hooks(Var::of(n), std::move(pass.cotangent(i)));
    const Var& g = pass.cotangent(i);
    keep(i, g);
    wanted.clear(), places.clear();
    bool any = false;
    for (const Edge& e : n->edges()) {
      places.push_back(pass.place(e.node));
      wanted.push_back(places.back() != PlaceTable::kNone && pass.needed(places.back()));
      any |= wanted.back() != 0;
    }
    if (n->op && any) {
      const detail::Restore<detail::ScopeName> scope(st.scope, n->scope);
      const Grads grads = run_vjp(*n, wanted, g, create_graph);
      if (!st.observers.empty()) {
        std::vector<Var> list;
        for (std::size_t j = 0; j < grads.size(); ++j) list.push_back(wanted[j] ? grads[j] : Var());
        const Var node = Var::of(n);
        detail::tell_observers([&](Observer& o) { o.on_vjp({node, g, list}); });
      }
      for (std::size_t j = 0; j < grads.size(); ++j)
        if (wanted[j] && grads[j].defined())
          accumulate(pass.cotangent(places[j]), grads[j], create_graph);
    }
    pass.done(i);
  }
}

Var start_cotangent(const Var& y, const Tensor& given) {
  if (!given.defined()) {
    if (y.numel() != 1)
      fail<ShapeError>(
          "only a tensor of one element has a gradient by itself, '{}' is {}; reduce it with sum "
          "or mean, or "
          "pass a cotangent of its shape",
          y.label(), text(y.shape()));
    return Var(ones(y.shape(), y.dtype()));
  }
  check_shape(given.shape() == y.shape(), "the cotangent has shape {}, the output '{}' {}",
              text(given.shape()), y.label(), text(y.shape()));
  check_dtype(given.dtype() == y.dtype(), "the cotangent is {}, the output '{}' {}",
              name(given.dtype()), y.label(), name(y.dtype()));
  return Var(given);
}

}  // namespace

Gradients backward(Var loss, BackwardOptions options) {
  return backward(std::move(loss), Tensor(), options);
}

Gradients backward(Var output, Tensor cotangent, BackwardOptions options) {
  if (!output.requires_grad()) throw GraphError(why_no_gradient(output, output));
  Var start = start_cotangent(output, cotangent);
  Sweep pass(output);
  output.reset();
  Gradients result;
  const PassHooks hooks = detail::state().hooks ? PassHooks::all : PassHooks::none;
  run(pass, std::move(start), false, hooks, [&](std::size_t i, const Var& g) {
    const Node* n = pass.node(i);
    const bool is_leaf = n->op == nullptr;
    if (is_leaf || options.keep == KeepGrads::all ||
        (options.keep == KeepGrads::named && !n->name.empty()))
      result.add({Var::of(pass.node(i)).label(), g.value(), n->id, n->is_parameter});
  });
  return result;
}

namespace {

std::vector<Var> run_to_targets(Var y, std::span<const Var> x, Var start, bool create_graph,
                                PassHooks hooks) {
  std::unordered_map<int64, std::vector<std::size_t>> wanted;
  for (std::size_t i = 0; i < x.size(); ++i) wanted[x[i].id()].push_back(i);
  std::vector<Var> result(x.size());
  if (!y.requires_grad()) return result;
  Sweep pass(y, x);
  y.reset();
  run(pass, std::move(start), create_graph, hooks, [&](std::size_t i, const Var& g) {
    if (!pass.is_target(i)) return;
    for (std::size_t j : wanted[pass.node(i)->id]) result[j] = g;
  });
  return result;
}

}  // namespace

std::vector<Var> grad(const Var& y, std::span<const Var> x, GradOptions options,
                      const Var& cotangent) {
  for (const Var& v : x)
    if (!v.defined()) throw GraphError("grad: one of the inputs is an empty Var");
  Var start = start_cotangent(y, cotangent.defined() ? cotangent.value() : Tensor());
  if (cotangent.defined()) start = cotangent;
  std::vector<Var> result =
      run_to_targets(y, x, std::move(start), options.create_graph,
                     detail::state().hooks ? PassHooks::all : PassHooks::none);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (result[i].defined()) continue;
    if (!options.allow_unused) throw GraphError(why_no_gradient(y, x[i]));
    result[i] = Var(zeros(x[i].shape(), x[i].dtype()));
  }
  return result;
}

std::vector<Var> detail::inner_grad(Var y, std::span<const Var> x, const Var& cotangent,
                                    bool create_graph) {
  return run_to_targets(std::move(y), x, cotangent, create_graph,
                        state().hooks ? PassHooks::between : PassHooks::none);
}

}  // namespace gradus

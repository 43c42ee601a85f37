#include "autograd/checkpoint.h"

#include <unordered_set>

#include "autograd/ops.h"
#include "autograd/state.h"

namespace gradus {

namespace {

struct Recomputed : Payload {
  explicit Recomputed(CheckpointFunction function) : f(std::move(function)) {}
  CheckpointFunction f;
};

/// A Var in the place of an input of f, under the input's label so that messages read the same.
Var stand_in(const Var& x, bool wants_gradient) {
  Var v = wants_gradient ? leaf(x.value()) : Var(x.value());
  v.node().name = x.label();
  v.node().scope = nullptr;
  return v;
}

/// Refuses a y that depends on something with a gradient that is no input of f.
void check_closed(const Var& y, const std::vector<Var>& inputs) {
  std::unordered_set<const detail::Node*> seen;
  for (const Var& v : inputs) seen.insert(&v.node());
  std::vector<detail::Node*> pending;
  const auto visit = [&](detail::Node* n) {
    if (n->requires_grad && seen.insert(n).second) pending.push_back(n);
  };
  visit(&y.node());
  while (!pending.empty()) {
    detail::Node* n = pending.back();
    pending.pop_back();
    if (!n->op)
      fail<GraphError>(
          "the function uses '{}', which is not among its inputs: its gradient would "
          "be lost; pass it as an input",
          Var::of(n).label());
    for (const detail::Edge& e : n->edges()) visit(e.node);
  }
}

Grads recompute(const VjpCall& c, const Var& g) {
  const auto& f = static_cast<const Recomputed&>(c.attrs().payload("f")).f;
  const bool create_graph = recording().grad;
  std::vector<Var> in, targets;
  for (int i = 0; i < c.count(); ++i) {
    const Var x = c.in(i);
    // Aliases: the function is differentiated by its inputs alone, also where one depends on
    // another.
    in.push_back(create_graph && x.requires_grad() ? alias(x) : stand_in(x, c.wanted(i)));
    if (c.wanted(i)) targets.push_back(in.back());
  }
  detail::ThreadState& st = detail::state();
  const detail::Restore<bool> hooks(st.hooks, st.inner_hooks);
  Var y;
  {
    const RecordingGuard record({true, recording().retain, Fusion::on});
    y = f(in);
  }
  if (y.shape() != c.out_shape() || y.dtype() != g.dtype())
    fail<GraphError>(
        "the function gave {} {} at first and {} {} when it was computed again: it "
        "depends on something besides its inputs",
        name(g.dtype()), c.out_shape(), name(y.dtype()), y.shape());
  check_closed(y, in);
  std::vector<Var> found = detail::inner_grad(std::move(y), targets, g, create_graph);
  std::vector<Var> grads(in.size());
  for (std::size_t i = 0, j = 0; i < in.size(); ++i)
    if (c.wanted(static_cast<int>(i))) grads[i] = std::move(found[j++]);
  return Grads(std::move(grads));
}

// Not in the table of ops: the generic suite makes inputs from numbers, and cannot make a function.
const OpDef kCheckpoint{
    .name = "checkpoint",
    .formula = "y = f(inputs); the values inside f are computed again in the vjp",
    .vjp_formula = "dx = the vjp of f",
    .source = "Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost",
    .reads = kReadsInputs,
    .vjp = recompute};

}  // namespace

Var checkpoint(CheckpointFunction f, std::span<const Var> inputs, const char* file, int line) {
  std::vector<Var> in;
  bool wants = false;
  for (const Var& v : inputs) {
    if (!v.defined()) fail<GraphError>("checkpoint: input {} is an empty Var", in.size());
    in.push_back(detail::state().hooks ? detail::run_value_hooks(v, false) : v);
    wants |= in.back().requires_grad();
  }
  if (!wants || !recording().grad || recording().fusion == Fusion::off) return f(in);

  std::vector<Var> detached;
  std::vector<const Var*> refs;
  for (const Var& v : in) {
    detached.push_back(stand_in(v, false));
    refs.push_back(&v);
  }
  Var y;
  {
    const NoGrad off;
    y = f(detached);
  }
  detached.clear();
  Attrs attrs{{"f", std::shared_ptr<const Payload>(std::make_shared<Recomputed>(std::move(f)))}};
  return detail::record(kCheckpoint, refs, std::move(attrs), {file, line}, y.value());
}

}  // namespace gradus

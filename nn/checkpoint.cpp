// checkpoint for modules: their parameters become inputs of the node; while the function runs, each
// slot holds the stand-in of its leaf. Every run starts from a copy of the Pass as it was, and in
// the same scope, so that names and random numbers are those of the first run.
#include "autograd/checkpoint.h"

#include "nn/module.h"

namespace gradus {

namespace {

/// The slots hold `leaves` until it goes.
class Exchanged {
 public:
  Exchanged(const std::vector<Parameter*>& slots, std::span<const Var> leaves) : slots_(slots) {
    for (std::size_t i = 0; i < slots_.size(); ++i)
      before_.push_back(slots_[i]->exchange(leaves[i]));
  }
  ~Exchanged() {
    for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i]->exchange(std::move(before_[i]));
  }
  Exchanged(const Exchanged&) = delete;
  Exchanged& operator=(const Exchanged&) = delete;

 private:
  const std::vector<Parameter*>& slots_;
  std::vector<Var> before_;
};

}  // namespace

Var checkpoint(std::span<const Module* const> modules, ModuleFunction f, const Var& x, Pass& pass) {
  std::vector<Parameter*> slots;
  for (const Module* m : modules)
    for (Parameter* p : m->parameters()) slots.push_back(p);
  std::vector<Var> inputs{x};
  for (const Parameter* p : slots) inputs.push_back(**p);

  const auto after = std::make_shared<Pass>(pass);
  Var y = checkpoint(
      [f = std::move(f), slots, after, before = pass,
       scope = current_scope()](std::span<const Var> in) {
        const Exchanged leaves(slots, in.subspan(1));
        const ScopeGuard inside = ScopeGuard::absolute(scope);
        Pass again = before;
        Var result = f(in[0], again);
        *after = std::move(again);
        return result;
      },
      inputs);
  pass = *after;
  return y;
}

Var checkpoint(const Layer& layer, const Var& x, Pass& pass) {
  const Module* const modules[] = {&layer};
  return checkpoint(
      modules, [&layer](const Var& v, Pass& p) { return layer(v, p); }, x, pass);
}

}  // namespace gradus

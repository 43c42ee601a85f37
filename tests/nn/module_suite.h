// What must hold for every module, checked on a table entry: gradients of inputs and parameters by
// finite differences, every parameter reached, unique names, state that fits or is refused,
// randomness only where it is declared.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "autograd/backward.h"
#include "autograd/gradcheck.h"
#include "nn/module.h"
#include "tensor/elementwise.h"

namespace gradus {

struct ModuleDef {
  std::string name;
  std::unique_ptr<Module> (*make)(const Build&);
  /// f64, and i64 for ids.
  std::vector<Tensor> (*inputs)(Rng&);
  Var (*call)(const Module&, std::span<const Var>, Pass&);
  bool random_in_training = false;
};

/// A layer of one input of that shape.
template <class L>
Var call_layer(const Module& m, std::span<const Var> in, Pass& pass) {
  return dynamic_cast<const L&>(m)(in[0], pass);
}

inline std::unique_ptr<Module> make_module(const ModuleDef& d, std::uint64_t seed) {
  return d.make(Build("model", Rng(seed), DType::f64));
}

inline std::vector<Var> as_vars(const std::vector<Tensor>& tensors) {
  return {tensors.begin(), tensors.end()};
}

/// Gradcheck of all inputs and all parameters; parameters take part as stand-ins.
inline GradcheckReport gradcheck_module(const ModuleDef& d, Mode mode, int order) {
  const std::unique_ptr<Module> m = make_module(d, 3);
  Rng rng(11);
  std::vector<Tensor> inputs = d.inputs(rng);
  const std::size_t own = inputs.size();
  const std::vector<Parameter*> parameters = m->parameters();
  // Gains of exactly 1 and biases of exactly 0 hide mistakes.
  for (const Parameter* p : parameters)
    inputs.push_back(add(p->value(), uniform(rng, p->shape(), 0.1, 0.5, DType::f64)));
  const VarFunction f = [&](std::span<const Var> in) {
    std::vector<Var> before;
    for (std::size_t i = 0; i < parameters.size(); ++i)
      before.push_back(parameters[i]->exchange(in[own + i]));
    Pass pass(mode, 5);
    const Var y = d.call(*m, in.first(own), pass);
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i]->exchange(before[i]);
    return y;
  };
  return gradcheck(f, inputs, {.order = order, .seed = 7, .command = "module " + d.name});
}

inline bool same_state(const StateDict& a, const StateDict& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && same_bits(x.second, y.second);
  });
}

inline void check_gradients(const ModuleDef& d) {
  for (int order : {1, 2}) {
    const GradcheckReport eval = gradcheck_module(d, Mode::eval, order);
    INFO(d.name << ", eval: " << eval.text());
    CHECK(eval.passed());
    CHECK(eval.elements > 0);
    if (!d.random_in_training) continue;
    const GradcheckReport train = gradcheck_module(d, Mode::train, order);
    INFO(d.name << ", train: " << train.text());
    CHECK(train.passed());
  }
}

inline void check_parameters(const ModuleDef& d) {
  const std::unique_ptr<Module> m = make_module(d, 3);
  Rng rng(11);
  Pass pass(Mode::train, 5);
  const Var y = d.call(*m, as_vars(d.inputs(rng)), pass);
  CHECK(y.dtype() == DType::f64);
  std::set<std::string> paths;
  int64 numbers = 0;
  for (const Parameter* p : m->parameters()) {
    INFO(d.name << ": " << p->path());
    CHECK(paths.insert(p->path()).second);
    CHECK(p->path().starts_with("model/"));
    CHECK(p->dtype() == DType::f64);
    numbers += p->shape().numel();
  }
  CHECK(numbers == m->parameter_count());
  for (const Buffer* b : m->buffers()) CHECK(paths.insert(b->path()).second);
  if (m->parameters().empty()) return;
  const Gradients g = backward(y, random_cotangent(9, y.shape()));
  for (const Parameter* p : m->parameters()) {
    INFO(d.name << ": " << p->path());
    REQUIRE(g.find(p->path()));
    const Statistics s = statistics(*g.find(p->path()));
    CHECK(s.max_abs > 0);
    CHECK(s.non_finite == 0);
  }
}

inline void check_state(const ModuleDef& d) {
  const std::unique_ptr<Module> a = make_module(d, 3), b = make_module(d, 4);
  Rng rng(11);
  const std::vector<Var> in = as_vars(d.inputs(rng));
  const auto run = [&](const Module& m) {
    Pass pass = Pass::eval();
    return d.call(m, in, pass).value();
  };
  const StateDict state = a->state();
  CHECK(state.size() == a->parameters().size() + a->buffers().size());
  b->load(state);
  CHECK(same_state(b->state(), state));
  CHECK(same_bits(run(*a), run(*b)));

  // Every entry of another shape, one missing, one unknown: all are named, nothing is changed.
  StateDict wrong;
  for (const auto& [path, value] : state) wrong[path] = unsqueeze(value, 0);
  wrong["model/nothing"] = zeros({1});
  try {
    b->load(wrong);
    FAIL("accepted a state of other shapes");
  } catch (const ConfigError& e) {
    const std::string text = e.what();
    INFO(text);
    CHECK(text.find(fmt::format("{} of {} entries differ", wrong.size(), wrong.size())) !=
          std::string::npos);
    if (wrong.size() <= 8)
      for (const auto& entry : wrong)
        CHECK(text.find("'" + entry.first + "'") != std::string::npos);
  }
  CHECK(same_state(b->state(), state));
  if (!state.empty()) {
    wrong = state;
    wrong.erase(wrong.begin());
    CHECK_THROWS_AS(b->load(wrong), ConfigError);
    CHECK(same_state(b->state(), state));
  }
}

inline void check_randomness(const ModuleDef& d) {
  const std::unique_ptr<Module> a = make_module(d, 3), b = make_module(d, 3);
  CHECK(same_state(a->state(), b->state()));
  Rng rng(11);
  const std::vector<Var> in = as_vars(d.inputs(rng));
  const auto run = [&](const Module& m, Mode mode, std::uint64_t seed) {
    Pass pass(mode, seed);
    return d.call(m, in, pass).value();
  };
  CHECK(same_bits(run(*a, Mode::train, 1), run(*b, Mode::train, 1)));
  CHECK(same_bits(run(*a, Mode::eval, 1), run(*a, Mode::eval, 2)));
  CHECK(same_bits(run(*a, Mode::train, 1), run(*a, Mode::eval, 1)) != d.random_in_training);
  CHECK(same_bits(run(*a, Mode::train, 1), run(*a, Mode::train, 2)) != d.random_in_training);
}

inline void check_f32(const ModuleDef& d) {
  const std::unique_ptr<Module> m = make_module(d, 3);
  Rng rng(11);
  const std::vector<Tensor> in = d.inputs(rng);
  Pass pass = Pass::eval(), again = Pass::eval();
  const Tensor truth = d.call(*m, as_vars(in), pass).value();
  m->to(DType::f32);
  CHECK(m->dtype() == DType::f32);
  std::vector<Var> small;
  for (const Tensor& t : in) small.emplace_back(is_float(t.dtype()) ? cast(t, DType::f32) : t);
  const Tensor y = d.call(*m, small, again).value();
  CHECK(y.dtype() == DType::f32);
  CHECK(all_close(cast(y, DType::f64), truth, 1e-5, 1e-5));
}

/// All of it.
inline void check_module(const ModuleDef& d) {
  INFO(d.name);
  check_gradients(d);
  check_parameters(d);
  check_state(d);
  check_randomness(d);
  check_f32(d);
}

}  // namespace gradus

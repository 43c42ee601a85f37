#include "autograd/functional.h"

#include <algorithm>

#include "autograd/backward.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "tensor/elementwise.h"

namespace gradus {

namespace {

/// The function's value at fresh leaves. Those of other dtypes are constants.
struct Evaluated {
  std::vector<Var> inputs;
  std::vector<Var> leaves;
  std::vector<std::size_t> places;  // of the leaves among the inputs
  Var output;
};

Evaluated evaluate(const VarFunction& f, std::span<const Tensor> inputs) {
  Evaluated e;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check<GraphError>(inputs[i].defined(), "input {} is an empty Tensor", i);
    if (!is_float(inputs[i].dtype())) {
      e.inputs.push_back(Var(inputs[i]));
      continue;
    }
    e.inputs.push_back(leaf(inputs[i]));
    e.leaves.push_back(e.inputs.back());
    e.places.push_back(i);
  }
  check<GraphError>(!e.leaves.empty(), "none of the {} inputs is f32 or f64: nothing to derive by",
                    inputs.size());
  e.output = f(e.inputs);
  check<GraphError>(e.output.defined(), "the function returned an empty Var");
  return e;
}

void require_scalar(const Var& y) {
  check_shape(y.numel() == 1, "second derivatives are of one number, the function returned {}",
              text(y.shape()));
}

Shape joined(const Shape& a, const Shape& b) {
  Shape s = a;
  for (int64 n : b) s.push_back(n);
  return s;
}

/// d y / d x for each x, a row an element of y.
std::vector<Tensor> rows(const Var& y, std::span<const Var> x) {
  std::vector<Tensor> blocks;
  std::vector<std::byte*> to;
  for (const Var& v : x) {
    blocks.push_back(Tensor::empty(joined(y.shape(), v.shape()), v.dtype()));
    to.push_back(blocks.back().writable_bytes());
  }
  for (int64 k = 0; k < y.numel(); ++k) {
    std::vector<double> one(static_cast<std::size_t>(y.numel()));
    one[static_cast<std::size_t>(k)] = 1;
    const Var cotangent(cast(from_values(one, y.shape()), y.dtype()));
    const std::vector<Var> row = grad(y, x, {.allow_unused = true}, cotangent);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Tensor flat = contiguous(row[i].value());
      to[i] = std::copy_n(flat.raw(), flat.bytes(), to[i]);
    }
  }
  return blocks;
}

/// Tangents (or vectors) for the floating inputs, checked; zeros where none is given.
std::vector<Var> directions(const Evaluated& e, std::span<const Tensor> given,
                            std::string_view what) {
  check_shape(given.size() == e.inputs.size(), "{} inputs need as many {}s, got {}",
              e.inputs.size(), what, given.size());
  std::vector<Var> list;
  for (std::size_t i : e.places) {
    const Var& x = e.inputs[i];
    if (!given[i].defined()) {
      list.push_back(Var(zeros(x.shape(), x.dtype())));
      continue;
    }
    check_shape(given[i].shape() == x.shape(), "{} {} has shape {}, input {} has {}", what, i,
                text(given[i].shape()), i, text(x.shape()));
    check_dtype(given[i].dtype() == x.dtype(), "{} {} is {}, input {} is {}", what, i,
                name(given[i].dtype()), i, name(x.dtype()));
    list.push_back(Var(given[i]));
  }
  return list;
}

/// sum_i d <a_i, b_i> / d x for each x, where the a_i depend on x.
std::vector<Tensor> contracted(std::span<const Var> a, std::span<const Var> b,
                               std::span<const Var> x) {
  std::vector<Tensor> total(x.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::vector<Var> part = grad(a[i], x, {.allow_unused = true}, b[i]);
    for (std::size_t j = 0; j < x.size(); ++j)
      total[j] = total[j].defined() ? add(total[j], part[j].value()) : part[j].value();
  }
  return total;
}

std::vector<Tensor> spread(const Evaluated& e, std::vector<Tensor> of_leaves) {
  std::vector<Tensor> all(e.inputs.size());
  for (std::size_t i = 0; i < e.places.size(); ++i) all[e.places[i]] = std::move(of_leaves[i]);
  return all;
}

RecordingGuard record_gradients() {
  return RecordingGuard({true, recording().retain, recording().fusion});
}
VarFunction of_list(const SingleVarFunction& f) {
  return [&f](std::span<const Var> in) { return f(in[0]); };
}
std::span<const Tensor> one(const Tensor& t) { return {&t, 1}; }

}  // namespace

std::vector<Tensor> jacobian(const VarFunction& f, std::span<const Tensor> inputs) {
  const RecordingGuard guard = record_gradients();
  const Evaluated e = evaluate(f, inputs);
  return spread(e, rows(e.output, e.leaves));
}

Tensor jvp(const VarFunction& f, std::span<const Tensor> inputs, std::span<const Tensor> tangents) {
  const RecordingGuard guard = record_gradients();
  const Evaluated e = evaluate(f, inputs);
  const std::vector<Var> t = directions(e, tangents, "tangent");
  const Var u = leaf(zeros(e.output.shape(), e.output.dtype()));
  const std::vector<Var> g =
      grad(e.output, e.leaves, {.create_graph = true, .allow_unused = true}, u);
  return contracted(g, t, std::span<const Var>(&u, 1))[0];
}

std::vector<std::vector<Tensor>> hessian(const VarFunction& f, std::span<const Tensor> inputs) {
  const RecordingGuard guard = record_gradients();
  const Evaluated e = evaluate(f, inputs);
  require_scalar(e.output);
  const std::vector<Var> g = grad(e.output, e.leaves, {.create_graph = true, .allow_unused = true});
  std::vector<std::vector<Tensor>> blocks(inputs.size(), std::vector<Tensor>(inputs.size()));
  for (std::size_t i = 0; i < g.size(); ++i) blocks[e.places[i]] = spread(e, rows(g[i], e.leaves));
  return blocks;
}

std::vector<Tensor> hvp(const VarFunction& f, std::span<const Tensor> inputs,
                        std::span<const Tensor> vectors) {
  const RecordingGuard guard = record_gradients();
  const Evaluated e = evaluate(f, inputs);
  require_scalar(e.output);
  const std::vector<Var> v = directions(e, vectors, "vector");
  const std::vector<Var> g = grad(e.output, e.leaves, {.create_graph = true, .allow_unused = true});
  return spread(e, contracted(g, v, e.leaves));
}

Tensor jacobian(const SingleVarFunction& f, const Tensor& input) {
  return jacobian(of_list(f), one(input))[0];
}
Tensor jvp(const SingleVarFunction& f, const Tensor& input, const Tensor& tangent) {
  return jvp(of_list(f), one(input), one(tangent));
}
Tensor hessian(const SingleVarFunction& f, const Tensor& input) {
  return hessian(of_list(f), one(input))[0][0];
}
Tensor hvp(const SingleVarFunction& f, const Tensor& input, const Tensor& vector) {
  return hvp(of_list(f), one(input), one(vector))[0];
}

}  // namespace gradus

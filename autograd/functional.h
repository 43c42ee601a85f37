// Derivatives of whole functions, built on grad: jacobian, hessian, and their products with a
// vector (jvp, hvp) without the matrix. A function takes Vars and returns one Var; inputs and
// results are Tensors (f32 or f64). Inputs of other dtypes are passed on as constants and have an
// undefined Tensor in the result. An input without influence has zeros.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "autograd/var.h"

namespace gradus {

using VarFunction = std::function<Var(std::span<const Var>)>;
using SingleVarFunction = std::function<Var(const Var&)>;

/// J[i] = d y / d x_i, of shape y.shape + x_i.shape; one backward pass an element of y.
std::vector<Tensor> jacobian(const VarFunction& f, std::span<const Tensor> inputs);
Tensor jacobian(const SingleVarFunction& f, const Tensor& input);

/// sum_i J_i t_i, of y's shape: the derivative of f along the tangents t (one an input, of its
/// shape; undefined where it has none). Two backward passes: the vjp is linear in its cotangent u,
/// so its own vjp by u is the jvp.
Tensor jvp(const VarFunction& f, std::span<const Tensor> inputs, std::span<const Tensor> tangents);
Tensor jvp(const SingleVarFunction& f, const Tensor& input, const Tensor& tangent);

/// H[i][j] = d^2 y / d x_i d x_j, of shape x_i.shape + x_j.shape; y has one element.
std::vector<std::vector<Tensor>> hessian(const VarFunction& f, std::span<const Tensor> inputs);
Tensor hessian(const SingleVarFunction& f, const Tensor& input);

/// (H v)_i = sum_j H_ij v_j, of x_i's shape; y has one element. Two backward passes.
std::vector<Tensor> hvp(const VarFunction& f, std::span<const Tensor> inputs,
                        std::span<const Tensor> vectors);
Tensor hvp(const SingleVarFunction& f, const Tensor& input, const Tensor& vector);

}  // namespace gradus

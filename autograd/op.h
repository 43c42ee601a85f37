// OpDef: one differentiable op is one block of data; tests, documentation, error text and graph
// labels all come from it. `forward`, `vjp` and the others are plain functions: what they need
// stands in the call, never in a closure.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/var.h"
#include "tensor/random.h"

namespace gradus {

struct OpDef;

/// What `infer` sees: shapes, dtypes, attributes; never data.
class InferCall {
 public:
  InferCall(const OpDef& op, std::span<const Var* const> in, const Attrs& attrs)
      : op_(op), in_(in), attrs_(attrs) {}
  int count() const { return static_cast<int>(in_.size()); }
  const Shape& shape(int i) const { return in_[static_cast<std::size_t>(i)]->shape(); }
  DType dtype(int i) const { return in_[static_cast<std::size_t>(i)]->dtype(); }
  const Attrs& attrs() const { return attrs_; }
  const OpDef& op() const { return op_; }
  /// All of f32 or all of f64: returns that dtype, else a DTypeError that names them.
  DType same_float() const;
  /// Input i is f32 or f64.
  DType float_input(int i) const;

 private:
  const OpDef& op_;
  std::span<const Var* const> in_;
  const Attrs& attrs_;
};

struct Inferred {
  Shape shape;
  DType dtype;
  bool operator==(const Inferred&) const = default;
};

/// What `forward` sees: tensors of any strides.
class ForwardCall {
 public:
  ForwardCall(std::span<const Tensor* const> in, const Attrs& attrs) : in_(in), attrs_(attrs) {}
  int count() const { return static_cast<int>(in_.size()); }
  const Tensor& in(int i) const { return *in_[static_cast<std::size_t>(i)]; }
  const Attrs& attrs() const { return attrs_; }

 private:
  std::span<const Tensor* const> in_;
  const Attrs& attrs_;
};

struct Forward {
  Forward(Tensor y) : output(std::move(y)) {}
  Forward(Tensor y, std::vector<Tensor> s) : output(std::move(y)), saved(std::move(s)) {}
  Tensor output;
  std::vector<Tensor> saved;  ///< seen by the vjp only: log-sum-exp, rstd, an index
};

/// Which values the vjp looks at; every other value may be dropped before it runs.
struct Reads {
  std::uint32_t inputs = 0;  ///< bit i: input i (bit 31 stands for all from 31 on)
  bool output = false;
  bool input(int i) const { return (inputs >> (i < 31 ? i : 31)) & 1u; }
};
inline constexpr Reads kReadsNothing{};
inline constexpr Reads kReadsOutput{0, true};
inline constexpr Reads kReadsAll{~0u, true};
inline constexpr Reads kReadsInputs{~0u, false};
constexpr Reads reads_input(int i) { return {1u << i, false}; }

/// The cotangents that a vjp returns, one an input; an empty Var where none is wanted or none
/// exists (ids, masks).
class Grads {
 public:
  template <class... V>
  requires(std::is_convertible_v<V&&, Var>&&...) Grads(V&&... g) : size_(sizeof...(V)) {
    if constexpr (sizeof...(V) <= kFew) {
      few_ = {Var(std::forward<V>(g))...};
    } else {
      many_.reserve(size_);
      (many_.push_back(Var(std::forward<V>(g))), ...);
    }
  }
  explicit Grads(std::vector<Var> list) : size_(list.size()), many_(std::move(list)) {}
  std::size_t size() const { return size_; }
  Var& operator[](std::size_t i) { return many_.empty() ? few_[i] : many_[i]; }
  const Var& operator[](std::size_t i) const { return many_.empty() ? few_[i] : many_[i]; }

 private:
  static constexpr std::size_t kFew = 4;  // most ops have fewer inputs: no allocation for them
  std::size_t size_;
  std::array<Var, kFew> few_;
  std::vector<Var> many_;
};

/// What `vjp` sees. Reading a value that the op did not declare in `reads` is an InternalError.
class VjpCall {
 public:
  VjpCall(const detail::Node& node, std::span<const std::uint8_t> wanted)
      : node_(node), wanted_(wanted) {}
  int count() const { return node_.edge_count; }
  Var in(int i) const;
  Var out() const;
  const Shape& shape(int i) const { return edge(i).node->shape(); }
  DType dtype(int i) const { return edge(i).node->dtype(); }
  const Shape& out_shape() const { return node_.shape(); }
  const Attrs& attrs() const { return node_.attrs; }
  const std::vector<Tensor>& saved() const { return node_.saved; }
  bool wanted(int i) const { return wanted_[static_cast<std::size_t>(i)] != 0; }
  std::span<const std::uint8_t> wanted() const { return wanted_; }

 private:
  const detail::Edge& edge(int i) const { return node_.edges()[static_cast<std::size_t>(i)]; }
  const detail::Node& node_;
  std::span<const std::uint8_t> wanted_;
};

/// What `vjp_kernel` of a fused op sees. Undeclared inputs and output are undefined Tensors.
struct KernelCall {
  std::span<const Tensor> in;
  const Tensor& out;
  std::span<const Tensor> saved;
  const Attrs& attrs;
  std::span<const std::uint8_t> wanted;
  const Tensor& cotangent;
};

/// How the generic suite makes one input of a sample.
struct InputSpec {
  Shape shape;
  double low = -1, high = 1;  ///< uniform in [low, high); integers for i64, u8
  DType dtype = DType::f64;
  std::vector<double> kinks =
      {};  ///< values without a derivative: samples stay away from them; tested apart
  bool distinct = false;      ///< all elements differ clearly (max, top-k)
  bool no_influence = false;  ///< its value does not matter (what replace_value replaces)
};
struct Sample {
  std::vector<InputSpec> in;
  Attrs attrs = {};
};
/// A sample that must throw, with text that the message must contain.
struct BadSample {
  std::vector<InputSpec> in;
  Attrs attrs = {};
  std::string message;
};

struct OpDef {
  std::string_view name = {};
  std::string_view formula = {};      ///< "y = tanh(x)"
  std::string_view vjp_formula = {};  ///< "dx = g (1 - y^2)"
  std::string_view source = {};       ///< paper and equation, where there is one

  Inferred (*infer)(const InferCall&) = nullptr;
  Reads reads = {};
  Forward (*forward)(const ForwardCall&) = nullptr;
  /// Plain ops: written with differentiable ops, so that it can be differentiated again. The
  /// cotangent is never changed.
  Grads (*vjp)(const VjpCall&, const Var& cotangent) = nullptr;
  /// Fused ops instead: one pass over the tensors; an undefined Tensor where none is wanted.
  std::vector<Tensor> (*vjp_kernel)(const KernelCall&) = nullptr;
  /// Fused ops: the same function composed of plain ops, differentiated under create_graph,
  /// recorded under Fusion::off.
  Var (*reference)(std::span<const Var> in, const Attrs&) = nullptr;

  std::vector<Sample> samples = {};
  std::vector<BadSample> bad_samples = {};
  bool may_be_infinite =
      false;                    ///< anomaly detection lets Inf pass (a mask of -inf before softmax)
  bool stops_gradient = false;  ///< the output never requires a gradient
  double f32_tolerance = 1e-5;  ///< relative, of f32 against f64 in the suite
};

/// A borrowed Var in an argument list: no copy, no counting.
struct VarRef {
  const Var* var;
  VarRef(const Var& v) : var(&v) {}
  VarRef(const At& a) : var(&a.var) {}
};

/// Runs an op and records it: infer, forward, node, observers. Errors leave with op, inputs, scope,
/// line and formula added. (A std::vector of inputs: call it as gradus::apply, for std::apply
/// answers to two arguments too.)
Var apply(const OpDef& op, std::initializer_list<VarRef> in, Attrs attrs = {}, Location where = {});
Var apply(const OpDef& op, std::span<const Var> in, Attrs attrs = {}, Location where = {});

/// The table of the ops of autograd/, sorted by name.
std::span<const OpDef* const> autograd_ops();

}  // namespace gradus

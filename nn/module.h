// Module: named parameters, buffers and children. A parameter can only be made through its module,
// so none is ever missed; its path ("model/layer0/attention/q/weight") is known at construction and
// keys gradients, optimizer state and checkpoints. Modules are built in place: a parent passes
// child("name") to the constructor of each member.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/ops.h"
#include "nn/pass.h"
#include "tensor/random.h"

namespace gradus {

class Module;

/// What a module's constructor needs: where it stands, how it is initialised. Root: Build("model",
/// Rng(seed)).
struct Build {
  explicit Build(std::string root_name, Rng r = Rng(0), DType t = DType::f32)
      : name(root_name), path(std::move(root_name)), rng(r), dtype(t) {}
  std::string name, path;
  Rng rng;  ///< a stream of this module's own: initial values do not depend on its neighbours
  DType dtype;
  Module* parent = nullptr;
};

/// A slot: a path and its current leaf.
class Parameter {
 public:
  const std::string& path() const { return path_; }
  const std::string& name() const { return name_; }
  /// The current leaf.
  const Var& operator*() const { return leaf_; }
  const Tensor& value() const { return leaf_.value(); }
  const Shape& shape() const { return leaf_.shape(); }
  DType dtype() const { return leaf_.dtype(); }
  /// A new leaf with these numbers; graphs that used the old leaf keep theirs. ShapeError /
  /// DTypeError if it differs.
  void set(Tensor value);
  /// For an optimizer: the numbers to write into, the very storage where nobody else holds it, else
  /// a copy; then set().
  Tensor take();
  /// Swaps the leaf (checkpointing recomputes on stand-ins).
  Var exchange(Var leaf);
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;

 private:
  friend class Module;
  Parameter(std::string name, std::string path, Tensor value);
  std::string name_, path_;
  Var leaf_;
};

/// follows: Module::to converts it, as it does parameters. fixed: it stays as it was made (angles
/// need f64 in an f32 model too).
enum class BufferDType { follows, fixed };

/// A tensor that is saved with the module and has no gradient (a drawn projection, say).
class Buffer {
 public:
  const std::string& path() const { return path_; }
  const std::string& name() const { return name_; }
  const Tensor& value() const { return value_; }
  void set(Tensor value) { value_ = std::move(value); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

 private:
  friend class Module;
  Buffer(std::string name, std::string path, Tensor value, BufferDType dtype)
      : name_(std::move(name)), path_(std::move(path)), value_(std::move(value)), dtype_(dtype) {}
  std::string name_, path_;
  Tensor value_;
  BufferDType dtype_;
};

using StateDict = std::map<std::string, Tensor>;

class Module {
 public:
  virtual ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const std::string& name() const { return name_; }
  const std::string& path() const { return path_; }
  DType dtype() const { return dtype_; }
  std::span<Module* const> children() const { return children_; }
  /// All parameters below this module, each once, parents first in order of construction.
  std::vector<Parameter*> parameters() const;
  std::vector<Buffer*> buffers() const;
  int64 parameter_count() const;
  /// Parameters and buffers by path.
  StateDict state() const;
  /// Strict: a missing, unknown or differently shaped entry is a ConfigError that names all of
  /// them; nothing is changed then.
  void load(const StateDict& state);
  /// Converts parameters, and floating buffers that are not fixed.
  void to(DType dtype);
  /// Calls f on this module and all below it, parents first.
  void visit(const std::function<void(Module&)>& f);

 protected:
  explicit Module(const Build& build);
  /// For a member's constructor. ConfigError where the name is taken or empty or holds '/'.
  Build child(std::string_view name);
  Parameter& parameter(std::string_view name, Tensor initial);
  Buffer& buffer(std::string_view name, Tensor initial, BufferDType dtype = BufferDType::follows);
  /// Opens this module's scope for one call: the first line of every forward.
  [[nodiscard]] ScopeGuard enter(Pass& pass) const;
  /// A generator of this module's own for initial values.
  Rng rng(std::string_view purpose) const { return rng_.stream(purpose); }

 private:
  /// Parameters and buffers share the paths of a state.
  void check_free(std::string_view name) const;
  std::string name_, path_;
  Rng rng_;
  DType dtype_;
  Module* parent_;
  std::vector<Module*> children_;
  std::vector<std::unique_ptr<Parameter>> parameters_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

/// A module of one input and one output: layer(x, pass) opens its scope and calls forward.
class Layer : public Module {
 public:
  Var operator()(const Var& x, Pass& pass) const {
    const ScopeGuard scope = enter(pass);
    return forward(x, pass);
  }

 protected:
  using Module::Module;
  virtual Var forward(const Var& x, Pass& pass) const = 0;
};

/// checkpoint: module(x, pass) as one node whose inputs are x and the module's parameters; the
/// backward pass computes it again under the same Pass. The module must outlive the graph.
Var checkpoint(const Layer& layer, const Var& x, Pass& pass);
/// The same for any function of x and the parameters of `modules`.
using ModuleFunction = std::function<Var(const Var& x, Pass& pass)>;
Var checkpoint(std::span<const Module* const> modules, ModuleFunction f, const Var& x, Pass& pass);

}  // namespace gradus

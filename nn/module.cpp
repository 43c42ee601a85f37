#include "nn/module.h"

#include <algorithm>
#include <unordered_set>

#include "tensor/text.h"

namespace gradus {

// ---- Pass ---------------------------------------------------------------------------------------

std::string Pass::scope_name(const std::string& name) {
  const std::string& outer = current_scope();
  const int call = ++calls_[outer.empty() ? name : outer + "/" + name];
  return call == 1 ? name : fmt::format("{}#{}", name, call);
}

RandomKey Pass::random_key() {
  const std::string& scope = current_scope();
  const Rng stream = Rng(seed_)
                         .stream(static_cast<std::uint64_t>(step_))
                         .stream(static_cast<std::uint64_t>(micro_batch_))
                         .stream(scope);
  return {stream.key(), draws_[scope]++};
}

// ---- Parameter ----------------------------------------------------------------------------------

Parameter::Parameter(std::string name, std::string path, Tensor value)
    : name_(std::move(name)),
      path_(std::move(path)),
      leaf_(parameter_leaf(std::move(value), path_)) {}

void Parameter::set(Tensor value) {
  check_shape(!leaf_.defined() || value.shape() == shape(),
              "parameter '{}' is {}, the new value {}", path_, text(shape()), text(value.shape()));
  check_dtype(!leaf_.defined() || value.dtype() == dtype(),
              "parameter '{}' is {}, the new value {}", path_, gradus::name(dtype()),
              gradus::name(value.dtype()));
  leaf_ = parameter_leaf(std::move(value), path_);
}

Tensor Parameter::take() {
  detail::Node& n = leaf_.node();
  // The slot's own handle is the only one: nobody can see the storage change.
  if (n.references() == 1 && n.value.is_sole_owner() && n.value.is_contiguous())
    return std::move(n.value);
  return copy(leaf_.value());
}

Var Parameter::exchange(Var leaf) { return std::exchange(leaf_, std::move(leaf)); }

// ---- Module -------------------------------------------------------------------------------------

Module::Module(const Build& build)
    : name_(build.name),
      path_(build.path),
      rng_(build.rng),
      dtype_(build.dtype),
      parent_(build.parent) {
  if (parent_) parent_->children_.push_back(this);
}

Module::~Module() {
  if (parent_) std::erase(parent_->children_, this);
  for (Module* c : children_) c->parent_ = nullptr;
}

namespace {
void check_name(std::string_view name, const std::string& path) {
  check<ConfigError>(
      !name.empty() && name.find_first_of("/#* ") == std::string_view::npos,
      "'{}' is no name for a part of module '{}': one or more letters, digits, '_' or '.'", name,
      path);
}
}  // namespace

Build Module::child(std::string_view name) {
  check_name(name, path_);
  for (const Module* c : children_)
    check<ConfigError>(c->name_ != name, "module '{}' has a child '{}' already", path_, name);
  Build b{std::string(name), rng_.stream(name), dtype_};
  b.path = path_ + "/" + b.name;
  b.parent = this;
  return b;
}

void Module::check_free(std::string_view name) const {
  check_name(name, path_);
  for (const auto& p : parameters_)
    check<ConfigError>(p->name_ != name, "module '{}' has a parameter '{}' already", path_, name);
  for (const auto& b : buffers_)
    check<ConfigError>(b->name_ != name, "module '{}' has a buffer '{}' already", path_, name);
}

Parameter& Module::parameter(std::string_view name, Tensor initial) {
  check_free(name);
  if (initial.dtype() != dtype_) initial = cast(initial, dtype_);
  parameters_.emplace_back(
      new Parameter(std::string(name), path_ + "/" + std::string(name), std::move(initial)));
  return *parameters_.back();
}

Buffer& Module::buffer(std::string_view name, Tensor initial, BufferDType dtype) {
  check_free(name);
  buffers_.emplace_back(
      new Buffer(std::string(name), path_ + "/" + std::string(name), std::move(initial), dtype));
  return *buffers_.back();
}

ScopeGuard Module::enter(Pass& pass) const {
  return ScopeGuard(pass.scope_name(current_scope().empty() ? path_ : name_));
}

void Module::visit(const std::function<void(Module&)>& f) {
  std::vector<Module*> todo{this};
  while (!todo.empty()) {
    Module* m = todo.back();
    todo.pop_back();
    f(*m);
    todo.insert(todo.end(), m->children_.rbegin(), m->children_.rend());
  }
}

std::vector<Parameter*> Module::parameters() const {
  std::vector<Parameter*> list;
  const_cast<Module*>(this)->visit([&](Module& m) {
    for (const auto& p : m.parameters_) list.push_back(p.get());
  });
  return list;
}

std::vector<Buffer*> Module::buffers() const {
  std::vector<Buffer*> list;
  const_cast<Module*>(this)->visit([&](Module& m) {
    for (const auto& b : m.buffers_) list.push_back(b.get());
  });
  return list;
}

int64 Module::parameter_count() const {
  int64 n = 0;
  for (const Parameter* p : parameters()) n += p->shape().numel();
  return n;
}

StateDict Module::state() const {
  StateDict s;
  for (const Parameter* p : parameters()) s.emplace(p->path(), p->value());
  for (const Buffer* b : buffers()) s.emplace(b->path(), b->value());
  return s;
}

void Module::load(const StateDict& state) {
  std::vector<std::string> problems, known;
  std::unordered_set<std::string> seen;
  const auto check_entry = [&](const std::string& path, const Shape& shape, DType dtype) {
    known.push_back(path);
    seen.insert(path);
    auto it = state.find(path);
    if (it == state.end())
      problems.push_back(fmt::format("'{}' {} is missing", path, text(shape)));
    else if (it->second.shape() != shape)
      problems.push_back(fmt::format("'{}' is {} in the model, {} in the state", path, text(shape),
                                     text(it->second.shape())));
    else if (it->second.dtype() != dtype)
      problems.push_back(fmt::format("'{}' is {} in the model, {} in the state", path,
                                     gradus::name(dtype), gradus::name(it->second.dtype())));
  };
  const auto ps = parameters();
  const auto bs = buffers();
  for (const Parameter* p : ps) check_entry(p->path(), p->shape(), p->dtype());
  for (const Buffer* b : bs) check_entry(b->path(), b->value().shape(), b->value().dtype());
  for (const auto& [path, value] : state)
    if (!seen.count(path))
      problems.push_back(fmt::format("'{}' {} is not in the model{}", path, text(value.shape()),
                                     did_you_mean(path, known)));
  if (!problems.empty()) {
    ConfigError e(fmt::format("the state does not fit module '{}': {} of {} entries differ", path_,
                              problems.size(), std::max(known.size(), state.size())));
    for (std::size_t i = 0; i < problems.size() && i < 8; ++i) e.add(problems[i]);
    if (problems.size() > 8) e.add(fmt::format("and {} more", problems.size() - 8));
    throw e;
  }
  for (Parameter* p : ps) p->set(state.at(p->path()));
  for (Buffer* b : bs) b->set(state.at(b->path()));
}

void Module::to(DType dtype) {
  check_dtype(is_float(dtype), "a module is f32 or f64, not {}", gradus::name(dtype));
  visit([dtype](Module& m) {
    m.dtype_ = dtype;
    for (const auto& p : m.parameters_) {
      Tensor v = cast(p->value(), dtype);
      p->leaf_ = parameter_leaf(std::move(v), p->path_);
    }
    for (const auto& b : m.buffers_)
      if (is_float(b->value_.dtype()) && b->dtype_ == BufferDType::follows)
        b->value_ = cast(b->value_, dtype);
  });
}

}  // namespace gradus

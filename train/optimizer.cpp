#include "train/optimizer.h"

#include <cmath>

#include "nn/kernels/adam.h"
#include "tensor/parallel.h"

namespace gradus {

void Optimizer::step(const std::vector<Parameter*>& parameters, const Gradients& gradients,
                     double learning_rate) {
  check<ConfigError>(std::isfinite(learning_rate), "the learning rate is {}", learning_rate);
  ++steps_;
  for (Parameter* p : parameters) {
    const Tensor* g = gradients.find(p->path());
    if (!g) continue;
    check_shape(g->shape() == p->shape(), "parameter '{}' is {}, its gradient {}", p->path(),
                text(p->shape()), text(g->shape()));
    // Before anything is taken out of its slot.
    check_dtype(g->dtype() == p->dtype(), "parameter '{}' is {}, its gradient {}", p->path(),
                name(p->dtype()), name(g->dtype()));
    update(*p, contiguous(*g), learning_rate);
  }
}

Tensor& Optimizer::moment(const Parameter& parameter, const char* which) {
  Tensor& m = moments_[parameter.path() + "/" + which];
  if (!m.defined()) m = zeros(parameter.shape(), parameter.dtype());
  check<ConfigError>(
      m.shape() == parameter.shape() && m.dtype() == parameter.dtype(),
      "the optimizer's state does not fit: parameter '{}' is {} {}, its {} moment {}",
      parameter.path(), name(parameter.dtype()), text(parameter.shape()), which, describe(m));
  // A state that somebody else still holds (a checkpoint being written) stays as it was.
  if (!m.is_sole_owner() || !m.is_contiguous()) m = copy(m);
  return m;
}

StateDict Optimizer::state() const {
  StateDict s = moments_;
  s["steps"] = from_values<int64>(std::vector<int64>{steps_}, {1});
  return s;
}

void Optimizer::load(const StateDict& state) {
  auto it = state.find("steps");
  check<ConfigError>(
      it != state.end() && it->second.dtype() == DType::i64 && it->second.numel() == 1,
      "the optimizer state has no 'steps'");
  const int64 steps = it->second.to_vector<int64>()[0];
  check<ConfigError>(steps >= 0, "the optimizer state has made {} steps", steps);
  for (const auto& [path, value] : state)
    check<ConfigError>(
        path == "steps" ||
            ((path.ends_with("/first") || path.ends_with("/second")) && is_float(value.dtype())),
        "the optimizer state's entry '{}' ({}) is no moment of a parameter", path, describe(value));
  steps_ = steps;
  moments_ = state;
  moments_.erase("steps");
}

namespace {

/// f(p, g, begin, end) for ranges of elements in parallel, on the parameter's own storage where
/// nobody else sees it.
template <class T, class F>
void write_parameter(Parameter& parameter, const Tensor& gradient, F&& f) {
  Tensor value = parameter.take();
  T* p = value.writable<T>();
  const T* g = gradient.data<T>();
  parallel_for(0, value.numel(), 16384, [&](int64 begin, int64 end) { f(p, g, begin, end); });
  parameter.set(std::move(value));
}

}  // namespace

Adam::Adam(AdamConfig config) : config_(config) {
  check<ConfigError>(config.beta1 >= 0 && config.beta1 < 1 && config.beta2 >= 0 && config.beta2 < 1,
                     "Adam's betas must be in [0, 1), got {} and {}", config.beta1, config.beta2);
}

void Adam::update(Parameter& parameter, const Tensor& gradient, double learning_rate) {
  const double t = static_cast<double>(steps());
  const double decay = parameter.shape().rank() >= 2 ? config_.weight_decay : 0;
  dispatch_float(parameter.dtype(), "Adam", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* m = moment(parameter, "first").writable<T>();
    T* v = moment(parameter, "second").writable<T>();
    const AdamStep<T> step{static_cast<T>(config_.beta1),
                           static_cast<T>(config_.beta2),
                           static_cast<T>(learning_rate / (1 - std::pow(config_.beta1, t))),
                           static_cast<T>(1 / (1 - std::pow(config_.beta2, t))),
                           static_cast<T>(config_.eps),
                           static_cast<T>(learning_rate * decay)};
    const auto kernel = GRADUS_KERNELS(adam_kernels).of(T{});
    write_parameter<T>(parameter, gradient, [=](T* p, const T* g, int64 begin, int64 end) {
      kernel(step, g + begin, end - begin, p + begin, m + begin, v + begin);
    });
  });
}

Sgd::Sgd(SgdConfig config) : config_(config) {
  check<ConfigError>(config.momentum >= 0 && config.momentum < 1,
                     "the momentum must be in [0, 1), got {}", config.momentum);
}

void Sgd::update(Parameter& parameter, const Tensor& gradient, double learning_rate) {
  dispatch_float(parameter.dtype(), "SGD", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* u = config_.momentum > 0 ? moment(parameter, "first").writable<T>() : nullptr;
    const T mu = static_cast<T>(config_.momentum), lr = static_cast<T>(learning_rate);
    write_parameter<T>(parameter, gradient, [=](T* p, const T* g, int64 begin, int64 end) {
      for (int64 i = begin; i < end; ++i) {
        if (u) u[i] = mu * u[i] + g[i];
        p[i] -= lr * (u ? u[i] : g[i]);
      }
    });
  });
}

double clip_global_norm(Gradients& gradients, double limit) {
  check<ConfigError>(limit > 0, "the norm to clip to must be above 0, got {}", limit);
  const double norm = gradients.global_norm();
  if (norm > limit) gradients *= limit / norm;
  return norm;
}

}  // namespace gradus

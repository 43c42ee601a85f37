// Optimizers: Adam, AdamW, SGD with momentum. State is keyed by parameter path; a step puts a new
// leaf into each slot.
#pragma once

#include <memory>
#include <string>

#include "autograd/backward.h"
#include "nn/module.h"

namespace gradus {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// One step on every parameter that has a gradient; the others (not used in this pass) stay as
  /// they are.
  void step(const std::vector<Parameter*>& parameters, const Gradients& gradients,
            double learning_rate);
  int64 steps() const { return steps_; }
  /// Moments by "path/first", "path/second", and "steps"; the same bits after load(state()).
  virtual StateDict state() const;
  /// ConfigError where an entry does not fit.
  virtual void load(const StateDict& state);

 protected:
  /// Writes the new numbers of one parameter.
  virtual void update(Parameter& parameter, const Tensor& gradient, double learning_rate) = 0;
  /// A moment of a parameter, zeros at first.
  Tensor& moment(const Parameter& parameter, const char* which);

 private:
  int64 steps_ = 0;
  StateDict moments_;
};

struct AdamConfig {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  /// Decoupled (Loshchilov & Hutter 2019), on parameters of two axes and more; 0 is Adam (Kingma &
  /// Ba 2015).
  double weight_decay = 0;
};
/// m = b1 m + (1-b1) g, v = b2 v + (1-b2) g^2, p -= lr ((m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps)
/// + decay p)
class Adam : public Optimizer {
 public:
  explicit Adam(AdamConfig config = {});

 protected:
  void update(Parameter& parameter, const Tensor& gradient, double learning_rate) override;

 private:
  AdamConfig config_;
};

struct SgdConfig {
  double momentum = 0;
};
/// u = momentum u + g, p -= lr u
class Sgd : public Optimizer {
 public:
  explicit Sgd(SgdConfig config = {});

 protected:
  void update(Parameter& parameter, const Tensor& gradient, double learning_rate) override;

 private:
  SgdConfig config_;
};

/// Scales all gradients so that their global norm is at most `limit`; returns the norm before.
double clip_global_norm(Gradients& gradients, double limit);

}  // namespace gradus

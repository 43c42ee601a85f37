// Dropout: in training each element is zero with probability p, the others grow by 1/(1-p); the
// identity otherwise.
#pragma once

#include "nn/module.h"

namespace gradus {

class Dropout : public Layer {
 public:
  /// 0 <= p < 1, else ConfigError.
  Dropout(const Build& build, double p) : Layer(build), p_(p) {
    check<ConfigError>(p >= 0 && p < 1, "'{}': the drop probability must be in [0, 1), got {}",
                       path(), p);
  }

 protected:
  Var forward(const Var& x, Pass& pass) const override {
    if (!pass.training() || p_ == 0) return x;
    const RandomKey r = pass.random_key();
    return dropout(x, p_, r.key, r.draw);
  }

 private:
  double p_;
};

}  // namespace gradus

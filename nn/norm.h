// LayerNorm and RMSNorm over the last axis.
#pragma once

#include "nn/module.h"
#include "nn/ops.h"

namespace gradus {

class LayerNorm : public Layer {
 public:
  LayerNorm(const Build& build, int64 width, double eps = 1e-5)
      : Layer(build),
        gain_(parameter("gain", ones({width}, dtype()))),
        bias_(parameter("bias", zeros({width}, dtype()))),
        eps_(eps) {}

 protected:
  Var forward(const Var& x, Pass&) const override { return layer_norm(x, *gain_, *bias_, eps_); }

 private:
  Parameter &gain_, &bias_;
  double eps_;
};

class RmsNorm : public Layer {
 public:
  RmsNorm(const Build& build, int64 width, double eps = 1e-6)
      : Layer(build), gain_(parameter("gain", ones({width}, dtype()))), eps_(eps) {}

 protected:
  Var forward(const Var& x, Pass&) const override { return rms_norm(x, *gain_, eps_); }

 private:
  Parameter& gain_;
  double eps_;
};

}  // namespace gradus

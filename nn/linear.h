// Linear: y = x W^T + b, weight [out, in], bias [out].
#pragma once

#include "nn/init.h"
#include "nn/module.h"
#include "nn/ops.h"

namespace gradus {

enum class Bias { no, yes };

class Linear : public Layer {
 public:
  Linear(const Build& build, int64 in, int64 out, Bias bias = Bias::yes)
      : Layer(build),
        weight_(parameter("weight", init::xavier_uniform(rng("weight"), out, in, dtype()))),
        bias_(bias == Bias::yes ? &parameter("bias", zeros({out}, dtype())) : nullptr) {}

  Parameter& weight() { return weight_; }
  /// Null where there is none.
  Parameter* bias() { return bias_; }

 protected:
  /// x [..., in] -> [..., out]
  Var forward(const Var& x, Pass&) const override {
    return bias_ ? linear(x, *weight_, **bias_) : matmul(x, transpose(*weight_));
  }

 private:
  Parameter& weight_;
  Parameter* bias_;
};

}  // namespace gradus

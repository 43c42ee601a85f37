// Linear: y = x W^T + b, weight [out, in], bias [out].
#pragma once

#include "nn/init.h"
#include "nn/module.h"

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
    const Var y = matmul(x, transpose(*weight_));
    return bias_ ? add(y, **bias_) : y;
  }

 private:
  Parameter& weight_;
  Parameter* bias_;
};

}  // namespace gradus

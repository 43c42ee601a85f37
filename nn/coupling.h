// Coupling: what the outputs of one token say of each other. Output j sees the outputs y_i before
// it, l_j + sum_{i<j} y_i W_ij, so that the sum of their cross entropies is that of all of them
// together (fully visible sigmoid belief network: Neal 1992; Frey 1998). It begins at 0.
#pragma once

#include "nn/module.h"

namespace gradus {

class Coupling : public Layer {
 public:
  Coupling(const Build& build, int64 outputs)
      : Layer(build), weight_(parameter("weight", zeros({outputs, outputs}, dtype()))) {}

  Parameter& weight() { return weight_; }
  const Parameter& weight() const { return weight_; }

 protected:
  /// The outputs y [..., n] -> what is added to their logits [..., n].
  Var forward(const Var& y, Pass&) const override { return matmul(y, triu(*weight_, 1)); }

 private:
  Parameter& weight_;
};

}  // namespace gradus

// Mlp: y = W2 dropout(f(W1 x + b1)) + b2, the feed-forward part of a Transformer block.
#pragma once

#include "nn/activation.h"
#include "nn/dropout.h"
#include "nn/linear.h"

namespace gradus {

class Mlp : public Layer {
 public:
  Mlp(const Build& build, int64 width, int64 hidden, Activation activation, double drop = 0)
      : Layer(build),
        up_(child("up"), width, hidden),
        drop_(child("dropout"), drop),
        down_(child("down"), hidden, width),
        activation_(activation) {}

 protected:
  Var forward(const Var& x, Pass& pass) const override {
    const Var h = activate(activation_, up_(x, pass)).named("hidden");
    return down_(drop_(h, pass), pass);
  }

 private:
  Linear up_;
  Dropout drop_;
  Linear down_;
  Activation activation_;
};

}  // namespace gradus

// HasFrequencies: what the encodings share that work with angular frequencies f, whether these
// follow from options, are drawn, or are learned. A study (pe/kernel_view.h) may put others in
// their place, and so differentiate a score by f itself: theta = f . p (pe/angles.h) takes any Var.
#pragma once

#include "autograd/ops.h"

namespace gradus {

class HasFrequencies {
 public:
  virtual ~HasFrequencies() = default;
  /// f64 [H|1, F, L], as one would choose them; undefined where this one has none.
  virtual Tensor own_frequencies() const = 0;
  /// Works with these from now on, [H|1, F, L] in f64, and gradients flow to them.
  virtual void study_frequencies(Var f) { studied_ = std::move(f); }

 protected:
  /// What study_frequencies was given; undefined: its own are in use.
  const Var& studied() const { return studied_; }
  /// Those of one number of the labels, [F]: studied, or else `own`, where heads share them.
  Var frequencies_of_label(int64 column, const Tensor& own) const {
    return studied_.defined() ? select(select(studied_, 2, column), 0, 0) : Var(own);
  }

 private:
  Var studied_;
};

/// [F], the same for each number of the labels -> [1, F, width].
Tensor for_every_label(const Tensor& frequencies, int64 width);

}  // namespace gradus

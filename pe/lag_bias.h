// LagBias: what the biases b_h(p_m - p_n) share. One label: the hook lag_bias, which other cores
// can work on too; several: the sum of one bias per label, as a score bias. Added to the scaled
// scores.
#pragma once

#include "pe/label_encoding.h"

namespace gradus {

class LagBias : public LabelEncoding {
 public:
  /// Those given, with the hook that labels of so many numbers use.
  Traits traits() const override;
  std::optional<Var> lag_bias(const Tensor& delta, Pass& pass) const override;
  std::optional<Var> score_bias(const Var& q, const Var& k, const Positions& positions,
                                Pass& pass) const override;
  /// G = c I and gamma = sqrt(d) sum of the biases, so that a / sqrt(d) is the score.
  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override;

 protected:
  LagBias(const Build& build, EncodingShape shape, LabelConfig labels, const Traits& traits,
          LabelValues values = LabelValues::real)
      : LabelEncoding(build, shape, std::move(labels), values), traits_(traits) {}
  /// Of the label's number `column`: f64 lags of any shape S -> [H, S...].
  virtual Var bias(int64 column, const Tensor& delta) const = 0;
  /// Factor c of the products q . k beside the usual 1 / sqrt(d).
  virtual double content_factor() const { return 1; }
  /// [H] -> [H, 1, ...] beside lags of this rank.
  static Var per_head(const Var& of_heads, const Tensor& delta);

 private:
  Traits traits_;  // of one label
};

}  // namespace gradus

// Multi-head self-attention: q, k, v = x W; heads of d_model / heads; a core (nn/attention_core.h)
// with the model's positional encoding; the heads side by side through an output matrix (Vaswani et
// al. 2017, section 3.2). Nodes "q", "k", "v" [B,H,N,d] and "output" [B,N,D].
#pragma once

#include "nn/attention_core.h"
#include "nn/linear.h"

namespace gradus {

struct AttentionConfig {
  int64 d_model = 0, heads = 1;
  CoreConfig core;
  Bias bias = Bias::yes;
};

class MultiHeadAttention : public Module {
 public:
  /// `encoding` belongs to the model and must outlive this module. ConfigError where heads do not
  /// divide d_model, or core and encoding do not fit.
  MultiHeadAttention(const Build& build, const AttentionConfig& config,
                     const PositionalEncoding& encoding);

  /// x [B,Nk,D] -> [B,Nq,D]: queries are the rows of x that the positions say.
  Var operator()(const Var& x, const Positions& positions, Pass& pass) const;
  /// Weights [B,H,Nq,Nk] of the N x N form, for inspection.
  Var weights(const Var& x, const Positions& positions, Pass& pass) const;
  /// One more token, x [B,1,D] and the positions of this token only; ConfigError where the core has
  /// no recurrence.
  Var step(const Var& x, const Positions& positions, AttentionState& state, Pass& pass) const;
  bool has_recurrence() const { return core_->has_recurrence(); }
  void draw(Rng& rng) { core_->draw(rng); }
  const AttentionCore& core() const { return *core_; }

 private:
  Var split(const Var& x) const;
  Var project(const Linear& layer, std::string_view name, const Var& x, Pass& pass) const;
  Var query(const Var& x, const Positions& positions, Pass& pass) const;
  Var finish(const Var& y, Pass& pass) const;

  int64 d_model_, heads_;
  Linear query_, key_, value_, out_;
  std::unique_ptr<AttentionCore> core_;
};

}  // namespace gradus

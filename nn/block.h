// One block of a Transformer encoder: attention, then a feed-forward part, each beside a residual
// connection with dropout. Post-norm (Vaswani et al. 2017): x = norm(x + part(x)); pre-norm (Xiong
// et al. 2020): x = x + part(norm(x)).
#pragma once

#include "nn/attention.h"
#include "nn/mlp.h"
#include "nn/norm.h"

namespace gradus {

enum class NormPlacement { pre, post };

struct BlockConfig {
  AttentionConfig attention;
  int64 d_ff = 0;
  double dropout = 0;  ///< of each part's result, and inside the feed-forward part
  NormPlacement norm = NormPlacement::post;
  Activation activation = Activation::relu;
};

class Block : public Module {
 public:
  /// `encoding` belongs to the model and must outlive this block.
  Block(const Build& build, const BlockConfig& config, const PositionalEncoding& encoding);
  /// With an encoding of this block's own, its child "encoding".
  Block(const Build& build, const BlockConfig& config, const MakeEncoding& make_encoding);

  /// x [B,N,D] -> [B,N,D]; every row is a query.
  Var operator()(const Var& x, const Positions& positions, Pass& pass) const;
  /// One more token [B,1,D].
  Var step(const Var& x, const Positions& positions, AttentionState& state, Pass& pass) const;
  const MultiHeadAttention& attention() const { return attention_; }
  void draw(Rng& rng) { attention_.draw(rng); }
  /// The block's own encoding; null where it is the model's.
  PositionalEncoding* own_encoding() const { return own_encoding_.get(); }

 private:
  Block(const Build& build, const BlockConfig& config, const PositionalEncoding* shared,
        const MakeEncoding* make_own);
  template <class Attend>
  Var run(const Var& x, Pass& pass, Attend&& attend) const;

  NormPlacement placement_;
  std::unique_ptr<PositionalEncoding> own_encoding_;
  LayerNorm attention_norm_;
  MultiHeadAttention attention_;
  Dropout attention_dropout_;
  LayerNorm feed_forward_norm_;
  Mlp feed_forward_;
  Dropout feed_forward_dropout_;
};

}  // namespace gradus

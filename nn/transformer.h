// The encoder Transformer of the papers (SPEC 3 and 5): Linear(inputs -> d_model), the encoding's
// embed, blocks, a last norm where norms come first, Linear(d_model -> outputs). Causal or not as
// the positions say. The positional encoding is one, which all blocks share, or each block has its
// own.
#pragma once

#include "nn/block.h"
#include "nn/coupling.h"

namespace gradus {

/// What the layers share of the encoding: parameters and random codes; its codes alone, so that
/// frequencies, gains and gates are each layer's own; the encoding that it wraps, so that gates
/// are; or nothing.
enum class Sharing { all, codes, inside, nothing };
std::string_view name(Sharing s);

struct TransformerConfig {
  int64 inputs = 0, outputs = 0;
  int64 d_model = 512, heads = 4, layers = 2, d_ff = 512;
  double dropout = 0.1;
  NormPlacement norm = NormPlacement::post;
  Activation activation = Activation::relu;
  CoreConfig core;
  Sharing sharing = Sharing::all;
  bool checkpoint = false;  ///< computes each block again in the backward pass: less memory
  bool coupled = false;     ///< has a coupling of its outputs
};

class Transformer : public Module {
 public:
  /// ConfigError for sizes that do not fit, where core and encoding do not, and where layers cannot
  /// have encodings of their own: one that is added to the input is there once.
  Transformer(const Build& build, const TransformerConfig& config,
              const MakeEncoding& make_encoding);

  /// x [B,N,inputs] -> logits [B,N,outputs].
  Var operator()(const Var& x, const Positions& positions, Pass& pass) const;
  /// One more token: x [B,1,inputs], positions of this token only, one state a block (start()).
  Var step(const Var& x, const Positions& positions, std::vector<AttentionState>& states,
           Pass& pass) const;
  /// States before the first token.
  std::vector<AttentionState> start() const { return std::vector<AttentionState>(blocks_.size()); }
  /// This step's random features, of the encodings and of every feature map: once a step, before
  /// the first forward. A layer's own codes come from the stream of its number.
  void draw(Rng& rng);

  const TransformerConfig& config() const { return config_; }
  /// What a layer works with; where it is shared the same for all.
  const PositionalEncoding& encoding(std::size_t layer = 0) const;
  const Block& block(std::size_t layer) const { return *blocks_.at(layer); }
  Linear& output() { return output_; }
  /// What is to be added to the logits of outputs of which those before them are known; null where
  /// outputs are not coupled.
  const Coupling* coupling() const { return coupling_.get(); }

 private:
  Var embed(const Var& x, const Positions& positions, Pass& pass) const;
  Var logits(const Var& x, Pass& pass) const;
  void draw_own_codes(const Rng& rng);
  std::unique_ptr<Block> make_block(int64 i, const MakeEncoding& make_encoding);
  /// The encoding of which a layer uses a part, or all, that is not its own; null where none is.
  const PositionalEncoding* foreign_encoding(std::size_t layer) const;

  TransformerConfig config_;
  Linear input_;
  std::unique_ptr<PositionalEncoding> encoding_;  // null: each block has its own
  std::vector<std::unique_ptr<Block>> blocks_;
  std::unique_ptr<LayerNorm> norm_;
  Linear output_;
  std::unique_ptr<Coupling> coupling_;
};

}  // namespace gradus

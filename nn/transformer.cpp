#include "nn/transformer.h"

#include <array>

namespace gradus {

namespace {

const TransformerConfig& checked(const TransformerConfig& c) {
  const std::pair<std::string_view, int64> sizes[] = {
      {"inputs", c.inputs}, {"outputs", c.outputs}, {"d_model", c.d_model},
      {"heads", c.heads},   {"layers", c.layers},   {"d_ff", c.d_ff}};
  for (const auto& size : sizes)
    check<ConfigError>(size.second > 0, "transformer: {} must be positive, got {}", size.first,
                       size.second);
  check<ConfigError>(c.d_model % c.heads == 0, "transformer: {} heads do not divide d_model = {}",
                     c.heads, c.d_model);
  return c;
}

BlockConfig block_config(const TransformerConfig& c) {
  BlockConfig b;
  b.attention.d_model = c.d_model;
  b.attention.heads = c.heads;
  b.attention.core = c.core;
  b.d_ff = c.d_ff;
  b.dropout = c.dropout;
  b.norm = c.norm;
  b.activation = c.activation;
  return b;
}

}  // namespace

Transformer::Transformer(const Build& build, const TransformerConfig& config,
                         const MakeEncoding& make_encoding)
    : Module(build),
      config_(checked(config)),
      input_(child("input"), config.inputs, config.d_model),
      encoding_(make_encoding(child("encoding"), {config.d_model, config.heads})),
      output_(child("output"), config.d_model, config.outputs) {
  for (int64 i = 0; i < config.layers; ++i)
    blocks_.push_back(std::make_unique<Block>(child(fmt::format("layer{}", i)),
                                              block_config(config_), *encoding_));
  if (config.norm == NormPlacement::pre)
    norm_ = std::make_unique<LayerNorm>(child("norm"), config.d_model);
}

Var Transformer::embed(const Var& x, const Positions& positions, Pass& pass) const {
  check_shape(x.rank() == 3 && x.size(2) == config_.inputs, "the model takes [B,N,{}], got {}",
              config_.inputs, x.shape());
  check_shape(positions.keys() == x.size(1), "the positions have {} tokens, x has {}: {}",
              positions.keys(), x.size(1), x.shape());
  return encoding_->embed(input_(x, pass), positions, pass);
}

Var Transformer::logits(const Var& x, Pass& pass) const {
  return output_(norm_ ? (*norm_)(x, pass) : x, pass);
}

Var Transformer::operator()(const Var& x, const Positions& positions, Pass& pass) const {
  const ScopeGuard scope = enter(pass);
  Var h = embed(x, positions, pass);
  for (const auto& owned : blocks_) {
    const Block& block = *owned;
    if (config_.checkpoint) {
      const std::array<const Module*, 2> modules{&block, encoding_.get()};
      h = gradus::checkpoint(
          modules, [&block, positions](const Var& v, Pass& p) { return block(v, positions, p); }, h,
          pass);
    } else {
      h = block(h, positions, pass);
    }
  }
  return logits(h, pass);
}

Var Transformer::step(const Var& x, const Positions& positions, std::vector<AttentionState>& states,
                      Pass& pass) const {
  const ScopeGuard scope = enter(pass);
  check_shape(states.size() == blocks_.size(),
              "a step needs one state a block ({}), got {}; begin with start()", blocks_.size(),
              states.size());
  Var h = embed(x, positions, pass);
  for (std::size_t i = 0; i < blocks_.size(); ++i)
    h = blocks_[i]->step(h, positions, states[i], pass);
  return logits(h, pass);
}

void Transformer::draw(Rng& rng) {
  encoding_->draw(rng);
  for (const auto& block : blocks_) block->draw(rng);
}

}  // namespace gradus

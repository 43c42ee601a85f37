#include "nn/transformer.h"

#include <array>

namespace gradus {

std::string_view name(Sharing s) {
  constexpr std::string_view names[] = {"all", "codes", "inside", "nothing"};
  return names[static_cast<int>(s)];
}

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

/// Refuses what a layer cannot have of its own.
void check_own(const PositionalEncoding& e, Sharing sharing) {
  check<ConfigError>((e.traits().hooks & kEmbed) == 0,
                     "'{}' is added to the input, once, before the first layer: layers have no "
                     "encodings of their own then (shared = {}); share all",
                     e.kind(), name(sharing));
  check<ConfigError>(sharing != Sharing::codes || e.traits().stochastic,
                     "'{}' draws no random codes that layers could share (shared = codes); share "
                     "all, or nothing",
                     e.kind());
  check<ConfigError>(sharing != Sharing::inside || e.sharing_inside(Build("probe")),
                     "'{}' has no encoding inside that layers could share beside parameters of "
                     "their own (shared = inside), as 'gated' has; share all, or nothing",
                     e.kind());
}

}  // namespace

Transformer::Transformer(const Build& build, const TransformerConfig& config,
                         const MakeEncoding& make_encoding)
    : Module(build),
      config_(checked(config)),
      input_(child("input"), config.inputs, config.d_model),
      encoding_(config.sharing == Sharing::all
                    ? make_encoding(child("encoding"), {config.d_model, config.heads})
                    : nullptr),
      output_(child("output"), config.d_model, config.outputs) {
  for (int64 i = 0; i < config.layers; ++i) {
    blocks_.push_back(make_block(i, make_encoding));
    if (!encoding_) check_own(encoding(), config.sharing);
  }
  if (config.sharing == Sharing::codes) draw_own_codes(rng("codes"));
  if (config.norm == NormPlacement::pre)
    norm_ = std::make_unique<LayerNorm>(child("norm"), config.d_model);
  if (config.coupled) coupling_ = std::make_unique<Coupling>(child("coupling"), config.outputs);
}

std::unique_ptr<Block> Transformer::make_block(int64 i, const MakeEncoding& make_encoding) {
  const BlockConfig block = block_config(config_);
  const Build place = child(fmt::format("layer{}", i));
  if (encoding_) return std::make_unique<Block>(place, block, *encoding_);
  if (config_.sharing != Sharing::inside || i == 0)
    return std::make_unique<Block>(place, block, make_encoding);
  return std::make_unique<Block>(
      place, block, [this](const Build& b, EncodingShape) { return encoding().sharing_inside(b); });
}

const PositionalEncoding* Transformer::foreign_encoding(std::size_t layer) const {
  if (encoding_) return encoding_.get();
  return config_.sharing == Sharing::inside && layer > 0 ? &encoding() : nullptr;
}

Var Transformer::embed(const Var& x, const Positions& positions, Pass& pass) const {
  check_shape(x.rank() == 3 && x.size(2) == config_.inputs, "the model takes [B,N,{}], got {}",
              config_.inputs, x.shape());
  check_shape(positions.keys() == x.size(1), "the positions have {} tokens, x has {}: {}",
              positions.keys(), x.size(1), x.shape());
  const Var h = input_(x, pass);
  return encoding_ ? encoding_->embed(h, positions, pass) : h;
}

Var Transformer::logits(const Var& x, Pass& pass) const {
  return output_(norm_ ? (*norm_)(x, pass) : x, pass);
}

Var Transformer::operator()(const Var& x, const Positions& positions, Pass& pass) const {
  const ScopeGuard scope = enter(pass);
  Var h = embed(x, positions, pass);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Block& block = *blocks_[i];
    if (config_.checkpoint) {
      const std::array<const Module*, 2> both{&block, foreign_encoding(i)};
      const std::span<const Module* const> modules(both.data(), both[1] ? 2u : 1u);
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
  if (encoding_)
    encoding_->draw(rng);
  else
    draw_own_codes(rng.stream("codes"));
  for (const auto& block : blocks_) block->draw(rng);
}

void Transformer::draw_own_codes(const Rng& codes) {
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    Rng own = config_.sharing == Sharing::codes ? codes : codes.stream(i);
    blocks_[i]->own_encoding()->draw(own);
  }
}

const PositionalEncoding& Transformer::encoding(std::size_t layer) const {
  return encoding_ ? *encoding_ : *blocks_.at(layer)->own_encoding();
}

}  // namespace gradus

#include "nn/block.h"

namespace gradus {

Block::Block(const Build& build, const BlockConfig& c, const PositionalEncoding& encoding)
    : Block(build, c, &encoding, nullptr) {}

Block::Block(const Build& build, const BlockConfig& c, const MakeEncoding& make_encoding)
    : Block(build, c, nullptr, &make_encoding) {}

Block::Block(const Build& build, const BlockConfig& c, const PositionalEncoding* shared,
             const MakeEncoding* make_own)
    : Module(build),
      placement_(c.norm),
      own_encoding_(make_own
                        ? (*make_own)(child("encoding"), {c.attention.d_model, c.attention.heads})
                        : nullptr),
      attention_norm_(child("attention_norm"), c.attention.d_model),
      attention_(child("attention"), c.attention, own_encoding_ ? *own_encoding_ : *shared),
      attention_dropout_(child("attention_dropout"), c.dropout),
      feed_forward_norm_(child("feed_forward_norm"), c.attention.d_model),
      feed_forward_(child("feed_forward"), c.attention.d_model, c.d_ff, c.activation, c.dropout),
      feed_forward_dropout_(child("feed_forward_dropout"), c.dropout) {}

template <class Attend>
Var Block::run(const Var& x, Pass& pass, Attend&& attend) const {
  const ScopeGuard scope = enter(pass);
  if (placement_ == NormPlacement::pre) {
    const Var y = x + attention_dropout_(attend(attention_norm_(x, pass)), pass);
    const Var f = feed_forward_(feed_forward_norm_(y, pass), pass);
    return (y + feed_forward_dropout_(f, pass)).named("output");
  }
  const Var y = attention_norm_(x + attention_dropout_(attend(x), pass), pass);
  const Var f = feed_forward_(y, pass);
  return alias(feed_forward_norm_(y + feed_forward_dropout_(f, pass), pass)).named("output");
}

Var Block::operator()(const Var& x, const Positions& positions, Pass& pass) const {
  check_shape(positions.square(),
              "a block needs every row as a query, the positions have rows {} to {} of {}",
              positions.query_begin, positions.query_begin + positions.query_count,
              positions.keys());
  return run(x, pass, [&](const Var& v) { return attention_(v, positions, pass); });
}

Var Block::step(const Var& x, const Positions& positions, AttentionState& state, Pass& pass) const {
  return run(x, pass, [&](const Var& v) { return attention_.step(v, positions, state, pass); });
}

}  // namespace gradus

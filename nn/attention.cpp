#include "nn/attention.h"

namespace gradus {

namespace {

int64 head_size(const AttentionConfig& c) {
  check<ConfigError>(c.heads > 0 && c.d_model > 0 && c.d_model % c.heads == 0,
                     "{} heads do not divide d_model = {}", c.heads, c.d_model);
  return c.d_model / c.heads;
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(const Build& build, const AttentionConfig& c,
                                       const PositionalEncoding& encoding)
    : Module(build),
      d_model_(c.d_model),
      heads_(c.heads),
      query_(child("query"), c.d_model, c.d_model, c.bias),
      key_(child("key"), c.d_model, c.d_model, c.bias),
      value_(child("value"), c.d_model, c.d_model, c.bias),
      out_(child("out"), c.d_model, c.d_model, c.bias),
      core_(make_core(child("core"), c.core, encoding, head_size(c))) {}

Var MultiHeadAttention::split(const Var& x) const {
  return permute(reshape(x, {x.size(0), x.size(1), heads_, d_model_ / heads_}), {0, 2, 1, 3});
}

Var MultiHeadAttention::project(const Linear& layer, std::string_view name, const Var& x,
                                Pass& pass) const {
  return split(layer(x, pass)).named(std::string(name));
}

Var MultiHeadAttention::query(const Var& x, const Positions& p, Pass& pass) const {
  check_shape(x.rank() == 3 && x.size(2) == d_model_, "attention takes [B,N,{}], got {}", d_model_,
              x.shape());
  check_shape(p.query_begin >= 0 && p.query_begin + p.query_count <= x.size(1),
              "queries are rows of the keys: {} queries from row {} on need {} keys or more, got "
              "{}",
              p.query_count, p.query_begin, p.query_begin + p.query_count, x.size(1));
  const bool all = p.query_begin == 0 && p.query_count == x.size(1);
  return project(query_, "q", all ? x : slice(x, 1, p.query_begin, p.query_begin + p.query_count),
                 pass);
}

Var MultiHeadAttention::finish(const Var& y, Pass& pass) const {
  const Var side_by_side =
      reshape(permute(y, {0, 2, 1, 3}), {y.size(0), y.size(2), y.size(1) * y.size(3)});
  return alias(out_(side_by_side, pass)).named("output");
}

Var MultiHeadAttention::operator()(const Var& x, const Positions& positions, Pass& pass) const {
  const ScopeGuard scope = enter(pass);
  const Var q = query(x, positions, pass);
  const Var k = project(key_, "k", x, pass), v = project(value_, "v", x, pass);
  return finish((*core_)(q, k, v, positions, pass), pass);
}

Var MultiHeadAttention::weights(const Var& x, const Positions& positions, Pass& pass) const {
  const ScopeGuard scope = enter(pass);
  const Var q = query(x, positions, pass);
  return core_->weights(q, project(key_, "k", x, pass), positions, pass);
}

Var MultiHeadAttention::step(const Var& x, const Positions& positions, AttentionState& state,
                             Pass& pass) const {
  const ScopeGuard scope = enter(pass);
  const Var q = query(x, positions, pass);
  const Var k = project(key_, "k", x, pass), v = project(value_, "v", x, pass);
  return finish(core_->step(q, k, v, positions, state, pass), pass);
}

}  // namespace gradus

#include "nn/attention_core.h"

#include "nn/cores.h"
#include "tensor/elementwise.h"
#include "tensor/text.h"

namespace gradus {

namespace detail {

void check_hooks(const PositionalEncoding& encoding, CoreKind core,
                 std::span<const RefusedHook> refused, std::string_view reason, CoreKind fits) {
  const unsigned hooks = encoding.traits().hooks;
  for (const RefusedHook& r : refused)
    if (hooks & r.hook)
      fail<ConfigError>("the {} core cannot carry '{}': it {}, and {}; {}", name(core),
                        encoding.kind(), r.does, reason, what_fits(encoding, core, fits));
}

std::string what_fits(const PositionalEncoding& encoding, CoreKind core, CoreKind fits) {
  return encoding.fitting() ? encoding.fitting()(encoding.kind(), encoding.traits().hooks, core)
                            : fmt::format("use attention = {}", name(fits));
}

Tensor lags(const Positions& positions, const PositionalEncoding& encoding) {
  const Tensor keys = positions.track_labels(encoding.tracks(), encoding.kind());
  check<ConfigError>(keys.size(-1) == 1,
                     "'{}' adds a bias that depends on one label, its tracks hold {} numbers",
                     encoding.kind(), keys.size(-1));
  return sub(positions.query_labels(encoding.tracks(), encoding.kind()), transpose(keys));
}

void check_inputs(const Var& q, const Var& k, const Var& v, const Positions& positions) {
  check_shape(q.rank() == 4 && k.rank() == 4, "q and k need the axes [B,H,N,d], got {} and {}",
              q.shape(), k.shape());
  check_shape(q.size(0) == k.size(0) && q.size(1) == k.size(1) && q.size(3) == k.size(3),
              "q {} and k {} need one batch, number of heads and head size", q.shape(), k.shape());
  check_shape(!v.defined() || (v.rank() == 4 && v.size(0) == k.size(0) && v.size(1) == k.size(1) &&
                               v.size(2) == k.size(2)),
              "k {} and v {} need one batch, number of heads and number of tokens", k.shape(),
              v.defined() ? v.shape() : Shape{});
  const int64 keys = k.size(2), queries = q.size(2), first = positions.query_begin;
  check_shape(positions.keys() == keys, "the positions have {} tokens, k has {}: {}",
              positions.keys(), keys, k.shape());
  check_shape(positions.query_count == queries, "the positions have {} query rows, q has {}: {}",
              positions.query_count, queries, q.shape());
  check_shape(first >= 0 && first + queries <= keys,
              "queries are rows of the keys: {} queries from row {} on need {} keys or more, got "
              "{}",
              queries, first, first + queries, keys);
  const int64 labelled = positions.labels.size(0);
  check_shape(labelled == 1 || labelled == k.size(0), "the positions are of {} sequences, k of {}",
              labelled, k.size(0));
  const Tensor& mask = positions.key_mask;
  if (!mask.defined()) return;
  check_dtype(mask.dtype() == DType::u8, "the key mask is u8 (0: padding), got {}", mask);
  check_shape(
      mask.rank() == 2 && (mask.size(0) == 1 || mask.size(0) == k.size(0)) && mask.size(1) == keys,
      "the key mask is [batch or 1, keys] = ({}, {}), got {}", k.size(0), keys, mask.shape());
}

Tensor key_factor(const Positions& p, DType dtype) {
  const Tensor kept = not_equal(p.key_mask, full({}, 0, DType::u8));
  return cast(reshape(kept, {kept.size(0), 1, kept.size(1), 1}), dtype);
}

}  // namespace detail

std::string_view name(CoreKind core) {
  constexpr std::string_view names[] = {"softmax", "linear", "toeplitz"};
  return names[static_cast<int>(core)];
}

std::span<const CoreKind> core_kinds() {
  static constexpr CoreKind kinds[] = {CoreKind::softmax, CoreKind::linear, CoreKind::toeplitz};
  return kinds;
}

CoreKind parse_core(std::string_view word) {
  std::vector<std::string> known;
  for (CoreKind kind : core_kinds()) {
    if (name(kind) == word) return kind;
    known.emplace_back(name(kind));
  }
  fail<ConfigError>("unknown attention '{}'; known: {}{}", word, join(known),
                    did_you_mean(word, known));
}

std::unique_ptr<AttentionCore> make_core(const Build& build, const CoreConfig& config,
                                         const PositionalEncoding& encoding, int64 head_dim) {
  check<ConfigError>(head_dim > 0, "the head size must be positive, got {}", head_dim);
  check<ConfigError>(config.dropout >= 0 && config.dropout < 1,
                     "attention dropout must be in [0, 1), got {}", config.dropout);
  switch (config.kind) {
    case CoreKind::softmax:
      return detail::make_softmax_core(build, config, encoding, head_dim);
    case CoreKind::toeplitz:
      return detail::make_toeplitz_core(build, config, encoding, head_dim);
    default:
      return detail::make_linear_core(build, config, encoding, head_dim);
  }
}

}  // namespace gradus

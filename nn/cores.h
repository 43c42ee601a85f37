// What the attention cores share: the checks of their inputs and of the hooks of an encoding, and
// the masks. Internal to nn/.
#pragma once

#include "nn/attention_core.h"

namespace gradus::detail {

std::unique_ptr<AttentionCore> make_softmax_core(const Build& build, const CoreConfig& config,
                                                 const PositionalEncoding& encoding,
                                                 int64 head_dim);
std::unique_ptr<AttentionCore> make_linear_core(const Build& build, const CoreConfig& config,
                                                const PositionalEncoding& encoding, int64 head_dim);
std::unique_ptr<AttentionCore> make_toeplitz_core(const Build& build, const CoreConfig& config,
                                                  const PositionalEncoding& encoding,
                                                  int64 head_dim);

/// A hook that a core cannot carry, and how a message says what it does.
struct RefusedHook {
  Hook hook;
  std::string_view does;  ///< "adds a bias to each score (lag_bias)"
};
/// ConfigError for the first of `refused` that the encoding uses: "the <core> core cannot carry
/// '<encoding>': it <does>, and <reason>; " and what_fits().
void check_hooks(const PositionalEncoding& encoding, CoreKind core,
                 std::span<const RefusedHook> refused, std::string_view reason, CoreKind fits);

/// q [B,H,Nq,d], k [B,H,Nk,d], v [B,H,Nk,dv] (or undefined) and positions fit together.
void check_inputs(const Var& q, const Var& k, const Var& v, const Positions& positions);

/// What the encoding's table says of cores that fit, or "use attention = <fits>" where it is of no
/// table.
std::string what_fits(const PositionalEncoding& encoding, CoreKind core, CoreKind fits);

/// p_m - p_n of the one label that a lag bias reads, f64 [B|1, Nq, Nk].
Tensor lags(const Positions& positions, const PositionalEncoding& encoding);

/// The key mask as [B|1, 1, Nk, 1] of `dtype`, to multiply features by.
Tensor key_factor(const Positions& positions, DType dtype);

}  // namespace gradus::detail

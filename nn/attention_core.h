// The cores of attention behind one signature: softmax (exact, O(N^2)), linear (O(N), causal or
// bidirectional, and the same layer as a recurrence) and toeplitz (linear attention weighted by a
// bias of the lag, O(N log N)). A core contains no `if` per family of
// encodings: it calls the hooks of nn/position.h, and refuses at construction an encoding whose
// hooks it cannot carry.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "nn/feature_map.h"
#include "nn/position.h"

namespace gradus {

/// What a recurrence keeps of the past: constant size.
struct AttentionState {
  Tensor sums;       ///< [B,H,m,dv+1]: sum of phi(k) [v, 1]^T
  Tensor unrotated;  ///< [B,H,m,1] where the normaliser is unrotated, else undefined
  Tensor log_scale;  ///< [B,H,1,1] that the sums are relative to, or undefined
  int64 position = 0;
};

class AttentionCore : public Module {
 public:
  /// q [B,H,Nq,d], k [B,H,Nk,d], v [B,H,Nk,dv] -> [B,H,Nq,dv].
  virtual Var operator()(const Var& q, const Var& k, const Var& v, const Positions& positions,
                         Pass& pass) const = 0;
  /// The N x N reference: attention weights [B,H,Nq,Nk]; used by tests, inspection and plots.
  virtual Var weights(const Var& q, const Var& k, const Positions& positions, Pass& pass) const = 0;
  /// One more token (Nq = 1, positions of this token only). ConfigError where the core has no
  /// recurrence.
  virtual Var step(const Var& q, const Var& k, const Var& v, const Positions& positions,
                   AttentionState& state, Pass& pass) const = 0;
  virtual bool has_recurrence() const = 0;
  virtual void draw(Rng&) {}

 protected:
  using Module::Module;
};

enum class CoreKind { softmax, linear, toeplitz };
std::string_view name(CoreKind core);
std::span<const CoreKind> core_kinds();
/// By its name; ConfigError with the list and the nearest spelling for another word.
CoreKind parse_core(std::string_view word);

struct CoreConfig {
  CoreKind kind = CoreKind::linear;
  double dropout = 0;                ///< on the weights, softmax only
  std::string feature_map = "elu1";  ///< not of softmax
  Options feature_options{"feature map"};
  /// sum: what the encoding divides by (Traits::normaliser); none: nothing, as features that can be
  /// negative need it. Linear only.
  Normaliser normaliser = Normaliser::sum;
};
/// `head_dim` of the head before any transform. ConfigError says why an encoding cannot be carried,
/// and what fits.
std::unique_ptr<AttentionCore> make_core(const Build& build, const CoreConfig& config,
                                         const PositionalEncoding& encoding, int64 head_dim);

}  // namespace gradus

// Feature maps: phi with K(q, k) = phi(q)^T phi(k), what makes attention linear (SPEC 2;
// Katharopoulos et al. 2020, Choromanski et al. 2021). One short file each in nn/feature_maps, one
// table.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "nn/module.h"
#include "nn/ops.h"
#include "nn/options.h"

namespace gradus {

enum class Side { query, key };

/// Features [B,H,N,m]. True features are phi e^log_scale: a map whose values would overflow takes a
/// common factor out. log_scale is a constant, [B,H,1,1] of keys, [B,H,N,1] of queries, or
/// undefined.
struct Features {
  Var phi;
  Tensor log_scale;
};

/// How linear_attention makes a map's features inside itself; log_scale, [B,H,Nq,1] or undefined,
/// is what was taken out of those of queries and keys together.
struct FeaturesInside {
  RowFeatures rows;
  Tensor log_scale;
};

class FeatureMap : public Module {
 public:
  virtual Features operator()(const Var& x, Side side, Pass& pass) const = 0;
  /// The same features for linear_attention, which computes them and stores none; nothing where it
  /// cannot make them.
  virtual std::optional<FeaturesInside> inside(const Var&, const Var&, Pass&) const {
    return std::nullopt;
  }
  /// m for inputs of width r; ConfigError above 8,192.
  virtual int64 features(int64 width) const = 0;
  /// False where a feature can be negative: such a map needs Normaliser::none.
  virtual bool non_negative() const = 0;
  /// This step's random projection, for maps that have one.
  virtual void draw(Rng&) {}
  virtual bool stochastic() const { return false; }

 protected:
  using Module::Module;
};

inline constexpr int64 kMaxFeatures = 8192;

struct FeatureMapDef {
  std::string_view name, formula, source;
  bool non_negative, stochastic, learned;
  std::vector<OptionInfo> options;
  /// `width`: of the encoded queries and keys; `head_dim`: of the head before any transform
  /// (temperature 1/sqrt(head_dim)).
  std::unique_ptr<FeatureMap> (*make)(const Build&, int64 width, int64 head_dim, Options&);
};
/// Sorted by name.
std::span<const FeatureMapDef* const> feature_maps();
/// ConfigError with the list and the nearest spelling for an unknown name.
const FeatureMapDef& find_feature_map(std::string_view name);
/// A map of the table; ConfigError for an option that it does not take.
std::unique_ptr<FeatureMap> build_feature_map(const FeatureMapDef& def, const Build& build,
                                              int64 width, int64 head_dim, const Options& options);
/// The table as Markdown: nn/README.md holds it.
std::string feature_maps_markdown();

}  // namespace gradus

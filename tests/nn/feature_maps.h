// Feature maps for tests: made by name, and the features with the factor that was taken out.
#pragma once

#include "tests/nn/encodings.h"

namespace gradus::testing {

inline Options map_options(std::initializer_list<const char*> settings) {
  Options o("feature map");
  for (const char* s : settings) o.set(s);
  return o;
}

inline std::unique_ptr<FeatureMap> make_map(std::string_view name, int64 width, int64 head_dim,
                                            const Options& o = {}, DType dtype = DType::f64) {
  return build_feature_map(find_feature_map(name), Build("map", Rng(3), dtype), width, head_dim, o);
}

inline Var true_features(const FeatureMap& map, const Var& x, Side side) {
  Pass pass = Pass::eval();
  const Features f = map(x, side, pass);
  return f.log_scale.defined() ? f.phi * Var(exp(f.log_scale)) : f.phi;
}

}  // namespace gradus::testing

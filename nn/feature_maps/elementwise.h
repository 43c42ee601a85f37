// Feature maps that apply one function to each element: m = r, not random, not learned.
#pragma once

#include "nn/feature_maps/common.h"

namespace gradus::detail {

class ElementwiseMap : public FeatureMap {
 public:
  using Function = Var (*)(const Var&);
  enum class Sign { non_negative, any };

  ElementwiseMap(const Build& build, std::string_view kind, int64 width, Sign sign, Function f)
      : FeatureMap(build), kind_(kind), sign_(sign), f_(f) {
    features(width);
  }

  Features operator()(const Var& x, Side, Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    return {f_(x), {}};
  }
  std::optional<FeaturesInside> inside(const Var&, const Var&, Pass&) const override {
    const std::optional<ElementMap> map = find_element_map(kind_);
    if (!map) return std::nullopt;
    return FeaturesInside{{.map = *map}, {}};
  }
  int64 features(int64 width) const override {
    return checked_features(kind_, width, width, kMaxFeatures);
  }
  bool non_negative() const override { return sign_ == Sign::non_negative; }

 private:
  std::string_view kind_;
  Sign sign_;
  Function f_;
};

}  // namespace gradus::detail

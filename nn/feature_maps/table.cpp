// The explicit table of feature maps, sorted by name.
#include "nn/feature_map.h"
#include "tensor/text.h"

namespace gradus {

namespace detail {
extern const FeatureMapDef kElu1Map, kFavorPlusMap, kReluMap;
}  // namespace detail

std::span<const FeatureMapDef* const> feature_maps() {
  using namespace detail;
  static const FeatureMapDef* const table[] = {&kElu1Map, &kFavorPlusMap, &kReluMap};
  return table;
}

const FeatureMapDef& find_feature_map(std::string_view name) {
  std::vector<std::string> known;
  for (const FeatureMapDef* def : feature_maps()) {
    if (def->name == name) return *def;
    known.emplace_back(def->name);
  }
  fail<ConfigError>("unknown feature map '{}'; known: {}{}", name, join(known),
                    did_you_mean(name, known));
}

}  // namespace gradus

// The explicit table of feature maps, sorted by name.
#include "nn/feature_map.h"
#include "tensor/text.h"

namespace gradus {

namespace detail {
extern const FeatureMapDef kElu1Map, kExpMap, kFavorPlusMap, kFavorReluMap, kHedgehogMap,
    kIdentityMap, kReluMap, kRffTrigMap, kSoftplusMap, kSquaredReluMap, kTaylor2Map;
}  // namespace detail

std::span<const FeatureMapDef* const> feature_maps() {
  using namespace detail;
  static const FeatureMapDef* const table[] = {
      &kElu1Map, &kExpMap,     &kFavorPlusMap, &kFavorReluMap,   &kHedgehogMap, &kIdentityMap,
      &kReluMap, &kRffTrigMap, &kSoftplusMap,  &kSquaredReluMap, &kTaylor2Map};
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

std::unique_ptr<FeatureMap> build_feature_map(const FeatureMapDef& def, const Build& build,
                                              int64 width, int64 head_dim, const Options& options) {
  Options named(fmt::format("feature map '{}'", def.name), options.values());
  auto map = def.make(build, width, head_dim, named);
  named.finish();
  return map;
}

std::string feature_maps_markdown() {
  std::string text = "| name | formula | non-negative | random | learned | options | source |\n";
  text += "| --- | --- | --- | --- | --- | --- | --- |\n";
  const auto yes = [](bool b) { return b ? "yes" : "no"; };
  for (const FeatureMapDef* d : feature_maps()) {
    std::string formula;
    for (char c : d->formula) formula += c == '|' ? std::string("\\|") : std::string(1, c);
    std::vector<std::string> options;
    for (const OptionInfo& o : d->options)
      options.push_back(
          fmt::format("`{}`, {}: {}; default {}", o.name, o.meaning, o.allowed, o.fallback));
    text += fmt::format("| {} | `{}` | {} | {} | {} | {} | {} |\n", d->name, formula,
                        yes(d->non_negative), yes(d->stochastic), yes(d->learned),
                        options.empty() ? "none" : join(options, "<br>"), d->source);
  }
  return text;
}

}  // namespace gradus

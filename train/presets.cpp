#include "train/presets.h"

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& p : detail::preset_texts()) names.push_back(p.first);
  return names;
}

std::string preset(const std::string& name) {
  for (const auto& p : detail::preset_texts())
    if (p.first == name) return p.second;
  const auto names = preset_names();
  fail<ConfigError>("unknown preset '{}'; known: {}{}", name, join(names),
                    did_you_mean(name, names));
}

}  // namespace gradus

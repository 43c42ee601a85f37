// Presets: the experiments of train/experiments, built into the library.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// "demo", "paper", ..., sorted.
std::vector<std::string> preset_names();
/// The TOML text of a preset; ConfigError with the nearest name.
std::string preset(const std::string& name);

namespace detail {
/// Name and text of each file, by name (made by embed_presets.cmake).
const std::vector<std::pair<std::string, std::string>>& preset_texts();
}  // namespace detail

}  // namespace gradus

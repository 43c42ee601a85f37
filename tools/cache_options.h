// --cache and --no-cache: where commands keep prepared data (data/prepared.h).
#pragma once

#include "data/prepared.h"
#include "tools/command_line.h"

namespace gradus {

inline void add_cache_options(CommandOptions::Adder& add) {
  add("cache", "folder for prepared data (default: $XDG_CACHE_HOME/gradus, ~/.cache/gradus)",
      takes_word(), "DIR");
  add("no-cache", "read the data itself, keep nothing");
}

/// Empty: no cache.
inline std::filesystem::path cache_folder(const CommandLine& line) {
  check<ConfigError>(!line.has("cache") || !line.has("no-cache"),
                     "--cache and --no-cache say the opposite; give one of them");
  if (line.has("no-cache")) return {};
  return line.has("cache") ? std::filesystem::path(line.text("cache")) : default_cache_folder();
}

}  // namespace gradus

// A cache of data sets: pieces are written to a file as they stand in memory and mapped next time,
// so that their notes and labels are read when they are needed. What is out of date, or damaged
// anywhere, is made again.
#pragma once

#include <functional>

#include "data/prepared_file.h"

namespace gradus {

/// What prepared data depends on.
struct PreparedKey {
  std::string source;                        ///< as messages name it; its spelling changes nothing
  std::string settings;                      ///< other settings are another file
  std::vector<std::filesystem::path> files;  ///< path below the source, size and time decide
  /// The name of its file in a cache folder.
  std::string file_name() const;
  /// Of settings, files as they are now, and the program's version; a file that does not exist
  /// counts as such.
  Checksum stamp() const;
};

/// Reads a file by mapping it: what it gives lies in the mapping.
PreparedState map_prepared(const std::filesystem::path& path, const Checksum& stamp,
                           HarmonyData& data);

/// From the folder's file if that is good, else made, and written there for next time. A file that
/// is out of date or damaged, or a folder that cannot be written, is a note on stderr.
HarmonyData prepared(const std::filesystem::path& folder, const PreparedKey& key,
                     const std::function<HarmonyData()>& make);

/// $XDG_CACHE_HOME/gradus, else ~/.cache/gradus; empty where neither is known.
std::filesystem::path default_cache_folder();

}  // namespace gradus

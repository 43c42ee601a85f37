// The real POP909 for tests that need it: beside the project, or in $GRADUS_DATA. They skip, and
// say so, where it is absent.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace gradus::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

inline std::filesystem::path data_folder() {
  if (const char* set = std::getenv("GRADUS_DATA")) return set;
  return std::filesystem::path(GRADUS_SOURCE_DIR) / "../shared/data";
}

inline bool data_is_there() {
  std::error_code ignored;
  if (std::filesystem::is_directory(data_folder() / "POP909-Dataset", ignored)) return true;
  MESSAGE("skipped: no POP909 in " << data_folder().string() << "; set GRADUS_DATA to its folder");
  return false;
}
/// For tests that read all of it, which takes long under a sanitizer.
inline bool whole_data_is_there() {
  if (!data_is_there()) return false;
  if (kSanitized) MESSAGE("skipped: the whole set is slow with sanitizers");
  return !kSanitized;
}

}  // namespace gradus::testing

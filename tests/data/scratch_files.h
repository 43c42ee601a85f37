// A folder of its own for a test's files, which goes at the end.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>

#include "data/midi.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace gradus {

class ScratchFiles {
 public:
  ScratchFiles() {
    static std::atomic<int> made{0};
    root_ = std::filesystem::temp_directory_path() /
            fmt::format("gradus-files-{}-{}", ::getpid(), made++);
    std::filesystem::create_directories(root_);
  }
  ~ScratchFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  ScratchFiles(const ScratchFiles&) = delete;
  ScratchFiles& operator=(const ScratchFiles&) = delete;

  const std::filesystem::path& root() const { return root_; }
  /// Writes a file, and the folders above it.
  std::filesystem::path file(const std::string& name, std::string_view bytes) const {
    const std::filesystem::path path = root_ / name;
    std::filesystem::create_directories(path.parent_path());
    write_file(path, bytes);
    return path;
  }
  std::filesystem::path midi(const std::string& name, const Song& song) const {
    return file(name, midi_bytes(song));
  }

 private:
  std::filesystem::path root_;
};

/// Quarters of a scale, one track, 480 ticks.
inline SongTrack scale(const std::string& name, int count, int pitch = 60, int channel = 0) {
  SongTrack t{name, 0, {}};
  for (int i = 0; i < count; ++i)
    t.notes.push_back({480 * i, 480 * i + 480, pitch + i % 5, 80, channel});
  return t;
}
inline Song song_of(std::vector<SongTrack> tracks, TimeSignature meter = {}) {
  Song s;
  s.tracks = std::move(tracks);
  s.time_signatures = {meter};
  return s;
}

}  // namespace gradus

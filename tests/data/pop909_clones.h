// Miniature clones of the three repositories of POP909 in a temporary folder, for tests: what they
// hold is made up; one good song, 001, to which a test adds its fault.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>

#include "data/midi.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace gradus {

class PopClones {
 public:
  PopClones() {
    static std::atomic<int> made{0};
    root_ = std::filesystem::temp_directory_path() /
            fmt::format("gradus-pop909-{}-{}", getpid(), made++);
    list("startpos.csv", "ID,Position,Beats\n1,8,0.5\n");
    list("split.csv", "ID,Split\n1,train\n");
    add_song(1);
  }
  ~PopClones() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  PopClones(const PopClones&) = delete;
  PopClones& operator=(const PopClones&) = delete;

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path midi(int song) const {
    const std::string n = fmt::format("{:03}", song);
    return root_ / "POP909-Dataset/POP909" / n / (n + ".mid");
  }
  std::filesystem::path label(int song, const std::string& file) const {
    return root_ / "hierarchical-structure-analysis/POP909" / fmt::format("{:03}", song) / file;
  }
  std::filesystem::path list(const std::string& file) const {
    return root_ / "structurePE/data/pop909/data" / file;
  }
  void write(const std::filesystem::path& path, const std::string& text) const {
    std::filesystem::create_directories(path.parent_path());
    write_file(path, text);
  }
  void list(const std::string& file, const std::string& text) const { write(list(file), text); }
  void label(int song, const std::string& file, const std::string& text) const {
    write(label(song, file), text);
  }

  /// Three tracks of quarters at 480 ticks; the first note a quarter in, the last one ends at
  /// `quarters`.
  static Song midi_song(int quarters) {
    Song s;
    for (const char* name : {"MELODY", "BRIDGE", "PIANO"}) s.tracks.push_back({name, 0, {}});
    for (int q = 1; q < quarters; ++q) {
      s.tracks[0].notes.push_back({480 * q, 480 * q + 240, 72, 80, 0});
      s.tracks[2].notes.push_back({480 * q, 480 * q + 480, 48, 80, 2});
    }
    s.tracks[1].notes.push_back({480 * 2, 480 * 3, 64, 80, 1});
    for (std::size_t i = 0; i < s.tracks.size(); ++i)
      for (Note& n : s.tracks[i].notes) n.channel = static_cast<int>(i);
    return s;
  }
  /// A song of 40 quarters, 10 bars of labels.
  void add_song(int song) const {
    std::filesystem::create_directories(midi(song).parent_path());
    write_midi(midi(song), midi_song(41));
    label(song, "finalized_chord.txt",
          "C:maj [0, 4, 7] 0 4 \nA:min/b3 [0, 4, 9] 0 4 \nN 2\nG:7 [2, 5, 7, 11] 7 30 \n");
    label(song, "analyzed_key.txt", "G:maj\n");
    label(song, "human_label1.txt", "i2A4B4\n");
    label(song, "human_label2.txt", "A10\n");
    label(song, "melody.txt", "0 4\n60 8\n62 148\n");
  }

 private:
  std::filesystem::path root_;
};

/// The sentence of the IoError or ConfigError that f() throws.
template <class F>
std::string rule_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.rule();
  }
  return "no error";
}

}  // namespace gradus

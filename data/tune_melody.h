// The melody notation of tune files: bars of notes, rests and ties in cells (sixteenths), checked
// bar by bar. The grammar is in data/README.md.
#pragma once

#include <string>
#include <vector>

#include "data/midi.h"
#include "data/words.h"

namespace gradus {

/// Notes of one voice, read bar by bar; times are cells from the begin of the first bar.
class MelodyReader {
 public:
  explicit MelodyReader(std::string where) : where_(std::move(where)) {}
  /// Reads the bars of one line: the first note of the line must say its duration, and each bar
  /// must add up to `cells_per_bar`.
  void add_bars(const std::vector<Bar>& bars, int cells_per_bar);
  /// Reads notes that do not fill a bar (a pickup); less than `cells_per_bar` in all.
  void add_pickup(const Bar& notes, int cells_per_bar);
  /// Ends the melody: no tie may be open.
  void finish() const;

  const std::vector<Note>& notes() const { return notes_; }
  int64 cells() const { return time_; }
  int64 bars() const { return bars_; }

 private:
  void add(const Word& word, int& duration);

  std::string where_;
  std::vector<Note> notes_;
  int64 time_ = 0, bars_ = 0;
  bool tied_ = false;
  Word tie_;  // where the open tie stands; its text is not read again
};

}  // namespace gradus

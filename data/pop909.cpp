#include "data/pop909.h"

#include <algorithm>
#include <set>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

namespace {

constexpr int64 kBaseSteps = 512, kBaseOverlap = 64;
constexpr int64 kBaseHop = kBaseSteps + 1 - kBaseOverlap;
constexpr int64 kMostJoined = 8;

// Which file of a song is not there; empty if all are.
std::string missing_file(const PopFolders& folders, int song) {
  std::error_code ignored;
  std::vector<std::filesystem::path> files = {folders.midi_file(song)};
  for (const std::string& f : pop_label_files(song)) files.push_back(folders.label_file(song, f));
  for (const auto& f : files)
    if (!std::filesystem::exists(f, ignored)) return fmt::format("{}: no such file", f.string());
  return "";
}

struct Rules {
  std::map<int, int64> starts;
  std::map<int, PopSplit> splits;
  PopAlignment alignment;
};

void read_song(const PopFolders& folders, const Rules& rules, int number, PopSet& set) {
  const auto leave_out = [&](PopReason reason, std::string message) {
    set.left_out.push_back({number, reason, std::move(message)});
  };
  if (const std::string missing = missing_file(folders, number); !missing.empty())
    return leave_out(PopReason::missing, missing);
  const auto start = rules.starts.find(number);
  const auto split = rules.splits.find(number);
  const bool listed = start != rules.starts.end() && split != rules.splits.end();
  try {
    PopLabels labels = read_pop_labels(folders, number);
    if (labels.beats_per_bar == 3 && !listed)
      return leave_out(PopReason::three_four, fmt::format("{} quarters of chords in {} bars",
                                                          labels.chords.quarters(), labels.bars()));
    if (start == rules.starts.end())
      return leave_out(PopReason::no_start, "startpos.csv does not name it");
    if (split == rules.splits.end())
      return leave_out(PopReason::no_split, "split.csv does not name it");
    PopSong song = read_pop_song(folders, number, std::move(labels), start->second, split->second);
    if (rules.alignment == PopAlignment::melody) {
      const PopFit fit = melody_fit(song);
      if (fit.best_share > fit.share)
        song = read_pop_song(folders, number, std::move(song.labels), fit.best_position,
                             split->second);
    }
    if (song.ticks < kBaseSteps + 1)
      return leave_out(PopReason::too_short, fmt::format("{} ticks; the shortest window has {}",
                                                         song.ticks, kBaseSteps + 1));
    set.songs.push_back(std::move(song));
  } catch (const Error& e) {
    leave_out(PopReason::broken, e.rule());
  }
}

template <class Begins>
std::vector<PopWindow> windows_of(const PopSet& set, PopSplit split, int64 steps, Begins&& begins) {
  std::vector<PopWindow> windows;
  for (std::size_t i = 0; i < set.songs.size(); ++i) {
    if (set.songs[i].split != split) continue;
    for (int64 begin : begins(set.songs[i].ticks)) windows.push_back({i, begin, steps + 1});
  }
  return windows;
}

// From 0 on, one every `hop` ticks, while `needed` ticks are left.
std::vector<int64> begins_every(int64 ticks, int64 needed, int64 hop) {
  std::vector<int64> begins;
  for (int64 b = 0; b <= ticks - needed; b += hop) begins.push_back(b);
  return begins;
}

}  // namespace

std::string name(PopReason reason) {
  constexpr const char* kNames[kPopReasons] = {
      "in 3/4",         "not in startpos.csv",   "not in split.csv",
      "a file missing", "a file cannot be read", "too short for one window"};
  return kNames[static_cast<int>(reason)];
}

const PopSong& PopSet::song(int number) const {
  for (const PopSong& s : songs)
    if (s.number == number) return s;
  for (const PopLeftOut& l : left_out)
    check<ConfigError>(l.song != number, "song {} is not in use ({}): {}", pop_song_name(number),
                       name(l.reason), l.message);
  fail<ConfigError>(
      "there is no song {}; {} are in use{}", pop_song_name(number), songs.size(),
      songs.empty() ? std::string() : ", " + songs.front().name + " to " + songs.back().name);
}

int64 PopSet::count(PopSplit split) const {
  return std::count_if(songs.begin(), songs.end(),
                       [split](const PopSong& s) { return s.split == split; });
}

PopAlignment parse_pop_alignment(const std::string& text) {
  if (text == "papers") return PopAlignment::papers;
  if (text == "melody") return PopAlignment::melody;
  const std::vector<std::string> known = {"papers", "melody"};
  fail<ConfigError>("unknown alignment '{}'; known: {}{}", text, join(known),
                    did_you_mean(text, known));
}

PopSet read_pop909(const std::filesystem::path& data, PopAlignment alignment) {
  const PopFolders folders = find_pop909(data);
  const Rules rules = {read_pop_starts(folders.lists / "startpos.csv"),
                       read_pop_splits(folders.lists / "split.csv"), alignment};
  const std::vector<int> found = pop_songs(folders);
  std::set<int> all(found.begin(), found.end());
  for (const auto& entry : rules.starts) all.insert(entry.first);
  for (const auto& entry : rules.splits) all.insert(entry.first);
  PopSet set;
  for (int number : all) read_song(folders, rules, number, set);
  std::vector<std::uint32_t> codes;
  for (const PopSong& song : set.songs)
    for (const PopChordSpan& s : song.labels.chords.spans) codes.push_back(chord_code(s.chord));
  set.chords = ChordVocabulary(codes);
  return set;
}

std::vector<int64> window_begins(int64 ticks, int64 steps, int64 overlap) {
  check<ConfigError>(steps >= 1 && overlap >= 0 && overlap <= steps,
                     "windows have 1 or more steps and overlap by 0 to all of them, got {} steps "
                     "and overlap {}",
                     steps, overlap);
  return begins_every(ticks, steps + 1, steps + 1 - overlap);
}

std::vector<int64> joined_window_begins(int64 ticks, int64 steps) {
  const int64 times = steps / kBaseSteps;
  check<ConfigError>(steps % kBaseSteps == 0 && times >= 1 && times <= kMostJoined,
                     "the papers' windows have 512 steps or a multiple up to {}, got {}",
                     kMostJoined * kBaseSteps, steps);
  const int64 more = (steps - kBaseSteps + kBaseHop - 1) / kBaseHop;  // windows behind the first
  return begins_every(ticks, kBaseSteps + 1 + more * kBaseHop, times * kBaseHop);
}

std::vector<PopWindow> cut_windows(const PopSet& set, PopSplit split, int64 steps, int64 overlap) {
  return windows_of(set, split, steps,
                    [=](int64 ticks) { return window_begins(ticks, steps, overlap); });
}

std::vector<PopWindow> joined_windows(const PopSet& set, PopSplit split, int64 steps) {
  return windows_of(set, split, steps,
                    [=](int64 ticks) { return joined_window_begins(ticks, steps); });
}

std::vector<PieceWindow> paper_windows(const std::vector<Piece>& pieces, Split split, int64 steps) {
  std::vector<PieceWindow> windows;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].split != split) continue;
    check<ConfigError>(pieces[i].steps_per_quarter == kPopTicks,
                       "the papers' windows stand on a grid of 16 steps a quarter, '{}' has {}",
                       pieces[i].name, pieces[i].steps_per_quarter);
    for (int64 begin : joined_window_begins(pieces[i].length(), steps))
      windows.push_back({i, begin, steps});
  }
  return windows;
}

}  // namespace gradus

#include "data/pop909_files.h"

#include <algorithm>
#include <set>

#include "data/pop909_lines.h"
#include "tensor/file.h"
#include "tensor/text.h"

namespace gradus {

namespace fs = std::filesystem;

namespace {

constexpr int kMostSongs = 9999;
constexpr int64 kMostShift = int64{1} << 20;  // ticks

struct Clone {
  const char* folder;
  const char* inside;  // what is read of it
  const char* source;
};
constexpr Clone kClones[] = {
    {"POP909-Dataset", "POP909", "github.com/music-x-lab/POP909-Dataset"},
    {"hierarchical-structure-analysis", "POP909",
     "github.com/Dsqvival/hierarchical-structure-analysis"},
    {"structurePE", "data/pop909/data", "github.com/agarwalmanvi/structurePE"},
};

fs::path find_clone(const fs::path& data, const Clone& clone) {
  std::error_code ignored;
  const fs::path folder = data / clone.folder;
  check<IoError>(fs::is_directory(folder, ignored),
                 "{}: no folder '{}'; --data takes the folder that holds the clones of {}, {} and "
                 "{} side by side",
                 data.string(), clone.folder, kClones[0].source, kClones[1].source,
                 kClones[2].source);
  const fs::path inside = folder / clone.inside;
  check<IoError>(fs::is_directory(inside, ignored),
                 "{}: no folder '{}': the clone of {} is not complete", folder.string(),
                 clone.inside, clone.source);
  return inside;
}

// The songs that have a folder here.
void add_songs(const fs::path& folder, std::set<int>& songs) {
  for (const fs::directory_entry& e : fs::directory_iterator(folder)) {
    const std::string name = e.path().filename().string();
    const auto song = parse_count(name, 1, kMostSongs);
    if (e.is_directory() && song && pop_song_name(*song) == name) songs.insert(*song);
  }
}

// Calls f(song, second field, line) for each row below the header.
template <class F>
void for_rows(const fs::path& path, const std::string& header, F&& f) {
  const std::string text = read_file(path), where = path.string();
  const std::vector<PopLine> lines = pop_lines(text);
  check<IoError>(!lines.empty(), "{}: is empty; its first line is '{}'", where, header);
  if (!lines[0].text.starts_with(header))
    fail_line(where, lines[0], fmt::format("a header that begins '{}'", header));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> fields = split(lines[i].text, ',');
    const auto song = fields.size() < 2 ? std::nullopt : parse_count(fields[0], 1, kMostSongs);
    if (!song || !f(*song, fields[1]))
      fail_line(where, lines[i], fmt::format("'{}', once a song", header));
  }
}

}  // namespace

fs::path PopFolders::midi_file(int song) const {
  return midi / pop_song_name(song) / (pop_song_name(song) + ".mid");
}

fs::path PopFolders::label_file(int song, const std::string& name) const {
  return labels / pop_song_name(song) / name;
}

std::vector<std::string> pop909_clones() {
  return {kClones[0].folder, kClones[1].folder, kClones[2].folder};
}

void check_no_clone(const fs::path& folder) {
  std::error_code ignored;
  const fs::path whole = fs::weakly_canonical(folder, ignored);
  for (fs::path at = whole; at.has_relative_path(); at = at.parent_path())
    for (const Clone& clone : kClones)
      check<ConfigError>(
          at.filename() != clone.folder || !fs::is_directory(at / clone.inside, ignored),
          "{}: {} the clone {}{}: give the folder above it, {}", folder.string(),
          at == whole ? "is" : "lies in", clone.folder, at == whole ? " itself" : "",
          at.parent_path().string());
  // A clone by another name.
  const bool is_inside = fs::exists(folder / "001/001.mid", ignored);
  check<ConfigError>(!is_inside && !fs::is_directory(folder / kClones[0].inside, ignored),
                     "{}: holds {}, as a clone of POP909 does: give the folder that holds the "
                     "clones {} side by side",
                     folder.string(), is_inside ? "001/001.mid" : "POP909/", join(pop909_clones()));
}

PopFolders find_pop909(const fs::path& data) {
  std::error_code ignored;
  check<IoError>(fs::is_directory(data, ignored), "{}: no such folder", data.string());
  return {find_clone(data, kClones[0]), find_clone(data, kClones[1]), find_clone(data, kClones[2])};
}

std::vector<int> pop_songs(const PopFolders& folders) {
  std::set<int> songs;
  add_songs(folders.midi, songs);
  add_songs(folders.labels, songs);
  return {songs.begin(), songs.end()};
}

std::string pop_song_name(int song) { return fmt::format("{:03}", song); }

int parse_pop_song(const std::string& text) {
  const auto song = parse_count(text, 1, kMostSongs);
  check<ConfigError>(song.has_value(), "'{}' is no song of POP909: they are 001 to 909", text);
  return *song;
}

std::string name(PopSplit split) {
  constexpr const char* kNames[kPopSplits] = {"train", "validation", "test"};
  return kNames[static_cast<int>(split)];
}

PopSplit parse_pop_split(const std::string& text) {
  std::vector<std::string> known;
  for (int i = 0; i < kPopSplits; ++i) {
    known.push_back(name(static_cast<PopSplit>(i)));
    if (text == known.back()) return static_cast<PopSplit>(i);
  }
  fail<ConfigError>("unknown split '{}'; known: {}{}", text, join(known),
                    did_you_mean(text, known));
}

std::map<int, int64> read_pop_starts(const fs::path& path) {
  std::map<int, int64> starts;
  for_rows(path, "ID,Position", [&](int song, const std::string& field) {
    const bool negative = field.starts_with('-');
    const auto ticks = parse_count(field.substr(negative ? 1 : 0), 0, kMostShift);
    return ticks && starts.emplace(song, negative ? -*ticks : *ticks).second;
  });
  return starts;
}

std::map<int, PopSplit> read_pop_splits(const fs::path& path) {
  std::map<int, PopSplit> splits;
  for_rows(path, "ID,Split", [&](int song, const std::string& field) {
    try {
      return splits.emplace(song, parse_pop_split(field)).second;
    } catch (const ConfigError&) {
      return false;
    }
  });
  return splits;
}

}  // namespace gradus

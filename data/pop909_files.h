// Where POP909 lies: three clones side by side in one folder, under the paths and names they are
// published with. MIDI files from POP909-Dataset (Wang et al. 2020), labels from
// hierarchical-structure-analysis, alignment and split from structurePE.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace gradus {

/// The folders in use; each of the first two has one folder a song.
struct PopFolders {
  std::filesystem::path midi, labels, lists;
  std::filesystem::path midi_file(int song) const;
  std::filesystem::path label_file(int song, const std::string& name) const;
};
/// The names of the three clones' folders.
std::vector<std::string> pop909_clones();
/// ConfigError for a folder that is one of the clones or lies in one, whose MIDI files are no songs
/// by themselves; it names the folder to give.
void check_no_clone(const std::filesystem::path& folder);
/// IoError names the first clone that is missing or incomplete, and where to get it.
PopFolders find_pop909(const std::filesystem::path& data);
/// The numbers of all songs that have a folder in one of the clones, ascending.
std::vector<int> pop_songs(const PopFolders& folders);

/// 1 is "001".
std::string pop_song_name(int song);
/// "001" or "1" is 1; ConfigError otherwise.
int parse_pop_song(const std::string& text);

enum class PopSplit : std::uint8_t { train, validation, test };
inline constexpr int kPopSplits = 3;
/// "train", "validation", "test".
std::string name(PopSplit split);
PopSplit parse_pop_split(const std::string& text);

/// startpos.csv: by song, how many ticks (16 a quarter) its labels begin behind its first note;
/// negative: before it.
std::map<int, int64> read_pop_starts(const std::filesystem::path& path);
/// split.csv: the split of the papers, by song.
std::map<int, PopSplit> read_pop_splits(const std::filesystem::path& path);

}  // namespace gradus

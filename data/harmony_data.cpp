#include "data/harmony_data.h"

#include <algorithm>

#include "data/prepared.h"
#include "tensor/error.h"

namespace gradus {

namespace fs = std::filesystem;

namespace {

HarmonyData tunes(const DataRequest& r) {
  HarmonyData data;
  data.pieces = make_pieces(bundled_tunes(), r.tunes, r.split);
  for (Piece& p : data.pieces) p = finer(p, r.steps_per_quarter / kStepsPerQuarter);
  data.chords = ChordVocabulary(data.pieces);
  data.has_styles = true;
  return data;
}

bool has_clone(const fs::path& folder) {
  std::error_code ignored;
  const std::vector<std::string> clones = pop909_clones();
  return std::any_of(clones.begin(), clones.end(),
                     [&](const std::string& c) { return fs::exists(folder / c, ignored); });
}

HarmonyData read_pop(const DataRequest& r) {
  const PopSet set = read_pop909(r.source, r.alignment);
  HarmonyData data;
  for (const PopSong& song : set.songs)
    data.pieces.push_back(make_piece(song, r.steps_per_quarter, r.begin));
  data.chords = set.chords;
  for (const PopLeftOut& l : set.left_out)
    data.left_out.push_back({pop_song_name(l.song), name(l.reason) + ": " + l.message});
  return data;
}

HarmonyData read_midi_pieces(const DataRequest& r) {
  MidiSet set = read_midi_set(r.source, r.steps_per_quarter);
  HarmonyData data;
  data.left_out = std::move(set.broken);
  for (MidiPiece& m : set.songs) {
    if (m.has_target())
      data.pieces.push_back(std::move(m.piece));
    else
      data.left_out.push_back({m.piece.name, kMelodyOnly});
  }
  std::sort(data.left_out.begin(), data.left_out.end(),
            [](const LeftOut& a, const LeftOut& b) { return a.name < b.name; });
  check<ConfigError>(!data.pieces.empty(), "{}: nothing to learn from: {} of its MIDI files {} {}",
                     r.source.string(), set.songs.size(), set.songs.size() == 1 ? "is" : "are",
                     kMelodyOnly);
  data.chords = ChordVocabulary(data.pieces);
  return data;
}

PreparedKey pop_key(const DataRequest& r) {
  const PopFolders folders = find_pop909(r.source);
  PreparedKey key;
  key.files = {folders.lists / "startpos.csv", folders.lists / "split.csv"};
  for (const int song : pop_songs(folders)) {
    key.files.push_back(folders.midi_file(song));
    for (const std::string& f : pop_label_files(song))
      key.files.push_back(folders.label_file(song, f));
  }
  key.settings = fmt::format("pop909 alignment {} begin {}", static_cast<int>(r.alignment),
                             static_cast<int>(r.begin));
  return key;
}

PreparedKey midi_key(const DataRequest& r) {
  PreparedKey key;
  for (const MidiFile& f : find_midi_files(r.source)) {
    key.files.push_back(f.path);
    key.files.push_back(f.chords);
  }
  key.settings = "midi";
  return key;
}

}  // namespace

bool is_pop909(const fs::path& source) {
  std::error_code ignored;
  check<IoError>(fs::exists(source, ignored), "{}: no such folder, nor a MIDI file",
                 source.string());
  if (!fs::is_directory(source, ignored)) return false;
  if (has_clone(source)) return true;
  check_no_clone(source);
  if (!find_midi_files(source).empty()) return false;
  try {
    find_pop909(source);
  } catch (IoError& e) {
    e.add("nor is there a MIDI file (*.mid, *.midi) in it");
    throw;
  }
  return true;
}

HarmonyData read_harmony_data(const DataRequest& r) {
  check<ConfigError>(r.steps_per_quarter == 4 || r.steps_per_quarter == 16,
                     "the grid has 4 (sixteenths) or 16 (the papers) steps a quarter, got {}",
                     r.steps_per_quarter);
  if (r.source.empty()) return tunes(r);
  const bool pop = is_pop909(r.source);
  const auto read = [&] { return pop ? read_pop(r) : read_midi_pieces(r); };
  HarmonyData data;
  if (r.cache.empty()) {
    data = read();
  } else {
    PreparedKey key = pop ? pop_key(r) : midi_key(r);
    key.source = r.source.string();
    std::error_code ignored;
    key.settings += fmt::format(" grid {} of {}", r.steps_per_quarter,
                                fs::weakly_canonical(r.source, ignored).string());
    data = prepared(r.cache, key, read);
  }
  if (!pop) {
    const std::vector<bool> validation =
        held_out(data.pieces.size(), r.tunes.validation_share, r.split);
    for (std::size_t i = 0; i < data.pieces.size(); ++i)
      data.pieces[i].split = validation[i] ? Split::validation : Split::train;
  }
  return data;
}

}  // namespace gradus

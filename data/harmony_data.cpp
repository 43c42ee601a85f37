#include "data/harmony_data.h"

#include "tensor/error.h"

namespace gradus {

namespace {

HarmonyData tunes(const DataRequest& r) {
  HarmonyData data;
  data.pieces = make_pieces(bundled_tunes(), r.tunes, r.split);
  for (Piece& p : data.pieces) p = finer(p, r.steps_per_quarter / kStepsPerQuarter);
  data.chords = ChordVocabulary(data.pieces);
  data.has_styles = true;
  return data;
}

HarmonyData pop909(const DataRequest& r) {
  const PopSet set = read_pop909(r.source, r.alignment);
  HarmonyData data;
  for (const PopSong& song : set.songs)
    data.pieces.push_back(make_piece(song, r.steps_per_quarter, r.begin));
  data.chords = set.chords;
  for (const PopLeftOut& l : set.left_out)
    data.left_out.push_back({pop_song_name(l.song), name(l.reason) + ": " + l.message});
  return data;
}

}  // namespace

HarmonyData read_harmony_data(const DataRequest& r) {
  check<ConfigError>(r.steps_per_quarter == 4 || r.steps_per_quarter == 16,
                     "the grid has 4 (sixteenths) or 16 (the papers) steps a quarter, got {}",
                     r.steps_per_quarter);
  if (r.source.empty()) return tunes(r);
  return pop909(r);
}

}  // namespace gradus

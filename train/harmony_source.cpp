#include "train/harmony_source.h"

namespace gradus {

DataRequest data_request(const Experiment& e) {
  DataRequest r;
  r.source = e.data.source;
  r.steps_per_quarter = static_cast<int>(e.data.grid);
  r.alignment = parse_pop_alignment(e.data.align);
  r.begin = e.data.windows == "papers" ? PopBegin::first_note : PopBegin::bar_line;
  r.tunes.lowest_shift = -static_cast<int>(e.data.transpose_down);
  r.tunes.highest_shift = static_cast<int>(e.data.transpose_up);
  r.tunes.validation_share = e.data.validation_share;
  r.split = Rng(static_cast<std::uint64_t>(e.train.seed)).stream("split");
  return r;
}

std::vector<PieceWindow> training_windows(const std::vector<Piece>& pieces, Split split,
                                          const Experiment& e) {
  if (e.data.windows == "papers") return paper_windows(pieces, split, e.data.steps);
  return cut_windows(pieces, split, e.data.steps, e.data.hop_bars);
}

}  // namespace gradus

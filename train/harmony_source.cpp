#include "train/harmony_source.h"

#include <algorithm>

#include "tensor/error.h"

namespace gradus {

DataRequest data_request(const Experiment& e, const std::filesystem::path& cache) {
  DataRequest r;
  r.source = e.data.source;
  r.cache = cache;
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
  const std::vector<PieceWindow> windows =
      e.data.windows == "papers" ? paper_windows(pieces, split, e.data.steps)
                                 : cut_windows(pieces, split, e.data.steps, e.data.hop_bars);
  check<ConfigError>(
      !windows.empty(), "{} gives no window of split {}: {} of its {} pieces belong to that split",
      e.data.source.empty() ? "the set of bundled tunes" : e.data.source, to_string(split),
      std::count_if(pieces.begin(), pieces.end(),
                    [split](const Piece& p) { return p.split == split; }),
      pieces.size());
  return windows;
}

}  // namespace gradus

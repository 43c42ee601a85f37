#include "train/streaming.h"

#include <algorithm>

#include "tensor/index.h"
#include "tensor/text.h"

namespace gradus {

void check_no_look_ahead(const Harmonizer& h) {
  const std::vector<std::string> reasons = looks_ahead(h);
  check<ConfigError>(reasons.empty(),
                     "this model cannot be used while the melody is played: {}; train with another "
                     "context, or leave --stream out",
                     join(reasons, "; "));
}

HarmonyProbabilities streamed_probabilities(const Harmonizer& h, const Piece& piece,
                                            const std::function<void()>& heard) {
  check_no_look_ahead(h);
  const std::vector<Piece> pieces{piece};
  const int64 bar = piece.steps_per_bar;
  const int64 window = std::max(bar, h.experiment().data.steps / bar * bar);
  const int64 hop = std::max(bar, window / bar / 2 * bar);
  std::vector<Tensor> onset, sustain;
  int64 begin = 0;  // of the window in which a bar is heard
  for (int64 done = 0; done < piece.length();) {
    const int64 end = std::min(done + bar, piece.length());
    if (end > begin + window) begin += hop;
    const PieceWindow part{0, begin, end - begin};
    const HarmonyProbabilities p = std::move(h.probabilities(pieces, {&part, 1})[0]);
    if (p.onset.defined())
      onset.push_back(contiguous(slice(p.onset, 0, done - begin, part.length)));
    sustain.push_back(contiguous(slice(p.sustain, 0, done - begin, part.length)));
    done = end;
    if (heard) heard();
  }
  if (sustain.empty()) return h.probabilities(piece);
  HarmonyProbabilities all{{}, concat(sustain, 0), h.format().target_low};
  if (!onset.empty()) all.onset = concat(onset, 0);
  return all;
}

}  // namespace gradus

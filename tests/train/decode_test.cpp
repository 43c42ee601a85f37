// From probabilities to notes.
#include <doctest/doctest.h>

#include "train/harmonizer.h"

using namespace gradus;

namespace {

Harmonizer small() {
  return Harmonizer(Experiment::parse(
      "", "test", {"model.d_model=8", "model.heads=2", "model.d_ff=8", "model.layers=1"}));
}
/// Probabilities of the lowest pitch over time; the others are 0.
HarmonyProbabilities one_pitch(const Harmonizer& h, const std::vector<double>& onset,
                               const std::vector<double>& sustain) {
  const auto steps = static_cast<int64>(onset.size());
  HarmonyProbabilities p{zeros({steps, h.format().pitches()}),
                         zeros({steps, h.format().pitches()})};
  for (int64 t = 0; t < steps; ++t) {
    const auto i = static_cast<std::size_t>(t);
    p.onset.writable<float>()[t * h.format().pitches()] = static_cast<float>(onset[i]);
    p.sustain.writable<float>()[t * h.format().pitches()] = static_cast<float>(sustain[i]);
  }
  return p;
}
std::vector<std::pair<int64, int64>> times(const std::vector<Note>& notes) {
  std::vector<std::pair<int64, int64>> list;
  for (const Note& n : notes) {
    CHECK(n.pitch == 36);
    list.emplace_back(n.start, n.end);
  }
  return list;
}
using Times = std::vector<std::pair<int64, int64>>;

}  // namespace

TEST_CASE("a note lasts while it is probable that it goes on, given that it began") {
  const Harmonizer h = small();
  // Certain, and half as probable: the same lengths.
  CHECK(times(h.decode(one_pitch(h, {1, 0, 0, 0}, {1, .9, .6, .4}), .3)) == Times{{0, 3}});
  CHECK(times(h.decode(one_pitch(h, {.5, 0, 0, 0}, {.5, .45, .3, .2}), .3)) == Times{{0, 3}});
  // Once silent, sustain alone begins nothing.
  CHECK(times(h.decode(one_pitch(h, {0, .9, 0, 0, 0}, {.9, .9, .1, .9, .9}), .3)) == Times{{1, 2}});
  // A new onset begins a new note.
  CHECK(times(h.decode(one_pitch(h, {.9, 0, .4, 0}, {.9, .9, .9, .9}), .3)) ==
        Times{{0, 2}, {2, 4}});
  // The threshold is reached from below by no more than itself.
  CHECK(times(h.decode(one_pitch(h, {.25, .5}, {0, 0}), .25)) == Times{{0, 1}, {1, 2}});
  CHECK(h.decode(one_pitch(h, {.2, .2}, {1, 1}), .25).empty());
  CHECK(h.decode({zeros({0, h.format().pitches()}), zeros({0, h.format().pitches()})}, .5).empty());
}

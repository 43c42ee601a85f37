#include "train/step_times.h"

#include <algorithm>
#include <chrono>

#include "data/progression.h"
#include "train/generation.h"

namespace gradus {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> x) {
  const auto middle = x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2);
  std::nth_element(x.begin(), middle, x.end());
  return *middle;
}

Piece long_piece(int64 steps, int steps_per_quarter) {
  constexpr int kPitches[] = {60, 64, 67, 72};
  std::vector<Note> melody;
  for (int64 t = 0; t < steps; t += steps_per_quarter)
    melody.push_back({t, std::min<int64>(t + steps_per_quarter, steps),
                      kPitches[melody.size() % std::size(kPitches)]});
  return make_piece("long", std::move(melody), 4, 4, parse_progression("C | F G | C", 4, "timing"),
                    Style::block, steps_per_quarter);
}

}  // namespace

StepTimes time_steps(const Harmonizer& h, int64 steps) {
  check<ConfigError>(h.experiment().model.attention == "linear" && h.experiment().model.causal,
                     "step by step a model goes on with causal linear attention; this one has "
                     "model.attention = \"{}\", model.causal = {}",
                     h.experiment().model.attention, h.experiment().model.causal);
  constexpr int64 kFewest = 16;
  check<ConfigError>(steps >= kFewest, "{} steps or more are timed, got {}", kFewest, steps);
  const std::vector<Piece> pieces{long_piece(steps, h.format().steps_per_quarter)};
  const PieceWindow all{0, 0, steps};
  StepTimes times;
  times.steps = steps;
  const Clock::time_point begin = Clock::now();
  (void)h.probabilities(pieces, {&all, 1});
  times.at_once = since(begin) / static_cast<double>(steps);

  Recurrence model(h, pieces, {&all, 1});
  std::vector<double> seconds;
  const std::vector<std::uint8_t> silence(static_cast<std::size_t>(model.pitches()), 0);
  while (!model.done()) {
    const Clock::time_point step = Clock::now();
    (void)model.logits();
    model.play(silence, silence);
    seconds.push_back(since(step));
    if (model.position() == 1) times.first_state = model.state_bytes();
  }
  times.last_state = model.state_bytes();
  const std::ptrdiff_t part = steps / 8;
  times.first = median({seconds.begin(), seconds.begin() + part});
  times.last = median({seconds.end() - part, seconds.end()});
  return times;
}

std::string to_string(const StepTimes& t) {
  return fmt::format(
      "{} steps: {:.3f} ms a step all at once; one after another {:.3f} in the first {} and {:.3f} "
      "in the last {}; the recurrence keeps {} bytes after the first step and {} after the last",
      t.steps, 1e3 * t.at_once, 1e3 * t.first, t.steps / 8, 1e3 * t.last, t.steps / 8,
      t.first_state, t.last_state);
}

}  // namespace gradus

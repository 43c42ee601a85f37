#include "train/step_times.h"

#include <algorithm>
#include <chrono>

#include "data/progression.h"
#include "tensor/elementwise.h"
#include "tensor/reduce.h"

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

StepTimes time_steps(const Harmonizer& h, int64 steps, double threshold) {
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
  times.plays = h.hears_past();
  constexpr double kEnough = 0.2;
  std::vector<double> passes, seconds;
  const Clock::time_point begin = Clock::now();
  do {
    const Clock::time_point pass = Clock::now();
    (void)h.probabilities(pieces, {&all, 1});
    passes.push_back(since(pass) / static_cast<double>(steps));
  } while (since(begin) < kEnough);
  times.at_once = median(std::move(passes));

  const auto time_all = [&](const Recurrence& model, const auto& step) {
    while (!model.done()) {
      const Clock::time_point before = Clock::now();
      step();
      seconds.push_back(since(before));
      if (model.position() == 1) times.first_state = model.state_bytes();
    }
    times.last_state = model.state_bytes();
  };
  if (times.plays) {
    Playing playing(h, pieces, {&all, 1}, make_sampling(h.experiment(), threshold, 1));
    time_all(playing.model(), [&] { playing.step(); });
    times.sounding = static_cast<int64>(sum(playing.played(0).sustain).item());
  } else {
    Recurrence model(h, pieces, {&all, 1});
    const std::vector<std::uint8_t> nothing(static_cast<std::size_t>(model.pitches()), 0);
    time_all(model, [&] {
      (void)sigmoid(model.logits());
      model.play(nothing, nothing);
    });
  }
  const std::ptrdiff_t part = steps / 8;
  times.first = median({seconds.begin(), seconds.begin() + part});
  times.last = median({seconds.end() - part, seconds.end()});
  return times;
}

std::string to_string(const StepTimes& t) {
  const std::string how =
      t.plays ? fmt::format("playing, {} cells in all,", t.sounding) : "one after another";
  return fmt::format(
      "{} steps: {:.3f} ms a step all at once; {} {:.3f} in the first {} and {:.3f} "
      "in the last {}; the recurrence keeps {} bytes after the first step and {} after the last",
      t.steps, 1e3 * t.at_once, how, 1e3 * t.first, t.steps / 8, 1e3 * t.last, t.steps / 8,
      t.first_state, t.last_state);
}

}  // namespace gradus

#include "train/generation.h"

#include <algorithm>
#include <cmath>

#include "tensor/index.h"
#include "tensor/text.h"
#include "train/decoding.h"

namespace gradus {

namespace {

double sigmoid_of(double l) { return 1 / (1 + std::exp(-l)); }
double log_odds_of(double p) {
  constexpr double kSmallest = 1e-9;
  p = std::clamp(p, kSmallest, 1 - kSmallest);
  return std::log(p / (1 - p));
}

/// The probability after temperature.
double tempered(double logit, double threshold, double temperature) {
  const double middle = log_odds_of(threshold);
  if (temperature <= 0) return logit >= middle ? 1 : 0;
  return sigmoid_of(middle + (logit - middle) / temperature);
}

/// Decides the cells of one window, step after step.
class Player {
 public:
  Player(const Sampling& sampling, bool onsets, int64 pitches, std::uint64_t key)
      : s_(sampling), onsets_(onsets), key_(key), age_(static_cast<std::size_t>(pitches), 0) {}

  /// The cells of step `t` of the piece: `onset` and `sustain` are written. Logits of onsets are
  /// not looked at where the model has none.
  void play(int64 t, const float* onset_logits, const float* sustain_logits, std::uint8_t* onset,
            std::uint8_t* sustain) {
    chosen_.clear();
    for (std::size_t j = 0; j < age_.size(); ++j) {
      const auto l = static_cast<double>(sustain_logits[j]);
      check<NonFiniteError>(std::isfinite(l) && (!onsets_ || std::isfinite(onset_logits[j])),
                            "the model's logits of step {} are not finite: its parameters or its "
                            "input are not",
                            t);
      onset[j] = sustain[j] = 0;
      const Cell c = onsets_ ? choose(t, j, static_cast<double>(onset_logits[j]), l)
                             : choose_sounding(t, j, l);
      if (c.state == Cell::silent) continue;
      onset[j] = c.state == Cell::begins;
      sustain[j] = 1;
      chosen_.push_back({c.probability, j});
    }
    if (s_.polyphony > 0 && chosen_.size() > static_cast<std::size_t>(s_.polyphony)) {
      std::stable_sort(chosen_.begin(), chosen_.end(),
                       [](const Chosen& a, const Chosen& b) { return a.p > b.p; });
      for (auto i = static_cast<std::size_t>(s_.polyphony); i < chosen_.size(); ++i)
        onset[chosen_[i].pitch] = sustain[chosen_[i].pitch] = 0;
    }
    hear(onset, sustain);
  }

  /// What sounded in a step, whoever decided it.
  void hear(const std::uint8_t* onset, const std::uint8_t* sustain) {
    for (std::size_t j = 0; j < age_.size(); ++j)
      age_[j] = !sustain[j] ? 0 : onset[j] ? 1 : age_[j] + 1;
  }

 private:
  struct Cell {
    enum State : std::uint8_t { silent, goes_on, begins } state = silent;
    double probability = 0;
  };
  struct Chosen {
    double p;
    std::size_t pitch;
  };

  /// One random number in [0, 1) for each use of a cell: other cells do not move it.
  double draw(int64 t, std::size_t index) const {
    return static_cast<double>(random_bits(key_, static_cast<std::uint64_t>(t), index)) * 0x1p-32;
  }

  Cell choose(int64 t, std::size_t j, double onset_logit, double sustain_logit) const {
    const double p = sigmoid_of(onset_logit);
    const double begins = p < s_.cut ? 0 : tempered(onset_logit, s_.threshold, s_.temperature);
    if (draw(t, j) < begins) return {Cell::begins, begins};
    if (age_[j] == 0) return {};
    if (age_[j] < s_.min_length) return {Cell::goes_on, 1};
    const double given = (sigmoid_of(sustain_logit) - p) / std::max(1 - p, 1e-9);
    const double goes_on = tempered(log_odds_of(given), s_.sustain_threshold, s_.temperature);
    return {draw(t, age_.size() + j) < goes_on ? Cell::goes_on : Cell::silent, goes_on};
  }

  Cell choose_sounding(int64 t, std::size_t j, double logit) const {
    if (age_[j] > 0 && age_[j] < s_.min_length) return {Cell::goes_on, 1};
    if (age_[j] == 0 && sigmoid_of(logit) < s_.cut) return {};
    const double sounds = tempered(logit, s_.threshold, s_.temperature);
    if (draw(t, j) >= sounds) return {};
    return {age_[j] == 0 ? Cell::begins : Cell::goes_on, sounds};
  }

  Sampling s_;
  bool onsets_;
  std::uint64_t key_;
  std::vector<int64> age_;  // steps for which a pitch sounds; 0: silent
  std::vector<Chosen> chosen_;
};

std::uint64_t stream_key(const Sampling& s, const Piece& piece) {
  return Rng(s.seed).stream("play").stream(piece.name).key();
}

std::vector<Note> notes_of(const Roll& roll, const Sampling& s, bool onsets) {
  std::vector<ProbableNote> notes;
  for (const Note& n : roll_notes(roll)) notes.push_back({n, 0});
  std::stable_sort(notes.begin(), notes.end(), [](const ProbableNote& a, const ProbableNote& b) {
    return a.note.pitch < b.note.pitch;
  });
  std::vector<Note> result;
  for (const ProbableNote& n : close_gaps(std::move(notes), s.merge, onsets ? Join::no : Join::yes))
    result.push_back(n.note);
  sort_notes(result);
  return result;
}

}  // namespace

Sampling make_sampling(const Experiment& e, double threshold, std::uint64_t seed) {
  const Experiment::Decode& d = e.decode;
  check<ConfigError>(!d.expected_counts && !d.fill_quarters,
                     "decode.{} looks at the steps to come, but a model that hears its past plays "
                     "step by step; leave it out",
                     d.expected_counts ? "expected_counts" : "fill_quarters");
  Sampling s;
  s.threshold = threshold;
  s.sustain_threshold = d.sustain_threshold;
  s.temperature = d.temperature;
  s.cut = d.cut;
  s.merge = d.merge;
  s.min_length = d.min_length;
  s.polyphony = static_cast<int>(d.polyphony);
  s.seed = seed;
  return s;
}

std::string to_string(const Sampling& s) {
  std::vector<std::string> words = {fmt::format("played at temperature {:.4g}", s.temperature)};
  if (s.temperature != 1)
    words.push_back(
        fmt::format("threshold {:.4g}, sustain {:.4g}", s.threshold, s.sustain_threshold));
  if (s.cut > 0) words.push_back(fmt::format("no onset below {:.4g}", s.cut));
  if (s.merge > 0) words.push_back(fmt::format("gaps of {} closed", s.merge));
  if (s.min_length > 1) words.push_back(fmt::format("notes of {} steps or more", s.min_length));
  if (s.polyphony > 0) words.push_back(fmt::format("{} notes at once", s.polyphony));
  return join(words);
}

namespace {

/// Plays windows side by side; `known`: cells of the first window that are given already.
std::vector<Roll> play(const Harmonizer& h, const std::vector<Piece>& pieces,
                       std::span<const PieceWindow> windows, const Sampling& s, const Roll& known,
                       const std::function<void(int64)>& heard) {
  Recurrence model(h, pieces, windows);
  const OutputColumns columns = h.piano_columns();
  const int64 pitches = columns.count, given = known.onset.defined() ? known.onset.size(0) : 0;
  std::vector<Player> players;
  for (const PieceWindow& w : windows)
    players.emplace_back(s, h.format().onsets, pitches, stream_key(s, pieces[w.piece]));
  std::vector<std::uint8_t> onset(static_cast<std::size_t>(model.windows() * pitches));
  std::vector<std::uint8_t> sustain(onset.size());
  while (!model.done()) {
    const Tensor logits = model.logits();
    const int64 t = model.position(), width = logits.size(1);
    for (std::size_t i = 0; i < windows.size(); ++i) {
      const auto row = static_cast<int64>(i);
      std::uint8_t *o = onset.data() + row * pitches, *u = sustain.data() + row * pitches;
      if (t < given) {
        std::copy_n(known.onset.data<std::uint8_t>() + t * pitches, pitches, o);
        std::copy_n(known.sustain.data<std::uint8_t>() + t * pitches, pitches, u);
        players[i].hear(o, u);
      } else if (t >= windows[i].length) {
        std::fill_n(o, pitches, std::uint8_t{0}), std::fill_n(u, pitches, std::uint8_t{0});
      } else {
        const float* l = logits.data<float>() + row * width;
        players[i].play(windows[i].begin + t, l + columns.onset, l + columns.sustain, o, u);
      }
    }
    model.play(onset, sustain);
    if (heard) heard(t);
  }
  std::vector<Roll> rolls;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    Roll r = model.played(static_cast<int64>(i));
    for (Tensor* x : {&r.onset, &r.sustain}) *x = slice(*x, 0, 0, windows[i].length);
    rolls.push_back(std::move(r));
  }
  return rolls;
}

}  // namespace

std::vector<std::vector<Note>> generate(const Harmonizer& h, const std::vector<Piece>& pieces,
                                        std::span<const PieceWindow> windows, const Sampling& s) {
  std::vector<std::vector<Note>> notes;
  for (const Roll& r : play(h, pieces, windows, s, {}, {}))
    notes.push_back(notes_of(r, s, h.format().onsets));
  return notes;
}

std::vector<Note> generate(const Harmonizer& h, const Piece& piece, const Sampling& s,
                           const std::function<void()>& heard) {
  const std::vector<Piece> pieces{piece};
  const int64 bar = piece.steps_per_bar;
  const int64 window = std::max(bar, h.experiment().data.steps / bar * bar);
  const int64 hop = std::max(bar, window / bar / 2 * bar);
  std::vector<Tensor> onset, sustain;  // parts that follow each other
  Roll known{{}, {}, h.format().target_low};
  for (int64 begin = 0, done = 0; done < piece.length(); begin += hop) {
    const PieceWindow part{0, begin, std::min(window, piece.length() - begin)};
    const auto at = [&](int64 t) {
      if (heard && begin + t >= done && (begin + t + 1) % bar == 0) heard();
    };
    const Roll r = std::move(play(h, pieces, {&part, 1}, s, known, at)[0]);
    onset.push_back(slice(r.onset, 0, done - begin, part.length));
    sustain.push_back(slice(r.sustain, 0, done - begin, part.length));
    done = begin + part.length;
    const int64 next = std::min(hop, part.length);
    known.onset = contiguous(slice(r.onset, 0, next, part.length));
    known.sustain = contiguous(slice(r.sustain, 0, next, part.length));
  }
  if (onset.empty()) return {};
  return notes_of({concat(onset, 0), concat(sustain, 0), h.format().target_low}, s,
                  h.format().onsets);
}

}  // namespace gradus

#include "train/generation.h"

#include <algorithm>
#include <cmath>

#include "tensor/index.h"
#include "tensor/text.h"
#include "train/decoding.h"
#include "train/within_step.h"

namespace gradus {

namespace {

double sigmoid_of(double l) { return 1 / (1 + std::exp(-l)); }
double log_odds_of(double p) {
  constexpr double kSmallest = 1e-9;
  p = std::clamp(p, kSmallest, 1 - kSmallest);
  return std::log(p / (1 - p));
}

/// The probability after temperature.
double tempered(double logit, double pivot, double temperature) {
  const double middle = log_odds_of(pivot);
  if (temperature <= 0) return logit >= middle ? 1 : 0;
  return sigmoid_of(middle + (logit - middle) / temperature);
}

}  // namespace

/// Decides the cells of one window, step after step.
class Playing::Player {
 public:
  Player(const Sampling& sampling, const Harmonizer& h, std::uint64_t key)
      : s_(sampling),
        onsets_(h.format().onsets),
        coupled_(h.model().coupling() != nullptr),
        columns_(h.piano_columns()),
        step_(h.model().coupling()),
        key_(key),
        age_(static_cast<std::size_t>(columns_.count), 0) {}

  /// The cells of step `t` of the piece: `onset` and `sustain` are written.
  void play(int64 t, std::span<const float> logits, std::uint8_t* onset, std::uint8_t* sustain) {
    for (const float l : logits)
      check<NonFiniteError>(std::isfinite(l),
                            "the model's logits of step {} are not finite: its parameters or its "
                            "input are not",
                            t);
    chosen_.clear();
    step_.begin(logits.data(), static_cast<int64>(logits.size()));
    const auto sounds = [&](int64 j, double probability) {
      sustain[j] = 1;
      chosen_.push_back({probability, j});
    };
    for (int64 j = 0; j < columns_.count; ++j) {
      const double p = onsets_ ? begins(j) : 0;
      onset[j] = draw(t, j) < p;
      sustain[j] = 0;
      if (!onset[j]) continue;
      step_.decide(columns_.onset + j);
      sounds(j, p);
    }
    for (int64 j = 0; j < columns_.count; ++j) {
      if (!onset[j]) {
        const double p = onsets_ ? goes_on(j, logits) : sounding(j);
        if (draw(t, columns_.count + j) < p) {
          sounds(j, p);
          onset[j] = !onsets_ && age(j) == 0;
        }
      }
      if (sustain[j]) step_.decide(columns_.sustain + j);
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
  struct Chosen {
    double p;
    int64 pitch;
  };

  int64 age(int64 j) const { return age_[static_cast<std::size_t>(j)]; }
  /// One random number in [0, 1) for each use of a cell: other cells do not move it.
  double draw(int64 t, int64 index) const {
    return static_cast<double>(random_bits(key_, static_cast<std::uint64_t>(t),
                                           static_cast<std::uint64_t>(index))) *
           0x1p-32;
  }

  double begins(int64 j) const {
    const double l = step_.logit(columns_.onset + j);
    return sigmoid_of(l) < s_.cut ? 0 : tempered(l, s_.pivot, s_.temperature);
  }
  /// Of a pitch that does not begin.
  double goes_on(int64 j, std::span<const float> logits) const {
    if (age(j) == 0) return 0;
    if (age(j) < s_.min_length) return 1;
    double l = step_.logit(columns_.sustain + j);
    if (!coupled_) {  // these logits do not know yet that it does not begin
      const double onset =
          sigmoid_of(static_cast<double>(logits[static_cast<std::size_t>(columns_.onset + j)]));
      l = log_odds_of((sigmoid_of(l) - onset) / std::max(1 - onset, 1e-9));
    }
    return tempered(l, s_.sustain_threshold, s_.temperature);
  }
  /// Of a model without onsets.
  double sounding(int64 j) const {
    if (age(j) > 0 && age(j) < s_.min_length) return 1;
    const double l = step_.logit(columns_.sustain + j);
    if (age(j) == 0 && sigmoid_of(l) < s_.cut) return 0;
    return tempered(l, s_.pivot, s_.temperature);
  }

  Sampling s_;
  bool onsets_, coupled_;
  OutputColumns columns_;
  WithinStep step_;
  std::uint64_t key_;
  std::vector<int64> age_;  // steps for which a pitch sounds; 0: silent
  std::vector<Chosen> chosen_;
};

namespace {

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

Playing::Playing(const Harmonizer& h, const std::vector<Piece>& pieces,
                 std::span<const PieceWindow> windows, const Sampling& s)
    : model_(h, pieces, windows),
      windows_(windows.begin(), windows.end()),
      onset_(static_cast<std::size_t>(model_.windows() * model_.pitches())),
      sustain_(onset_.size()) {
  for (const PieceWindow& w : windows) players_.emplace_back(s, h, stream_key(s, pieces[w.piece]));
}

Playing::~Playing() = default;

void Playing::step(const Roll& known) {
  const Tensor logits = model_.logits();
  const int64 t = model_.position(), width = logits.size(1), pitches = model_.pitches();
  const int64 given = known.onset.defined() ? known.onset.size(0) : 0;
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    const auto row = static_cast<int64>(i);
    std::uint8_t *o = onset_.data() + row * pitches, *u = sustain_.data() + row * pitches;
    if (t < given) {
      std::copy_n(known.onset.data<std::uint8_t>() + t * pitches, pitches, o);
      std::copy_n(known.sustain.data<std::uint8_t>() + t * pitches, pitches, u);
      players_[i].hear(o, u);
    } else if (t >= windows_[i].length) {
      std::fill_n(o, pitches, std::uint8_t{0}), std::fill_n(u, pitches, std::uint8_t{0});
    } else {
      const std::span<const float> l(logits.data<float>() + row * width,
                                     static_cast<std::size_t>(width));
      players_[i].play(windows_[i].begin + t, l, o, u);
    }
  }
  model_.play(onset_, sustain_);
}

Roll Playing::played(std::size_t window) const {
  Roll r = model_.played(static_cast<int64>(window));
  const int64 length = std::min(windows_[window].length, model_.position());
  for (Tensor* x : {&r.onset, &r.sustain}) *x = slice(*x, 0, 0, length);
  return r;
}

Sampling make_sampling(const Experiment& e, double threshold, std::uint64_t seed) {
  const Experiment::Decode& d = e.decode;
  const std::pair<const char*, bool> ahead[] = {{"expected_counts", d.expected_counts},
                                                {"expected_chroma", d.expected_chroma},
                                                {"fill_quarters", d.fill_quarters}};
  for (const auto& rule : ahead)
    check<ConfigError>(!rule.second,
                       "decode.{} looks at the steps to come, but a model that hears its past "
                       "plays step by step; leave it out",
                       rule.first);
  Sampling s;
  s.pivot = d.pivot > 0 ? d.pivot : threshold;
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
    words.push_back(fmt::format("pivot {:.4g}, sustain {:.4g}", s.pivot, s.sustain_threshold));
  if (s.cut > 0) words.push_back(fmt::format("no onset below {:.4g}", s.cut));
  if (s.merge > 0) words.push_back(fmt::format("gaps of {} closed", s.merge));
  if (s.min_length > 1) words.push_back(fmt::format("notes of {} steps or more", s.min_length));
  if (s.polyphony > 0) words.push_back(fmt::format("{} notes at once", s.polyphony));
  return join(words);
}

namespace {

/// Plays windows side by side; `known`: cells of the first steps that are given already.
std::vector<Roll> play(const Harmonizer& h, const std::vector<Piece>& pieces,
                       std::span<const PieceWindow> windows, const Sampling& s, const Roll& known,
                       const std::function<void(int64)>& heard) {
  Playing playing(h, pieces, windows, s);
  while (!playing.model().done()) {
    const int64 t = playing.model().position();
    playing.step(known);
    if (heard) heard(t);
  }
  std::vector<Roll> rolls;
  for (std::size_t i = 0; i < windows.size(); ++i) rolls.push_back(playing.played(i));
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

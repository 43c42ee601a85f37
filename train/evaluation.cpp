#include "train/evaluation.h"

#include <algorithm>
#include <set>

#include "data/pop909.h"
#include "nn/loss.h"
#include "tensor/elementwise.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tensor/reduce.h"
#include "tensor/text.h"

namespace gradus {

namespace {

constexpr int kTicks = kPopTicks;

/// The part of notes that lies in a window, in steps from its begin.
std::vector<Note> notes_in(const SharedArray<Note>& notes, const PieceWindow& w) {
  std::vector<Note> part;
  for (Note n : notes) {
    n.start = std::max<int64>(n.start - w.begin, 0);
    n.end = std::min(n.end - w.begin, w.length);
    if (n.start < n.end) part.push_back(n);
  }
  return part;
}

/// The scores of predictions, window by window in any order, and their mean in the order of the
/// windows.
class Scores {
 public:
  explicit Scores(const EvaluationWindows& windows)
      : windows_(windows), scores_(windows.windows.size()), ssmd_text_(windows.windows.size()) {}
  /// `notes`: the prediction of window i, in steps of which `factor` make one of the model's.
  void set(std::size_t i, std::vector<Note> notes, int64 factor) {
    const PieceWindow& w = windows_.windows[i];
    for (Note& n : notes) n.start *= factor, n.end *= factor;
    const Roll predicted = make_roll(notes, 0, w.length);
    const Roll target =
        make_roll(windows_.pieces[w.piece].accompaniment.to_vector(), w.begin, w.length);
    scores_[i] = harmony_score(predicted, target, {kTicks});
    ssmd_text_[i] = ssm_distance(predicted, target, {kTicks, Ssmd::text});
  }
  EvaluationRow mean(std::string_view name) const {
    HarmonyMean mean;
    for (const HarmonyScore& s : scores_) mean.add(s);
    double text = 0;
    for (double s : ssmd_text_) text += s;
    return {std::string(name), mean.mean(), text / static_cast<double>(ssmd_text_.size())};
  }
  void add_to(HarmonyMean& mean) const {
    for (const HarmonyScore& s : scores_) mean.add(s);
  }

 private:
  const EvaluationWindows& windows_;
  std::vector<HarmonyScore> scores_;
  std::vector<double> ssmd_text_;
};

/// Calls f(i) for each i, in the threads of the pool.
template <class F>
void each_window(std::size_t begin, std::size_t end, F&& f) {
  parallel_for(static_cast<int64>(begin), static_cast<int64>(end), 1, [&](int64 b, int64 e) {
    for (int64 i = b; i < e; ++i) f(static_cast<std::size_t>(i));
  });
}

std::size_t pieces_of(const std::vector<Piece>& pieces, Split split) {
  return static_cast<std::size_t>(std::count_if(pieces.begin(), pieces.end(),
                                                [=](const Piece& p) { return p.split == split; }));
}

void check_split(const std::vector<Piece>& pieces, Split split) {
  std::vector<std::string> there;
  for (Split s : {Split::train, Split::validation, Split::test})
    if (const std::size_t n = pieces_of(pieces, s))
      there.push_back(fmt::format("{} ({})", to_string(s), n));
  check<ConfigError>(pieces_of(pieces, split) > 0,
                     "the data has no pieces in split {}; it has them in {}", to_string(split),
                     there.empty() ? "none" : join(there));
}

}  // namespace

std::string EvaluationWindows::text() const {
  std::set<std::size_t> used;
  for (const PieceWindow& w : windows) used.insert(w.piece);
  return fmt::format("{} windows of {} bars in {} of {} pieces of split {}, {}", windows.size(),
                     bars, used.size(), pieces_of(pieces, split), to_string(split),
                     kind == WindowKind::bars
                         ? "side by side, from bar lines on"
                         : "those of the papers, which overlap and begin anywhere in a beat");
}

EvaluationWindows evaluation_windows(std::vector<Piece> pieces, Split split, int64 bars,
                                     WindowKind kind) {
  check<ConfigError>(bars >= 1, "a window has 1 or more bars, got {}", bars);
  check_split(pieces, split);
  for (const Piece& p : pieces)
    check<ConfigError>(p.steps_per_quarter == kTicks,
                       "evaluation counts {} steps a quarter, '{}' has {}", kTicks, p.name,
                       p.steps_per_quarter);
  EvaluationWindows w{std::move(pieces), {}, split, kind, bars};
  constexpr int64 kPaperBars = 8, kBarTicks = 64;
  if (kind == WindowKind::papers) {
    check<ConfigError>(bars % kPaperBars == 0 && bars <= kPaperBars * kPaperBars,
                       "the papers' windows have 8, 16, 24, ... 64 bars of 4/4, got {}", bars);
    w.windows = paper_windows(w.pieces, split, bars * kBarTicks);
  } else {
    w.windows = whole_windows(w.pieces, split, bars);
  }
  int64 longest = 0;
  for (const Piece& p : w.pieces)
    if (p.split == split) longest = std::max(longest, p.bars());
  check<ConfigError>(!w.windows.empty(),
                     "no piece of split {} holds a window of {} bars; the longest has {}",
                     to_string(split), bars, longest);
  return w;
}

Split evaluation_split(const std::vector<Piece>& pieces) {
  for (Split s : {Split::test, Split::validation})
    if (pieces_of(pieces, s) > 0) return s;
  return Split::train;
}

bool EvaluationWindows::has_chords() const {
  return std::any_of(windows.begin(), windows.end(), [&](const PieceWindow& w) {
    const StepLabels* first = pieces[w.piece].steps.begin() + w.begin;
    return std::any_of(first, first + w.length,
                       [](const StepLabels& s) { return !s.chord.is_none(); });
  });
}

KnownMusic known_music(const Piece& piece, const PieceWindow& window) {
  KnownMusic known;
  known.steps = window.length;
  known.steps_per_quarter = piece.steps_per_quarter;
  // A bar of 3/8 counts as two quarters.
  known.quarters_per_bar =
      (piece.steps_per_bar + piece.steps_per_quarter - 1) / piece.steps_per_quarter;
  known.heard = notes_in(piece.melody, window);
  for (const Note& n : notes_in(piece.bridge, window)) known.heard.push_back(n);
  for (int64 t = window.begin; t < window.begin + window.length; ++t) {
    known.chords.push_back(piece.steps[static_cast<std::size_t>(t)].chord);
    known.tones.push_back(piece.steps[static_cast<std::size_t>(t)].tones);
  }
  return known;
}

EvaluationRow evaluate_floor(const EvaluationWindows& w, const Floor& floor) {
  Scores scores(w);
  each_window(0, w.windows.size(), [&](std::size_t i) {
    scores.set(i, floor.play(known_music(w.pieces[w.windows[i].piece], w.windows[i])), 1);
  });
  return scores.mean(floor.name);
}

namespace {

/// The windows on the model's grid, in batches of as many steps as in training.
struct Heard {
  std::vector<PieceWindow> windows;
  int64 factor = 1;  // ticks of a step
  std::size_t batch = 1;

  Heard(const EvaluationWindows& w, const Harmonizer& harmonizer, const std::vector<Piece>& pieces)
      : windows(w.windows), factor(kTicks / harmonizer.format().steps_per_quarter) {
    check<ConfigError>(pieces.size() == w.pieces.size(),
                       "the model hears {} pieces, but {} are to be judged", pieces.size(),
                       w.pieces.size());
    int64 steps = 1;
    for (PieceWindow& h : windows) {
      const std::string &name = pieces[h.piece].name, &judged = w.pieces[h.piece].name;
      check<ConfigError>(name == judged && h.begin % factor == 0 && h.length % factor == 0,
                         "piece {} is '{}' to the model and '{}' to the measures", h.piece, name,
                         judged);
      h.begin /= factor;
      h.length /= factor;
      steps = std::max(steps, h.length);
    }
    const Experiment& e = harmonizer.experiment();
    batch = static_cast<std::size_t>(
        std::max<int64>(1, e.train.batch * std::max<int64>(e.data.steps, 1) / steps));
  }

  /// Calls f(begin, windows begin .. of the batch).
  template <class F>
  void each_batch(std::size_t size, F&& f) const {
    for (std::size_t begin = 0; begin < windows.size(); begin += size)
      f(begin, std::span<const PieceWindow>(windows.data() + begin,
                                            std::min(size, windows.size() - begin)));
  }
};

}  // namespace

EvaluationRow evaluate_model(const EvaluationWindows& w, const Harmonizer& harmonizer,
                             const std::vector<Piece>& pieces, const Decoding& decoding) {
  const Heard heard(w, harmonizer, pieces);
  Scores scores(w);
  heard.each_batch(heard.batch, [&](std::size_t begin, std::span<const PieceWindow> part) {
    const std::vector<HarmonyProbabilities> p = harmonizer.probabilities(pieces, part);
    each_window(begin, begin + part.size(), [&](std::size_t i) {
      scores.set(i, decode(p[i - begin], decoding, bar_grid(pieces[heard.windows[i].piece])),
                 heard.factor);
    });
  });
  EvaluationRow row = scores.mean("model");
  row.of_model = true;
  return row;
}

std::vector<EvaluationRow> evaluate_playing(const EvaluationWindows& w,
                                            const Harmonizer& harmonizer,
                                            const std::vector<Piece>& pieces, Sampling sampling,
                                            std::span<const std::uint64_t> seeds) {
  constexpr std::size_t kSideBySide = 8;  // batches; a step has few rows
  const Heard heard(w, harmonizer, pieces);
  std::vector<EvaluationRow> rows{{"model", {}, 0, true}};
  HarmonyMean all;
  for (const std::uint64_t seed : seeds) {
    sampling.seed = seed;
    Scores scores(w);
    heard.each_batch(
        kSideBySide * heard.batch, [&](std::size_t begin, std::span<const PieceWindow> part) {
          const std::vector<std::vector<Note>> notes = generate(harmonizer, pieces, part, sampling);
          each_window(begin, begin + part.size(),
                      [&](std::size_t i) { scores.set(i, notes[i - begin], heard.factor); });
        });
    rows.push_back(scores.mean(fmt::format("seed {}", seed)));
    rows.back().of_model = true;
    scores.add_to(all);
    rows[0].ssmd_text += rows.back().ssmd_text / static_cast<double>(seeds.size());
  }
  rows[0].score = all.mean();
  return rows;
}

double cross_entropy(const EvaluationWindows& w, const Harmonizer& harmonizer,
                     const std::vector<Piece>& pieces) {
  const NoGrad no_grad;
  const Heard heard(w, harmonizer, pieces);
  double total = 0, weight = 0;
  heard.each_batch(heard.batch, [&](std::size_t, std::span<const PieceWindow> part) {
    int64 steps = 0;
    for (const PieceWindow& p : part) steps = std::max(steps, p.length);
    const HarmonyBatch b = make_batch(pieces, part, steps, harmonizer.format());
    Pass pass = Pass::eval();
    const Var loss = bce_loss(harmonizer.logits(b, pass), Var(harmonizer.targets(b)),
                              Var(unsqueeze(b.mask, -1)));
    const double heard_steps = sum(b.mask).item();
    total += loss.item() * heard_steps;
    weight += heard_steps;
  });
  return total / weight;
}

}  // namespace gradus

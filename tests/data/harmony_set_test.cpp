// Windows cut on bar lines, and batches: every element of input, target, labels and mask.
#include <doctest/doctest.h>

#include <algorithm>

#include "data/harmony_set.h"
#include "tensor/error.h"

using namespace gradus;

namespace {

std::vector<Piece> two_pieces() {
  return {make_piece(bundled_tune("twinkle")), make_piece(bundled_tune("amazing_grace"))};
}
/// The sum over one row of a [B, N, columns] tensor, columns low to high - 1.
double row_sum(const Tensor& t, int64 b, int64 n, int64 low, int64 high) {
  double sum = 0;
  for (int64 c = low; c < high; ++c) sum += t.at({b, n, c});
  return sum;
}

}  // namespace

TEST_CASE("windows begin on bar lines, hold whole bars, and cover each piece of the split") {
  auto pieces = two_pieces();  // 12 bars of 16 steps, 17 bars of 12
  for (int64 steps : {16, 40, 128, 500})
    for (int64 hop : {0, 1, 2}) {
      const auto windows = cut_windows(pieces, Split::train, steps, hop);
      for (std::size_t i = 0; i < 2; ++i) {
        int64 covered = 0;
        for (const PieceWindow& w : windows) {
          if (w.piece != i) continue;
          CHECK(w.begin % pieces[i].steps_per_bar == 0);
          CHECK(w.length % pieces[i].steps_per_bar == 0);
          CHECK((w.length > 0 && w.length <= steps));
          if (hop <= 1) CHECK(w.begin <= covered);
          covered = w.begin + w.length;
        }
        CHECK(covered == pieces[i].length());
      }
    }
  CHECK(cut_windows(pieces, Split::train, 128, 8) ==
        std::vector<PieceWindow>{{0, 0, 128}, {0, 128, 64}, {1, 0, 120}, {1, 96, 108}});
  CHECK(cut_windows(pieces, Split::validation, 128).empty());
  pieces[1].split = Split::validation;
  CHECK(cut_windows(pieces, Split::validation, 500) == std::vector<PieceWindow>{{1, 0, 204}});
  CHECK(cut_windows({make_piece("empty", {}, 4, 4)}, Split::train, 16).empty());
  CHECK_THROWS_WITH_AS(cut_windows(pieces, Split::train, 15),
                       "a window of 15 steps does not hold one bar of 'twinkle' (16 steps)",
                       ConfigError);
  CHECK_THROWS_AS(cut_windows(pieces, Split::train, 16, -1), ConfigError);
}

TEST_CASE("batches hold every window once; the generator decides the order") {
  std::vector<PieceWindow> windows;
  for (int64 i = 0; i < 10; ++i) windows.push_back({0, 16 * i, 16});
  Rng rng(5), same(5);
  const auto first = shuffled_batches(windows, 4, rng);
  REQUIRE(first.size() == 3);
  CHECK((first[0].size() == 4 && first[2].size() == 2));
  std::vector<bool> seen(10, false);
  for (const auto& batch : first)
    for (const PieceWindow& w : batch) seen[static_cast<std::size_t>(w.begin / 16)] = true;
  CHECK(std::count(seen.begin(), seen.end(), true) == 10);
  CHECK(first == shuffled_batches(windows, 4, same));
  CHECK(first != shuffled_batches(windows, 4, rng));
  CHECK(shuffled_batches({}, 4, rng).empty());
  CHECK_THROWS_AS(shuffled_batches(windows, 0, rng), ConfigError);
}

TEST_CASE("whole windows lie side by side; what is left of a piece is none") {
  auto pieces = two_pieces();  // 12 bars of 16 steps, 17 bars of 12
  CHECK(whole_windows(pieces, Split::train, 8) ==
        std::vector<PieceWindow>{{0, 0, 128}, {1, 0, 96}, {1, 96, 96}});
  CHECK(whole_windows(pieces, Split::train, 17) == std::vector<PieceWindow>{{1, 0, 204}});
  CHECK(whole_windows(pieces, Split::test, 1).empty());
  CHECK_THROWS_AS(whole_windows(pieces, Split::train, 0), ConfigError);
}

TEST_CASE("the labels of a batch") {
  const auto pieces = two_pieces();
  HarmonyFormat format;
  format.contexts = {"time", "bin",  "root",   "phrase", "section",
                     "bar",  "beat", "melody", "style",  "chord"};
  format.chords = ChordVocabulary(pieces);
  const auto columns = format.columns();
  REQUIRE(columns.size() == 21);
  CHECK((columns[0].name == "time" && columns[0].kind == LabelKind::time));
  CHECK((columns[12].name == "bin.11" && columns[12].kind == LabelKind::bit));
  CHECK((columns[13].name == "root" && columns[13].values == 13));
  CHECK(columns[20].values == format.chords.size());
  const std::vector<PieceWindow> windows = {{1, 0, 24}, {0, 48, 16}, {0, 48, 16, 1}};
  const HarmonyBatch b = make_batch(pieces, windows, 30, format);
  CHECK(b.labels.shape() == Shape{3, 30, 21});
  CHECK(b.labels.dtype() == DType::f64);
  const auto row = [&](int64 i, int64 t) {
    std::vector<double> values;
    for (int64 c = 0; c < 20; ++c) values.push_back(b.labels.at({i, t, c}));
    return values;
  };
  // Amazing Grace: step 8 is the pickup, step 12 the first bar of G; then padding.
  CHECK(row(0, 8) ==
        std::vector<double>{8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 62, 4});
  CHECK(row(0, 13) ==
        std::vector<double>{13, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 1, 1, 67, 4});
  CHECK(row(0, 24) ==
        std::vector<double>{24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  // Twinkle, bar 3 ("G7 C"): time begins with the window, bars with the piece.
  CHECK(row(1, 0) ==
        std::vector<double>{0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 8, 0, 0, 3, 0, 62, 2});
  // A semitone higher: G#7 over D#.
  CHECK(row(2, 0) ==
        std::vector<double>{0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0, 3, 0, 63, 2});
  CHECK(b.labels.at({2, 0, 20}) == static_cast<double>(format.chords.token(
                                       transposed_code(chord_code(pieces[0].steps[48]), 1))));
  for (const LabelColumn& c : columns)
    if (c.kind == LabelKind::token) CHECK(c.values >= 7);
  CHECK_THROWS_WITH_AS(context_columns({"bni"}, format.chords),
                       "unknown context 'bni'; did you mean 'bin'?; known: time, rep, key, "
                       "key-mode, bin, chord, root, phrase, section, bar, beat, melody, style",
                       ConfigError);
}

TEST_CASE("input, target and mask of a batch") {
  const auto pieces = two_pieces();
  HarmonyFormat format;
  format.inputs = {"style", "melody", "chord", "beat", "root"};  // in any order
  CHECK(format.features() == 120 + 25 + 24 + 7);
  const std::vector<PieceWindow> windows = {{0, 0, 32}, {1, 12, 24}};
  const HarmonyBatch b = make_batch(pieces, windows, 32, format);
  CHECK(b.input.shape() == Shape{2, 32, 176});
  CHECK(b.onset.shape() == Shape{2, 32, 37});
  CHECK(b.mask.shape() == Shape{2, 32});
  CHECK(b.input.dtype() == DType::f32);
  // Twinkle begins with two quarters c'4.
  const int64 c4 = 60 - 43;
  for (int64 t = 0; t < 8; ++t) {
    CHECK(b.input.at({0, t, c4}) == (t % 4 == 0));
    CHECK(b.input.at({0, t, 60 + c4}) == 1);
    CHECK(row_sum(b.input, 0, t, 0, 120) == (t % 4 == 0 ? 2 : 1));
    CHECK(b.input.at({0, t, 120 + t}) == 1);
    CHECK(row_sum(b.input, 0, t, 120, 144) == 1);
    CHECK(b.input.at({0, t, 144}) == 1);
    CHECK(row_sum(b.input, 0, t, 145, 169) == 4);
    CHECK(b.input.at({0, t, 157}) == 1);
    CHECK(b.input.at({0, t, 169 + static_cast<int>(Style::alberti)}) == 1);
  }
  CHECK(b.input.at({1, 0, 144}) == 0.75f);
  // The targets are the accompaniment, and nothing sounds in the padding.
  const auto read_back = [&](int64 i) {
    const Roll roll{cast(select(b.onset, 0, i), DType::u8),
                    cast(select(b.sustain, 0, i), DType::u8), format.target_low};
    return roll_notes(roll);
  };
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<Note> expected;
    for (Note n : pieces[i].accompaniment) {
      if (n.start < windows[i].begin || n.start >= windows[i].begin + windows[i].length) continue;
      n.start -= windows[i].begin;
      n.end = std::min(n.end - windows[i].begin, windows[i].length);
      n.velocity = 64;
      expected.push_back(n);
    }
    CHECK(read_back(static_cast<int64>(i)) == expected);
    CHECK(expected.size() > 5);
  }
  for (int64 t = 0; t < 32; ++t) {
    CHECK(b.mask.at({0, t}) == 1);
    CHECK(b.mask.at({1, t}) == (t < 24));
    if (t >= 24) CHECK(row_sum(b.input, 1, t, 0, 176) == 0);
    if (t >= 24) CHECK(row_sum(b.sustain, 1, t, 0, 37) == 0);
  }
}

TEST_CASE("notes out of range, no windows, impossible windows and formats") {
  const std::vector<Piece> pieces = {
      make_piece("low", {{0, 2, 0, 64, 0}, {2, 4, 127, 64, 0}}, 4, 4)};
  HarmonyFormat format;
  format.inputs = {"melody"};
  const std::vector<PieceWindow> all = {{0, 0, 16}};
  const HarmonyBatch b = make_batch(pieces, all, 16, format);
  CHECK(b.input.at({0, 0, 48 - 43}) == 1);  // the lowest C of the range
  CHECK(b.input.at({0, 2, 91 - 43}) == 1);
  CHECK(row_sum(b.input, 0, 0, 0, 120) == 2);
  CHECK(make_batch(pieces, {}, 16, format).input.shape() == Shape{0, 16, 120});
  const std::vector<PieceWindow> wrong = {{1, 0, 16}}, late = {{0, 16, 16}};
  CHECK_THROWS_AS(make_batch(pieces, wrong, 16, format), IndexError);
  CHECK_THROWS_AS(make_batch(pieces, late, 16, format), IndexError);
  CHECK_THROWS_AS(make_batch(pieces, all, 15, format), IndexError);
  format.contexts = {};
  CHECK(make_batch(pieces, all, 16, format).labels.shape() == Shape{1, 16, 0});
  format.melody_high = format.melody_low + 11;
  CHECK_THROWS_AS(format.features(), ConfigError);
  format = {};
  format.target_low = format.target_high = 60;
  CHECK_THROWS_AS(format.features(), ConfigError);
}

TEST_CASE("bridge, further targets, and sounding cells alone") {
  Piece p = make_piece("three", {{0, 4, 60, 64, 0}}, 4, 4);
  p.bridge = {{4, 6, 62, 64, 0}};
  p.accompaniment = {{8, 10, 40, 64, 0}, {10, 12, 40, 64, 0}};
  const std::vector<PieceWindow> all = {{0, 0, 16}};
  HarmonyFormat format;
  format.inputs = {"melody", "bridge"};
  format.targets = {"melody", "piano"};
  CHECK(format.features() == 240);
  CHECK(format.pitches() == 74);
  const HarmonyBatch b = make_batch({p}, all, 16, format);
  CHECK(b.input.at({0, 0, 17}) == 1);        // onset of the melody's c'
  CHECK(b.input.at({0, 4, 120 + 19}) == 1);  // onset of the bridge's d'
  CHECK(b.input.at({0, 5, 120 + 19}) == 0);
  CHECK(b.input.at({0, 5, 180 + 19}) == 1);
  CHECK(b.onset.at({0, 0, 24}) == 1);
  CHECK(b.onset.at({0, 8, 37 + 4}) == 1);
  CHECK(row_sum(b.sustain, 0, 8, 0, 74) == 1);
  format.onsets = false;
  CHECK(format.features() == 120);
  const HarmonyBatch plain = make_batch({p}, all, 16, format);
  CHECK(plain.input.at({0, 3, 17}) == 1);
  CHECK(plain.input.at({0, 5, 60 + 19}) == 1);
  // Transposed by an octave, the piano's low E is still in range; by three, it is left out.
  const std::vector<PieceWindow> up = {{0, 0, 16, 12}, {0, 0, 16, 36}};
  const HarmonyBatch moved = make_batch({p}, up, 16, format);
  CHECK(moved.sustain.at({0, 8, 37 + 16}) == 1);
  CHECK(row_sum(moved.sustain, 1, 8, 0, 74) == 0);
  CHECK(moved.input.at({0, 3, 29}) == 1);
  const std::vector<Piece> fine = {finer(p, 4)};
  const std::vector<PieceWindow> window = {{0, 0, 64}};
  CHECK_THROWS_WITH_AS(make_batch(fine, window, 64, format),
                       "'three' has 16 steps a quarter, the model 4", ConfigError);
  format.steps_per_quarter = 16;
  format.inputs.emplace_back("beat");
  const HarmonyBatch sixteen = make_batch(fine, window, 64, format);
  CHECK(sixteen.input.size(2) == 120 + 97);
  CHECK(sixteen.input.at({0, 63, 120 + 63}) == 1);
  CHECK(sixteen.input.at({0, 63, 120 + 96}) == 1);
}

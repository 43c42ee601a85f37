// The measures of a harmonization: small windows counted by hand, traps (silence, too many notes,
// remainders, one sixteenth too late), and what may not change them.
#include "train/harmony_metrics.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tensor/error.h"

using namespace gradus;
using doctest::Approx;

namespace {

constexpr HarmonyGrid kSixteenthGrid{4, Ssmd::code, 100};

Note note(int64 start, int64 end, int pitch) { return {start, end, pitch, 64, 0}; }

void check_all_finite(const HarmonyScore& s) {
  for (double v : {s.cs, s.ssmd, s.gs, s.ndd.missing, s.ndd.two_sided, s.onset_f1(), s.note_f1(),
                   s.onset_ratio()})
    CHECK(std::isfinite(v));
}

/// Two bars of four notes a quarter, on the papers' grid.
std::vector<Note> two_bars() {
  std::vector<Note> notes;
  for (int q = 0; q < 8; ++q)
    for (int k = 0; k < 4; ++k) notes.push_back(note(16 * q + 4 * k, 16 * q + 16, 48 + 5 * k + q));
  sort_notes(notes);
  return notes;
}

}  // namespace

TEST_CASE("CS: cosine of onset counts per half-measure, by hand") {
  // First half-measure: C twice and E against C; second: G against G an octave higher.
  const Roll target =
      make_roll({note(0, 1, 60), note(4, 5, 72), note(6, 7, 64), note(8, 16, 67)}, 0, 16);
  const Roll predicted = make_roll({note(3, 4, 48), note(15, 16, 79)}, 0, 16);
  CHECK(chroma_similarity(predicted, target, kSixteenthGrid) ==
        Approx(100 * (2 / std::sqrt(5.0) + 1) / 2));
  // Nothing but sustain in the second half: no onset, so a zero vector, which counts 0.
  const Roll held = make_roll({note(0, 16, 60)}, 0, 16);
  CHECK(chroma_similarity(held, held, kSixteenthGrid) == Approx(50));
  CHECK(chroma_similarity(held, target, kSixteenthGrid) == Approx(100 / std::sqrt(5.0)));
}

TEST_CASE("SSMD: both definitions and scales, by hand") {
  // Target: C, then G. Prediction: C all the time.
  const Roll target = make_roll({note(0, 8, 60), note(8, 16, 67)}, 0, 16);
  const Roll predicted = make_roll({note(0, 16, 60)}, 0, 16);
  // Code: all of 16 x 16 cosines are 1 in the prediction, half of them in the target.
  CHECK(ssm_distance(predicted, target, kSixteenthGrid) == Approx(50));
  CHECK(ssm_distance(predicted, target, {4, Ssmd::code, 50}) == Approx(25));
  // Text: onsets per half-measure; target's matrix is the identity, the prediction has one entry.
  CHECK(ssm_distance(predicted, target, {4, Ssmd::text, 100}) == Approx(25));
  // Silence has zeros, on the diagonal too.
  const Roll silent = make_roll({}, 0, 16);
  CHECK(ssm_distance(silent, target, kSixteenthGrid) == Approx(50));
  CHECK(ssm_distance(silent, target, {4, Ssmd::text, 100}) == Approx(50));
  CHECK(ssm_distance(silent, silent, kSixteenthGrid) == 0);
  // The papers' grid: a frame is two ticks, so a note of one tick fills it.
  const Roll one_tick = make_roll({note(1, 2, 60)}, 0, 8);
  CHECK(ssm_distance(one_tick, make_roll({}, 0, 8)) == Approx(100.0 / 16));
  // Counts, not bits: two ticks of C and one of G make a vector (2, 1) of a frame.
  const Roll counted = make_roll({note(0, 2, 60), note(0, 1, 67), note(2, 4, 60)}, 0, 4);
  const double cosine = 2 / std::sqrt(5.0);
  CHECK(ssm_distance(counted, make_roll({note(0, 4, 60)}, 0, 4)) == Approx(100 * (1 - cosine) / 2));
}

TEST_CASE("GS: quarters with and without onsets, by hand") {
  const Roll target = make_roll({note(0, 8, 60), note(13, 14, 60)}, 0, 16);   // quarters 1 0 0 1
  const Roll predicted = make_roll({note(3, 4, 40), note(4, 5, 40)}, 0, 16);  // 1 1 0 0
  CHECK(grooving_similarity(predicted, target, kSixteenthGrid) == Approx(50));
  CHECK(grooving_similarity(make_roll({}, 0, 16), target, kSixteenthGrid) == Approx(50));
  CHECK(grooving_similarity(make_roll({}, 0, 16), make_roll({}, 0, 16), kSixteenthGrid) == 100);
}

TEST_CASE("NDD: missing notes, and two-sided, by hand") {
  // Sounding notes per sixteenth: target 2 2 1 0, prediction 1 2 4 3.
  const Roll target = make_roll({note(0, 3, 60), note(0, 2, 64)}, 0, 4);
  const Roll predicted =
      make_roll({note(0, 4, 40), note(1, 4, 41), note(2, 4, 42), note(2, 3, 43)}, 0, 4);
  const NoteDensityDistance ndd = note_density_distance(predicted, target, kSixteenthGrid);
  CHECK(ndd.missing == Approx(100 * (0.5 + 0 + 0 + 0) / 4));
  CHECK(ndd.two_sided == Approx(100 * (0.5 + 0 + 3 + 0) / 4));
  CHECK(to_string(ndd) == "12.5 / 87.5");
  const NoteDensityDistance silent =
      note_density_distance(make_roll({}, 0, 4), target, kSixteenthGrid);
  CHECK(silent.missing == Approx(75));
  CHECK(silent.two_sided == Approx(75));
  // Over-production where the target rests is not seen by either: the onset ratio sees it.
  const HarmonyScore noise = harmony_score(predicted, make_roll({}, 0, 4), kSixteenthGrid);
  CHECK(noise.ndd.two_sided == 0);
  CHECK(noise.onset_ratio() == 4);
  // On the papers' grid cells are summed over the four ticks of a sixteenth.
  CHECK(note_density_distance(make_roll({note(1, 4, 60)}, 0, 4), make_roll({note(0, 4, 60)}, 0, 4))
            .missing == Approx(25));
}

TEST_CASE("a perfect prediction: CS 100, SSMD 0, GS 100, NDD 0 / 0, F1 100, ratio 1") {
  const Roll roll = make_roll(two_bars(), 0, 128);
  for (const Ssmd ssmd : {Ssmd::code, Ssmd::text}) {
    const HarmonyScore s = harmony_score(roll, roll, {16, ssmd, 100});
    CHECK(s.cs == Approx(100));
    CHECK(s.ssmd == 0);
    CHECK(s.gs == 100);
    CHECK(s.ndd.missing == 0);
    CHECK(s.ndd.two_sided == 0);
    CHECK(s.onset_f1() == 100);
    CHECK(s.note_f1() == 100);
    CHECK(s.onset_ratio() == 1);
  }
}

TEST_CASE("silence on either side and on both is finite, and no note is hit") {
  const Roll some = make_roll(two_bars(), 0, 128), none = make_roll({}, 0, 128);
  HarmonyScore s = harmony_score(none, some);
  check_all_finite(s);
  CHECK(s.cs == 0);
  CHECK(s.gs == 0);
  CHECK(s.ndd.missing == 100);
  CHECK(s.ndd.two_sided == 100);
  CHECK(s.onset_f1() == 0);
  CHECK(s.onset_ratio() == 0);
  s = harmony_score(some, none);
  check_all_finite(s);
  CHECK(s.cs == 0);
  CHECK(s.gs == 0);
  CHECK(s.onset_ratio() == 32);
  s = harmony_score(none, none);
  check_all_finite(s);
  CHECK(s.cs == 0);
  CHECK(s.ssmd == 0);
  CHECK(s.gs == 100);
  CHECK(s.ndd.two_sided == 0);
  CHECK(s.onset_f1() == 0);
  CHECK(s.onset_ratio() == 0);
  // No pitches at all.
  const Roll empty{zeros({8, 0}, DType::u8), zeros({8, 0}, DType::u8), 0};
  check_all_finite(harmony_score(empty, empty));
}

TEST_CASE("one sixteenth too late: harmony and density stay, onset F1 is lost") {
  std::vector<Note> late, truth;
  for (int q = 0; q < 8; ++q) {
    truth.push_back(note(16 * q, 16 * q + 12, 60 + q));
    late.push_back(note(16 * q + 4, 16 * q + 16, 60 + q));
  }
  const HarmonyScore s = harmony_score(make_roll(late, 0, 128), make_roll(truth, 0, 128));
  CHECK(s.cs == Approx(100));
  CHECK(s.gs == 100);
  CHECK(s.ndd.missing == Approx(25));
  CHECK(s.onset_f1() == 0);
  CHECK(s.note_f1() == 0);
  CHECK(s.onset_ratio() == 1);
}

TEST_CASE("playing everything: missing-only NDD and GS reward it, the others do not") {
  const Roll target = make_roll(two_bars(), 0, 128);
  const Roll all{ones({128, 128}, DType::u8), ones({128, 128}, DType::u8), 0};
  const HarmonyScore s = harmony_score(all, target);
  CHECK(s.gs == 100);
  CHECK(s.ndd.missing == 0);
  CHECK(s.ndd.two_sided > 1000);
  CHECK(s.onset_ratio() == 128 * 128 / 32.0);
  CHECK(s.onset_f1() < 1);
}

TEST_CASE("remainders: a last stretch that is cut short counts as a whole one") {
  // Nine sixteenths: two half-measures, three quarters.
  const Roll target = make_roll({note(0, 1, 60), note(8, 9, 62)}, 0, 9);
  const Roll predicted = make_roll({note(0, 1, 60)}, 0, 9);
  CHECK(chroma_similarity(predicted, target, kSixteenthGrid) == Approx(50));
  CHECK(grooving_similarity(predicted, target, kSixteenthGrid) == Approx(100 * 2.0 / 3));
  CHECK(note_density_distance(predicted, target, kSixteenthGrid).missing == Approx(100.0 / 9));
  // One step of the papers' grid: one of each.
  const Roll tick = make_roll({note(0, 1, 60)}, 0, 1);
  CHECK(harmony_score(tick, tick).cs == Approx(100));
  CHECK(harmony_score(tick, tick).ndd.missing == 0);
  CHECK(harmony_score(make_roll({}, 0, 1), tick).ssmd == Approx(100));
}

TEST_CASE("what may not matter: octaves, the range and the layout of a roll, a finer grid") {
  const Roll target = make_roll(two_bars(), 0, 128);
  std::vector<Note> moved = two_bars();
  for (Note& n : moved) n.start += n.pitch % 3 == 0, n.pitch += 12 * (n.pitch % 2);
  const Roll predicted = make_roll(moved, 0, 128);
  const HarmonyScore s = harmony_score(predicted, target);
  CHECK(s.cs == Approx(100));
  CHECK(s.matches.onsets.hits > 0);
  CHECK(s.matches.onsets.hits < 32);

  const auto check_same = [&](const HarmonyScore& o) {
    CHECK(o.cs == Approx(s.cs));
    CHECK(o.ssmd == Approx(s.ssmd));
    CHECK(o.gs == s.gs);
    CHECK(o.ndd.missing == Approx(s.ndd.missing));
    CHECK(o.ndd.two_sided == Approx(s.ndd.two_sided));
    CHECK(o.matches.onsets.hits == s.matches.onsets.hits);
    CHECK(o.matches.notes.hits == s.matches.notes.hits);
  };
  check_same(harmony_score(pitch_range(predicted, 40, 100), target));
  check_same(harmony_score(predicted, pitch_range(target, 48, 71)));
  const Roll strided{transpose(contiguous(transpose(predicted.onset))),
                     transpose(contiguous(transpose(predicted.sustain))), 0};
  check_same(harmony_score(strided, target));

  // The 16th grid gives what its picture on the papers' grid gives.
  const Roll coarse = make_roll(to_steps(two_bars(), 16), 0, 32);
  const Roll other = make_roll(to_steps(moved, 16), 0, 32);
  const HarmonyScore a = harmony_score(other, coarse, kSixteenthGrid);
  const HarmonyScore b = harmony_score(finer(other, 4), finer(coarse, 4));
  CHECK(a.cs == Approx(b.cs));
  CHECK(a.ssmd == Approx(b.ssmd));
  CHECK(a.gs == b.gs);
  CHECK(a.ndd.two_sided == Approx(b.ndd.two_sided));
  CHECK(a.matches.onsets.hits == b.matches.onsets.hits);
  CHECK(a.matches.notes.hits == b.matches.notes.hits);
}

TEST_CASE("chroma and self-similarity as matrices") {
  const Tensor cells = tensor({1, 0, 2, 0, 0, 0, 0, 1, 0}, {3, 3}, DType::u8);
  const Tensor chroma = chroma_counts(cells, 11, 2);  // pitches 11, 12, 13: B, C, C#
  CHECK(chroma.shape() == Shape{2, 12});
  CHECK(chroma.at({0, 11}) == 1);
  CHECK(chroma.at({0, 1}) == 1);
  CHECK(chroma.at({1, 0}) == 1);
  const Tensor ssm = self_similarity(tensor({1, 0, 1, 1, 0, 0}, {3, 2}));
  const double c = 1 / std::sqrt(2.0);
  CHECK(all_close(ssm, tensor({1, c, 0, c, 1, 0, 0, 0, 0}, {3, 3}, DType::f64)));
}

TEST_CASE("rolls without onsets, masks and padding") {
  // A note on 0 and 1, a pause, a note on 3; the first step's onset comes from silence before it.
  const Roll plain = plain_roll(tensor({1, 9, 0, 1, 0, 0}, {6, 1}, DType::u8), 60);
  CHECK(same_bits(plain.onset, tensor({1, 0, 0, 1, 0, 0}, {6, 1}, DType::u8)));
  CHECK(same_bits(plain.sustain, tensor({1, 1, 0, 1, 0, 0}, {6, 1}, DType::u8)));
  CHECK(plain.lowest == 60);
  CHECK(plain_roll(zeros({0, 5}, DType::u8)).onset.shape() == Shape{0, 5});

  const Roll cut = without_padding(plain, tensor({1, 1, 1, 1, 0, 0}, {6}, DType::u8));
  CHECK(cut.onset.shape() == Shape{4, 1});
  CHECK(harmony_score(cut, cut, kSixteenthGrid).cs == Approx(100));
  CHECK(without_padding(plain, ones({6}, DType::u8)).onset.size(0) == 6);
  CHECK_THROWS_WITH_AS(without_padding(plain, tensor({1, 0, 0, 1, 0, 0}, {6}, DType::u8)),
                       "step 1 is padding, step 3 is not: padding stands at the end", ShapeError);
  CHECK_THROWS_AS(without_padding(plain, ones({5}, DType::u8)), ShapeError);

  const Roll twice = finer(plain, 2);
  CHECK(same_bits(twice.onset, tensor({1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0}, {12, 1}, DType::u8)));
  CHECK(same_bits(twice.sustain, tensor({1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0}, {12, 1}, DType::u8)));
  CHECK(same_bits(finer(plain, 1).onset, plain.onset));
}

TEST_CASE("the mean over windows: measures alike, counts summed") {
  HarmonyMean mean;
  CHECK(mean.mean().cs == 0);
  CHECK(mean.mean().onset_f1() == 0);
  CHECK(mean.windows() == 0);
  HarmonyScore a, b;
  a.cs = 90, a.ssmd = 10, a.gs = 80, a.ndd = {20, 30};
  a.matches.onsets = {10, 10, 10};
  b.cs = 30, b.ssmd = 20, b.gs = 60, b.ndd = {0, 400};
  b.matches.onsets = {80, 20, 0};
  mean.add(a);
  mean.add(b);
  const HarmonyScore m = mean.mean();
  CHECK(m.cs == Approx(60));
  CHECK(m.ssmd == Approx(15));
  CHECK(m.gs == Approx(70));
  CHECK(m.ndd.missing == Approx(10));
  CHECK(m.ndd.two_sided == Approx(215));
  CHECK(m.onset_f1() == Approx(100 * 20.0 / 120));
  CHECK(m.onset_ratio() == Approx(3));
  HarmonyMean twice = mean;
  twice.add(mean);
  CHECK(twice.windows() == 4);
  CHECK(twice.mean().cs == Approx(60));
  CHECK(twice.mean().onset_f1() == Approx(m.onset_f1()));
}

TEST_CASE("what cannot be judged is refused with its numbers") {
  const Roll a = make_roll({}, 0, 8), b = make_roll({}, 0, 9), none = make_roll({}, 0, 0);
  CHECK_THROWS_WITH_AS(harmony_score(a, b), "the prediction has 8 steps, the target 9", ShapeError);
  CHECK_THROWS_AS(harmony_score(none, none), ShapeError);
  for (const int quarter : {0, -16, 1, 6, 12})
    CHECK_THROWS_AS(chroma_similarity(a, a, {quarter, Ssmd::code, 100}), ConfigError);
  const Roll floats{zeros({8, 128}), zeros({8, 128}), 0};
  CHECK_THROWS_AS(grooving_similarity(floats, a), DTypeError);
  const Roll crooked{zeros({8, 128}, DType::u8), zeros({8, 127}, DType::u8), 0};
  CHECK_THROWS_AS(note_density_distance(a, crooked), ShapeError);
  const Roll flat{zeros({8}, DType::u8), zeros({8}, DType::u8), 0};
  CHECK_THROWS_AS(ssm_distance(flat, a), ShapeError);
  CHECK_THROWS_AS(ssm_distance(Roll{}, a), ShapeError);
  CHECK_THROWS_AS(chroma_similarity({a.onset, a.sustain, -1}, a), ConfigError);
  CHECK_THROWS_AS(chroma_counts(a.onset, 0, 0), ConfigError);
  CHECK_THROWS_AS(finer(a, 0), ConfigError);
  CHECK_THROWS_AS(self_similarity(zeros({4})), ShapeError);
}

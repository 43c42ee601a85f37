// From probabilities to notes: each rule on probabilities made by hand, then all in their order.
#include "train/decoding.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tests/error_text.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using Values = std::vector<double>;

/// One row a step.
Tensor grid(const std::vector<Values>& rows, int64 pitches = 1) {
  Tensor t = zeros({static_cast<int64>(rows.size()), pitches});
  float* out = t.writable<float>();
  for (const Values& row : rows) {
    REQUIRE(static_cast<int64>(row.size()) == pitches);
    for (double v : row) *out++ = static_cast<float>(v);
  }
  return t;
}
/// One pitch over time.
Tensor column(const Values& values) {
  std::vector<Values> rows;
  for (double v : values) rows.push_back({v});
  return grid(rows);
}
Tensor cells(const Values& values) { return cast(column(values), DType::u8); }
Values list(const Tensor& t) { return cast(t, DType::f64).to_vector<double>(); }

HarmonyProbabilities one_pitch(const Values& onset, const Values& sustain) {
  return {column(onset), column(sustain), 36};
}

using Times = std::vector<std::pair<int64, int64>>;
Times times(const std::vector<Note>& notes) {
  Times all;
  for (const Note& n : notes) {
    CHECK(n.pitch == 36);
    all.emplace_back(n.start, n.end);
  }
  return all;
}
Decoding at(double threshold) {
  Decoding d;
  d.threshold = threshold;
  return d;
}

using Triple = std::tuple<int64, int64, int>;
std::vector<ProbableNote> probable(const std::vector<std::pair<Triple, double>>& list) {
  std::vector<ProbableNote> notes;
  for (const auto& [t, p] : list)
    notes.push_back({{std::get<0>(t), std::get<1>(t), std::get<2>(t)}, p});
  return notes;
}
std::vector<Triple> triples(const std::vector<ProbableNote>& notes) {
  std::vector<Triple> list;
  for (const ProbableNote& n : notes) list.emplace_back(n.note.start, n.note.end, n.note.pitch);
  return list;
}
using Triples = std::vector<Triple>;

}  // namespace

TEST_CASE("a note lasts while it is probable that it goes on, given that it began") {
  const auto notes = [](const Values& onset, const Values& sustain, double threshold) {
    return times(decode(one_pitch(onset, sustain), at(threshold)));
  };
  // Certain, and half as probable: the same lengths.
  CHECK(notes({1, 0, 0, 0}, {1, .9, .6, .4}, .3) == Times{{0, 3}});
  CHECK(notes({.5, 0, 0, 0}, {.5, .45, .3, .2}, .3) == Times{{0, 3}});
  // Begun with the larger of onset and sustain; exactly so many times of it is enough.
  CHECK(notes({.4, 0, 0}, {.9, .46, .44}, .3) == Times{{0, 2}});
  CHECK(notes({.5, 0, 0}, {.5, .25, .24}, .3) == Times{{0, 2}});
  // Once silent, sustain alone begins nothing.
  CHECK(notes({0, .9, 0, 0, 0}, {.9, .9, .1, .9, .9}, .3) == Times{{1, 2}});
  // A new onset begins a new note.
  CHECK(notes({.9, 0, .4, 0}, {.9, .9, .9, .9}, .3) == Times{{0, 2}, {2, 4}});
  // The threshold is reached from below by no more than itself.
  CHECK(notes({.25, .5}, {0, 0}, .25) == Times{{0, 1}, {1, 2}});
  CHECK(notes({.2, .2}, {1, 1}, .25).empty());
}

TEST_CASE("or while sustain reaches so many times the threshold") {
  Decoding d = at(.2);
  d.sustain = SustainRule::given_threshold;
  d.sustain_threshold = 1.5;
  // Whatever the probability at the onset.
  CHECK(times(decode(one_pitch({.9, 0, 0, 0}, {.9, .5, .31, .29}), d)) == Times{{0, 3}});
  CHECK(times(decode(one_pitch({.2, 0, 0, 0}, {.2, .5, .31, .29}), d)) == Times{{0, 3}});
}

TEST_CASE("the smallest: no steps, no pitches, thresholds 0 and 1") {
  CHECK(decode({zeros({0, 3}), zeros({0, 3})}, at(.5)).empty());
  CHECK(decode({zeros({3, 0}), zeros({3, 0})}, at(.5)).empty());
  CHECK(decode({{}, zeros({0, 3})}, at(.5)).empty());
  Decoding all = at(.5);
  all.fill_quarters = all.expected_counts = true;
  all.merge = all.polyphony = 1;
  CHECK(decode({zeros({0, 3}), zeros({0, 3})}, all).empty());
  CHECK(decode({zeros({7, 3}), zeros({7, 3})}, all).empty());
  CHECK(times(decode(one_pitch({0, 0}, {0, 0}), at(0))) == Times{{0, 1}, {1, 2}});
  CHECK(times(decode(one_pitch({.99, 1}, {1, 1}), at(1))) == Times{{1, 2}});
}

TEST_CASE("what is no probability is refused, with its place") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(message<NonFiniteError>([&] {
          decode(one_pitch({0, nan}, {0, 0}), at(.5));
        }).starts_with("the probability of an onset is nan at step 1, pitch 36"));
  CHECK(message<NonFiniteError>([&] {
          decode(one_pitch({0, 0}, {nan, 0}), at(.5));
        }).starts_with("the probability of sustain is nan at step 0, pitch 36"));
  CHECK(has(message<ConfigError>([&] { decode(one_pitch({1.5, 0}, {0, 0}), at(.5)); }), "is 1.5"));
  CHECK(has(message<ConfigError>([&] { decode(one_pitch({-.5, 0}, {0, 0}), at(.5)); }), "is -0.5"));
  CHECK_THROWS_AS(decode({zeros({2, 1}), zeros({3, 1})}, at(.5)), ShapeError);
  for (double bad : {-.1, 1.1, nan})
    CHECK_THROWS_AS(decode(one_pitch({0}, {0}), at(bad)), ConfigError);
  Decoding d = at(.5);
  d.min_length = 0;
  CHECK_THROWS_AS(decode(one_pitch({0}, {0}), d), ConfigError);
  d = at(.5);
  d.sustain_threshold = nan;
  CHECK_THROWS_AS(decode(one_pitch({0}, {0}), d), ConfigError);
  CHECK_THROWS_AS(decode(one_pitch({0}, {0}), at(.5), {0, 16}), ConfigError);
}

TEST_CASE("a quarter that is expected to sound plays its most probable note") {
  const Tensor p = grid({{.1, .2},
                         {.2, .3},
                         {.1, .1},
                         {.1, .1},  // 1 - prod = 0.73
                         {.1, .1},
                         {.1, .1},
                         {0, 0},
                         {0, 0},  // 0.34
                         {.3, .5},
                         {0, 0}},  // 0.65, cut by the end
                        2);
  const Tensor none = zeros({10, 2}, DType::u8);
  Values expected(20, 0.0);
  expected[3] = expected[17] = 1;
  CHECK(list(fill_quarters(none, p, 4)) == expected);
  // What plays already stays as it is.
  Tensor some = copy(none);
  some.writable<std::uint8_t>()[0] = 1;
  expected[3] = 0;
  expected[0] = 1;
  CHECK(list(fill_quarters(some, p, 4)) == expected);
  // Exactly 1/2 is expected; of equals the first.
  CHECK(list(fill_quarters(cells({0, 0}), column({0, .5}), 2)) == Values{0, 1});
  CHECK(list(fill_quarters(cells({0, 0}), column({.4, .4}), 2)) == Values{1, 0});
  CHECK(list(fill_quarters(cells({0, 0}), column({.2, .2}), 2)) == Values{0, 0});
  CHECK_THROWS_AS(fill_quarters(cells({0}), p, 4), ShapeError);
}

TEST_CASE("a pitch begins in each half bar as often as it is expected to, at least") {
  const auto filled = [](const Values& have, const Values& p, int bar) {
    return list(fill_expected(cells(have), column(p), bar));
  };
  // Halves of four: 1.6 is two, 0.4 none.
  CHECK(filled({0, 0, 0, 0, 0, 0, 0, 0}, {.2, .5, .2, .7, .1, .1, .1, .1}, 8) ==
        Values{0, 1, 0, 1, 0, 0, 0, 0});
  // What is there counts, whatever its probability, and is never taken away.
  CHECK(filled({1, 0, 0, 0}, {.2, .5, .2, .7}, 8) == Values{1, 0, 0, 1});
  CHECK(filled({1, 1, 1, 1}, {.1, .1, .1, .1}, 8) == Values{1, 1, 1, 1});
  // Half a note is one; of equals the earliest; all of them where all are certain.
  CHECK(filled({0, 0}, {.25, .25}, 4) == Values{1, 0});
  CHECK(filled({0, 0, 0}, {1, 1, 1}, 4) == Values{1, 1, 1});
  // Bars of an odd number of steps, of one step, and longer than the window.
  CHECK(filled({0, 0, 0}, {.6, 0, .6}, 3) == Values{1, 0, 1});
  CHECK(filled({0, 0}, {.6, .4}, 1) == Values{1, 0});
  CHECK(filled({0, 0}, {.3, .3}, 64) == Values{1, 0});
  // Pitches are counted apart.
  CHECK(list(fill_expected(zeros({2, 2}, DType::u8), grid({{.3, .4}, {.2, 0}}, 2), 4)) ==
        Values{1, 0, 0, 0});
}

TEST_CASE(
    "a pitch class begins in each half bar as often as its pitches together are expected to") {
  // Columns 0, 12 and 24 are one class, column 1 another; halves of one step.
  Values p(50, 0), have(50, 0);
  p[0] = .4, p[12] = .5, p[24] = .3, p[1] = .4, p[13] = .05;  // 1.2 and 0.45
  p[25 + 0] = .4, p[25 + 12] = .9, p[25 + 24] = .9;           // 2.2
  have[25 + 0] = 1;
  const auto filled = [&](const Tensor& cells) {
    return list(fill_expected_chroma(cells, reshape(column(p), {2, 25}), 2));
  };
  Values first(50, 0);
  first[12] = first[25 + 12] = first[25 + 24] = 1;
  CHECK(filled(zeros({2, 25}, DType::u8)) == first);
  // What is there counts, whatever its probability.
  Values second(50, 0);
  second[12] = second[25 + 0] = second[25 + 12] = 1;
  CHECK(filled(reshape(cells(have), {2, 25})) == second);
  // All are certain; fewer pitches than classes; none at all.
  CHECK(list(fill_expected_chroma(zeros({3, 13}, DType::u8), ones({3, 13}), 3)) == Values(39, 1));
  CHECK(list(fill_expected_chroma(zeros({1, 2}, DType::u8), grid({{.6, .2}}, 2), 4)) ==
        Values{1, 0});
  CHECK(fill_expected_chroma(zeros({2, 0}, DType::u8), zeros({2, 0}), 4).numel() == 0);
}

TEST_CASE("gaps between notes of a pitch are closed, joined where there are no onsets") {
  const auto notes =
      probable({{{0, 2, 60}, .5}, {{3, 4, 60}, .4}, {{6, 7, 60}, .3}, {{7, 8, 61}, .2}});
  CHECK(triples(close_gaps(notes, 0, Join::yes)) == triples(notes));
  CHECK(triples(close_gaps(notes, 1, Join::no)) ==
        Triples{{0, 3, 60}, {3, 4, 60}, {6, 7, 60}, {7, 8, 61}});
  CHECK(triples(close_gaps(notes, 1, Join::yes)) == Triples{{0, 4, 60}, {6, 7, 60}, {7, 8, 61}});
  CHECK(triples(close_gaps(notes, 2, Join::yes)) == Triples{{0, 7, 60}, {7, 8, 61}});
  CHECK(close_gaps({}, 2, Join::yes).empty());
  // Repeated notes without a gap stay apart where there are onsets.
  const auto repeated = probable({{{0, 2, 60}, .5}, {{2, 4, 60}, .4}});
  CHECK(triples(close_gaps(repeated, 3, Join::no)) == triples(repeated));
}

TEST_CASE("short notes are left out") {
  const auto notes = probable({{{0, 1, 60}, .5}, {{2, 4, 60}, .4}});
  CHECK(without_short(notes, 1).size() == 2);
  CHECK(triples(without_short(notes, 2)) == Triples{{2, 4, 60}});
  CHECK(without_short(notes, 3).empty());
}

TEST_CASE("of too many notes at once the least probable end, or do not begin") {
  const auto notes =
      probable({{{0, 8, 60}, .5}, {{2, 4, 61}, .9}, {{2, 6, 62}, .1}, {{5, 6, 63}, .6}});
  CHECK(triples(with_polyphony(notes, 4)) == triples(notes));
  CHECK(triples(with_polyphony(notes, 2)) == Triples{{0, 8, 60}, {2, 4, 61}, {5, 6, 63}});
  CHECK(triples(with_polyphony(notes, 1)) == Triples{{0, 2, 60}, {2, 4, 61}, {5, 6, 63}});
  // A note that was cut does not come back, and one that ended makes room.
  const auto equal =
      probable({{{0, 4, 60}, .5}, {{0, 4, 59}, .5}, {{2, 6, 58}, .5}, {{4, 6, 57}, .5}});
  CHECK(triples(with_polyphony(equal, 1)) == Triples{{0, 4, 59}, {4, 6, 57}});
  CHECK(with_polyphony({}, 1).empty());
}

TEST_CASE("without onsets the threshold gives the sounding cells") {
  const HarmonyProbabilities p{{}, column({.9, .8, .1, .7, .2, .2, .9}), 36};
  CHECK(times(decode(p, at(.5))) == Times{{0, 2}, {3, 4}, {6, 7}});
  Decoding d = at(.5);
  d.merge = 1;
  CHECK(times(decode(p, d)) == Times{{0, 4}, {6, 7}});
  d.min_length = 2;
  CHECK(times(decode(p, d)) == Times{{0, 4}});
  CHECK(times(decode(p, at(0))) == Times{{0, 7}});
  d.fill_quarters = true;
  CHECK(has(message<ConfigError>([&] { decode(p, d); }), "need probabilities of onsets"));
}

TEST_CASE("all rules, in their order") {
  // Pitch 36 is struck at 0 and 4 and held for three; 37 is expected once and never certain.
  const HarmonyProbabilities p{
      grid({{.9, .2}, {0, .3}, {0, .1}, {0, 0}, {.8, 0}, {0, 0}, {0, 0}, {0, 0}}, 2),
      grid({{.9, .2}, {.8, .3}, {.7, .3}, {.1, .1}, {.8, 0}, {.7, 0}, {.1, 0}, {0, 0}}, 2), 36};
  const auto notes = [&](const Decoding& d) {
    std::vector<ProbableNote> list;
    for (const Note& n : decode(p, d, {4, 16})) list.push_back({n, 0});
    return triples(list);
  };
  Decoding d = at(.5);
  CHECK(notes(d) == Triples{{0, 3, 36}, {4, 6, 36}});
  d.expected_counts = true;
  CHECK(notes(d) == Triples{{0, 3, 36}, {1, 3, 37}, {4, 6, 36}});
  d.merge = 1;
  CHECK(notes(d) == Triples{{0, 4, 36}, {1, 3, 37}, {4, 6, 36}});
  d.polyphony = 1;
  CHECK(notes(d) == Triples{{0, 4, 36}, {4, 6, 36}});
  d.min_length = 3;
  CHECK(notes(d) == Triples{{0, 4, 36}});
  CHECK(to_string(d) ==
        "threshold 0.5, sustain 0.5 of the onset's probability, expected counts, gaps of 1 "
        "closed, notes of 3 steps or more, 1 notes at once");
}

TEST_CASE("the rules of an experiment") {
  const Experiment e = Experiment::parse(
      "[decode]\nsustain_threshold = 0.7\nexpected_counts = true\nfill_quarters = true\nmerge = "
      "2\nmin_length = 3\npolyphony = 5",
      "exp.toml");
  const Decoding d = make_decoding(e, .25);
  CHECK(d.threshold == .25);
  CHECK(d.sustain_threshold == .7);
  CHECK(d.sustain == SustainRule::given_onset);
  CHECK(d.expected_counts);
  CHECK(d.fill_quarters);
  CHECK(d.merge == 2);
  CHECK(d.min_length == 3);
  CHECK(d.polyphony == 5);
  Experiment no_onsets = e;
  no_onsets.data.onsets = false;
  CHECK(message<ConfigError>([&] { make_decoding(no_onsets, .5); }) ==
        "decode.expected_counts needs a model with onsets, but data.onsets = false");
  no_onsets.decode.expected_counts = no_onsets.decode.fill_quarters = false;
  CHECK(make_decoding(no_onsets, .5).merge == 2);
}

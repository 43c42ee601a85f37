// Windows, floors and models over a data set: what is counted, on made pieces; the choice of a
// threshold; and, where POP909 lies beside the project, the figures of silence and the other
// floors.
#include "train/evaluation.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <set>

#include "data/pop909.h"
#include "tensor/error.h"
#include "tests/error_text.h"
#include "tests/real_data.h"
#include "train/evaluation_table.h"
#include "train/harmony_source.h"
#include "train/threshold.h"

using namespace gradus;
using namespace gradus::testing;
using doctest::Approx;

namespace {

/// Bars of 4/4 in C: a melody note a quarter, and the accompaniment given, in steps.
Piece piece(const std::string& name, int64 bars, int steps_per_quarter, Split split,
            std::vector<Note> accompaniment = {}) {
  std::vector<Note> melody;
  for (int64 q = 0; q < 4 * bars; ++q)
    melody.push_back({q * steps_per_quarter, (q + 1) * steps_per_quarter, 72});
  Piece p = make_piece(name, std::move(melody), 4, 4, parse_progression("C", 4, "test"),
                       Style::block, steps_per_quarter);
  p.accompaniment = std::move(accompaniment);
  p.split = split;
  return p;
}
/// The chord of C as block-chords plays it in the first so many quarters.
std::vector<Note> chords_of_c(int64 quarters) {
  std::vector<Note> notes;
  for (int64 q = 0; q < quarters; ++q)
    for (int pitch : {36, 55, 60, 64}) notes.push_back({16 * q, 16 * q + 15, pitch});
  return notes;
}
EvaluationWindows bars_of(std::vector<Piece> pieces, int64 bars, Split split = Split::test) {
  return evaluation_windows(std::move(pieces), split, bars, WindowKind::bars);
}

Experiment small(const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{"model.d_model=8", "model.heads=2", "model.d_ff=8",
                               "model.layers=1",  "data.steps=32", "data.context=bin"};
  all.insert(all.end(), more.begin(), more.end());
  return Experiment::parse("", "test", all);
}
/// A model that says `probability` of every onset and of every sounding cell.
void say_everywhere(Harmonizer& h, double probability) {
  Linear& out = h.model().output();
  out.weight().set(zeros(out.weight().value().shape()));
  out.bias()->set(full(out.bias()->value().shape(), std::log(probability / (1 - probability))));
}

}  // namespace

TEST_CASE("windows: whole bars of one split; what lacks is said") {
  const std::vector<Piece> pieces{piece("a", 5, 16, Split::train), piece("b", 5, 16, Split::test),
                                  piece("c", 1, 16, Split::test)};
  const EvaluationWindows w = bars_of(pieces, 2);
  CHECK(w.windows == std::vector<PieceWindow>{{1, 0, 128}, {1, 128, 128}});
  CHECK(w.text() ==
        "2 windows of 2 bars in 1 of 2 pieces of split test, side by side, from bar lines on");
  CHECK(evaluation_split(pieces) == Split::test);
  CHECK(evaluation_split({piece("v", 1, 16, Split::validation), pieces[0]}) == Split::validation);
  CHECK(evaluation_split({pieces[0]}) == Split::train);
  CHECK(w.has_chords());
  Piece no_chords = make_piece("n", {{0, 64, 60}}, 4, 4, {}, Style::block, 16);
  CHECK_FALSE(bars_of({no_chords}, 1, Split::train).has_chords());
  CHECK(message<ConfigError>([&] { bars_of(pieces, 6); }) ==
        "no piece of split test holds a window of 6 bars; the longest has 5");
  CHECK(message<ConfigError>([&] { bars_of(pieces, 2, Split::validation); }) ==
        "the data has no pieces in split validation; it has them in train (1), test (2)");
  CHECK(has(message<ConfigError>([] { bars_of({}, 2); }), "it has them in none"));
  CHECK_THROWS_AS(bars_of(pieces, 0), ConfigError);
  CHECK(has(message<ConfigError>([] { bars_of({piece("d", 2, 4, Split::test)}, 1); }),
            "evaluation counts 16 steps a quarter, 'd' has 4"));
  CHECK(has(message<ConfigError>(
                [&] { evaluation_windows(pieces, Split::test, 12, WindowKind::papers); }),
            "8, 16, 24, ... 64 bars of 4/4, got 12"));
  CHECK(has(
      message<ConfigError>([&] { evaluation_windows(pieces, Split::test, 8, WindowKind::papers); }),
      "holds a window of 8 bars; the longest has 5"));
}

TEST_CASE("a floor hears what lies in the window") {
  Piece p = piece("a", 2, 16, Split::test);
  p.melody = {{0, 80, 60}, {100, 128, 62}};
  p.bridge = {{60, 70, 64}};
  const KnownMusic known = known_music(p, {0, 64, 32});
  CHECK(known.steps == 32);
  CHECK(known.steps_per_quarter == 16);
  CHECK(known.quarters_per_bar == 4);
  CHECK(known.heard == std::vector<Note>{{0, 16, 60}, {0, 6, 64}});
  CHECK(known.chords == std::vector<Chord>(32, parse_chord("C")));
  CHECK(known.tones == std::vector<std::uint16_t>(32, 0b000010010001));
}

TEST_CASE("a floor that plays the target scores all, silence nothing") {
  const EvaluationWindows w = bars_of({piece("a", 2, 16, Split::test, chords_of_c(8))}, 1);
  REQUIRE(w.windows.size() == 2);
  const EvaluationRow all = evaluate_floor(w, find_floor("block-chords"));
  CHECK(all.name == "block-chords");
  CHECK(all.score.cs == Approx(100));
  CHECK(all.score.ssmd == Approx(0));
  CHECK(all.ssmd_text == Approx(0));
  CHECK(all.score.gs == 100);
  CHECK(all.score.ndd.two_sided == 0);
  CHECK(all.score.matches.onsets.target == 32);
  CHECK(all.score.onset_f1() == 100);
  CHECK(all.score.note_f1() == 100);
  const EvaluationRow none = evaluate_floor(w, find_floor("silent"));
  CHECK(none.score.cs == 0);
  CHECK(none.score.gs == 0);
  CHECK(none.score.ndd.missing == Approx(100));
  CHECK(none.score.ndd.two_sided == Approx(100));
  CHECK(none.score.onset_ratio() == 0);
  CHECK(none.ssmd_text == Approx(100));
}

TEST_CASE("a model of either grid is judged against the target of 16 ticks") {
  const std::vector<Piece> fine{piece("x", 1, 16, Split::train),
                                piece("a", 4, 16, Split::test, chords_of_c(16))};
  const EvaluationWindows w = bars_of(fine, 2);
  for (int grid : {4, 16}) {
    CAPTURE(grid);
    Harmonizer h(small({fmt::format("data.grid={}", grid), "data.target_lowest=60",
                        "data.target_highest=60"}),
                 {});
    say_everywhere(h, 0.3);
    std::vector<Piece> heard{piece("x", 1, grid, Split::train), piece("a", 4, grid, Split::test)};
    Decoding d;
    d.threshold = 0.2;
    // An onset in each step.
    const EvaluationRow row = evaluate_model(w, h, heard, d);
    CHECK(row.name == "model");
    CHECK(row.score.matches.onsets.predicted == 16 * grid);
    CHECK(row.score.matches.onsets.hits == 16);
    CHECK(row.score.matches.onsets.target == 64);
    CHECK(row.score.gs == 100);
    // One of four notes sounds, in the last sixteenth of a quarter longer than the target.
    CHECK(row.score.ndd.missing == Approx(100 * (3 * 12 / 16.0 + 8 / 12.0) / 4));
    d.threshold = 0.4;
    CHECK(evaluate_model(w, h, heard, d).score.matches.onsets.predicted == 0);
    // Each quarter is expected to sound.
    d.fill_quarters = true;
    const HarmonyScore filled = evaluate_model(w, h, heard, d).score;
    CHECK(filled.matches.onsets.predicted == 16);
    CHECK(filled.matches.onsets.hits == 16);
    heard.pop_back();
    CHECK_THROWS_AS(evaluate_model(w, h, heard, d), ConfigError);
    heard.push_back(piece("b", 4, grid, Split::test));
    CHECK(has(message<ConfigError>([&] { evaluate_model(w, h, heard, d); }),
              "piece 1 is 'b' to the model and 'a' to the measures"));
  }
}

TEST_CASE("windows in one batch are judged as each alone") {
  const auto with_melody = [](int grid) {
    Piece p = piece("a", 5, grid, Split::test, chords_of_c(20));
    std::vector<Note> melody;
    for (int i = 0; i < 20; ++i) melody.push_back({i * grid, (i + 1) * grid, 60 + 7 * i % 12});
    p.melody = melody;
    return p;
  };
  const std::vector<Piece> heard{with_melody(4)}, judged{with_melody(16)};
  const Harmonizer h(small({"train.batch=3"}), {});
  EvaluationWindows w = bars_of(judged, 1);
  REQUIRE(w.windows.size() == 5);
  const NoteMatches all = evaluate_model(w, h, heard, {}).score.matches;
  NoteMatches sum;
  std::set<int64> different;
  const std::vector<PieceWindow> windows = w.windows;
  for (const PieceWindow& one : windows) {
    w.windows = {one};
    const NoteMatches m = evaluate_model(w, h, heard, {}).score.matches;
    different.insert(m.onsets.predicted);
    sum += m;
  }
  CHECK(different.size() > 1);
  CHECK(sum.onsets.predicted == all.onsets.predicted);
  CHECK(sum.onsets.hits == all.onsets.hits);
  CHECK(sum.notes.hits == all.notes.hits);
}

TEST_CASE("windows are spread evenly; thresholds ascend between 0 and 1") {
  std::vector<PieceWindow> windows;
  for (std::size_t i = 0; i < 10; ++i) windows.push_back({i, 0, 16});
  CHECK(spread_windows(windows, 10) == windows);
  CHECK(spread_windows(windows, 100) == windows);
  CHECK(spread_windows({}, 3).empty());
  const auto pieces_of = [&](int64 count) {
    std::vector<std::size_t> all;
    for (const PieceWindow& w : spread_windows(windows, count)) all.push_back(w.piece);
    return all;
  };
  CHECK(pieces_of(1) == std::vector<std::size_t>{5});
  CHECK(pieces_of(2) == std::vector<std::size_t>{2, 7});
  CHECK(pieces_of(5) == std::vector<std::size_t>{1, 3, 5, 7, 9});
  CHECK_THROWS_AS(spread_windows(windows, 0), ConfigError);
  const std::vector<double> all = thresholds();
  CHECK(all.front() > 0);
  CHECK(all.back() < 1);
  for (std::size_t i = 1; i < all.size(); ++i) CHECK(all[i] > all[i - 1]);
}

TEST_CASE("the best threshold: most onset F1 where the onsets are not half or twice too many") {
  const std::vector<double> at{.1, .2, .3, .4};
  const auto best = [&](const std::vector<OnsetScore>& scores) {
    return best_of(at, scores).threshold;
  };
  CHECK(best({{200, 100, 60}, {100, 100, 60}, {60, 100, 50}, {1, 100, 1}}) == .3);
  // The first would be best, but begins more than twice as many notes.
  CHECK(best({{201, 100, 100}, {200, 100, 50}, {60, 100, 20}, {1, 100, 1}}) == .2);
  CHECK(best({{400, 100, 100}, {201, 100, 20}, {49, 100, 49}, {0, 100, 0}}) == .2);
  CHECK(best({{900, 100, 100}, {400, 100, 90}, {20, 100, 20}, {0, 100, 0}}) == .2);
  CHECK(best({{0, 100, 0}, {0, 100, 0}, {0, 100, 0}, {0, 100, 0}}) == .1);
  CHECK(best({{5, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}}) == .1);
  CHECK_THROWS_AS(best_of(at, std::vector<OnsetScore>(3)), ShapeError);
}

TEST_CASE("a threshold is chosen with the other rules of decoding on") {
  // The target strikes C once a quarter; the model says 0.3 everywhere.
  const std::vector<Piece> pieces{piece("a", 4, 4, Split::validation, [] {
    std::vector<Note> notes;
    for (int64 q = 0; q < 16; ++q) notes.push_back({4 * q, 4 * q + 4, 60});
    return notes;
  }())};
  Harmonizer h(small({"data.target_lowest=60", "data.target_highest=60"}), {});
  say_everywhere(h, 0.3);
  const auto windows = cut_windows(pieces, Split::validation, 32, 2);
  // At 0.3 and below four times too many, above silence: the first is nearer to twice.
  ThresholdChoice c = choose_threshold(h, pieces, windows, {});
  CHECK(c.threshold < .3);
  CHECK(c.onsets.predicted == 64);
  CHECK(c.onsets.target == 16);
  Decoding d;
  d.fill_quarters = true;
  c = choose_threshold(h, pieces, windows, d);
  CHECK(c.threshold > .3);
  CHECK(c.onsets.hits == 16);
  CHECK(c.onsets.f1() == 1);
  CHECK_THROWS_AS(choose_threshold(h, pieces, {}, d), ConfigError);
}

TEST_CASE("the table: rows, files, and the measures that a floor reaches") {
  EvaluationTable t;
  t.heading = {{"data", "a, \"b\""}};
  t.bars = 8;
  t.windows = 3;
  t.split = Split::validation;
  t.threshold = .125;
  EvaluationRow model{"model", {50, 20, 90, {10, 60}, {{50, 50, 25}, {50, 50, 10}}}, 10};
  EvaluationRow floor{"silent", {50, 21, 80, {5, 500}, {{0, 50, 0}, {0, 50, 0}}}, 11};
  t.rows = {model, floor};
  CHECK(reached_by_floors(t) ==
        std::vector<std::string>{
            "CS 50.0: reached by silent (50.0); CS shows nothing",
            "NDD missing 10.0, two-sided 60.0: reached by silent (5.0, two-sided 500.0); NDD "
            "missing shows nothing"});
  const std::string words = text(t);
  CHECK(words.starts_with("data: a, \"b\"\n"));
  CHECK(has(words, "10.0 / 60.0"));
  CHECK(has(words, "\nCS 50.0: reached by silent"));
  CHECK(csv(t) ==
        "name,split,bars,windows,threshold,cs,ssmd_code,ssmd_text,gs,ndd_missing,ndd_two_sided,"
        "onset_f1,note_f1,onset_ratio,onsets_predicted,onsets_target,onsets_hit,notes_hit\n"
        "model,validation,8,3,0.125,50,20,10,90,10,60,50,20,1,50,"
        "50,25,10\n"
        "silent,validation,8,3,,50,21,11,80,5,500,0,0,0,0,50,0,0\n");
  CHECK(has(json(t), "\"data\": \"a, \\\"b\\\"\""));
  CHECK(has(json(t), "\"ndd_two_sided\": 60.0"));
  CHECK(has(json(t), "\"reached_by_floors\": [\n    \"CS 50.0"));
  t.rows = {floor};
  t.threshold = 0;
  CHECK(reached_by_floors(t).empty());
  CHECK(has(json(t), "\"threshold\": null"));
}

TEST_CASE("the floors on POP909: the papers' windows, and 8 bars from bar lines on") {
  if (!whole_data_is_there()) return;
  DataRequest request;
  request.source = data_folder();
  request.steps_per_quarter = 16;
  request.begin = PopBegin::first_note;
  const std::vector<Piece> from_note = read_harmony_data(request).pieces;
  const auto papers = [&](int64 bars) {
    return evaluation_windows(from_note, Split::test, bars, WindowKind::papers);
  };
  CHECK(papers(16).windows.size() == 416);
  CHECK(papers(64).windows.size() == 72);
  // What the papers' worst rows show: they are as good as silence.
  const HarmonyScore silent = evaluate_floor(papers(64), find_floor("silent")).score;
  CHECK(silent.ssmd == Approx(27.6).epsilon(0.02));
  CHECK(silent.ndd.two_sided == Approx(92.7).epsilon(0.01));
  CHECK(silent.gs == Approx(5).epsilon(0.1));

  request.begin = PopBegin::bar_line;
  const EvaluationWindows bars =
      evaluation_windows(read_harmony_data(request).pieces, Split::test, 8, WindowKind::bars);
  const HarmonyScore chords = evaluate_floor(bars, find_floor("block-chords")).score;
  CHECK(chords.cs == Approx(80.7).epsilon(0.02));
  CHECK(chords.gs == Approx(95.4).epsilon(0.02));
  CHECK(chords.onset_f1() == Approx(31.9).epsilon(0.03));
}

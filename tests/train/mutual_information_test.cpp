// Mutual information of pitch and label where it is known in closed form, what shuffling makes of
// it, and Table I of the paper on POP909.
#include "train/mutual_information.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/error_text.h"
#include "tests/real_data.h"

using namespace gradus;
using gradus::testing::has, gradus::testing::message;

namespace {

doctest::Approx near(double x) { return doctest::Approx(x).epsilon(1e-12); }

/// counts[label][pitch] cells, each in a row of its own.
struct Counted {
  SoundingCells cells;
  RowLabels labels;
  explicit Counted(const std::vector<std::vector<int>>& counts) {
    labels.labels = static_cast<int64>(counts.size());
    for (std::size_t l = 0; l < counts.size(); ++l)
      for (std::size_t x = 0; x < counts[l].size(); ++x)
        for (int i = 0; i < counts[l][x]; ++i) {
          cells.pitch.push_back(static_cast<std::uint8_t>(x));
          cells.row.push_back(static_cast<std::uint32_t>(cells.rows++));
          labels.label.push_back(static_cast<std::uint32_t>(l));
        }
  }
  double nats() const { return mutual_information(cells, labels); }
};

/// Two bars on the 16th grid: in the first sounds C with a G in its bridge, in the second F.
std::vector<Piece> two_bars() {
  Piece p;
  p.name = "two";
  p.melody = std::vector<Note>{{0, 16, 60}, {16, 32, 65}};
  p.bridge = std::vector<Note>{{0, 16, 67}};
  p.accompaniment = std::vector<Note>{{0, 16, 60}};  // a cell of its own
  std::vector<StepLabels> steps(32);
  for (std::size_t t = 0; t < steps.size(); ++t) {
    steps[t].bar = static_cast<int>(t) / 16;
    steps[t].cell = static_cast<std::int16_t>(t % 16);
    set_chord(steps[t], parse_chord(t < 16 ? "C" : "F"));
  }
  p.steps = std::move(steps);
  return {p};
}

}  // namespace

TEST_CASE("closed forms") {
  CHECK(Counted(std::vector<std::vector<int>>{}).nats() == 0);
  CHECK(Counted(std::vector<std::vector<int>>{{5}}).nats() == 0);
  CHECK(Counted({{1, 2, 4}, {2, 4, 8}}).nats() == doctest::Approx(0).epsilon(1e-15));
  CHECK(Counted({{7, 0}, {0, 7}}).nats() == near(std::log(2)));
  CHECK(Counted({{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}).nats() == near(std::log(3)));
  // A binary symmetric channel that errs once in four: ln 2 - H(1/4).
  CHECK(Counted({{3, 1}, {1, 3}}).nats() ==
        near(std::log(2) + 0.25 * std::log(0.25) + 0.75 * std::log(0.75)));
  // What the label says is at most what the pitch holds: H(1/4).
  CHECK(Counted({{3, 0}, {0, 1}}).nats() == near(-0.25 * std::log(0.25) - 0.75 * std::log(0.75)));
  // The order of labels and a label that never sounds change nothing.
  CHECK(Counted({{1, 3}, {}, {3, 1}}).nats() == near(Counted({{3, 1}, {1, 3}}).nats()));
}

TEST_CASE("shuffling keeps pitches and labels, and leaves the bias of a finite sample") {
  std::vector<std::vector<int>> counts(10, std::vector<int>(8, 0));
  for (std::size_t l = 0; l < counts.size(); ++l) counts[l][l % 8] = 400;
  const Counted c(counts);
  Rng rng(7);
  const SoundingCells apart = shuffled(c.cells, rng);
  CHECK(apart.pitch == c.cells.pitch);
  std::vector<std::uint32_t> rows = apart.row;
  CHECK(rows != c.cells.row);
  std::sort(rows.begin(), rows.end());
  CHECK(rows == c.cells.row);
  CHECK(c.nats() > 1.9);

  double mean = 0;
  constexpr int kShuffles = 20;
  for (int i = 0; i < kShuffles; ++i)
    mean += mutual_information(shuffled(c.cells, rng), c.labels) / kShuffles;
  const double miller = 9.0 * 7 / (2 * 4000);
  CHECK(mean == doctest::Approx(miller).epsilon(0.15));  // deviation of the mean: 4 %

  Rng once(7), again(7);
  CHECK(shuffled(c.cells, once).row == shuffled(c.cells, again).row);
}

TEST_CASE("cells of three tracks, labels of contexts") {
  const std::vector<Piece> pieces = two_bars();
  const std::vector<PieceWindow> windows = {{0, 0, 32}};
  const SoundingCells cells = sounding_cells(pieces, windows);
  CHECK(cells.rows == 32);
  CHECK(cells.size() == 16 + 16 + 16 + 16);
  const ChordVocabulary chords(pieces);
  const auto nats = [&](const std::string& context) {
    return mutual_information(cells, row_labels(pieces, windows, chords, context));
  };
  // Bar 0 has three cells in four, and the last one's pitch tells it.
  const double h = -0.25 * std::log(0.25) - 0.75 * std::log(0.75);
  for (const char* context : {"bar", "bin", "chord", "rep", "root", "bin+bar"})
    CHECK(nats(context) == near(h));
  CHECK(std::abs(nats("beat")) < 1e-15);
  CHECK(nats("time") == near(h));
  CHECK(row_labels(pieces, windows, chords, "beat").labels == 16);
  CHECK(row_labels(pieces, windows, chords, "bar+beat").labels == 32);

  // A part of the piece, twice: the same numbers.
  const std::vector<PieceWindow> halves = {{0, 8, 16}, {0, 8, 16}};
  CHECK(mutual_information(sounding_cells(pieces, halves),
                           row_labels(pieces, halves, chords, "bin")) == near(h));
  CHECK(row_labels(pieces, halves, chords, "time").labels == 16);

  CHECK(has(message<ConfigError>([&] { nats("bun"); }), "did you mean 'bin'?"));
  CHECK(has(message<ConfigError>([&] { nats(""); }), "a context has a name"));
  CHECK_THROWS_AS(mutual_information(cells, RowLabels{{0}, 1}), ShapeError);
}

TEST_CASE("the table as text and as a file that reads back") {
  HarmonyData data;
  data.pieces = two_bars();
  data.chords = ChordVocabulary(data.pieces);
  const InformationTable t = information_table(data, nullptr, 32, {"bin", "bar+beat"}, 2, Rng(1));
  REQUIRE(t.rows.size() == 2);
  CHECK(t.cells == 64);
  CHECK(t.pitches == 3);
  CHECK(t.rows[0].labels == 2);
  CHECK(t.rows[0].shuffled < t.rows[0].nats);
  CHECK(std::isnan(t.rows[0].paper));
  CHECK(has(text(t), "1 windows of 32 steps in 1 pieces of split train"));

  InformationTable with = t;
  with.rows[1].paper = 0.1;
  const InformationTable read = parse_information(csv(with), "mi.csv");
  CHECK(csv(read) == csv(with));
  CHECK(read.rows[1].paper == 0.1);
  CHECK(read.subset == t.subset);
  const std::string whole = csv(t);
  CHECK(has(message<IoError>([&] { parse_information("", "mi.csv"); }), "mi.csv: no whole table"));
  CHECK(
      has(message<IoError>([&] { parse_information(whole.substr(0, whole.size() - 1), "mi.csv"); }),
          "no whole table"));
  CHECK(has(message<IoError>([&] { parse_information(whole + "a,b\n", "mi.csv"); }),
            "mi.csv:4: a row has 9 fields, got 2"));
  std::string broken = whole;
  broken.replace(broken.find("bin,2"), 5, "bin,x");
  CHECK(has(message<IoError>([&] { parse_information(broken, "mi.csv"); }),
            "mi.csv:2: 'x' is no whole number"));

  data.pieces[0].split = Split::test;
  CHECK(has(message<ConfigError>([&] { information_table(data, nullptr, 32, {"bin"}, 1, Rng(1)); }),
            "no piece of split train"));
}

TEST_CASE("Table I on POP909: TIME < REP < KEY < BIN, near the paper's values") {
  if (!testing::whole_data_is_there()) return;
  DataRequest request;
  request.source = testing::data_folder();
  request.steps_per_quarter = kPopTicks;
  request.begin = PopBegin::first_note;
  const HarmonyData data = read_harmony_data(request);
  const PopSet set = read_pop909(testing::data_folder());
  const std::vector<PieceWindow> windows = paper_windows(data.pieces, Split::train, 1024);
  CHECK(windows.size() == 3322);
  const SoundingCells cells = sounding_cells(data.pieces, windows);
  const auto nats = [&](const char* context) {
    return mutual_information(cells, paper_row_labels(set, data.pieces, windows, context));
  };
  const double time = nats("TIME"), rep = nats("REP"), key = nats("KEY+mode"), bin = nats("BIN");
  CHECK(time < rep);
  CHECK(rep < key);
  CHECK(key < bin);
  CHECK(rep == doctest::Approx(0.0436).epsilon(0.2));
  CHECK(key == doctest::Approx(0.0476).epsilon(0.2));
  CHECK(bin == doctest::Approx(1.0075).epsilon(0.2));
  CHECK(nats("KEY") < rep);  // without the mode
  CHECK(has(message<ConfigError>([&] { nats("BUN"); }), "did you mean 'BIN'?"));
}

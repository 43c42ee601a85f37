// A cell of a study gives the same row whatever moment it was stopped at, and a ledger counts rows
// by their hash, wherever they were made.
#include <doctest/doctest.h>

#include "tests/error_text.h"
#include "tests/train/scratch_folder.h"
#include "train/study/cell.h"
#include "train/study/ledger.h"

using namespace gradus;
using namespace gradus::testing;
namespace fs = std::filesystem;

namespace {

const std::string kStudy = R"([study]
name = "s"
test_bars = [2, 4]
[base.data]
steps = 32
hop_bars = 16
validation_share = 0.02
transpose_down = 0
transpose_up = 0
[base.model]
d_model = 8
layers = 1
heads = 2
d_ff = 8
[base.train]
epochs = 1
batch = 16
save_every = 1
[axes.encoding]
none.pe = {name = "none"}
ropepool.pe = {name = "ropepool"}
[axes.context]
TIME.data = {context = ["time"]}
REP.data = {context = ["rep"]}
)";

Study study() { return Study::parse(kStudy, "s.toml", ""); }

CellTask task(const Experiment& e) { return {e, study().test_bars, std::nullopt, {}}; }

CellRow without_time(CellRow row) {
  row.seconds = 0;
  return row;
}

}  // namespace

TEST_CASE("stopped after every step, a cell gives the row of one that never was") {
  const ScratchFolder s;
  const Experiment e = study_cells(study()).back().experiment;
  make_cell_folder(s.path / "whole", e);
  int64 last = -1, all = 0;
  const CellRow whole = run_cell(s.path / "whole", task(e), [&](int64 step, int64 steps) {
                          CHECK(step >= last);
                          last = step;
                          all = steps;
                          return false;
                        }).value();
  CHECK(last == all);
  CHECK(whole.steps == all);
  CHECK(whole.tests.size() == 2);
  CHECK(whole.seconds > 0);
  CHECK(whole.hash == configuration_hash(e));
  CHECK_FALSE(fs::exists(s.path / "whole/checkpoints/last.safetensors"));

  make_cell_folder(s.path / "parts", e);
  int stops = 0;
  std::optional<CellRow> row;
  for (int64 before = -1; !row; ++stops) {
    REQUIRE(stops < 100);
    make_cell_folder(s.path / "parts", e);  // as a study does that goes on
    row = run_cell(s.path / "parts", task(e), [&](int64 step, int64) {
      const bool further = step > before && step > 0;
      if (further) before = step;
      return further;
    });
  }
  CHECK(stops > all);
  CHECK(without_time(*row) == without_time(whole));

  CHECK_FALSE(read_cell_row(s.path / "parts", {2, 4}).has_value());
  write_cell_row(s.path / "parts", *row);
  CHECK(read_cell_row(s.path / "parts", {2, 4}) == row);
  CHECK_FALSE(read_cell_row(s.path / "parts", {4}).has_value());
  // Trained already, it is judged alone: other lengths need no training.
  CellTask longer = task(e);
  longer.bars = {8};
  CHECK(run_cell(s.path / "whole", longer)->digest == whole.digest);
}

TEST_CASE("no encoding reads no labels: the cell of every context is the same to the bit") {
  const ScratchFolder s;
  Experiment e = study_cells(study()).front().experiment;
  REQUIRE(e.pe == "none");
  make_cell_folder(s.path / "time", e);
  const CellRow time = run_cell(s.path / "time", task(e)).value();
  e.data.context = {"bin"};
  make_cell_folder(s.path / "bin", e);
  CHECK(without_time(run_cell(s.path / "bin", task(e)).value()) == without_time(time));
}

TEST_CASE("a cell's folder with another configuration is refused") {
  const ScratchFolder s;
  Experiment e = study_cells(study()).front().experiment;
  make_cell_folder(s.path / "cell", e);
  make_cell_folder(s.path / "cell", e);
  e.train.seed = 7;
  CHECK(has(message<ConfigError>([&] { make_cell_folder(s.path / "cell", e); }),
            "holds a run of another configuration"));
}

TEST_CASE("floors are those of the windows that cells are judged by") {
  const auto floors = cell_floors(task(study_cells(study()).front().experiment));
  REQUIRE(floors.size() == 8);
  CHECK(floors[0].floor == "silent");
  CHECK(floors[0].measures.bars == 2);
  CHECK(floors[0].measures.cs == 0);
  CHECK(floors[0].windows > floors[4].windows);
  CHECK(floors[7].measures.cs > 50);
}

TEST_CASE("the cost of a cell is what it has, and a time") {
  const CellTask t = task(study_cells(study()).front().experiment);
  const CellCost cost = cell_cost(t, true);
  CHECK(cost.seconds > 0);
  CHECK(cell_cost(t, false).seconds == 0);
  CHECK(cell_cost(t, false).parameters == cost.parameters);
  CHECK(cost.steps >= 1);
}

namespace {

CellRow row_of(const StudyCell& cell) {
  CellRow r;
  r.study = r.preset = r.digest = r.version = r.compiler = r.level = r.blas_core = "-";
  r.hash = cell.hash;
  r.tests.resize(2);
  r.tests[0].bars = 2;
  r.tests[1].bars = 4;
  return r;
}

}  // namespace

TEST_CASE("a ledger keeps rows in the order of the cells, and those of others after them") {
  const ScratchFolder s;
  const auto cells = study_cells(study());
  REQUIRE(cells.size() == 3);
  StudyLedger one(study(), cells, s.path);
  CHECK(one.done_count() == 0);
  one.add(2, row_of(cells[2]));
  one.add(0, row_of(cells[0]));
  const CellTable table = read_cells(s.path / "cells.csv");
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0].values == std::vector<std::vector<std::string>>{{"none"}, {"TIME", "REP"}});
  CHECK(table.rows[1].hash == cells[2].hash);
  CHECK(one.name(0) == "none TIME|REP");

  // Begun again with one axis more and one value less: what is the same configuration is done.
  const Study wider = Study::parse(kStudy +
                                       "[axes.map]\nkey = \"model.feature_map\"\nvalues = "
                                       "[\"elu1\", \"relu\"]\n[without.a]\nencoding = "
                                       "\"ropepool\"\ncontext = \"REP\"\n",
                                   "s.toml", "");
  const auto wide = study_cells(wider);
  StudyLedger two(wider, wide, s.path);
  CHECK(two.done_count() == 1);
  two.write();
  const CellTable both = read_cells(s.path / "cells.csv");
  CHECK(both.axes == std::vector<std::string>{"encoding", "context", "map"});
  REQUIRE(both.rows.size() == 2);
  CHECK(both.rows[0].values.back() == std::vector<std::string>{"elu1"});
  CHECK(both.rows[1].hash == cells[2].hash);
  CHECK(both.rows[1].values.back().empty());
  // Another study's row of the same configuration counts.
  Study other = study();
  other.name = "other";
  StudyLedger three(other, cells, s.path);
  CHECK(three.done_count() == 2);
  three.write();
  CHECK(read_cells(s.path / "cells.csv").rows.size() == 4);
}

TEST_CASE("rows that another hand appends while a study runs stay, and count") {
  const ScratchFolder s;
  const fs::path file = s.path / "cells.csv";
  const auto cells = study_cells(study());
  StudyLedger ledger(study(), cells, s.path);
  ledger.write();

  // A row of another study with an axis of its own, a row of this one, and another of a cell that
  // trains just now.
  CellTable table = read_cells(file);
  table.axes.insert(table.axes.begin(), "size");
  const auto append = [&](const std::string& name, const std::string& hash, double seconds) {
    CellRow r = row_of(cells[0]);
    r.study = name;
    r.preset = "base";
    r.hash = hash;
    r.values = {{"large"}, {"a"}, {"b"}};
    r.seconds = seconds;
    table.rows.push_back(r);
  };
  append("foreign", "00ff", 1);
  append("s", cells[1].hash, 2);
  append("s", cells[2].hash, 3);
  write_file(file, cells_csv(table));
  CellRow own = row_of(cells[2]);
  own.seconds = 4;
  ledger.add(2, own);
  CHECK(ledger.done_count() == 2);
  CHECK(ledger.row(1).seconds == 2);
  const CellTable after = read_cells(file);
  CHECK(after.axes == std::vector<std::string>{"encoding", "context", "size"});
  REQUIRE(after.rows.size() == 3);
  CHECK(after.rows[0].hash == cells[1].hash);
  CHECK(after.rows[0].values[0] == cells[1].values[0]);
  CHECK((after.rows[1].hash == cells[2].hash && after.rows[1].seconds == 4));
  CHECK((after.rows[2].study == "foreign" && after.rows[2].hash == "00ff"));
  CHECK(after.rows[2].values == std::vector<std::vector<std::string>>{{"a"}, {"b"}, {"large"}});

  // A line that is only half there yet: nothing is overwritten, and nothing is lost here.
  const std::string text = read_file(file);
  write_file(file, text + "foreign,base,00fe");
  CHECK(has(message<IoError>([&] { ledger.add(0, row_of(cells[0])); }), "cells.csv:5"));
  CHECK(read_file(file) == text + "foreign,base,00fe");
  write_file(file, text);
  ledger.write();
  CHECK(read_cells(file).rows.size() == 4);
  // Of a file that was taken away, all is here.
  fs::remove(file);
  ledger.write();
  CHECK(read_cells(file).rows.size() == 4);
}

TEST_CASE("a row that waits in its cell's folder is collected; a damaged table is refused") {
  const ScratchFolder s;
  const auto cells = study_cells(study());
  StudyLedger one(study(), cells, s.path);
  CHECK(one.collect() == 0);
  CHECK_FALSE(fs::exists(s.path / "cells.csv"));
  fs::create_directories(one.folder(1));
  write_cell_row(one.folder(1), row_of(cells[1]));
  CHECK(one.collect() == 1);
  CHECK(one.collect() == 0);
  CHECK(StudyLedger(study(), cells, s.path).done(1));

  const std::string text = read_file(s.path / "cells.csv");
  for (const std::string& bad : {text.substr(0, text.size() - 5), text + "x\n", std::string()}) {
    write_file(s.path / "cells.csv", bad);
    CHECK(has(message<IoError>([&] { StudyLedger(study(), cells, s.path); }), "cells.csv"));
    CHECK(read_file(s.path / "cells.csv") == bad);
  }
  write_file(s.path / "cells.csv", text);
  Study other = study();
  other.test_bars = {2};
  CHECK(has(message<ConfigError>([&] { StudyLedger(other, cells, s.path); }),
            "holds measures of windows of 2, 4 bars, the study asks for 2"));
}

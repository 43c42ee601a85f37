// cells.csv and floors.csv: what is written reads back exactly, what is no table is refused with
// its line.
#include <doctest/doctest.h>

#include "tests/error_text.h"
#include "train/study/rows.h"

using namespace gradus;
using gradus::testing::has, gradus::testing::message;

namespace {

CellTable table() {
  CellTable t;
  t.axes = {"encoding", "context"};
  t.bars = {16, 64};
  CellRow r;
  r.study = "study";
  r.preset = "laptop";
  r.hash = "00ff";
  r.values = {{"none"}, {"TIME", "BIN"}};
  r.parameters = 123;
  r.epochs = 4;
  r.steps = 56;
  r.seconds = 1.0 / 3;
  r.threshold = 0.1;
  r.validation_loss = 1e-300;
  double x = 0.1;
  for (int64 bars : t.bars) {
    StudyMeasures m;
    m.bars = bars;
    for (const StudyMeasure& measure : study_measure_table()) m.*measure.value = x /= 3;
    r.tests.push_back(m);
  }
  r.digest = "abc";
  r.version = "0.1.0";
  r.compiler = "g++ 12.2.0";
  r.level = "avx2";
  r.threads = 1;
  r.blas_core = "Haswell";
  t.rows = {r, r};
  t.rows[1].hash = "00fe";
  t.rows[1].values[1].clear();  // a value that is no longer there
  return t;
}

std::string refusal(const std::string& text) {
  return message<IoError>([&] { parse_cells(text, "cells.csv"); });
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("no row, one row, several: they read back exactly") {
  CellTable none = table();
  none.rows.clear();
  none.axes.clear();
  none.bars.clear();
  const CellTable empty = parse_cells(cells_csv(none), "cells.csv");
  CHECK((empty.rows.empty() && empty.axes.empty() && empty.bars.empty()));

  const CellTable t = table();
  const CellTable back = parse_cells(cells_csv(t), "cells.csv");
  CHECK(back.axes == t.axes);
  CHECK(back.bars == t.bars);
  CHECK(back.rows == t.rows);
  CHECK(back.axis("context") == 1);
  CHECK(back.axis("seed") == -1);
  CHECK(cells_csv(back) == cells_csv(t));
}

TEST_CASE("lines that end as on other systems, as an editor may leave them, are read") {
  std::string text = cells_csv(table());
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2)
    text.insert(at, "\r");
  CHECK(parse_cells(text, "cells.csv").rows == table().rows);
}

TEST_CASE("what is no table is refused, with its line") {
  const std::string text = cells_csv(table());
  CHECK(has(refusal(""), "cells.csv: the file is empty"));
  CHECK(has(refusal("a,b\n"), "cells.csv:1: column 1 is 'a', expected 'study'"));
  CHECK(has(refusal(replaced(text, ",threads", "")), "cells.csv:2: a row has "));
  CHECK(has(refusal(replaced(text, "gs_16", "gs_17")), "cells.csv:1: column 14 is 'gs_17'"));
  CHECK(has(refusal(replaced(text, ",gs_16", "")), "cells.csv:2: a row has "));
  CHECK(has(refusal(replaced(text, "123", "12x")), "cells.csv:2: 'parameters' is a whole number"));
  CHECK(has(refusal(replaced(text, "123", "-1")), "cells.csv:2: 'parameters' is a whole number"));
  CHECK(has(refusal(replaced(text, "1e-300", "nan")), "'validation_loss' is a number, got 'nan'"));
  CHECK(has(refusal(replaced(text, "abc", "")), "cells.csv:2: 'digest' is empty"));
  CHECK(
      has(refusal(replaced(text, "00fe", "00ff")), "cells.csv:3: cell 00ff stands at cells.csv:2"));
}

TEST_CASE("a table that was cut anywhere is refused, but for cuts between lines") {
  const std::string text = cells_csv(table());
  for (std::size_t length = 0; length < text.size(); ++length) {
    CAPTURE(length);
    const bool between = length > 0 && text[length - 1] == '\n';
    CHECK((refusal(text.substr(0, length)) == "no error") == between);
  }
}

TEST_CASE("floors read back exactly, and anything else is refused") {
  FloorRow r{"study", "laptop", "silent", 7, table().rows[0].tests[1]};
  const std::string text = floors_csv({{r, r}});
  const std::vector<FloorRow> back = parse_floors(text, "floors.csv");
  REQUIRE(back.size() == 2);
  CHECK(back[1] == r);
  CHECK(has(message<IoError>([&] { parse_floors(cells_csv(table()), "floors.csv"); }),
            "floors.csv:1: the columns of a table of floors are study,"));
  CHECK(has(message<IoError>([&] { parse_floors(replaced(text, ",7,", ",x,"), "floors.csv"); }),
            "floors.csv:2: 'windows' is a whole number of 0 or more, got 'x'"));
}

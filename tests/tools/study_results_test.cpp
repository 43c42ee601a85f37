// The committed results of studies: what train/studies/README.md shows is what their rows give.
#include <set>

#include "tensor/text.h"
#include "tests/tools/command.h"
#include "train/study/rows.h"

using namespace gradus;

namespace {
const std::string kStudies = std::string(GRADUS_SOURCE_DIR) + "/train/studies/";

std::string report_of(const std::string& rows) {
  const std::string out = scratch() / "report";
  const CommandResult r =
      gradus_command("study report " + kStudies + rows + " --no-cache --out " + out);
  REQUIRE_MESSAGE(r.code == 0, r.out);
  return out;
}
}  // namespace

TEST_CASE("the tables of the paper's study are those of its rows") {
  const std::string readme = read_file(kStudies + "README.md"), out = report_of("laptop");
  for (const char* table : {"table2", "table3"}) {
    int rows = 0;
    for (const std::string& line : split(read_file(out + "/tables/" + table + ".md"), '\n')) {
      if (!line.starts_with("| ")) continue;
      ++rows;
      CHECK_MESSAGE(readme.find(line + "\n") != std::string::npos, line);
    }
    CHECK(rows > 20);
  }
  CHECK(read_file(out + "/figure4.svg") == read_file(kStudies + "laptop/figure4.svg"));
}

TEST_CASE("the rows hold the whole grid: seven encodings, four contexts, three seeds") {
  const CellTable t = read_cells(kStudies + "laptop/cells.csv");
  REQUIRE(t.rows.size() == 75);
  std::set<std::string> hashes;
  for (const CellRow& r : t.rows) {
    hashes.insert(r.hash);
    CHECK(r.seconds < 4 * 60);  // of a core: what the preset promises
    CHECK(r.tests.size() == 2);
  }
  CHECK(hashes.size() == 75);
}

TEST_CASE("the recipe's table is that of its rows") {
  const std::string readme = read_file(kStudies + "README.md");
  const CellTable t = read_cells(kStudies + "recipe/cells.csv");
  CHECK(t.rows.size() == 25);
  for (const CellRow& r : t.rows) {
    const StudyMeasures& m = r.tests.at(0);
    const std::string line = fmt::format(
        "| `{}` | {:.4f} | {:.1f} | {:.1f} | {:.1f} | {:.1f} / {:.1f} | {:.1f} | {:.1f} | {:.2f} | "
        "{:.1f} |\n",
        r.values.at(0).at(0), r.validation_loss, m.cs, m.ssmd, m.gs, m.ndd_missing, m.ndd_two_sided,
        m.onset_f1, m.note_f1, m.onset_ratio, r.tests.at(1).onset_f1);
    CHECK_MESSAGE(readme.find(line) != std::string::npos, line);
  }
}

// Groups of seeds, the tables of a report in their four forms, and what is marked in them.
#include <doctest/doctest.h>

#include <cmath>

#include "train/study/report_paper.h"
#include "train/study/report_tables.h"

using namespace gradus;

namespace {

/// CS 16 is `cs`; other measures are as good, or as bad.
CellRow cell(const std::string& encoding, const std::vector<std::string>& contexts, int seed,
             double cs) {
  CellRow r;
  r.study = "study";
  r.preset = "laptop";
  r.values = {{encoding}, contexts, {std::to_string(seed)}};
  r.hash = fmt::format("{}{}{}", encoding, contexts[0], seed);
  r.parameters = 1000;
  r.seconds = 10 + seed;
  r.threshold = 0.1;
  r.digest = "d", r.version = "0.1", r.compiler = "g++", r.level = "avx2", r.blas_core = "Zen";
  r.threads = 1;
  for (int64 bars : {16, 64}) {
    StudyMeasures m;
    m.bars = bars;
    for (const StudyMeasure& known : study_measure_table()) m.*known.value = cs;
    m.ssmd = m.ndd_missing = m.ndd_two_sided = 100 - cs;
    r.tests.push_back(m);
  }
  return r;
}

/// Three seeds of each encoding in BIN and TIME around these values; no encoding stands in both.
CellTable cells() {
  CellTable t{{"encoding", "context", "seed"}, {16, 64}, {}};
  for (int s = 1; s <= 3; ++s) t.rows.push_back(cell("none", {"TIME", "BIN"}, s, 50 + 0.1 * s));
  const std::pair<const char*, double> values[] = {{"ropepool", 70},
                                                   {"rope_b", 60},
                                                   {"rope_a", 61},
                                                   {"f_stripe1_pooled", 69.9},
                                                   {"f_stripe1_unpooled", 80}};
  for (const auto& [name, cs] : values)
    for (const char* context : {"BIN", "TIME"})
      for (int s = 1; s <= 3; ++s) t.rows.push_back(cell(name, {context}, s, cs + 0.2 * s));
  return t;
}

std::vector<FloorRow> floors() {
  std::vector<FloorRow> rows;
  for (const auto& [name, cs] : {std::pair<const char*, double>{"silent", 0}, {"block-chords", 75}})
    for (int64 bars : {16, 64}) {
      FloorRow f{"study", "laptop", name, 10, cell("x", {"y"}, 1, cs).tests[0]};
      f.measures.bars = bars;
      rows.push_back(f);
    }
  return rows;
}

const ReportRow& row(const ReportTable& t, const std::string& section, const std::string& label) {
  for (const ReportRow& r : t.rows)
    if (r.section == section && r.label == label) return r;
  FAIL("no row " << section << " " << label);
  return t.rows[0];
}

std::vector<std::string> labels(const ReportTable& t, const std::string& section) {
  std::vector<std::string> all;
  for (const ReportRow& r : t.rows)
    if (r.section == section) all.push_back(r.label);
  return all;
}

}  // namespace

TEST_CASE("cells are grouped over seeds, those of several contexts in each") {
  const CellTable t = cells();
  const std::vector<SeedGroup> groups = seed_groups(t);
  REQUIRE(groups.size() == 12);
  CHECK(groups[0].context == "TIME");
  CHECK(groups[0].encoding == "none");
  CHECK(groups[0].label() == "no encoding");
  CHECK(groups[0].sample("cs", 16) ==
        std::vector<double>{50 + 0.1 * 1, 50 + 0.1 * 2, 50 + 0.1 * 3});
  CHECK(groups[0].sample("cs", 8).empty());
  CHECK(groups[1].label() == "RoPE (A)");
  CHECK(groups[6].context == "BIN");
  CHECK(groups[11].label() == "RoPEPool");
  CHECK(groups[11].seeds == std::vector<std::string>{"1", "2", "3"});

  SUBCASE("other axes are other groups") {
    CellTable more{{"encoding", "context", "rate", "seed"}, {16, 64}, {}};
    for (const char* rate : {"1e-3", "1e-4"}) {
      more.rows.push_back(cell("ropepool", {"BIN"}, 1, 5));
      more.rows.back().values = {{"ropepool"}, {"BIN"}, {rate}, {"1"}};
      more.rows.back().hash += rate;
    }
    const auto apart = seed_groups(more);
    REQUIRE(apart.size() == 2);
    CHECK(apart[1].label() == "RoPEPool, rate 1e-4");
  }
  SUBCASE("one axis of another kind, and no seed") {
    CellTable recipe{{"variant"}, {16, 64}, {cell("x", {"BIN"}, 1, 5), cell("x", {"BIN"}, 2, 6)}};
    recipe.rows[0].values = {{"whole"}};
    recipe.rows[1].values = {{"no_beat"}};
    const std::vector<StudyResults> results = study_results(recipe, {});
    REQUIRE(results[0].groups.size() == 2);
    CHECK(results[0].groups[1].label() == "no_beat");
    const ReportTable table = encodings_table(results[0]);
    CHECK(table.title == "The paper's measures (study, preset laptop)");
    CHECK(table.rows.size() == 2);
    CHECK(rope_table(results[0]).rows.empty());
  }
  SUBCASE("no axis of encodings, a value that is no longer there") {
    CellTable bare{{"context"}, {16, 64}, {cell("x", {"BIN"}, 1, 5), cell("x", {"BIN"}, 2, 6)}};
    bare.rows[0].values = {{}};
    bare.rows[1].values = {{"BIN"}};
    const auto two = seed_groups(bare);
    REQUIRE(two.size() == 2);
    CHECK(two[0].label() == "all cells");
  }
}

TEST_CASE("Table III: the best RoPE, the others, the paper and the floors; marks among rivals") {
  const CellTable t = cells();
  const std::vector<StudyResults> results = study_results(t, floors());
  REQUIRE(results.size() == 1);
  CHECK(results[0].suffix.empty());
  CHECK(results[0].counts() == "33 cells: 6 encodings, 2 contexts");
  const ReportTable table = encodings_table(results[0]);
  CHECK(table.id == "table3");
  CHECK(table.columns[1].id == "ssmd50_16");
  CHECK(labels(table, "no learning") == std::vector<std::string>{"silent", "block-chords"});
  CHECK(labels(table, "BIN") == std::vector<std::string>{"no encoding", "RoPE (A)", "F-StrIPE1",
                                                         "F-StrIPE1, unpooled", "RoPEPool",
                                                         "RoPE(C), paper", "F-StrIPE1, paper",
                                                         "RoPEPool, paper"});
  // RoPEPool at 70 is no better than F-StrIPE1 at 69.9, but than RoPE; the unpooled form takes no
  // part.
  const ReportRow& pool = row(table, "BIN", "RoPEPool");
  CHECK(pool.seeds == 3);
  CHECK(pool.numbers[0].mean == doctest::Approx(70.4));
  CHECK(pool.numbers[0].deviation == doctest::Approx(0.2));
  CHECK(pool.numbers[0].best);
  CHECK(pool.numbers[0].mark == BestMark::from_third);
  CHECK(pool.numbers[1].mean == doctest::Approx(29.6 / 2));  // SSMD counts to 50
  CHECK(pool.numbers[1].deviation == doctest::Approx(0.1));
  CHECK_FALSE(row(table, "BIN", "F-StrIPE1, unpooled").numbers[0].best);
  const ReportRow& paper = row(table, "BIN", "RoPEPool, paper");
  CHECK(paper.kind == RowKind::paper);
  CHECK(paper.numbers[0].mean == 25.83);
  CHECK(paper.numbers[7].mean == 73.77);
  CHECK(row(table, "no learning", "block-chords").numbers[0].mean == 75);
  CHECK(std::isnan(row(table, "no learning", "silent").numbers[0].deviation));

  const std::vector<std::string> reached = reached_by_floors(results[0]);
  CHECK(reached.empty());  // the unpooled form is above 75

  SUBCASE("RoPE's variants stand in Table II") {
    const ReportTable rope = rope_table(results[0]);
    CHECK(labels(rope, "TIME") == std::vector<std::string>{"RoPE (A)", "RoPE (B)", "RoPE(A), paper",
                                                           "RoPE(B), paper", "RoPE(C), paper"});
    CHECK(row(rope, "TIME", "RoPE (A)").numbers[0].mark == BestMark::from_second);
    CHECK(row(rope, "TIME", "RoPE(C), paper").numbers[4].mark == BestMark::from_third);
  }
  SUBCASE("what the paper lacks: ratios have no best") {
    const ReportTable further = further_table(results[0]);
    CHECK(labels(further, "BIN").size() == 6);
    for (const ReportRow& r : further.rows) CHECK_FALSE(r.numbers[3].best);
  }
  SUBCASE("how it was trained") {
    const ReportTable training = training_table(results[0]);
    CHECK(training.rows.size() == 12);
    CHECK(training.rows[0].numbers[4].mean == doctest::Approx(12));
  }
}

TEST_CASE("an incomplete grid: one seed has no deviation and no mark") {
  CellTable t{{"encoding", "context", "seed"}, {16, 64}, {}};
  t.rows = {cell("ropepool", {"BIN"}, 1, 70), cell("f_stripe1_pooled", {"BIN"}, 1, 50),
            cell("f_stripe1_pooled", {"BIN"}, 2, 51)};
  const std::vector<StudyResults> results = study_results(t, {});
  CHECK(results[0].counts() ==
        "3 cells: 2 encodings, 1 contexts; 1 of 2 rows have one seed, which has no deviation and "
        "no mark");
  const ReportTable table = encodings_table(results[0]);
  const ReportRow& one = row(table, "BIN", "RoPEPool");
  CHECK(one.seeds == 1);
  CHECK(std::isnan(one.numbers[0].deviation));
  for (const char* label : {"RoPEPool", "F-StrIPE1"})
    for (const ReportNumber& n : row(table, "BIN", label).numbers) {
      CHECK_FALSE(n.best);
      CHECK(n.mark == BestMark::none);
    }
  CHECK(labels(table, "no learning").empty());
  CHECK(rope_table(results[0]).rows.empty());
  // Tests of one seed are none.
  CHECK(
      tests_csv(results[0]).find("BIN,cs,16,\"F-StrIPE1\",\"RoPEPool\",2,1,50.5,70,,none,,,,\n") !=
      std::string::npos);
}

TEST_CASE("two presets are two reports; a context and lengths that the paper lacks") {
  CellTable t{{"encoding", "context", "seed"}, {8}, {}};
  t.rows = {cell("ropepool", {"phrase"}, 1, 70), cell("ropepool", {"phrase"}, 2, 71)};
  for (CellRow& r : t.rows) r.tests.resize(1), r.tests[0].bars = 8;
  t.rows[1].preset = "paper";
  const std::vector<StudyResults> results = study_results(t, {});
  REQUIRE(results.size() == 2);
  CHECK(results[1].suffix == "-study-paper");
  const ReportTable table = encodings_table(results[1]);
  CHECK(table.id == "table3-study-paper");
  CHECK(table.columns.size() == 4);
  REQUIRE(table.rows.size() == 1);
  CHECK(table.rows[0].numbers[0].mean == 71);
}

TEST_CASE("every pair is tested") {
  const CellTable t = cells();
  const std::string csv = tests_csv(study_results(t, {})[0]);
  std::size_t lines = 0;
  for (char c : csv) lines += c == '\n';
  CHECK(lines == 1 + 2 * 2 * 8 * 15);  // contexts, lengths, measures, pairs of six
  CHECK(csv.find("BIN,cs,16,\"RoPE (A)\",\"RoPEPool\",3,3,") != std::string::npos);
}

TEST_CASE("four forms of one table") {
  ReportTable t{.id = "t", .title = "A & B", .caption = "50 % <of> all"};
  t.columns = {{"cs_16", "CS ↑", "16 bars", 2}, {"n_16", "n", "16 bars", 0}};
  t.rows = {
      {"BIN", "one, two", RowKind::measured, 3, {{1.005, 0.25, BestMark::from_second, true}, {7}}},
      {"BIN", "paper_1", RowKind::paper, 5, {{2.5}, {}}}};
  CHECK(csv(t) ==
        "context,encoding,kind,seeds,cs_16,cs_16_std,cs_16_mark,n_16,n_16_std,n_16_mark\n"
        "BIN,\"one, two\",measured,3,1.005,0.25,*,7,,\nBIN,paper_1,paper,5,2.5,,,,,\n");
  const std::string md = markdown(t);
  CHECK(md.find(
            "| BIN | one, two | 3 | **1.00 ± 0.25\\*** | 7 |\n|  | *paper_1* | 5 | 2.50 |  |\n") !=
        std::string::npos);
  const std::string tex = latex(t);
  CHECK(tex.find("\\caption{A \\& B. 50 \\% $<$of$>$ all}") != std::string::npos);
  CHECK(tex.find("BIN & one, two & 3 & \\textbf{1.00 $\\pm$ 0.25$^*$} & 7 \\\\") !=
        std::string::npos);
  CHECK(tex.find(" & \\textit{paper\\_1} & 5 & 2.50 &  \\\\") != std::string::npos);
  const std::string page = html(t);
  CHECK(page.find("<td class=\"n best\" data-mean=\"1.005\" data-std=\"0.25\" "
                  "data-mark=\"*\">1.00 ± 0.25*</td>") != std::string::npos);
  CHECK(page.find("50 % &lt;of> all") != std::string::npos);
}

TEST_CASE("the paper's rows are found however they are spelled") {
  CHECK(paper_rows(PaperTable::rope).size() == 12);
  CHECK(paper_rows(PaperTable::encodings).size() == 12);
  const PaperRow* r = find_paper_row(PaperTable::rope, "bin", "rope_c");
  REQUIRE(r);
  CHECK(r->numbers[0].mean == 22.14);
  CHECK(r->numbers[0].mark == BestMark::from_second);
  CHECK_FALSE(find_paper_row(PaperTable::encodings, "BIN", "RoPE(A)"));
  // RoPE's row of Table III is the one of Table II, but for its marks.
  for (const PaperRow& p : paper_rows(PaperTable::encodings)) {
    const PaperRow* same = find_paper_row(PaperTable::rope, p.context, p.encoding);
    if (!same) continue;
    for (std::size_t i = 0; i < p.numbers.size(); ++i) {
      CHECK(p.numbers[i].mean == same->numbers[i].mean);
      CHECK(p.numbers[i].deviation == same->numbers[i].deviation);
    }
  }
}

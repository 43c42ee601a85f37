// gradus study as a user runs it: stopped it goes on to the rows of a study that never was, a
// budget begins nothing that would end too late, and rows that were changed are found.
#include <sstream>

#include "tests/tools/process.h"
#include "tests/tools/tiny_study.h"
#include "train/study/rows.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

const std::string kStudy = tiny_study("s", "epochs = 2\nsave_every = 2\n", R"([axes.encoding]
none.pe = {name = "none"}
ropepool.pe = {name = "ropepool"}
[axes.context]
TIME.data = {context = ["time"]}
BIN.data = {context = ["bin"]}
[axes.seed]
key = "train.seed"
values = [1, 2]
)");

const std::string& study_file() {
  static const std::string path = scratch().file("s.toml", kStudy);
  return path;
}

std::string run(const std::string& out, const std::string& more = "") {
  return "study run " + study_file() + " --quiet --no-cache --jobs 2 --out " + out + " " + more;
}

/// A study that was never ended.
const std::string& whole() {
  static const std::string path = [] {
    const std::string out = scratch() / "whole-study";
    const CommandResult r = gradus_command(run(out));
    REQUIRE_MESSAGE(r.code == 0, r.out);
    return out;
  }();
  return path;
}

std::string cells(const std::string& out) { return out + "/cells.csv"; }

/// The text of the table but for its times.
std::string timeless(const std::string& out) {
  CellTable table = read_cells(cells(out));
  for (CellRow& r : table.rows) r.seconds = 0;
  return cells_csv(table);
}

}  // namespace

TEST_CASE("a study says what it will do, and does it once") {
  const CommandResult plan = gradus_command(run(scratch() / "none-study", "--dry-run"));
  CAPTURE(plan.out);
  CHECK(plan.code == 0);
  CHECK(plan.has("study s, preset base: 6 cells for 8 combinations, 0 done, 6 to do"));
  CHECK(plan.has("none      TIME,BIN  1,2       2 "));
  CHECK_FALSE(fs::exists(scratch() / "none-study"));

  const CellTable table = read_cells(cells(whole()));
  REQUIRE(table.rows.size() == 6);
  CHECK(table.rows[0].values ==
        std::vector<std::vector<std::string>>{{"none"}, {"TIME", "BIN"}, {"1"}});
  for (const CellRow& r : table.rows) {
    CHECK(r.epochs == 2);
    CHECK(r.threads >= 1);
    CHECK(r.tests.at(0).gs > 0);
  }
  CHECK(read_floors(whole() + "/floors.csv").size() == 4);

  const std::string before = read_file(cells(whole()));
  const CommandResult again = gradus_command(run(whole()));
  CHECK(again.code == 0);
  CHECK(again.has("6 done, 0 to do"));
  CHECK(read_file(cells(whole())) == before);
}

TEST_CASE("the plan takes no more cells at once than there are, and the longest one's time") {
  // So many epochs that times are minutes; nothing is trained.
  const auto plan = [](const std::string& axes, const std::string& jobs) {
    std::string text = kStudy.substr(0, kStudy.find("[axes"));
    text.replace(text.find("epochs = 2"), 10, "epochs = 100000");
    const CommandResult r =
        gradus_command("study run " + scratch().file("plan.toml", text + axes) +
                       " --no-cache --dry-run --jobs " + jobs + " --out " + (scratch() / "plan"));
    REQUIRE_MESSAGE(r.code == 0, r.out);
    return r;
  };
  const auto word = [](const std::string& out, const std::string& before, char end) {
    const std::size_t at = out.find(before) + before.size();
    return out.substr(at, out.find(end, at) - at);
  };
  const CommandResult one = plan("[axes.seed]\nkey = \"train.seed\"\nvalues = [1]\n", "2");
  CAPTURE(one.out);
  CHECK(one.has(" at 1 cell at once, "));
  const std::string time = word(one.out, "training to do: ", ' ');
  CHECK(time != "0:00");
  CHECK(one.has("  " + time + "\ntraining to do"));  // that of its row

  const CommandResult three = plan("[axes.seed]\nkey = \"train.seed\"\nvalues = [1, 2, 3]\n", "2");
  CAPTURE(three.out);
  CHECK(three.has(" at 2 cells at once, "));
  const CommandResult many = plan("[axes.seed]\nkey = \"train.seed\"\nvalues = [1, 2, 3]\n", "7");
  CAPTURE(many.out);
  CHECK(many.has("  " + word(many.out, "training to do: ", ' ') + "\ntraining to do"));
  CHECK(many.has(" at 3 cells at once, "));
}

TEST_CASE("a split that the data lacks is refused before anything is timed") {
  std::string text = kStudy;
  text.insert(text.find("[base.data]"), "split = \"test\"\n");
  const std::string out = scratch() / "split-study";
  for (const std::string more : {"", " --dry-run"}) {
    const std::string arguments =
        "study run " + scratch().file("split.toml", text) + " --no-cache --out " + out + more;
    check_refused(arguments, {"no pieces in split test", "train (", "validation (",
                              "the bundled tunes", "--data DIR"});
    CHECK_FALSE(gradus_command(arguments).has("study s, preset"));
  }
  CHECK_FALSE(fs::exists(out));
}

TEST_CASE("Ctrl-C saves what is under way; the same command goes on") {
  const std::string out = scratch() / "stopped-study";
  int code = 0;
  std::string said;
  // On a machine that is busy the study may end before its signal comes.
  for (int attempt = 0; code == 0 && attempt < 20; ++attempt) {
    fs::remove_all(out);
    Process p(run(out), scratch() / "output");
    REQUIRE(wait_until(
        [&] { return fs::exists(out + "/cells") && !files_below(out + "/cells").empty(); }));
    p.signal(SIGINT);
    code = p.wait();
    said = p.output();
  }
  CAPTURE(said);
  CHECK(code == 128 + SIGINT);
  CHECK(said.find("cells are left; to go on, give the same command again") != std::string::npos);
  const CommandResult r = gradus_command(run(out));
  REQUIRE_MESSAGE(r.code == 0, r.out);
  CHECK(timeless(out) == timeless(whole()));
}

TEST_CASE("without time nothing is begun, and what is left is said") {
  const std::string out = scratch() / "budget-study";
  const CommandResult none = gradus_command(run(out, "--hours 1e-9"));
  CAPTURE(none.out);
  CHECK(none.code == 0);
  CHECK(none.has("0 of 6 cells are done"));
  CHECK(none.has("left: 6 cells, about "));
  CHECK(read_cells(cells(out)).rows.empty());
  CHECK(gradus_command(run(whole(), "--hours 1e-9")).has("6 of 6 cells are done"));
}

TEST_CASE("rows that are there count, by whomever they were made") {
  const std::string out = scratch() / "appended-study";
  fs::create_directories(out);
  std::istringstream lines(read_file(cells(whole())));
  std::string head, row, text;
  std::getline(lines, head);
  while (std::getline(lines, row)) text = row + "\n" + text;  // in another order
  write_file(cells(out), head + "\n" + text);
  const CommandResult r = gradus_command(run(out));
  CAPTURE(r.out);
  CHECK(r.code == 0);
  CHECK(r.has("6 done, 0 to do"));
  CHECK(read_file(cells(out)) == read_file(cells(whole())));
  CHECK_FALSE(fs::exists(out + "/cells/" + read_cells(cells(out)).rows[0].hash));
}

TEST_CASE("rows trained again are equal; one that was changed is found") {
  const std::string verify =
      "study verify " + study_file() + " --no-cache --jobs 2 --seed 3 --out ";
  const CommandResult same = gradus_command(verify + whole() + " --cells 2");
  CAPTURE(same.out);
  CHECK(same.code == 0);
  CHECK(same.has("2 of 6 rows, drawn by --seed 3"));
  CHECK(same.has("2 of 2 rows are equal"));

  const std::string out = scratch() / "planted-study";
  fs::create_directories(out);
  CellTable table = read_cells(cells(whole()));
  table.rows.resize(1);
  table.rows[0].tests[0].gs += 1e-12;
  table.rows[0].level = "other";
  write_file(cells(out), cells_csv(table));
  const CommandResult r = gradus_command(verify + out);
  CAPTURE(r.out);
  CHECK(r.code == 1);
  CHECK(r.has("differs: gs_2 "));
  CHECK(r.has("made elsewhere: level other, now "));
  CHECK(r.has("0 of 1 rows are equal"));
  CHECK(read_cells(cells(out)).rows == table.rows);

  table.rows.clear();
  write_file(cells(out), cells_csv(table));
  check_refused(verify + out, {"has no row of this study yet"});
}

TEST_CASE("a cell that fails is told, and the others are kept") {
  const std::string out = scratch() / "failed-study";
  const std::string hash = read_cells(cells(whole())).rows[2].hash;
  const fs::path folder = fs::path(out) / "cells" / hash;
  fs::create_directories(folder.parent_path());
  fs::copy(whole() + "/cells/" + hash, folder, fs::copy_options::recursive);
  fs::remove(folder / "metrics.json");
  fs::remove(folder / "cell.csv");
  write_file(folder / "checkpoints/last.safetensors", "no checkpoint");
  const CommandResult failed = gradus_command(run(out));
  CAPTURE(failed.out);
  CHECK(failed.code == 2);
  CHECK(failed.has("gradus: 1 cells failed; the others are kept. The first: ropepool TIME 1 ("));
  CHECK(failed.has(hash));
  CHECK(failed.has("last.safetensors"));
  CHECK(read_cells(cells(out)).rows.size() == 5);
  fs::remove_all(folder);
  const CommandResult r = gradus_command(run(out));
  CHECK_MESSAGE(r.code == 0, r.out);
  CHECK(timeless(out) == timeless(whole()));
}

TEST_CASE("what is wrong is one message, exit code 2, and nothing is changed") {
  const std::string out = " --out " + (scratch() / "wrong-study");
  check_refused("study rum", {"unknown part of gradus study 'rum'", "did you mean 'run'?"});
  check_refused("study run" + out, {"a study file"});
  check_refused("study run " + study_file(), {"--out DIR"});
  check_refused("study run nowhere.toml" + out, {"nowhere.toml"});
  check_refused("study run " + study_file() + out + " --preset laptop", {"has no presets"});
  check_refused("study run " + study_file() + out + " --hours 0", {"--hours takes a number above"});
  check_refused("study run " + study_file() + out + " --jobs 0", {"--jobs takes a whole number"});
  check_refused(
      "study run " + scratch().file("w.toml", kStudy + "[axes.x.y.train]\nepoch = 3\n") + out,
      {"w.toml:30: unknown key 'train.epoch'", "did you mean 'train.epochs'?"});
  check_refused("study run " +
                    scratch().file("v.toml", kStudy + "[axes.x.y.model]\nattention = \"softmax\"\n"
                                                      "[axes.x.z.data]\nsource = \"/nowhere\"\n") +
                    out,
                {"/nowhere", "in the cell none TIME|BIN 1 z"});
  CHECK_FALSE(fs::exists(scratch() / "wrong-study"));

  const std::string damaged = scratch() / "damaged-study";
  fs::create_directories(damaged);
  const std::string text = read_file(cells(whole()));
  write_file(cells(damaged), text.substr(0, text.size() - 20));
  const auto before = files_below(damaged);
  check_refused(run(damaged), {"cells.csv:7: "});
  CHECK(read_file(cells(damaged)) == text.substr(0, text.size() - 20));
  CHECK(files_below(damaged) == before);

  // Other data than the study was begun with.
  const std::string other = scratch() / "other-study";
  fs::create_directories(other);
  auto floors = read_floors(whole() + "/floors.csv");
  floors[0].windows += 1;
  write_file(other + "/floors.csv", floors_csv(floors));
  write_file(cells(other), text);
  const CommandResult r = gradus_command(run(other));
  CHECK(r.code == 2);
  CHECK(r.has("gradus: this study was begun with other data"));
  CHECK(read_file(cells(other)) == text);
}

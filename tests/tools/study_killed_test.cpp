// A study that is killed while its cells train, by itself or with all of its cells as when the
// power fails, goes on to the tables of a study that never was, and trains no cell twice.
#include <fstream>
#include <map>

#include "tensor/random.h"
#include "tests/tools/process.h"
#include "tests/tools/tiny_study.h"
#include "train/study/rows.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

// Cells of one kind, so that each start has but one model to time before its cells begin.
const std::string kStudy = tiny_study("killed", "epochs = 1\nsave_every = 5\n", R"([base.pe]
name = "ropepool"
[axes.context]
TIME.data = {context = ["time"]}
BIN.data = {context = ["bin"]}
[axes.seed]
key = "train.seed"
values = [1, 2, 3]
)");
constexpr std::size_t kCells = 6;

using Clock = std::chrono::steady_clock;
double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string run(const std::string& out) {
  static const std::string file = scratch().file("killed.toml", kStudy);
  return "study run " + file + " --quiet --no-cache --jobs 2 --out " + out;
}

/// What a process began and what has not ended yet: of a study, its cells.
std::vector<pid_t> children(pid_t parent) {
  std::vector<pid_t> all;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const int id = std::atoi(entry.path().filename().c_str());
    std::string text;
    if (id <= 0 || !std::getline(std::ifstream(entry.path() / "stat"), text)) continue;
    char state = 'Z';
    int of = 0;
    const std::size_t name_end = text.rfind(')');  // a name may hold anything, a ')' too
    if (name_end == std::string::npos ||
        std::sscanf(text.c_str() + name_end + 1, " %c %d", &state, &of) != 2)
      continue;
    if (of == parent && state != 'Z') all.push_back(id);
  }
  return all;
}

/// Until a study trains; false where it ended before.
bool trains(const Process& p) {
  while (p.running()) {
    if (!children(p.id()).empty()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

/// How many cells were running when it was killed.
std::size_t kill_study(const Process& p, bool with_cells) {
  p.signal(SIGSTOP);  // from here on it begins none
  const std::vector<pid_t> cells = children(p.id());
  if (with_cells)
    for (const pid_t c : cells) ::kill(c, SIGKILL);
  p.signal(SIGKILL);
  return cells.size();
}

/// What each row that is there says of its time.
std::map<std::string, double> times(const std::string& out) {
  std::map<std::string, double> all;
  if (fs::exists(out + "/cells.csv"))
    for (const CellRow& r : read_cells(out + "/cells.csv").rows) all[r.hash] = r.seconds;
  return all;
}

/// The table but for its times, the floors, and all that `gradus study report` makes of the two.
std::map<std::string, std::string> tables(const std::string& out) {
  const std::string folder = out + "-timeless";
  fs::create_directories(folder);
  CellTable table = read_cells(out + "/cells.csv");
  for (CellRow& r : table.rows) r.seconds = 0;
  write_file(folder + "/cells.csv", cells_csv(table));
  write_file(folder + "/floors.csv", read_file(out + "/floors.csv"));
  const CommandResult r = gradus_command("study report " + folder + " --pieces 0");
  REQUIRE_MESSAGE(r.code == 0, r.out);
  std::map<std::string, std::string> all;
  for (const std::string& name : files_below(folder))
    if (const std::string path = folder + "/" + name; !fs::is_directory(path))
      all[name] = read_file(path);
  return all;
}

}  // namespace

TEST_CASE("killed at ten random moments of its training, a study ends with the same tables") {
  const std::string whole = scratch() / "whole", output = scratch() / "output";
  double length = 0;
  {
    Process p(run(whole), output);
    REQUIRE(trains(p));
    const auto begin = Clock::now();
    REQUIRE_MESSAGE(p.wait() == 0, p.output());
    length = since(begin);
  }
  const auto expected = tables(whole);
  REQUIRE(expected.size() > 5);
  REQUIRE(times(whole).size() == kCells);

  Rng rng(4);
  double reach = length / 6;
  int studies = 1, kills[2] = {0, 0}, amid = 0;  // kills of the study alone, and with its cells
  std::map<std::string, double> seen;
  for (int attempt = 0; kills[0] + kills[1] < 10 || amid < 4; ++attempt) {
    REQUIRE(attempt < 60);
    const std::string out = scratch() / fmt::format("killed-{}", studies);
    const bool with_cells = attempt % 2 == 1;
    Process p(run(out), output);
    std::size_t hit = 0;
    if (trains(p)) {
      const auto begin = Clock::now();
      for (const double moment = reach * uniform_number(rng); p.running() && since(begin) < moment;)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      hit = kill_study(p, with_cells);
    }
    const int code = p.wait();
    CAPTURE(p.output());
    REQUIRE((code == 0 || code == 128 + SIGKILL));
    const auto now = times(out);
    for (const auto& [hash, seconds] : seen) {
      REQUIRE(now.count(hash));
      CHECK(now.at(hash) == seconds);
    }
    if (code == 0) {  // it ended before its moment came
      CHECK(tables(out) == expected);
      seen.clear();
      ++studies;
      reach /= 2;
      continue;
    }
    kills[with_cells] += hit > 0;
    amid += hit > 0 && !now.empty() && now.size() < kCells;
    // On a machine that became busier they do not get far.
    if (now.size() == seen.size()) reach *= 1.25;
    seen = now;
  }
  CHECK(kills[0] >= 3);
  CHECK(kills[1] >= 3);

  const std::string last = scratch() / fmt::format("killed-{}", studies);
  const CommandResult r = gradus_command(run(last));
  REQUIRE_MESSAGE(r.code == 0, r.out);
  CHECK(tables(last) == expected);
  for (const auto& [hash, seconds] : seen) CHECK(times(last).at(hash) == seconds);
}

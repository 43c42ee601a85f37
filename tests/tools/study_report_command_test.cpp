// gradus study report: its page holds the numbers of its files, plays what its MIDI files hold, and
// asks for nothing from outside. Chromium drives the page where there is one.
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "tensor/text.h"
#include "tests/tools/command.h"
#include "train/study/report_table.h"
#include "train/study/rows.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

CellRow row(const std::string& encoding, const std::vector<std::string>& contexts, int seed) {
  CellRow r;
  r.study = "tiny";
  r.preset = "base";
  r.hash = fmt::format("{}-{}-{}", encoding, contexts[0], seed);
  r.values = {{encoding}, contexts, {std::to_string(seed)}};
  r.threshold = 0.1;
  r.digest = "d", r.version = "0.1", r.compiler = "g++", r.level = "avx2", r.blas_core = "Zen";
  r.threads = 1;
  for (int64 bars : {16, 64}) {
    StudyMeasures m;
    m.bars = bars;
    double value = 40 + seed + static_cast<double>(encoding.size()) / 3;
    for (const StudyMeasure& known : study_measure_table()) m.*known.value = value += 1.0 / 7;
    r.tests.push_back(m);
  }
  return r;
}

/// A study of which two cells have a run folder; made once.
const std::string& study() {
  static const std::string folder = [] {
    CellTable t{{"encoding", "context", "seed"}, {16, 64}, {}};
    for (int seed : {1, 2}) {
      t.rows.push_back(row("none", {"TIME", "BIN"}, seed));
      for (const char* name : {"rope_a", "rope_c", "ropepool"})
        for (const char* context : {"TIME", "BIN"}) t.rows.push_back(row(name, {context}, seed));
    }
    const fs::path path = scratch() / "study";
    fs::create_directories(path / "cells");
    write_file(path / "cells.csv", cells_csv(t));
    std::vector<FloorRow> floors;
    for (const char* name : {"silent", "block-chords"})
      for (int64 bars : {16, 64}) {
        FloorRow f{"tiny", "base", name, 5, row("x", {"y"}, 3).tests[0]};
        f.measures.bars = bars;
        floors.push_back(f);
      }
    write_file(path / "floors.csv", floors_csv(floors));
    for (const char* hash : {"none-TIME-1", "ropepool-BIN-1"})
      fs::copy(scratch().run(), path / "cells" / hash, fs::copy_options::recursive);
    write_file(path / "mi.csv",
               "context,labels,nats,shuffled,paper,cells,pitches,shuffles,subset\n"
               "time,100,0.0043,0.003,,1000,30,3,few windows\nbin,20,0.9,0.001,,1000,30,3,few "
               "windows\n");
    const CommandResult r =
        gradus_command("study report " + path.string() + " --bars 4 --pieces 2 --no-cache");
    REQUIRE_MESSAGE(r.code == 0, r.out);
    CHECK(r.has("tiny, preset base: 14 cells: 4 encodings, 2 contexts"));
    CHECK(r.has("preset base: 3 of the models cannot be heard"));
    return path.string();
  }();
  return folder;
}

fs::path report() { return fs::path(study()) / "report"; }
std::string page() { return read_file(report() / "index.html"); }

/// The text between two words, from a place on, which moves behind it; "" where there is none.
std::string between(const std::string& text, const std::string& open, const std::string& close,
                    std::size_t& at) {
  const std::size_t begin = text.find(open, at);
  if (begin == std::string::npos) return "";
  const std::size_t end = text.find(close, begin + open.size());
  REQUIRE(end != std::string::npos);
  at = end;
  return text.substr(begin + open.size(), end - begin - open.size());
}

/// CSV without its quotes: our labels hold commas in quotes alone.
std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> all = {""};
  bool quoted = false;
  for (char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      all.emplace_back();
    else
      all.back() += c;
  }
  return all;
}

bool there_is(const std::string& program) {
  return std::system(("command -v " + program + " > /dev/null 2>&1").c_str()) == 0;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.rfind(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("the page is one file: no address, no include left") {
  const std::string text = page();
  for (const char* outside : {"https://", "src=", "<link", "@import", "fetch("})
    CHECK_MESSAGE(text.find(outside) == std::string::npos, outside);
  const std::size_t address = text.find("http://");
  CHECK((address == std::string::npos || text.compare(address, 17, "http://www.w3.org") == 0));
  CHECK(text.find("content=\"default-src 'none';") != std::string::npos);
  CHECK(text.find("<!-- include") == std::string::npos);
  CHECK(text.find("<!-- body") == std::string::npos);
  // Every file that it names is there.
  std::size_t at = 0;
  for (std::string file; !(file = between(text, "<a href=\"tables/", "\"", at)).empty();)
    CHECK_MESSAGE(fs::exists(report() / "tables" / file), file);
}

TEST_CASE("the page's tables are the numbers of the CSV files, in full and as shown") {
  const std::string text = page();
  std::size_t compared = 0;
  for (const char* id : {"table1", "table2", "table3", "further", "training"}) {
    CAPTURE(id);
    std::size_t at = text.find(fmt::format("<table id=\"{}\">", id));
    REQUIRE(at != std::string::npos);
    const std::string body = between(text, "<tbody>", "</tbody>", at);
    const std::vector<std::string> lines =
        split(read_file(report() / "tables" / fmt::format("{}.csv", id)), '\n');
    std::size_t in_body = 0;
    for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
      const std::vector<std::string> csv = fields(lines[i]);
      const std::string html_row = between(body, "<tr", "</tr>", in_body);
      REQUIRE(!html_row.empty());
      std::size_t in_row = 0;
      CHECK(between(html_row, "class=\"label\">", "</th>", in_row) == csv[1]);
      for (std::size_t k = 4; k + 2 < csv.size(); k += 3) {
        const std::string mean = between(html_row, "data-mean=\"", "\"", in_row);
        const std::string deviation = between(html_row, "data-std=\"", "\"", in_row);
        const std::string mark = between(html_row, "data-mark=\"", "\"", in_row);
        const std::string shown_text = between(html_row, ">", "</td>", in_row);
        CHECK(mean == csv[k]);
        CHECK(deviation == csv[k + 1]);
        CHECK(mark == csv[k + 2]);
        if (mean.empty()) {
          CHECK(shown_text.empty());
        } else {
          // Half of the last digit that is shown.
          const std::size_t dot = shown_text.find('.');
          const std::size_t digits =
              dot == std::string::npos ? 0 : std::strspn(&shown_text[dot + 1], "0123456789");
          const double rounding = 0.51 * std::pow(10, -static_cast<double>(digits));
          CHECK(std::abs(std::stod(shown_text) - std::stod(csv[k])) <= rounding);
        }
        ++compared;
      }
    }
    CHECK(between(body, "<tr", "</tr>", in_body).empty());
  }
  CHECK(compared > 200);
}

TEST_CASE("Figure 4 holds the means of Table III, on a logarithmic axis of information") {
  const std::string figure = read_file(report() / "figure4.svg");
  CHECK(page().find(figure) != std::string::npos);
  const std::vector<std::string> lines = split(read_file(report() / "tables/table3.csv"), '\n');
  std::size_t points = 0;
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    const std::vector<std::string> csv = fields(lines[i]);
    if (csv[2] != "measured") continue;
    for (std::size_t k = 4; k < 4 + 4 * 3; k += 3) {  // four measures in windows of 16 bars
      const std::string words = fmt::format("<title>{}, {}: {:.2f} ± {:.2f}</title>", csv[1],
                                            csv[0], std::stod(csv[k]), std::stod(csv[k + 1]));
      CHECK_MESSAGE(figure.find(words) != std::string::npos, words);
      ++points;
    }
  }
  CHECK(points == 24);
  // Our points stand at 0.0043 and 0.9 nats, the paper's at 0.0085 and 1.0075.
  const auto place = [&](const std::string& title) {
    std::size_t at = figure.find("<title>" + title);
    REQUIRE_MESSAGE(at != std::string::npos, title);
    return std::stod(between(figure, "cx=\"", "\"", at));
  };
  const double decade =
      (place("RoPEPool, BIN: ") - place("RoPEPool, TIME: ")) / std::log10(0.9 / 0.0043);
  CHECK(decade > 50);
  CHECK((place("RoPEPool, BIN, paper") - place("RoPEPool, TIME, paper")) /
            std::log10(1.0075 / 0.0085) ==
        doctest::Approx(decade).epsilon(0.01));
}

TEST_CASE("target, floors and models of each piece, as MIDI files and on the page") {
  std::size_t at = 0;
  const std::string text = page();
  const auto data = nlohmann::json::parse(
      between(text, "<script id=\"data\" type=\"application/json\">", "</script>", at));
  REQUIRE(data.size() == 2);
  std::size_t files = 0;
  for (const auto& piece : data) {
    std::vector<std::string> titles;
    for (const auto& part : piece["parts"]) {
      titles.push_back(part["title"]);
      const Song song = read_midi(report() / part["midi"].get<std::string>());
      std::size_t notes = 0;
      for (const SongTrack& track : song.tracks) notes += track.notes.size();
      CHECK(notes == piece["melody"].size() + piece["bridge"].size() + part["notes"].size());
      ++files;
    }
    CHECK(titles == std::vector<std::string>{"target", "silent", "all-twelve", "heard-lately",
                                             "block-chords", "no encoding, seed 1",
                                             "RoPEPool, seed 1"});
    CHECK(piece["parts"][0]["notes"].size() > 0);
  }
  CHECK(files_below(report() / "midi").size() == files);
}

TEST_CASE("playback schedules the notes of the MIDI file, each at its time") {
  const bool browser = there_is("chromium");
  if (!browser) {
    MESSAGE("no chromium: the page was not driven");
    return;
  }
  // A sound card that writes down what it is told.
  const std::string early = R"(<head><script>
window.problems = [];
window.onerror = (m) => { problems.push(String(m)); };
console.error = (...a) => { problems.push(a.join(" ")); };
</script>)";
  const std::string driver = R"(<pre id="result"></pre><script>
let heard = [];
const value = { setValueAtTime() {}, linearRampToValueAtTime() {}, setTargetAtTime() {} };
const node = () => ({ connect() {}, disconnect() {} });
window.AudioContext = class {
  constructor() { this.currentTime = 0; this.state = "running"; this.destination = node(); }
  createDynamicsCompressor() { return node(); }
  createPeriodicWave() { return {}; }
  createGain() { return { ...node(), gain: value }; }
  createOscillator() {
    const note = {};
    heard.push(note);
    return { ...node(), setPeriodicWave() {}, frequency: { setValueAtTime: (hz) => (note.hz = hz) },
      start: (t) => (note.start = t), stop: (t) => (note.stop = t) };
  }
};
const all = [];
const press = (what, text) => [...document.querySelectorAll(`[aria-label="${what}"] button`)]
  .filter((b) => text === null || b.textContent === text).forEach((b) => b.click());
const pieces = document.querySelectorAll('[aria-label="piece"] button').length;
for (let i = 0; i < pieces; ++i) {
  document.querySelectorAll('[aria-label="piece"] button')[i].click();
  press("context", "all");
  for (const card of document.querySelectorAll(".card")) {
    heard = [];
    card.querySelector(".play").click();
    all.push({ midi: card.dataset.midi, playing: card.classList.contains("playing"), notes: heard });
    card.querySelector(".play").click();
    if (card.classList.contains("playing")) problems.push("does not stop");
  }
}
document.getElementById("result").textContent = JSON.stringify({ problems, all });
</script></body>)";
  std::string driven = replaced(page(), "</body>", driver);
  const std::size_t head = driven.find("<head>");
  REQUIRE(head != std::string::npos);
  driven.replace(head, 6, early);
  const std::string file = scratch().file("driven-study.html", driven);
  const std::string command = "chromium --headless --no-sandbox --disable-gpu --user-data-dir='" +
                              (scratch() / "chromium-study") +
                              "' --virtual-time-budget=4000 --dump-dom 'file://" + file +
                              "' 2> /dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  std::string dom;
  char part[4096];
  while (const std::size_t n = std::fread(part, 1, sizeof part, pipe)) dom.append(part, n);
  pclose(pipe);
  std::size_t at = 0;
  const std::string result = between(dom, "<pre id=\"result\">", "</pre>", at);
  REQUIRE_MESSAGE(!result.empty(), "chromium wrote nothing");
  const auto played = nlohmann::json::parse(result);
  CHECK_MESSAGE(played["problems"].empty(), played["problems"].dump());
  CHECK(played["all"].size() == 14);

  std::size_t notes = 0;
  for (const auto& performance : played["all"]) {
    const std::string midi = performance["midi"];
    CAPTURE(midi);
    CHECK(performance["playing"] == true);
    const Song song = read_midi(report() / midi);
    // Milliseconds from the first sound that could be.
    const double tick = static_cast<double>(song.tempos[0].microseconds_per_quarter) / 1000 /
                        song.ticks_per_quarter;
    std::map<std::tuple<int, std::int64_t, std::int64_t>, int> balance;
    for (const SongTrack& track : song.tracks)
      for (const Note& n : track.notes)
        ++balance[{n.pitch, std::lround(static_cast<double>(n.start) * tick),
                   std::lround(static_cast<double>(n.end) * tick)}];
    constexpr double kLead = 80, kRelease = 120;  // of the player
    for (const auto& n : performance["notes"]) {
      --balance[{static_cast<int>(std::lround(69 + 12 * std::log2(n["hz"].get<double>() / 440))),
                 std::lround(1000 * n["start"].get<double>() - kLead),
                 std::lround(1000 * n["stop"].get<double>() - kLead - kRelease)}];
      ++notes;
    }
    for (const auto& [note, left] : balance) CHECK(left == 0);
  }
  CHECK(notes > 500);
}

TEST_CASE("rows alone: no sample, and the page says so") {
  const fs::path bare = scratch() / "bare-study";
  fs::create_directories(bare);
  write_file(bare / "cells.csv", read_file(fs::path(study()) / "cells.csv"));
  const CommandResult r =
      gradus_command("study report " + bare.string() + " --out " + (scratch() / "bare-report"));
  CHECK_MESSAGE(r.code == 0, r.out);
  const std::string text = read_file(scratch() / "bare-report/index.html");
  CHECK(text.find("only rows: there is nothing to hear") != std::string::npos);
  CHECK(text.find("No table of mutual information was given") != std::string::npos);
  CHECK(text.find("<table id=\"table3\">") != std::string::npos);
  CHECK(text.find("<table id=\"table1\">") == std::string::npos);
}

TEST_CASE("run folders whose data is elsewhere: the tables are there, and the page says why") {
  const fs::path moved = scratch() / "moved-study", cell = moved / "cells/none-TIME-1";
  fs::create_directories(moved / "cells");
  write_file(moved / "cells.csv", read_file(fs::path(study()) / "cells.csv"));
  fs::copy(scratch().run(), cell, fs::copy_options::recursive);
  std::string experiment = read_file(cell / "experiment.toml");
  const std::size_t at = experiment.find("source = ''");
  REQUIRE_MESSAGE(at != std::string::npos, experiment);
  write_file(cell / "experiment.toml", experiment.replace(at, 11, "source = '/nowhere'"));
  const CommandResult r = gradus_command("study report " + moved.string() + " --no-cache");
  CHECK_MESSAGE(r.code == 0, r.out);
  CHECK(r.has("--data DIR says where the data is"));
  const std::string text = read_file(moved / "report/index.html");
  CHECK(text.find("There is nothing to hear:") != std::string::npos);
  CHECK(text.find("/nowhere") != std::string::npos);
  check_refused("study report " + moved.string() + " --no-cache --data /neither", {"/neither"});
}

TEST_CASE("wrong words are one clear message and exit code 2") {
  check_refused("study report", {"needs the folder of a study"});
  check_refused("study report /nowhere", {"there is no study in '/nowhere'", "no cells.csv"});
  check_refused("study report " + study() + " --run x", {"TITLE=FOLDER, got 'x'"});
  check_refused("study report " + study() + " --run x=/nowhere", {"/nowhere"});
  check_refused("study report " + study() + " --pieces -1", {"--pieces takes a whole number"});
  check_refused("study report " + study() + " --mi /nowhere.csv", {"/nowhere.csv"});
  const std::string broken = scratch() / "broken-study";
  fs::create_directories(broken);
  write_file(fs::path(broken) / "cells.csv", "a,b\n");
  check_refused("study report " + broken, {"cells.csv:1"});
}

// gradus study report: the tables, the figure and the listening page of a study, from its rows and
// what run folders of its cells are there.
#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "tensor/file.h"
#include "tools/cache_options.h"
#include "tools/commands.h"
#include "tools/study_report_page.h"
#include "train/run_folder.h"
#include "train/study/study.h"

namespace gradus {

namespace {

constexpr int64 kMostBars = 256, kMostPieces = 20;

/// TITLE=FOLDER, a model that is none of the study's cells.
ListeningRun further_run(const std::string& text) {
  const std::size_t equals = text.find('=');
  check<ConfigError>(equals != std::string::npos && equals > 0 && equals + 1 < text.size(),
                     "--run takes a title and a run folder, TITLE=FOLDER, got '{}'", text);
  ListeningRun run{text.substr(0, equals), "", text.substr(equals + 1)};
  (void)RunFolder::open(run.folder);  // named by the user: not there is an error
  return run;
}

/// The first seed of each row of Table III.
std::vector<ListeningRun> runs_of(const StudyResults& results, const std::filesystem::path& dir) {
  std::vector<ListeningRun> runs;
  std::vector<std::string> seen;
  for (const std::string& context : contexts_of(results))
    for (const SeedGroup* g : table_groups(results, context)) {
      const CellRow& cell = *g->cells[0];
      // A cell that stands for several contexts is heard once, in all of them.
      if (std::find(seen.begin(), seen.end(), cell.hash) != seen.end()) continue;
      seen.push_back(cell.hash);
      const bool shared = encoding_family(g->encoding) == EncodingFamily::none;
      const std::string seed = g->seeds[0].empty() ? "" : fmt::format(", seed {}", g->seeds[0]);
      runs.push_back({g->label() + seed, shared ? "" : context, dir / "cells" / cell.hash});
    }
  return runs;
}

void write_tables(const std::filesystem::path& out, const ReportContent& content) {
  std::string all;
  for (const ReportTable& t : content.tables) {
    write_file(out / "tables" / (t.id + ".md"), markdown(t));
    write_file(out / "tables" / (t.id + ".csv"), csv(t));
    write_file(out / "tables" / (t.id + ".tex"), latex(t));
    all += markdown(t) + "\n";
  }
  write_file(out / "tables.md", all);
}

void write_midi_files(const std::filesystem::path& out, const ReportContent& content) {
  for (const StudyListening& s : content.listening)
    for (const ListeningPiece& piece : s.listening.pieces)
      for (const ListeningPart& part : piece.parts)
        write_midi(out / midi_path(s, piece, part), listening_song(piece, part));
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  check<IoError>(!error, "cannot make the folder '{}': {}", folder.string(), error.message());
}

/// A file of the study's folder, where it is there.
std::optional<std::string> optional_file(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  return read_file(file);
}

StudyListening listening_of(const CommandLine& line, const StudyResults& results,
                            const std::filesystem::path& dir) {
  ListeningRequest request;
  request.runs = runs_of(results, dir);
  if (line.has("run"))
    for (const std::string& run : line.texts("run")) request.runs.push_back(further_run(run));
  if (line.has("data")) request.source = line.text("data");
  request.bars = line.integer("bars", 1, kMostBars);
  request.pieces = line.integer("pieces", 0, kMostPieces);
  request.cache = cache_folder(line);
  StudyListening s{results.study, results.preset, results.suffix, {}};
  if (request.pieces > 0) try {
      s.listening = make_listening(request);
    } catch (const IoError& e) {
      // The tables need no data; what was asked for by name is another thing.
      if (line.has("data")) throw;
      s.listening.missing = {e.rule() + "; --data DIR says where the data is"};
    }
  return s;
}

}  // namespace

int study_report(int argc, char** argv) {
  CommandOptions options(
      "gradus study report",
      "Writes what a study gave: Tables I to III of the paper on RoPEPool with its own numbers and "
      "the floors beside\nours, tests of significance, Figure 4, and a page on which target, "
      "floors "
      "and models can be heard.\n");
  options.positional_help("DIR");
  CommandOptions::Adder add = options.add_options();
  add("dir", "folder of `gradus study run`, with cells.csv; floors.csv and cells/ where they are",
      takes_word());
  add("out", "folder to write to (default: DIR/report)", takes_word());
  add("study", "study file: what its presets change is told beside their results", takes_word(),
      "STUDY.toml");
  add("mi", "table of `gradus data mi --csv` (default: DIR/mi.csv, where it is)", takes_word(),
      "FILE");
  add("data", "the data of the pieces to be heard (default: where the cells' came from)",
      takes_word());
  add("pieces", "how many pieces to hear", takes_word("3"));
  add("bars", "how many bars of each", takes_word("16"));
  add("run", "a further model to hear; once for each", takes_words(), "TITLE=FOLDER");
  add_cache_options(add);
  add("help", "this text");
  options.parse_positional({"dir"});
  const CommandLine line(options, argc, argv, "gradus study report runs/stripes");
  if (line.helped()) return 0;
  const std::filesystem::path dir =
      line.required("dir", "the folder of a study: gradus study report runs/stripes");
  check<ConfigError>(std::filesystem::exists(dir / "cells.csv"),
                     "there is no study in '{}': it has no cells.csv, which `gradus study run` "
                     "writes",
                     dir.string());
  const CellTable cells = read_cells(dir / "cells.csv");
  check<ConfigError>(!cells.rows.empty(), "'{}' has no row: no cell is finished yet",
                     (dir / "cells.csv").string());
  std::vector<FloorRow> floors;
  if (const auto text = optional_file(dir / "floors.csv"))
    floors = parse_floors(*text, (dir / "floors.csv").string());

  ReportContent content;
  content.results = study_results(cells, floors);
  if (line.has("study"))
    for (StudyResults& r : content.results)
      r.note = Study::read(line.text("study"), r.preset == "base" ? "" : r.preset).note;
  const std::filesystem::path mi = line.has("mi") ? line.text("mi") : (dir / "mi.csv").string();
  if (line.has("mi") || std::filesystem::exists(mi))
    content.information = parse_information(read_file(mi), mi.string());
  content.add_tables();
  for (const StudyResults& r : content.results)
    content.listening.push_back(listening_of(line, r, dir));

  const std::filesystem::path out =
      line.has("out") ? std::filesystem::path(line.text("out")) : dir / "report";
  make_folder(out / "tables");
  make_folder(out / "midi");
  write_tables(out, content);
  for (const StudyResults& r : content.results) {
    write_file(out / "tables" / fmt::format("tests{}.csv", r.suffix), tests_csv(r));
    const std::string figure = content.figure(r);
    if (!figure.empty()) write_file(out / fmt::format("figure4{}.svg", r.suffix), figure);
    fmt::print("{}, preset {}: {}\n", r.study, r.preset, r.counts());
  }
  write_midi_files(out, content);
  write_file(out / "index.html", report_page(content));
  for (const StudyListening& s : content.listening)
    if (!s.listening.missing.empty())
      fmt::print("preset {}: {} cannot be heard ({})\n", s.preset,
                 s.listening.pieces.empty()
                     ? "the models"
                     : fmt::format("{} of the models", s.listening.missing.size()),
                 s.listening.missing[0]);
  fmt::print("{}\n", (out / "index.html").string());
  return 0;
}

}  // namespace gradus

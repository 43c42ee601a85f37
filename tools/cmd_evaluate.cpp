// gradus evaluate: the measures of a run beside those of the floors, over the windows of one split;
// or those of one floor alone.
#include <fmt/core.h>

#include <algorithm>

#include "tensor/file.h"
#include "tools/cache_options.h"
#include "tools/commands.h"
#include "train/model_reads.h"
#include "train/run_evaluation.h"
#include "train/run_vocabulary.h"
#include "train/step_times.h"

namespace gradus {

namespace {

constexpr int64 kMostBars = 4096, kMostSeeds = 1000;

Split wanted_split(const CommandLine& line, const std::vector<Piece>& pieces) {
  return line.has("split") ? parse_split(line.text("split")) : evaluation_split(pieces);
}

int64 wanted_bars(const CommandLine& line, int64 usual) {
  return line.has("bars") ? line.integer("bars", 1, kMostBars) : usual;
}

void add_left_out(EvaluationTable& table, const HarmonyData& data) {
  if (!data.left_out.empty())
    table.heading.emplace_back("left out", left_out_text(data, "gradus data info"));
}

/// One floor on the papers' grid; POP909 in the papers' windows.
EvaluationTable baseline_table(const CommandLine& line, const Floor& floor) {
  constexpr int64 kUsualBars = 16, kUsualTuneBars = 8;
  Experiment e;
  e.data.source = line.has("data") ? line.text("data") : "";
  e.data.grid = kPopTicks;
  e.data.windows = "papers";
  const WindowKind kind = window_kind(e);
  const HarmonyData data = read_harmony_data(data_request(e, cache_folder(line)));
  const int64 bars = wanted_bars(line, kind == WindowKind::papers ? kUsualBars : kUsualTuneBars);
  const EvaluationWindows windows =
      evaluation_windows(data.pieces, wanted_split(line, data.pieces), bars, kind);
  EvaluationTable table = table_of(windows, e.data.source);
  add_left_out(table, data);
  table.heading.emplace_back("floor", floor.says);
  table.rows = {evaluate_floor(windows, floor)};
  return table;
}

/// Where the data lacks what the run was trained with.
void check_data(const Harmonizer& harmonizer, const HarmonyData& data,
                const EvaluationWindows& windows, const std::string& source) {
  const std::vector<std::string> readers = chord_readers(harmonizer);
  check<ConfigError>(readers.empty() || windows.has_chords(),
                     "this run was trained with {}: it needs chords, but no piece of split {} in "
                     "{} has any",
                     join(readers), to_string(windows.split), data_text(source));
  check<ConfigError>(data.has_styles || !reads_style(harmonizer),
                     "this run was trained with the style of the accompaniment, which the bundled "
                     "tunes say, but not {}",
                     data_text(source));
}

std::string run_text(const std::string& path, const Harmonizer& harmonizer,
                     const TrainingPoint& point) {
  const Experiment& e = harmonizer.experiment();
  std::string text =
      fmt::format("{}: encoding {}, context {}, inputs {}; best of its epochs: {}", path, e.pe,
                  join(e.data.context), join(e.data.inputs), point.epoch);
  for (const std::string& reason : looks_ahead(harmonizer)) text += "; NOTE: " + reason;
  return text;
}

/// The run's experiment with other rules of decoding, where --set names them.
Experiment decoded_as(const Experiment& own, const CommandLine& line) {
  if (!line.has("set")) return own;
  const std::vector<std::string> settings = line.texts("set");
  for (const std::string& s : settings)
    check<ConfigError>(s.starts_with("decode."),
                       "gradus evaluate --set takes keys of [decode], as in "
                       "decode.sustain_threshold=0.8; the model is as it was trained; got '{}'",
                       s);
  return Experiment::parse(own.to_toml(), "the run's experiment", settings);
}

/// A run beside the floors, in windows of its own kind.
EvaluationTable run_table(const CommandLine& line) {
  const std::string path = line.text("run");
  const RunFolder folder = RunFolder::open(path);
  const Experiment own = decoded_as(folder.experiment(), line);
  Experiment e = own;
  if (line.has("data")) e.data.source = line.text("data");
  const HarmonyData data = read_harmony_data(data_request(e, cache_folder(line)));
  Harmonizer harmonizer(own, load_vocabulary(folder));
  const Split split = wanted_split(line, data.pieces);
  const EvaluationWindows windows =
      evaluation_windows(judged_pieces(e, data.pieces, cache_folder(line)), split,
                         wanted_bars(line, usual_bars(own)), window_kind(e));
  check_data(harmonizer, data, windows, e.data.source);
  check<ConfigError>(std::filesystem::exists(folder.checkpoint("best")),
                     "'{}' has no checkpoint yet: its training did not end an epoch", path);
  const TrainingPoint point =
      load_checkpoint(folder.checkpoint("best"), harmonizer.model(), nullptr);
  const Decoding decoding =
      make_decoding(own, line.has("threshold") ? line.probability("threshold") : point.threshold);

  EvaluationTable table;
  try {
    table = evaluate_run(windows, e.data.source, harmonizer, data.pieces, decoding,
                         line.integer("seeds", 1, kMostSeeds));
    table.heading.emplace_back(
        "cross entropy",
        fmt::format("{:.5f} nats a cell{}", cross_entropy(windows, harmonizer, data.pieces),
                    harmonizer.hears_past() ? ", given the true past" : ""));
    if (line.has("time-steps"))
      table.heading.emplace_back(
          "time", to_string(time_steps(harmonizer, line.integer("time-steps", 16, 1 << 20),
                                       decoding.threshold)));
  } catch (Error& error) {
    error.add(fmt::format("evaluating on {} the run '{}', trained on {}", data_text(e.data.source),
                          path, data_text(own.data.source)));
    throw;
  }
  add_left_out(table, data);
  table.heading.emplace_back("run", run_text(path, harmonizer, point));
  table.heading.emplace_back(
      "decoding",
      fmt::format("{}; the threshold {}", to_string(decoding),
                  line.has("threshold")      ? "as given with --threshold"
                  : own.decode.threshold > 0 ? "as given in its experiment"
                                             : "with the best onset F1 on validation windows"));
  return table;
}

void check_options(const CommandLine& line) {
  check<ConfigError>(line.has("run") != line.has("baseline"),
                     "gradus evaluate takes one of --run RUN and --baseline NAME");
  for (const char* of_run : {"threshold", "set", "time-steps"})
    check<ConfigError>(line.has("run") || !line.has(of_run),
                       "--{} belongs to --run: a floor has no probabilities", of_run);
}

}  // namespace

int cmd_evaluate(int argc, char** argv) {
  CommandOptions options(
      "gradus evaluate",
      "The measures of a run beside those of the floors, which need no learning, over windows of "
      "one split;\nor those of one floor alone. All hear a window from its first tick on, and "
      "nothing before it.\n");
  CommandOptions::Adder add = options.add_options();
  add("run", "run folder of `gradus train`", takes_word());
  add("baseline", "one floor alone: silent, all-twelve, heard-lately or block-chords",
      takes_word());
  add("data",
      "POP909's folder, a MIDI file or a folder of MIDI files (default: what the run was trained "
      "on; with --baseline the bundled tunes)",
      takes_word());
  add("split", "train, validation or test (default: test where the data has it, else validation)",
      takes_word());
  add("bars",
      "bars in a window (default: as in training; with --baseline 16 of POP909, 8 of other data)",
      takes_word());
  add("threshold", "probability of an onset (default: the one chosen in training)", takes_word());
  add("set", "another rule of decoding: --set decode.polyphony=4 (again for more keys)",
      takes_words(), "KEY=VALUE");
  add("seeds", "of a model that plays by itself: how often", takes_word("3"));
  add("time-steps", "print how long the model takes for each of so many steps", takes_word(), "N");
  add("csv", "file to write the table to", takes_word());
  add("json", "file to write the table to", takes_word());
  add_cache_options(add);
  add("help", "this text");
  const CommandLine line(options, argc, argv, "gradus evaluate --run runs/demo");
  if (line.helped()) return 0;
  check_options(line);
  const EvaluationTable table =
      line.has("run") ? run_table(line) : baseline_table(line, find_floor(line.text("baseline")));
  fmt::print("{}", text(table));
  if (line.has("csv")) write_file(line.text("csv"), csv(table));
  if (line.has("json")) write_file(line.text("json"), json(table));
  return 0;
}

}  // namespace gradus

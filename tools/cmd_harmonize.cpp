// gradus harmonize: keeps the melody of a MIDI file, of a bundled tune or of a song of a data set
// (and its bridge) and adds the accompaniment that a trained model hears in it.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "tools/command_line.h"
#include "tools/commands.h"
#include "tools/harmonize_song.h"
#include "train/decoding.h"
#include "train/generation.h"
#include "train/metrics.h"
#include "train/run_folder.h"
#include "train/run_vocabulary.h"
#include "train/streaming.h"

namespace gradus {

namespace {

HarmonizeSong read_song(const CommandLine& line, const Experiment& e) {
  const std::string chords = line.text("chords"), track = line.text("track");
  const auto grid = static_cast<int>(e.data.grid);
  if (line.has("tune")) return song_of_tune(line.text("tune"), chords, grid);
  const std::string song = line.text("song");
  if (!line.has("data")) return song_of_midi(one_midi_file(song), track, chords, grid);
  const std::filesystem::path data = line.text("data");
  if (is_pop909(data)) {
    check<ConfigError>(!line.has("track"),
                       "--track chooses a track of a MIDI file; a song of "
                       "POP909 has one melody");
    return song_of_pop909(data, song, chords, parse_pop_alignment(e.data.align), grid);
  }
  return song_of_midi(find_midi_file(find_midi_files(data), song, data), track, chords, grid);
}

void set_style(const CommandLine& line, const Harmonizer& h, HarmonizeSong& song) {
  if (line.has("tune") && !line.has("style")) return;
  const Style style = line.has("style") ? parse_style(line.text("style")) : Style::ballad;
  check<ConfigError>(
      !line.has("style") || h.format().reads("style"),
      "this model was trained without the input \"style\": --style would change nothing");
  std::vector<StepLabels> steps = song.piece.steps.to_vector();
  for (StepLabels& step : steps) step.style = style;
  song.piece.steps = std::move(steps);
  if (line.has("style")) song.piece.accompaniment = {};  // the target of another style
}

/// How long the longest bar took.
class BarTimer {
 public:
  void bar() {
    const Clock::time_point now = Clock::now();
    longest_ = std::max(longest_, std::chrono::duration<double>(now - before_).count());
    before_ = now;
  }
  void print() const {
    fmt::print("bar by bar, each from what was heard up to its end: {:.3f} s for a bar at most\n",
               longest_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point before_ = Clock::now();
  double longest_ = 0;
};

/// The notes of the model, in steps.
std::vector<Note> harmonize(const Harmonizer& h, const Piece& piece, double threshold, bool stream,
                            std::uint64_t seed) {
  BarTimer timer;
  const auto heard = [&] { timer.bar(); };
  std::vector<Note> notes;
  if (stream) check_no_look_ahead(h);
  if (!stream)
    for (const std::string& reason : looks_ahead(h)) fmt::print("{}\n", reason);
  if (h.hears_past()) {
    const Sampling sampling = make_sampling(h.experiment(), threshold, seed);
    fmt::print("{}, seed {}\n", to_string(sampling), seed);
    notes = generate(h, piece, sampling, heard);
  } else {
    const HarmonyProbabilities p =
        stream ? streamed_probabilities(h, piece, heard) : h.probabilities(piece);
    notes = decode(p, make_decoding(h.experiment(), threshold), bar_grid(piece));
  }
  if (stream) timer.print();
  return notes;
}

void print_scores(const HarmonizeSong& song, const std::vector<Note>& notes, std::size_t onsets) {
  const Piece& piece = song.piece;
  const std::string bridge =
      piece.bridge.empty() ? "" : fmt::format(", {} bridge notes", piece.bridge.size());
  fmt::print("{}: {} bars, {} melody notes{}\nonsets in the accompaniment: {} by the model",
             piece.name, piece.bars(), piece.melody.size(), bridge, onsets);
  if (song.has_chords)
    fmt::print(", {} by the rule that plays the known chord each quarter",
               block_chord_steps(piece).size());
  if (!piece.accompaniment.empty()) {
    const OnsetScore model = onset_score(notes, piece.accompaniment);
    fmt::print(", {} in the target\nonset F1 against the target: model {:.1f} %", model.target,
               100 * model.f1());
    if (song.has_chords)
      fmt::print(", rule {:.1f} %",
                 100 * onset_score(block_chord_steps(piece), piece.accompaniment).f1());
  }
  fmt::print("\n");
}

}  // namespace

int cmd_harmonize(int argc, char** argv) {
  CommandOptions options("gradus harmonize",
                         "Adds an accompaniment to a melody: keeps the tracks of melody and "
                         "bridge, writes a further one.");
  options.positional_help("SONG.mid");
  CommandOptions::Adder add = options.add_options();
  add("song", "MIDI file with the melody; with --data the name of a song", takes_word());
  add("data", "take the song from POP909's folder or a folder of MIDI files", takes_word(), "DIR");
  add("tune", "a bundled tune instead of a file", takes_word());
  add("run", "run folder of `gradus train`", takes_word());
  add("o,out", "MIDI file to write", takes_word());
  add("chords", "chords, \"C | F G | C\" (repeated over the melody), or a chord file",
      takes_word(""));
  add("style", "style of the accompaniment (default: the tune's; ballad)", takes_word());
  add("track", "the melody's track (default: one called melody, else the first)", takes_word(""));
  add("threshold", "probability of an onset (default: the one chosen in training)", takes_word());
  add("seed", "of a model that plays by itself: another one, another accompaniment",
      takes_word("1"));
  add("temperature", "of the same: its decode.temperature", takes_word());
  add("pivot", "of the same: its decode.pivot", takes_word());
  add("program", "General MIDI program of the accompaniment, 0 to 127", takes_word("0"));
  add("with-target", "write the song's own accompaniment beside the model's");
  add("stream", "compute each bar from what was heard up to its end");
  add("help", "this text");
  options.parse_positional({"song"});
  const CommandLine line(
      options, argc, argv,
      "gradus harmonize --run runs/demo --tune jingle_bells -o jingle_bells.mid");
  if (line.helped()) return 0;
  const RunFolder folder =
      RunFolder::open(line.required("run", "the run folder of a trained model: --run runs/NAME"));
  const std::string out = line.required("out", "a MIDI file to write: -o out.mid");
  check<ConfigError>(line.has("song") != line.has("tune"),
                     "gradus harmonize takes one melody: SONG.mid, --data DIR --song NAME, or "
                     "--tune NAME");
  check<ConfigError>(line.has("song") || (!line.has("track") && !line.has("data")),
                     "--track and --data choose a song and its track; a bundled tune has one "
                     "melody");
  const int64 seed = line.integer("seed", 0, int64{1} << 53);
  const auto program = static_cast<int>(line.integer("program", 0, 127));

  check<ConfigError>(std::filesystem::exists(folder.checkpoint("best")),
                     "'{}' has no checkpoint yet: its training did not end an epoch",
                     folder.path().string());
  Experiment experiment = folder.experiment();
  if (line.has("temperature")) experiment.decode.temperature = line.real("temperature", 0, 10);
  if (line.has("pivot")) experiment.decode.pivot = line.probability("pivot");
  Harmonizer harmonizer(experiment, load_vocabulary(folder));
  for (const char* option : {"seed", "temperature", "pivot"})
    check<ConfigError>(harmonizer.hears_past() || !line.has(option),
                       "--{} belongs to a model that hears its past; this one reads {}", option,
                       join(experiment.data.inputs));
  const TrainingPoint point =
      load_checkpoint(folder.checkpoint("best"), harmonizer.model(), nullptr);
  const double threshold = line.has("threshold") ? line.probability("threshold") : point.threshold;

  HarmonizeSong song = read_song(line, harmonizer.experiment());
  set_style(line, harmonizer, song);
  const std::vector<std::string> needs = chord_readers(harmonizer);
  check<ConfigError>(song.has_chords || needs.empty(),
                     "this model was trained with {}: it needs the chords of the song; give them "
                     "with --chords \"C | F G | C\" (bars "
                     "between bar lines) or --chords FILE",
                     join(needs));
  check<ConfigError>(!line.has("with-target") || !song.piece.accompaniment.empty(),
                     "'{}' has no accompaniment that --with-target could write", song.piece.name);

  const std::vector<Note> notes = harmonize(harmonizer, song.piece, threshold, line.has("stream"),
                                            static_cast<std::uint64_t>(seed));
  add_track(song, "accompaniment", program, notes);
  const std::size_t onsets = song.kept.tracks.back().notes.size();
  if (line.has("with-target"))
    add_track(song, "target", program, song.piece.accompaniment.to_vector());
  write_midi(out, song.kept);
  print_scores(song, notes, onsets);
  fmt::print("{}\n", out);
  return 0;
}

}  // namespace gradus

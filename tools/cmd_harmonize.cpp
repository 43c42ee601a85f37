// gradus harmonize: keeps the melody of a MIDI file (or of a bundled tune) and adds the
// accompaniment that a trained model hears in it.
#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cxxopts.hpp>
#include <filesystem>

#include "data/arranger.h"
#include "data/midi.h"
#include "tools/command_line.h"
#include "tools/commands.h"
#include "train/harmonizer.h"
#include "train/metrics.h"
#include "train/run_folder.h"

namespace gradus {

namespace {

constexpr int kTicksPerQuarter = 480;

struct Request {
  Song song;    // what is kept
  Piece piece;  // what the model reads
  bool has_chords = false;
};

/// Which track is the melody: the one named, else one that is called so, else the first.
std::size_t melody_track(const Song& song, const std::string& wanted, const std::string& path) {
  check<ConfigError>(!song.tracks.empty(), "'{}' has no notes: there is nothing to harmonize",
                     path);
  std::vector<std::string> names;
  for (const SongTrack& t : song.tracks) names.push_back(t.name);
  if (!wanted.empty()) {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == wanted) return i;
    fail<ConfigError>("'{}' has no track '{}'; it has: {}{}", path, wanted, join(names),
                      did_you_mean(wanted, names));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string lower = names[i];
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower.find("melody") != std::string::npos || lower.find("vocal") != std::string::npos)
      return i;
  }
  return 0;
}

Request from_midi(const std::string& path, const std::string& track, const std::string& chords,
                  Style style) {
  Request r;
  const Song read = read_midi(path);
  const std::size_t melody = melody_track(read, track, path);
  const TimeSignature meter =
      read.time_signatures.empty() ? TimeSignature{} : read.time_signatures.front();
  if (read.time_signatures.size() > 1)
    fmt::print(stderr, "note: '{}' changes its meter; all of it is read in {}/{}\n", path,
               meter.numerator, meter.denominator);
  Progression progression;
  if (!chords.empty())
    progression = std::filesystem::exists(chords)
                      ? read_progression(chords, meter.numerator)
                      : parse_progression(chords, meter.numerator, "--chords");
  r.has_chords = !progression.beats.empty();
  r.piece = make_piece(std::filesystem::path(path).stem().string(),
                       monophonic(to_steps(read.tracks[melody].notes, read.ticks_per_quarter)),
                       meter.numerator, meter.denominator, progression, style);
  r.song = with_ticks(read, kTicksPerQuarter);
  r.song.tracks = {r.song.tracks[melody]};
  if (r.song.tracks[0].name.empty()) r.song.tracks[0].name = "melody";
  return r;
}

Request from_tune(const std::string& name, const std::string& chords) {
  Request r;
  const Tune& tune = bundled_tune(name);
  r.piece = make_piece(tune);
  r.has_chords = true;
  if (!chords.empty()) {
    const Progression p = std::filesystem::exists(chords)
                              ? read_progression(chords, tune.beats)
                              : parse_progression(chords, tune.beats, "--chords");
    r.piece = make_piece(name, tune.melody, tune.beats, tune.unit, p);
  }
  r.song = arrange(tune, kTicksPerQuarter);
  r.song.tracks.resize(1);
  return r;
}

/// The words of `list` that need chords.
std::string chord_words(const Experiment& e) {
  std::vector<std::string> words;
  for (const auto& c : e.data.context)
    if (c == "bin" || c == "root" || c == "chord") words.push_back("context " + c);
  for (const auto& i : e.data.inputs)
    if (i == "chord") words.push_back("input chord");
  return join(words);
}

}  // namespace

int cmd_harmonize(int argc, char** argv) {
  cxxopts::Options options(
      "gradus harmonize",
      "Adds an accompaniment to a melody: keeps the melody's track, writes a second one.");
  options.positional_help("SONG.mid");
  const auto word = [] { return cxxopts::value<std::string>(); };
  cxxopts::OptionAdder add = options.add_options();
  add("song", "MIDI file with the melody", word());
  add("tune", "a bundled tune instead of a file", word());
  add("run", "run folder of `gradus train`", word());
  add("o,out", "MIDI file to write", word());
  add("chords", "chords, \"C | F G | C\" (repeated over the melody), or a chord file",
      word()->default_value(""));
  add("style", "style of the accompaniment (default: the tune's; ballad)", word());
  add("track", "the melody's track (default: one called melody, else the first)",
      word()->default_value(""));
  add("threshold", "probability of an onset (default: the one chosen in training)",
      cxxopts::value<double>());
  add("program", "General MIDI program of the accompaniment, 0 to 127",
      cxxopts::value<int>()->default_value("0"));
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
                     "gradus harmonize takes one melody: SONG.mid or --tune NAME");
  const int program = line["program"].as<int>();
  check<ConfigError>(program >= 0 && program <= 127, "--program is 0 to 127, got {}", program);

  Harmonizer harmonizer(folder.experiment());
  const TrainingPoint point =
      load_checkpoint(folder.checkpoint("best"), harmonizer.model(), nullptr);
  const double threshold = line.has("threshold") ? line["threshold"].as<double>() : point.threshold;
  check<ConfigError>(threshold > 0 && threshold <= 1,
                     "--threshold is a probability above 0 and at most 1, got {}", threshold);

  const std::string chords = line["chords"].as<std::string>();
  const Style style =
      line.has("style") ? parse_style(line["style"].as<std::string>()) : Style::ballad;
  Request r = line.has("tune") ? from_tune(line["tune"].as<std::string>(), chords)
                               : from_midi(line["song"].as<std::string>(),
                                           line["track"].as<std::string>(), chords, style);
  if (line.has("style")) {
    check<ConfigError>(
        harmonizer.format().style_input,
        "this model was trained without the input \"style\": --style would change nothing");
    for (StepLabels& step : r.piece.steps) step.style = style;
    r.piece.accompaniment.clear();  // the target of another style
  }
  const std::string needs = chord_words(harmonizer.experiment());
  check<ConfigError>(r.has_chords || needs.empty(),
                     "this model was trained with {}: it needs the chords of the song; give them "
                     "with --chords \"C | F G | C\" (bars "
                     "between bar lines) or --chords FILE",
                     needs);

  const std::vector<Note> notes = harmonizer.decode(harmonizer.probabilities(r.piece), threshold);
  SongTrack piano{"accompaniment", program, to_ticks(notes, kTicksPerQuarter)};
  for (Note& n : piano.notes)
    n.channel = r.song.tracks[0].notes.empty() || r.song.tracks[0].notes[0].channel != 1 ? 1 : 0;
  sort_notes(piano.notes);
  r.song.tracks.push_back(std::move(piano));
  write_midi(out, r.song);

  fmt::print("{}: {} bars, {} melody notes\nonsets in the accompaniment: {} by the model",
             r.piece.name, r.piece.bars(), r.piece.melody.size(), notes.size());
  if (r.has_chords)
    fmt::print(", {} by the rule that plays the known chord each quarter",
               block_chord_steps(r.piece).size());
  if (!r.piece.accompaniment.empty()) {
    const OnsetScore model = onset_score(notes, r.piece.accompaniment);
    const OnsetScore rule = onset_score(block_chord_steps(r.piece), r.piece.accompaniment);
    fmt::print(", {} in the target\nonset F1 against the target: model {:.1f} %, rule {:.1f} %",
               model.target, 100 * model.f1(), 100 * rule.f1());
  }
  fmt::print("\n{}\n", out);
  return 0;
}

}  // namespace gradus

// gradus harmonize: keeps the melody of a MIDI file (or of a bundled tune) and adds the
// accompaniment that a trained model hears in it.
#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>

#include "data/arranger.h"
#include "data/midi.h"
#include "tools/command_line.h"
#include "tools/commands.h"
#include "train/decoding.h"
#include "train/metrics.h"
#include "train/run_folder.h"

namespace gradus {

namespace {

struct Request {
  Song song;       // what is kept
  Piece piece;     // what the model reads
  int64 lead = 0;  // steps of the piece before the song begins
  bool has_chords = false;
};

/// Which track is the melody: the one named, else one that is called so, else the first that is no
/// drum kit.
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
  constexpr int kDrumChannel = 9;
  for (std::size_t i = 0; i < song.tracks.size(); ++i)
    if (song.tracks[i].notes[0].channel != kDrumChannel) return i;
  fail<ConfigError>("'{}' has drums only: there is no melody to harmonize", path);
}

/// The meter that holds longest, and where its first bar line stands: before it lies a pickup, or
/// an introduction in another meter.
TimeSignature main_meter(const Song& song) {
  TimeSignature best;
  std::map<std::pair<int, int>, int64> ticks;
  int64 longest = -1;
  const auto& changes = song.time_signatures;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const int64 begin = i == 0 ? 0 : changes[i].tick;
    const int64 end = i + 1 < changes.size() ? changes[i + 1].tick : std::max(song.end(), begin);
    int64& total = ticks[{changes[i].numerator, changes[i].denominator}];
    total += end - begin;
    if (total <= longest) continue;
    longest = total;
    best = changes[i];
    for (std::size_t first = i; first-- > 0;)
      if (changes[first].numerator == best.numerator &&
          changes[first].denominator == best.denominator)
        best.tick = changes[first].tick;
  }
  return best;
}

/// Ticks in which both the melody, unchanged, and steps of the accompaniment are whole numbers.
int common_ticks(int ticks_per_quarter) {
  constexpr int kMost = 32767, kUsual = 480;
  const int both = std::lcm(ticks_per_quarter, kStepsPerQuarter);
  return both <= kMost ? both : kUsual;
}

Progression chords_from(const std::string& chords, int beats) {
  if (std::filesystem::exists(chords)) return read_progression(chords, beats);
  try {
    return parse_progression(chords, beats, "--chords");
  } catch (Error& e) {
    if (chords.find_first_of("| ") == std::string::npos)
      e.add(fmt::format("nor is there a file '{}'", chords));
    throw;
  }
}

/// The chords, repeated; a pickup bar has none.
void set_chords(Request& r, const Progression& chords, bool pickup) {
  const int64 beat = r.piece.steps_per_bar / chords.beats_per_bar;
  const int64 first = pickup ? r.piece.steps_per_bar : 0;
  std::vector<StepLabels> steps = r.piece.steps.to_vector();
  for (int64 t = 0; t < r.piece.length(); ++t) {
    const auto i = static_cast<std::size_t>(std::max<int64>(t - first, 0) / beat);
    set_chord(steps[static_cast<std::size_t>(t)],
              t < first ? Chord{} : chords.beats[i % chords.beats.size()]);
  }
  r.piece.steps = std::move(steps);
  r.has_chords = true;
}

Request from_midi(const std::string& path, const std::string& track, const std::string& chords,
                  Style style) {
  Request r;
  const Song read = read_midi(path);
  const std::size_t melody = melody_track(read, track, path);
  const TimeSignature meter = main_meter(read);
  if (read.time_signatures.size() > 1)
    fmt::print(stderr, "note: '{}' changes its meter; all of it is read in {}/{}\n", path,
               meter.numerator, meter.denominator);
  // A pickup is the end of the piece's first bar.
  const int64 bar = std::max(1, kStepsPerQuarter * 4 * meter.numerator / meter.denominator);
  const int64 origin = (2 * meter.tick * kStepsPerQuarter + read.ticks_per_quarter) /
                       (2 * int64{read.ticks_per_quarter});
  r.lead = (bar - origin % bar) % bar;
  std::vector<Note> voice = monophonic(to_steps(read.tracks[melody].notes, read.ticks_per_quarter));
  for (Note& n : voice) n.start += r.lead, n.end += r.lead;
  r.piece = make_piece(std::filesystem::path(path).stem().string(), std::move(voice),
                       meter.numerator, meter.denominator, {}, style);
  if (!chords.empty()) set_chords(r, chords_from(chords, meter.numerator), r.lead > 0);
  r.song = with_ticks(read, common_ticks(read.ticks_per_quarter));
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
    set_chords(r, chords_from(chords, tune.beats), tune.has_pickup);
    r.piece.accompaniment = {};  // the target of other chords
  }
  r.song = arrange(tune);
  r.song.tracks.resize(1);
  return r;
}

/// What the model reads of the chords: labels of its encoding, columns of its input.
std::string chord_words(const Harmonizer& h) {
  std::set<std::string> words;
  for (const std::string& track : h.model().encoding().tracks()) {
    const std::string context = track.substr(0, track.find('.'));
    if (context_reads_chords(context)) words.insert("context " + context);
  }
  for (const char* input : {"chord", "root"})
    if (h.format().reads(input)) words.insert(fmt::format("input {}", input));
  return join(std::vector<std::string>(words.begin(), words.end()));
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
  add("threshold", "probability of an onset (default: the one chosen in training)", word());
  add("program", "General MIDI program of the accompaniment, 0 to 127", word()->default_value("0"));
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
  check<ConfigError>(line.has("song") || !line.has("track"),
                     "--track chooses a track of SONG.mid; a bundled tune has one melody");
  const auto program = static_cast<int>(line.integer("program", 0, 127));

  Harmonizer harmonizer(folder.experiment());
  check<ConfigError>(std::filesystem::exists(folder.checkpoint("best")),
                     "'{}' has no checkpoint yet: its training did not end an epoch",
                     folder.path().string());
  const TrainingPoint point =
      load_checkpoint(folder.checkpoint("best"), harmonizer.model(), nullptr);
  const double threshold = line.has("threshold") ? line.probability("threshold") : point.threshold;

  const std::string chords = line["chords"].as<std::string>();
  const Style style =
      line.has("style") ? parse_style(line["style"].as<std::string>()) : Style::ballad;
  Request r = line.has("tune") ? from_tune(line["tune"].as<std::string>(), chords)
                               : from_midi(line["song"].as<std::string>(),
                                           line["track"].as<std::string>(), chords, style);
  if (line.has("style")) {
    check<ConfigError>(
        harmonizer.format().reads("style"),
        "this model was trained without the input \"style\": --style would change nothing");
    std::vector<StepLabels> steps = r.piece.steps.to_vector();
    for (StepLabels& step : steps) step.style = style;
    r.piece.steps = std::move(steps);
    r.piece.accompaniment = {};  // the target of another style
  }
  const std::string needs = chord_words(harmonizer);
  check<ConfigError>(r.has_chords || needs.empty(),
                     "this model was trained with {}: it needs the chords of the song; give them "
                     "with --chords \"C | F G | C\" (bars "
                     "between bar lines) or --chords FILE",
                     needs);

  const std::vector<Note> notes =
      decode(harmonizer.probabilities(r.piece), make_decoding(harmonizer.experiment(), threshold),
             bar_grid(r.piece));
  SongTrack piano{"accompaniment", program, {}};
  for (Note n : to_ticks(notes, r.song.ticks_per_quarter)) {
    // What would sound before the song begins falls away.
    const int64 lead = r.lead * r.song.ticks_per_quarter / kStepsPerQuarter;
    n.start = std::max<int64>(n.start - lead, 0);
    n.end -= lead;
    if (n.end > n.start) piano.notes.push_back(n);
  }
  for (Note& n : piano.notes)
    n.channel = r.song.tracks[0].notes.empty() || r.song.tracks[0].notes[0].channel != 1 ? 1 : 0;
  sort_notes(piano.notes);
  const std::size_t onsets = piano.notes.size();
  r.song.tracks.push_back(std::move(piano));
  write_midi(out, r.song);

  fmt::print("{}: {} bars, {} melody notes\nonsets in the accompaniment: {} by the model",
             r.piece.name, r.piece.bars(), r.piece.melody.size(), onsets);
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

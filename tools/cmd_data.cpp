// gradus data: what a source of data holds, and parts of it as arrays, to be checked by eye.
#include <algorithm>

#include "data/harmony_data.h"
#include "tensor/index.h"
#include "tensor/npy.h"
#include "tools/command_line.h"
#include "tools/commands.h"
#include "tools/data_info.h"

namespace gradus {

namespace {

Tensor exported(const PopSet& set, const PopSong& song, const std::string& what) {
  if (what == "roll") return pop_roll(song, 0, song.ticks).sustain;
  if (what == "onset") return pop_roll(song, 0, song.ticks).onset;
  return context_labels(make_piece(song, kPopTicks, PopBegin::first_note), set.chords, what, 0,
                        song.ticks);
}

Tensor exported(const MidiSet& set, const MidiPiece& song, const MidiFile& file,
                const std::string& what) {
  const Piece& piece = song.piece;
  if (what == "roll" || what == "onset") {
    std::vector<Tensor> tracks;
    for (const char* name : {"melody", "bridge", "piano"}) {
      const Roll roll = make_roll(track(piece, name).to_vector(), 0, piece.length());
      tracks.push_back(what == "roll" ? roll.sustain : roll.onset);
    }
    return concat(tracks, 1);
  }
  check<ConfigError>(song.has_chords || !context_reads_chords(what),
                     "'{}' has no chords: '{}' needs them in {} beside the MIDI file", piece.name,
                     what, file.chords.filename().string());
  std::vector<Piece> pieces;
  for (const MidiPiece& m : set.songs) pieces.push_back(m.piece);
  return context_labels(piece, ChordVocabulary(pieces), what, 0, piece.length());
}

std::vector<std::string> export_names() {
  std::vector<std::string> names = {"roll", "onset"};
  for (const std::string& n : context_names())
    if (n != "style") names.push_back(n);  // POP909 says nothing of it
  return names;
}

void export_array(const CommandLine& line, const std::string& data, PopAlignment alignment) {
  const std::string song = line.required("song", "a song: --song 001");
  const std::vector<std::string> known = export_names();
  const std::string what =
      line.required("what", fmt::format("what to write: --what {}", join(known, "|")));
  const std::string file = line.required("npy", "a file to write: --npy FILE.npy");
  check<ConfigError>(std::find(known.begin(), known.end(), what) != known.end(),
                     "unknown --what '{}'{}; known: {}", what, did_you_mean(what, known),
                     join(known));
  Tensor array;
  std::string name;
  if (is_pop909(data)) {
    const int number = parse_pop_song(song);
    const PopSet set = read_pop909(data, alignment);
    array = exported(set, set.song(number), what);
    name = pop_song_name(number);
  } else {
    const MidiFile midi = find_midi_file(find_midi_files(data), song, data);
    name = midi.name;
    const MidiSet set = read_midi_set(data, kPopTicks);
    for (const LeftOut& l : set.broken)
      check<ConfigError>(l.name != name, "song '{}' is not in use: {}", name, l.reason);
    array = exported(set,
                     *std::find_if(set.songs.begin(), set.songs.end(),
                                   [&](const MidiPiece& m) { return m.piece.name == name; }),
                     midi, what);
  }
  write_npy(file, array);
  fmt::print("{}: {} of song {}, {} {}, {} ticks a quarter\n", file, what, name,
             gradus::name(array.dtype()), text(array.shape()), kPopTicks);
}

std::string what_help() {
  const std::vector<std::string> names = export_names();
  return "what to export: roll (notes held, 128 columns each for melody, bridge, piano), onset "
         "(where they begin), or a context: " +
         join(std::span(names).subspan(2));
}

}  // namespace

int cmd_data(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "mi") return data_mi(argc - 1, argv + 1);
  CommandOptions options("gradus data",
                         "info: what a data set holds, what is used, what is left out and "
                         "why.\nexport: one song's roll or labels as a NumPy array.\nmi: what each "
                         "context says about pitch (gradus data mi --help).\n");
  options.positional_help("info|export|mi");
  // clang-format off
  options.add_options()
      ("data", "folder with the clones of POP909-Dataset, hierarchical-structure-analysis and "
               "structurePE, or a MIDI file, or a folder of MIDI files (default: the bundled tunes)",
       takes_word())
      ("align", "where labels begin: papers (startpos.csv) or melody (where melody.txt fits best)",
       takes_word("papers"))
      ("song", "song to export: 001 to 909, or the name of a MIDI file without its ending", takes_word())
      ("what", what_help(), takes_word())
      ("npy", "file to write", takes_word())
      ("help", "this text")
      ("action", "info, export or mi", takes_word());
  // clang-format on
  options.parse_positional({"action"});
  const CommandLine line(options, argc, argv,
                         "gradus data export --data DIR --song 001 --what bin --npy bin.npy");
  if (line.helped()) return 0;
  const std::string action = line.required("action", "an action: gradus data info --data DIR");
  const std::vector<std::string> actions = {"info", "export", "mi"};
  check<ConfigError>(std::find(actions.begin(), actions.end(), action) != actions.end(),
                     "gradus data: unknown action '{}'; known: {}{}", action, join(actions),
                     did_you_mean(action, actions));
  const PopAlignment alignment = parse_pop_alignment(line.text("align"));
  if (action == "export") {
    export_array(line, line.required("data", "the data folder: --data DIR"), alignment);
    return 0;
  }
  for (const char* other : {"song", "what", "npy"})
    check<ConfigError>(!line.has(other), "--{} belongs to gradus data export", other);
  const std::string data = line.has("data") ? line.text("data") : "";
  if (data.empty())
    print_tunes_info();
  else if (is_pop909(data))
    print_pop909_info(read_pop909(data, alignment), data);
  else
    print_midi_info(read_midi_set(data), data);
  return 0;
}

}  // namespace gradus

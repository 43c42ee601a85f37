#include "data/midi_set.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

namespace fs = std::filesystem;

namespace {

bool is_midi_name(const fs::path& path) {
  std::string end = path.extension().string();
  std::transform(end.begin(), end.end(), end.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return end == ".mid" || end == ".midi";
}

MidiFile midi_file(const fs::path& path, const fs::path& below) {
  fs::path name = below, chords = path;
  return {name.replace_extension().generic_string(), path, chords.replace_extension(".chords")};
}

// a.mid and a.midi are both called "a": then both take their ending, which may be the name of yet
// another file.
void tell_apart(std::vector<MidiFile>& files, const fs::path& source) {
  for (bool apart = false; !apart;) {
    apart = true;
    std::map<std::string, int> count;
    for (const MidiFile& f : files) ++count[f.name];
    for (MidiFile& f : files) {
      const std::string whole = f.path.lexically_relative(source).generic_string();
      if (count[f.name] == 1 || f.name == whole) continue;
      f.name = whole;
      apart = false;
    }
  }
}

}  // namespace

MidiFile one_midi_file(const fs::path& path) { return midi_file(path, path.filename()); }

std::vector<MidiFile> find_midi_files(const fs::path& source) {
  std::error_code error;
  if (!fs::is_directory(source, error)) return {one_midi_file(source)};
  std::vector<MidiFile> files;
  fs::recursive_directory_iterator at(source, fs::directory_options::skip_permission_denied, error);
  while (!error && at != fs::recursive_directory_iterator()) {
    std::error_code ignored;
    if (is_midi_name(at->path()) && !at->is_directory(ignored))
      files.push_back(midi_file(at->path(), at->path().lexically_relative(source)));
    at.increment(error);
  }
  tell_apart(files, source);
  std::sort(files.begin(), files.end(), [](const MidiFile& a, const MidiFile& b) {
    return std::tie(a.name, a.path) < std::tie(b.name, b.path);
  });
  return files;
}

MidiPiece read_midi_piece(const MidiFile& file, int steps_per_quarter, const std::string& melody) {
  MidiPiece m = midi_piece(read_midi(file.path), file.path.string(), steps_per_quarter, melody);
  m.piece.name = file.name;
  std::error_code ignored;
  if (!fs::exists(file.chords, ignored)) return m;
  const Progression chords = read_progression(file.chords, m.meter.numerator);
  set_chords(m, chords);
  if (!m.has_target()) arrange_target(m, chords);
  return m;
}

MidiSet read_midi_set(const fs::path& source, int steps_per_quarter) {
  MidiSet set;
  const std::vector<MidiFile> files = find_midi_files(source);
  for (const MidiFile& file : files) {
    try {
      set.songs.push_back(read_midi_piece(file, steps_per_quarter));
    } catch (const Error& e) {
      set.broken.push_back({file.name, e.rule()});
    }
  }
  if (set.songs.empty() && files.size() == 1) fail<IoError>("{}", set.broken[0].reason);
  check<IoError>(!files.empty(), "{}: there is no MIDI file (*.mid, *.midi) in it",
                 source.string());
  check<IoError>(!set.songs.empty(), "{}: none of its {} MIDI files can be used; the first: {}",
                 source.string(), files.size(), set.broken.empty() ? "" : set.broken[0].reason);
  return set;
}

const MidiFile& find_midi_file(const std::vector<MidiFile>& files, const std::string& name,
                               const fs::path& source) {
  std::vector<std::string> names;
  for (const MidiFile& f : files) {
    if (f.name == name) return f;
    names.push_back(f.name);
  }
  constexpr std::size_t kNamed = 8;
  const std::string near = did_you_mean(name, names);
  const std::size_t count = names.size();
  if (count > kNamed) names.resize(kNamed), names.emplace_back("...");
  fail<ConfigError>("{}: there is no song '{}' among its {} MIDI files: {}{}", source.string(),
                    name, count, join(names), near);
}

}  // namespace gradus

#include "train/samples.h"

#include <set>

#include "tensor/text.h"
#include "train/decoding.h"
#include "train/generation.h"

namespace gradus {

namespace {

constexpr std::size_t kMostSamples = 3;

std::string file_name(const std::string& piece) {
  std::string name = piece;
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '+';
    if (!plain) c = '_';
  }
  return name;
}

TimeSignature meter(const Piece& piece) {
  const int eighths = 2 * piece.steps_per_bar / piece.steps_per_quarter;
  return eighths % 2 == 0 ? TimeSignature{0, eighths / 2, 4} : TimeSignature{0, eighths, 8};
}

}  // namespace

Song sample_song(const Piece& piece, const std::vector<Note>& accompaniment) {
  Song song;
  song.title = piece.name;
  song.tempos = {TempoChange{}};
  song.time_signatures = {meter(piece)};
  const auto add = [&](const char* name, std::vector<Note> notes, int channel) {
    notes = to_ticks(std::move(notes), song.ticks_per_quarter, piece.steps_per_quarter);
    for (Note& n : notes) n.channel = channel;
    sort_notes(notes);
    song.tracks.push_back({name, 0, std::move(notes)});
  };
  add("melody", piece.melody.to_vector(), 0);
  add("accompaniment", accompaniment, 1);
  return song;
}

void write_samples(const std::filesystem::path& folder, const Harmonizer& harmonizer,
                   const std::vector<Piece>& pieces, double threshold) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  check<IoError>(!error, "cannot make the folder '{}': {}", folder.string(), error.message());
  std::set<std::string> written;
  for (const Piece& piece : pieces) {
    if (written.size() == kMostSamples) return;
    if (piece.split != Split::validation) continue;
    const std::string name = file_name(piece.name);
    if (!written.insert(name).second) continue;
    const Experiment& e = harmonizer.experiment();
    const auto notes =
        harmonizer.hears_past()
            ? generate(harmonizer, piece, make_sampling(e, threshold, 1))
            : decode(harmonizer.probabilities(piece), make_decoding(e, threshold), bar_grid(piece));
    write_midi(folder / (name + ".mid"), sample_song(piece, notes));
  }
}

}  // namespace gradus

#include "train/mutual_information.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

SoundingCells sounding_cells(const std::vector<Piece>& pieces,
                             std::span<const PieceWindow> windows) {
  SoundingCells cells;
  for (const PieceWindow& w : windows) {
    check<ConfigError>(
        cells.rows + w.length <= std::numeric_limits<std::uint32_t>::max(),
        "mutual information counts in 32 bits; windows of more than {} steps were given",
        std::numeric_limits<std::uint32_t>::max());
    for (const char* name : {"melody", "bridge", "piano"}) {
      const Roll roll = make_roll(track(pieces[w.piece], name).to_vector(), w.begin, w.length);
      const auto sounds = roll.sustain.values<std::uint8_t>();
      for (std::size_t i = 0; i < sounds.size(); ++i) {
        if (sounds[i] == 0) continue;
        cells.pitch.push_back(static_cast<std::uint8_t>(i % kPitches));
        cells.row.push_back(static_cast<std::uint32_t>(cells.rows) +
                            static_cast<std::uint32_t>(i / kPitches));
      }
    }
    cells.rows += w.length;
  }
  return cells;
}

RowLabels row_labels(const std::vector<Piece>& pieces, std::span<const PieceWindow> windows,
                     const ChordVocabulary& chords, const std::string& context) {
  const std::vector<std::string> names = split(context, '+');
  const auto columns = static_cast<int64>(context_columns(names, chords).size());
  check<ConfigError>(columns > 0, "a context has a name, got '{}'", context);
  RowLabels rows;
  std::map<std::vector<double>, std::uint32_t> numbers;
  std::vector<double> values;
  for (const PieceWindow& w : windows) {
    values.resize(static_cast<std::size_t>(w.length * columns));
    write_context(pieces[w.piece], chords, names, w.begin, w.length, w.semitones, values.data());
    for (auto row = values.begin(); row != values.end(); row += columns) {
      // Neighbours mostly have the same label.
      if (row != values.begin() && std::equal(row, row + columns, row - columns)) {
        rows.label.push_back(rows.label.back());
        continue;
      }
      const auto next = static_cast<std::uint32_t>(numbers.size());
      rows.label.push_back(
          numbers.emplace(std::vector<double>(row, row + columns), next).first->second);
    }
  }
  rows.labels = static_cast<int64>(numbers.size());
  return rows;
}

SoundingCells shuffled(const SoundingCells& cells, Rng& rng) {
  SoundingCells out = cells;
  const Tensor order = permutation(rng, cells.size());
  const auto from = order.values<int64>();
  for (std::size_t i = 0; i < from.size(); ++i)
    out.row[i] = cells.row[static_cast<std::size_t>(from[i])];
  return out;
}

double mutual_information(const SoundingCells& cells, const RowLabels& labels) {
  check_shape(static_cast<int64>(labels.label.size()) == cells.rows &&
                  cells.row.size() == cells.pitch.size(),
              "{} labels for {} rows, {} pitches in {} rows", labels.label.size(), cells.rows,
              cells.pitch.size(), cells.row.size());
  if (cells.size() == 0) return 0;
  const auto count = static_cast<std::size_t>(labels.labels);
  std::vector<int64> both(count * kPitches), of_label(count);
  std::array<int64, kPitches> of_pitch = {};
  for (std::size_t i = 0; i < cells.pitch.size(); ++i) {
    const std::size_t label = labels.label[cells.row[i]], pitch = cells.pitch[i];
    ++both[label * kPitches + pitch];
    ++of_label[label];
    ++of_pitch[pitch];
  }
  const auto n = static_cast<double>(cells.size());
  double sum = 0;
  for (std::size_t l = 0; l < count; ++l)
    for (std::size_t x = 0; x < kPitches; ++x) {
      const auto c = static_cast<double>(both[l * kPitches + x]);
      if (c > 0)
        sum += c * std::log(c * n /
                            (static_cast<double>(of_label[l]) * static_cast<double>(of_pitch[x])));
    }
  return sum / n;
}

}  // namespace gradus

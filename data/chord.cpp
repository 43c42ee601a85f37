#include "data/chord.h"

#include <algorithm>
#include <cctype>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

namespace {

struct QualityRow {
  const char* name;     // as printed
  const char* aliases;  // separated by spaces
  std::vector<int> tones;
};

// In the order of enum Quality.
const std::vector<QualityRow>& quality_table() {
  static const std::vector<QualityRow> rows = {
      {"", "maj M", {0, 4, 7}},
      {"m", "min - mi", {0, 3, 7}},
      {"7", "dom7", {0, 4, 7, 10}},
      {"maj7", "M7 Δ Δ7 ma7", {0, 4, 7, 11}},
      {"m7", "min7 -7 mi7", {0, 3, 7, 10}},
      {"mM7", "minmaj7 m(maj7) -M7", {0, 3, 7, 11}},
      {"dim", "o °", {0, 3, 6}},
      {"dim7", "o7 °7", {0, 3, 6, 9}},
      {"m7b5", "hdim7 ø ø7 -7b5 min7b5 hdim", {0, 3, 6, 10}},
      {"aug", "+", {0, 4, 8}},
      {"aug7", "+7 7#5", {0, 4, 8, 10}},
      {"5", "", {0, 7}},
      {"sus2", "", {0, 2, 7}},
      {"sus4", "sus", {0, 5, 7}},
      {"7sus4", "sus4(b7) 7sus", {0, 5, 7, 10}},
      {"6", "maj6", {0, 4, 7, 9}},
      {"m6", "min6 -6", {0, 3, 7, 9}},
      {"9", "", {0, 4, 7, 10, 2}},
      {"maj9", "M9", {0, 4, 7, 11, 2}},
      {"m9", "min9 -9", {0, 3, 7, 10, 2}},
      {"add9", "maj(9) add2", {0, 4, 7, 2}},
      {"7b9", "", {0, 4, 7, 10, 1}},
  };
  return rows;
}

const QualityRow& row_of(Quality q) { return quality_table()[static_cast<std::size_t>(q)]; }

int wrapped(int pitch_class) { return ((pitch_class % 12) + 12) % 12; }

Quality parse_quality(std::string_view text, std::string_view symbol) {
  const auto& rows = quality_table();
  std::vector<std::string> known;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (text == rows[i].name) return static_cast<Quality>(i);
    if (*rows[i].name) known.emplace_back(rows[i].name);
    for (auto& alias : split(rows[i].aliases, ' ')) {
      if (text == alias) return static_cast<Quality>(i);
      known.push_back(std::move(alias));
    }
  }
  fail<ConfigError>("unknown chord quality '{}' in '{}'{}; known: nothing (major), {}", text,
                    symbol, did_you_mean(text, known), join(known, " "));
}

// Degrees of the Harte syntax: accidentals, then 1 to 13, counted on the major scale.
int parse_degree(std::string_view text) {
  constexpr int kScale[] = {0, 2, 4, 5, 7, 9, 11};
  int shift = 0;
  while (!text.empty() && (text.front() == 'b' || text.front() == '#')) {
    shift += text.front() == '#' ? 1 : -1;
    text.remove_prefix(1);
  }
  int degree = 0;
  for (char c : text) {
    if (c < '0' || c > '9' || degree > 99) return -1;
    degree = degree * 10 + (c - '0');
  }
  if (degree < 1 || degree > 13) return -1;
  return wrapped(kScale[(degree - 1) % 7] + shift);
}

}  // namespace

int parse_pitch_class(std::string_view text, std::size_t& used) {
  constexpr int kLetters[] = {9, 11, 0, 2, 4, 5, 7};
  used = 0;
  if (text.empty() || text[0] < 'A' || text[0] > 'G') return -1;
  int pitch_class = kLetters[text[0] - 'A'];
  for (used = 1; used < text.size();) {
    const std::string_view rest = text.substr(used);
    if (rest[0] == '#' || rest[0] == 'b') {
      pitch_class += rest[0] == '#' ? 1 : -1;
      used += 1;
    } else if (rest.substr(0, 3) == "♯" || rest.substr(0, 3) == "♭") {
      pitch_class += rest.substr(0, 3) == "♯" ? 1 : -1;
      used += 3;
    } else {
      break;
    }
  }
  return wrapped(pitch_class);
}

std::string pitch_class_name(int pitch_class) {
  constexpr const char* kNames[] = {"C",  "Db", "D",  "Eb", "E",  "F",
                                    "F#", "G",  "Ab", "A",  "Bb", "B"};
  return kNames[wrapped(pitch_class)];
}

Chord parse_chord(std::string_view symbol) {
  if (symbol == "N" || symbol == "N.C." || symbol == "NC") return {};
  std::size_t used = 0;
  Chord chord;
  chord.root = parse_pitch_class(symbol, used);
  check<ConfigError>(chord.root >= 0,
                     "'{}' is no chord: a root (C, C#, Db, D, ..., B) comes first, then a quality, "
                     "or N for no chord",
                     symbol);
  std::string_view rest = symbol.substr(used);
  const bool harte = !rest.empty() && rest.front() == ':';
  if (harte) rest.remove_prefix(1);
  const std::size_t slash = rest.rfind('/');
  chord.bass = chord.root;
  if (slash != std::string_view::npos) {
    const std::string_view bass = rest.substr(slash + 1);
    const int degree = parse_degree(bass);
    chord.bass = parse_pitch_class(bass, used);
    if (harte && degree >= 0)
      chord.bass = wrapped(chord.root + degree);
    else
      check<ConfigError>(chord.bass >= 0 && used == bass.size(),
                         "'{}' is no bass of the chord '{}': a note (C, Eb, ...){} stands behind "
                         "'/'",
                         bass, symbol, harte ? " or a degree (3, 5, b7, ...)" : "");
    rest = rest.substr(0, slash);
  }
  chord.quality = parse_quality(rest, symbol);
  return chord;
}

std::string to_string(const Chord& chord) {
  if (chord.is_none()) return "N";
  std::string text = pitch_class_name(chord.root) + row_of(chord.quality).name;
  if (chord.bass != chord.root) text += "/" + pitch_class_name(chord.bass);
  return text;
}

std::vector<int> chord_tones(const Chord& chord) {
  std::vector<int> tones;
  if (chord.is_none()) return tones;
  for (int t : row_of(chord.quality).tones) tones.push_back(wrapped(chord.root + t));
  return tones;
}

std::uint16_t pitch_classes(const Chord& chord) {
  if (chord.is_none()) return 0;
  unsigned mask = 1u << chord.bass;
  for (int t : chord_tones(chord)) mask |= 1u << t;
  return static_cast<std::uint16_t>(mask);
}

Chord transposed(const Chord& chord, int semitones) {
  if (chord.is_none()) return chord;
  return {wrapped(chord.root + semitones), chord.quality, wrapped(chord.bass + semitones)};
}

std::vector<std::string> quality_names() {
  std::vector<std::string> names;
  for (const auto& row : quality_table()) names.emplace_back(row.name);
  return names;
}

}  // namespace gradus

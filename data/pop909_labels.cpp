#include "data/pop909_labels.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "data/pop909_lines.h"
#include "tensor/text.h"

namespace gradus {

namespace {

// The semitones of a degree above the root, "b7" or "11"; -1 where the text is none.
int degree_semitones(std::string_view text) {
  constexpr int kScale[] = {0, 2, 4, 5, 7, 9, 11};
  int shift = 0;
  while (!text.empty() && (text.front() == 'b' || text.front() == '#')) {
    shift += text.front() == '#' ? 1 : -1;
    text.remove_prefix(1);
  }
  const auto degree = parse_count(text, 1, 13);
  return degree ? (kScale[(*degree - 1) % 7] + shift % 12 + 12) % 12 : -1;
}

std::uint16_t tone_bits(const Chord& chord) {
  unsigned bits = 0;
  for (int t : chord_tones(chord)) bits |= 1u << t;
  return static_cast<std::uint16_t>(bits);
}

// The quality that has exactly these tones, if there is one: sus4 and (b7) are 7sus4.
Quality quality_of(std::uint16_t tones, Chord chord) {
  const Quality without_degrees = chord.quality;
  const std::size_t qualities = quality_names().size();
  for (std::size_t q = 0; q < qualities; ++q) {
    chord.quality = static_cast<Quality>(q);
    if (tone_bits(chord) == tones) return chord.quality;
  }
  return without_degrees;
}

// The file's writer kept ten bytes of a name, and some other byte behind them.
bool is_cut(std::string_view name) {
  const auto count = [name](char c) { return std::count(name.begin(), name.end(), c); };
  return count('\x01') > 0 || count('(') != count(')') || name.ends_with('/');
}

std::uint16_t bits_of(const std::vector<int>& pitch_classes) {
  unsigned bits = 0;
  for (int p : pitch_classes) bits |= p < 12 ? 1u << p : 1u << 12;
  return static_cast<std::uint16_t>(bits);
}

void add_no_chord(const PopLine& line, const std::string& where, PopChordLabels& labels) {
  std::string_view rest = line.text.substr(1);
  const std::size_t list = rest.rfind(']');
  if (list != std::string_view::npos) rest = rest.substr(list + 1);
  const auto numbers = parse_counts(rest);
  if (!numbers || numbers->empty() || numbers->back() == 0)
    fail_line(where, line, "'N <quarters>'");
  labels.odd_lines += list != std::string_view::npos || numbers->size() > 1;
  labels.spans.push_back({{}, numbers->back()});
}

// A song repeats few names, and reading one costs much.
using KnownNames = std::map<std::string, PopChord, std::less<>>;

void add_chord(const PopLine& line, const std::string& where, KnownNames& known,
               PopChordLabels& labels) {
  constexpr std::string_view kGrammar = "'<name> [<pitch classes>] <bass> <quarters>'";
  const std::size_t open = line.text.find('['), close = line.text.find(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    fail_line(where, line, kGrammar);
  const std::string_view name = trim(line.text.substr(0, open));
  const auto list = parse_counts(line.text.substr(open + 1, close - open - 1));
  const auto numbers = parse_counts(line.text.substr(close + 1));
  if (name.empty() || !list || !numbers || numbers->size() < 2 || (*numbers)[0] > 11 ||
      (*numbers)[1] == 0)
    fail_line(where, line, kGrammar);
  auto found = known.find(name);
  if (found == known.end()) try {
      found = known.emplace(std::string(name), parse_pop_chord_name(name)).first;
    } catch (const ConfigError& e) {
      fail<IoError>("{}:{}: {}", where, line.number, e.rule());
    }
  PopChord chord = found->second;
  chord.chord.bass = (*numbers)[0];
  labels.cut_names += is_cut(name);
  labels.odd_lines += numbers->size() > 2;
  labels.wrong_lists += bits_of(*list) != chord.tones;
  labels.spans.push_back({chord, (*numbers)[1], bits_of(*list)});
}

}  // namespace

int64 PopChordLabels::quarters() const {
  int64 sum = 0;
  for (const PopChordSpan& s : spans) sum += s.quarters;
  return sum;
}

PopChord parse_pop_chord_name(std::string_view name) {
  if (name == "N") return {};
  std::string_view symbol = name.substr(0, name.find('\x01'));
  symbol = symbol.substr(0, symbol.find('/'));
  const std::size_t open = std::min(symbol.find('('), symbol.size());
  std::string base(symbol.substr(0, open));
  check<ConfigError>(base.find(':') != std::string::npos,
                     "'{}' is no chord name: a root, ':' and a quality, or N", shown(name));
  PopChord c;
  unsigned added = 0;  // semitones above the root
  if (base.ends_with(":min11")) {
    base.replace(base.size() - 2, 2, "9");
    added = 1u << 5;
  }
  c.chord = parse_chord(base);
  std::string_view degrees = symbol.substr(std::min(open + 1, symbol.size()));
  degrees = degrees.substr(0, degrees.find(')'));
  for (const std::string& degree : split(degrees, ',')) {
    if (degree.empty()) continue;  // cut behind the comma
    const int semitones = degree_semitones(degree);
    check<ConfigError>(semitones >= 0,
                       "'{}' is no degree (2, b7, 9, 11, ...) in the chord name '{}'",
                       shown(degree), shown(name));
    added |= 1u << semitones;
  }
  const auto root = static_cast<unsigned>(c.chord.root);
  c.tones = static_cast<std::uint16_t>(tone_bits(c.chord) |
                                       ((added << root | added >> (12 - root)) & 0xFFFu));
  c.chord.quality = quality_of(c.tones, c.chord);
  return c;
}

PopChordLabels parse_pop_chords(std::string_view text, const std::string& where) {
  PopChordLabels labels;
  KnownNames known;
  for (const PopLine& line : pop_lines(text)) {
    if (line.text[0] == 'N')
      add_no_chord(line, where, labels);
    else
      add_chord(line, where, known, labels);
  }
  check<IoError>(!labels.spans.empty(), "{}: holds no chord", where);
  return labels;
}

std::vector<PopKey> parse_pop_keys(std::string_view text, const std::string& where) {
  std::vector<PopKey> keys;
  for (const PopLine& line : pop_lines(text)) {
    std::size_t used = 0;
    const int tonic = parse_pitch_class(line.text, used);
    const std::string_view mode = line.text.substr(used);
    if (tonic < 0 || (mode != ":maj" && mode != ":min"))
      fail_line(where, line, "a key, '<tonic>:maj' or '<tonic>:min'");
    keys.push_back({tonic, mode == ":min"});
  }
  check<IoError>(!keys.empty(), "{}: holds no key", where);
  return keys;
}

std::vector<PopPhrase> parse_pop_phrases(std::string_view text, const std::string& where) {
  std::vector<PopPhrase> phrases;
  for (const PopLine& line : pop_lines(text)) {
    std::string_view rest = line.text;
    while (!rest.empty()) {
      const char letter = rest[0];
      const std::size_t end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
      const auto bars = parse_count(rest.substr(1, end - 1), 1, kMostLabelLength);
      if (!std::isalpha(static_cast<unsigned char>(letter)) || !bars)
        fail<IoError>("{}:{}:{}: expected a letter and a number of bars, as in 'i4A8B8', got '{}'",
                      where, line.number, line.text.size() - rest.size() + 1, shown(rest));
      phrases.push_back({letter, *bars});
      rest.remove_prefix(end);
    }
  }
  check<IoError>(!phrases.empty(), "{}: holds no phrase", where);
  return phrases;
}

std::vector<PopMelodyNote> parse_pop_melody(std::string_view text, const std::string& where) {
  std::vector<PopMelodyNote> notes;
  for (const PopLine& line : pop_lines(text)) {
    const auto numbers = parse_counts(line.text);
    if (!numbers || numbers->size() != 2 || (*numbers)[0] > 127 || (*numbers)[1] == 0)
      fail_line(where, line, "'<pitch, or 0 for a rest> <sixteenths>'");
    notes.push_back({(*numbers)[0], (*numbers)[1]});
  }
  check<IoError>(!notes.empty(), "{}: holds no note", where);
  return notes;
}

}  // namespace gradus

#include "data/tune.h"

#include <algorithm>
#include <map>
#include <optional>

#include "data/tune_melody.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/text.h"

namespace gradus {

namespace {

constexpr std::uint64_t kFileLimit = 1 << 20;
constexpr const char* kStyles[] = {"block", "hymn",   "alberti", "arpeggio",
                                   "waltz", "stride", "ballad"};

// A field and its value, with the places of both.
struct Field {
  Word name;
  Word value;
  TextLine line;
  std::size_t value_byte = 0;
};

struct Body {
  Word header;
  std::optional<Style> style;
  std::vector<Field> melody, chords;
};

/// Collects the fields of a file first; only then can the meter be applied to the notes.
class TuneParser {
 public:
  TuneParser(std::string_view text, const std::string& name) : name_(name) {
    for (const TextLine& line : text_lines(text)) add_line(line);
  }

  Tune parse() {
    Tune tune;
    tune.name = name_;
    tune.title = value("title");
    tune.composer = value("composer");
    tune.origin = value("origin");
    tune.key = parse_key(required("key"));
    parse_meter(required("meter"), tune);
    tune.tempo = parse_number(required("tempo"), "tempo", 20, 300);
    tune.chords.beats_per_bar = tune.beats;
    if (header_.count("pickup")) add_pickup(header_.at("pickup"), tune);
    check<IoError>(!bodies_.empty(), "{}: no section; begin one with 'section A'", name_);
    for (const std::string& s : played_sections()) add_section(s, tune);
    if (tune.has_pickup) ++tune.sections.front().bars, tune.sections.front().first_bar = 0;
    return tune;
  }

 private:
  void add_line(const TextLine& line) {
    const auto words = text_words(line);
    if (words.empty()) return;
    const Word& first = words.front();
    if (first.text == "section") {
      check<IoError>(words.size() == 2 && is_section_name(words[1].text),
                     "{}: a section is called by a capital letter and perhaps a number: 'section "
                     "A' or 'section A2'",
                     place(name_, first));
      const std::string section(words[1].text);
      check<IoError>(bodies_.emplace(section, Body{first, {}, {}, {}}).second,
                     "{}: section {} is written twice; call the other one {}2",
                     place(name_, words[1]), section, section[0]);
      order_.push_back(section);
      return;
    }
    const std::size_t colon = first.text.find(':');
    check<IoError>(colon != std::string_view::npos,
                   "{}: expected 'field: value' or 'section NAME', got '{}'", place(name_, first),
                   trim(line.text));
    Field field{first, {}, line, line.text.find(':') + 1};
    field.name.text = first.text.substr(0, colon);
    const auto rest = text_words(line, field.value_byte);
    check<IoError>(!rest.empty(), "{}: '{}' has no value", place(name_, first), field.name.text);
    field.value = {trim(line.text.substr(field.value_byte)), rest[0].line, rest[0].column};
    if (order_.empty())
      add_header(field);
    else
      add_body(field, bodies_.at(order_.back()));
  }

  void add_header(const Field& field) {
    static const std::vector<std::string> known = {"title", "composer", "origin", "key", "meter",
                                                   "tempo", "style",    "pickup", "form"};
    const std::string key(field.name.text);
    check<IoError>(std::find(known.begin(), known.end(), key) != known.end(),
                   "{}: unknown field '{}'{}; before the first section stand: {}",
                   place(name_, field.name), key, did_you_mean(key, known), join(known));
    check<IoError>(header_.emplace(key, field).second, "{}: '{}' is given twice",
                   place(name_, field.name), key);
  }

  void add_body(const Field& field, Body& body) {
    static const std::vector<std::string> known = {"style", "melody", "chords"};
    const std::string key(field.name.text);
    if (key == "melody") {
      body.melody.push_back(field);
    } else if (key == "chords") {
      body.chords.push_back(field);
    } else {
      check<IoError>(key == "style", "{}: unknown field '{}'{}; in a section stand: {}",
                     place(name_, field.name), key, did_you_mean(key, known), join(known));
      check<IoError>(!body.style && body.melody.empty(),
                     "{}: a section has one style, before its melody", place(name_, field.name));
      body.style = style_of(field);
    }
  }

  static bool is_section_name(std::string_view s) {
    if (s.empty() || s.size() > 3 || s[0] < 'A' || s[0] > 'Z') return false;
    return std::all_of(s.begin() + 1, s.end(), [](char c) { return c >= '0' && c <= '9'; });
  }

  const Field& required(const std::string& key) const {
    const auto found = header_.find(key);
    check<IoError>(found != header_.end(), "{}: the field '{}' is missing", name_, key);
    return found->second;
  }
  std::string value(const std::string& key) const { return std::string(required(key).value.text); }

  int parse_number(const Field& field, std::string_view what, int low, int high) const {
    int number = 0;
    for (char c : field.value.text) {
      const bool digit = c >= '0' && c <= '9' && number < 10000;
      number = digit && number >= 0 ? number * 10 + (c - '0') : -1;
    }
    check<IoError>(number >= low && number <= high, "{}: {} must be a whole number from {} to {}",
                   place(name_, field.value), what, low, high);
    return number;
  }

  Key parse_key(const Field& field) const {
    const auto words = text_words(field.line, field.value_byte);
    std::size_t used = 0;
    const int tonic = parse_pitch_class(words[0].text, used);
    check<IoError>(words.size() == 2 && tonic >= 0 && used == words[0].text.size() &&
                       (words[1].text == "major" || words[1].text == "minor"),
                   "{}: '{}' is no key; write 'G major' or 'F# minor'", place(name_, field.value),
                   field.value.text);
    return {tonic, words[1].text == "minor"};
  }

  void parse_meter(const Field& field, Tune& tune) const {
    const std::string_view text = field.value.text;
    for (int unit : {2, 4, 8})
      for (int beats = 1; beats <= 12; ++beats)
        if (text == fmt::format("{}/{}", beats, unit)) {
          tune.beats = beats;
          tune.unit = unit;
          return;
        }
    fail<IoError>("{}: '{}' is no meter; write 1 to 12 over 2, 4 or 8, as in 3/4",
                  place(name_, field.value), text);
  }

  Style style_of(const Field& field) const {
    try {
      return parse_style(field.value.text);
    } catch (const ConfigError& e) {
      fail<IoError>("{}: {}", place(name_, field.value), e.rule());
    }
  }

  void add_pickup(const Field& field, Tune& tune) const {
    MelodyReader reader(name_);
    reader.add_pickup(text_words(field.line, field.value_byte), tune.cells_per_bar());
    reader.finish();
    const int64 rest = tune.cells_per_bar() - reader.cells();
    for (Note n : reader.notes()) {
      n.start += rest;
      n.end += rest;
      tune.melody.push_back(n);
    }
    tune.has_pickup = true;
    tune.chords.beats.assign(static_cast<std::size_t>(tune.beats), Chord{});
  }

  std::vector<std::string> played_sections() const {
    if (!header_.count("form")) return order_;
    std::vector<std::string> played;
    const Field& form = header_.at("form");
    for (const Word& word : text_words(form.line, form.value_byte)) {
      check<IoError>(bodies_.count(std::string(word.text)) > 0,
                     "{}: the form names section '{}', which is not written; sections: {}",
                     place(name_, word), word.text, join(order_));
      played.emplace_back(word.text);
    }
    for (const std::string& s : order_)
      check<IoError>(std::find(played.begin(), played.end(), s) != played.end(),
                     "{}: section {} is never played; the form is '{}'",
                     place(name_, bodies_.at(s).header), s, form.value.text);
    return played;
  }

  void add_section(const std::string& section, Tune& tune) const {
    const Body& body = bodies_.at(section);
    check<IoError>(body.style || header_.count("style"),
                   "{}: section {} has no style, and the header names none; known: {}",
                   place(name_, body.header), section, join(style_names()));
    MelodyReader reader(name_);
    Progression chords{tune.beats, {}};
    try {
      for (const Field& f : body.melody)
        reader.add_bars(split_bars(text_words(f.line, f.value_byte), name_), tune.cells_per_bar());
      reader.finish();
      for (const Field& f : body.chords)
        for (const Bar& bar : split_bars(text_words(f.line, f.value_byte), name_))
          append_bar(chords, bar, name_);
    } catch (const ConfigError& e) {
      throw IoError(e.rule());
    }
    check<IoError>(reader.bars() == chords.bars() && reader.bars() > 0,
                   "{}: section {} has {} bars of melody and {} bars of chords; both must be the "
                   "same, and not 0",
                   place(name_, body.header), section, reader.bars(), chords.bars());
    const int64 begin = tune.cells(), first_bar = tune.bars();
    for (Note n : reader.notes()) {
      n.start += begin;
      n.end += begin;
      tune.melody.push_back(n);
    }
    tune.chords.beats.insert(tune.chords.beats.end(), chords.beats.begin(), chords.beats.end());
    const Style style = body.style ? *body.style : style_of(header_.at("style"));
    tune.sections.push_back({section, style, first_bar, reader.bars()});
  }

  std::string name_;
  std::map<std::string, Field> header_;
  std::map<std::string, Body> bodies_;
  std::vector<std::string> order_;
};

}  // namespace

std::string to_string(Style style) { return kStyles[static_cast<std::size_t>(style)]; }

std::vector<std::string> style_names() { return {std::begin(kStyles), std::end(kStyles)}; }

Style parse_style(std::string_view name) {
  const auto known = style_names();
  for (std::size_t i = 0; i < known.size(); ++i)
    if (name == known[i]) return static_cast<Style>(i);
  fail<ConfigError>("unknown style '{}'{}; known: {}", name, did_you_mean(name, known),
                    join(known));
}

std::string to_string(const Key& key) {
  return pitch_class_name(key.tonic) + (key.minor ? " minor" : " major");
}

const Section& Tune::section_at(int64 bar) const {
  for (const Section& s : sections)
    if (bar >= s.first_bar && bar < s.first_bar + s.bars) return s;
  fail<IndexError>("tune {} has bars 0 to {}, not {}", name, bars() - 1, bar);
}

Tune transposed(const Tune& tune, int semitones) {
  Tune out = tune;
  out.key.tonic = (((tune.key.tonic + semitones) % 12) + 12) % 12;
  out.melody = transposed(tune.melody, semitones);
  for (Chord& c : out.chords.beats) c = transposed(c, semitones);
  return out;
}

Tune parse_tune(std::string_view text, const std::string& name) {
  return TuneParser(text, name).parse();
}

Tune read_tune(const std::filesystem::path& path) {
  Tune tune = parse_tune(read_file(path, kFileLimit), path.string());
  tune.name = path.stem().string();
  return tune;
}

const std::vector<Tune>& bundled_tunes() {
  static const std::vector<Tune> tunes = [] {
    std::vector<Tune> all;
    for (const TuneText& t : bundled_tune_texts()) {
      all.push_back(parse_tune(t.text, fmt::format("data/tunes/{}.txt", t.name)));
      all.back().name = t.name;
    }
    return all;
  }();
  return tunes;
}

const Tune& bundled_tune(std::string_view name) {
  std::vector<std::string> known;
  for (const Tune& t : bundled_tunes()) {
    if (t.name == name) return t;
    known.push_back(t.name);
  }
  fail<ConfigError>("unknown tune '{}'{}; bundled: {}", name, did_you_mean(name, known),
                    join(known));
}

}  // namespace gradus

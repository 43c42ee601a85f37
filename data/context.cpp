#include "data/context.h"

#include <algorithm>
#include <map>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

namespace {

constexpr int kSections = 52;       // A to Z, then a to z
constexpr int kQuartersPerBar = 6;  // cells of a bar up to 12/8; longer bars wrap around

unsigned rotated(unsigned tones, int semitones) {
  const auto up = static_cast<unsigned>((semitones % 12 + 12) % 12);
  return (tones << up | tones >> (12 - up)) & 0xFFFu;
}

/// A part of a piece, moved to another key.
struct Window {
  const Piece& piece;
  const ChordVocabulary& chords;
  int64 begin, length;
  int semitones;
  const StepLabels& step(int64 t) const { return piece.steps[static_cast<std::size_t>(begin + t)]; }
};

struct Context {
  const char* name;
  const char* meaning;
  LabelKind kind;
  int columns;
  bool reads_chords;
  int64 (*values)(const ChordVocabulary& chords, int steps_per_quarter);
  /// Writes row t's columns at out + t * stride.
  void (*write)(const Window& w, double* out, int64 stride);
};

// Writes f(row) in the first column.
template <class F>
void each(const Window& w, double* out, int64 stride, F&& f) {
  for (int64 t = 0; t < w.length; ++t) out[t * stride] = static_cast<double>(f(t));
}

// Writes f(labels) in the first column.
template <class F>
void each_step(const Window& w, double* out, int64 stride, F&& f) {
  each(w, out, stride, [&](int64 t) { return f(w.step(t)); });
}

// Chords that no song of the set has come after the others.
void write_rep(const Window& w, double* out, int64 stride) {
  std::map<int64, int64> rank;
  each_step(w, out, stride, [&](const StepLabels& s) {
    const std::uint32_t code = transposed_code(chord_code(s), w.semitones);
    const int64 number = w.chords.find(code).value_or(w.chords.size() + code);
    rank.emplace(number, 0);
    return number;
  });
  int64 next = 0;
  for (auto& entry : rank) entry.second = next++;
  each(w, out, stride, [&](int64 t) { return rank.at(static_cast<int64>(out[t * stride])); });
}

/// The token of the chord, so many semitones higher; neighbours have mostly the same chord.
void write_token(const Window& w, double* out, int64 stride, int semitones) {
  std::uint32_t last = 0;
  int64 token = 0;
  each_step(w, out, stride, [&](const StepLabels& s) {
    const std::uint32_t code = transposed_code(chord_code(s), semitones);
    if (code != last) token = w.chords.token(code), last = code;
    return token;
  });
}

void write_chord(const Window& w, double* out, int64 stride) {
  write_token(w, out, stride, w.semitones);
}

// In C, so that pieces in different keys share tokens: the same in every transposition.
void write_key(const Window& w, double* out, int64 stride) {
  write_token(w, out, stride, -w.piece.key.tonic);
}

void write_key_mode(const Window& w, double* out, int64 stride) {
  write_key(w, out, stride);
  if (w.piece.key.minor)
    for (int64 t = 0; t < w.length; ++t) out[t * stride] += static_cast<double>(w.chords.size());
}

void write_bin(const Window& w, double* out, int64 stride) {
  for (int64 t = 0; t < w.length; ++t) {
    const unsigned tones = rotated(w.step(t).tones, w.semitones);
    for (int p = 0; p < 12; ++p) out[t * stride + p] = tones >> p & 1;
  }
}

const std::vector<Context>& contexts() {
  constexpr auto none = [](const ChordVocabulary&, int) -> int64 { return 0; };
  constexpr auto tokens = [](const ChordVocabulary& v, int) { return v.size(); };
  static const std::vector<Context> all = {
      {"time", "steps since the window's begin", LabelKind::time, 1, false, none,
       [](const Window& w, double* out, int64 stride) {
         each(w, out, stride, [](int64 t) { return t; });
       }},
      {"rep", "rank of the chord's token among those of the window", LabelKind::token, 1, true,
       tokens, write_rep},
      {"key", "token of the chord, transposed from the song's key to C", LabelKind::token, 1, true,
       tokens, write_key},
      {"key-mode", "the same, other tokens for songs in minor", LabelKind::token, 1, true,
       [](const ChordVocabulary& v, int) { return 2 * v.size(); }, write_key_mode},
      {"bin", "twelve bits, the chord's pitch classes from C on", LabelKind::bit, 12, true,
       [](const ChordVocabulary&, int) -> int64 { return 2; }, write_bin},
      {"chord", "token of the chord (root, tones)", LabelKind::token, 1, true, tokens, write_chord},
      {"root", "the chord's root, 1 for C to 12 for B, 0 for no chord", LabelKind::token, 1, true,
       [](const ChordVocabulary&, int) -> int64 { return 13; },
       [](const Window& w, double* out, int64 stride) {
         each_step(w, out, stride, [&](const StepLabels& s) {
           return s.chord.is_none() ? 0 : 1 + transposed(s.chord, w.semitones).root;
         });
       }},
      {"phrase", "phrases counted from 0, padding before the first bar line included",
       LabelKind::time, 1, false, none,
       [](const Window& w, double* out, int64 stride) {
         each_step(w, out, stride, [](const StepLabels& s) { return s.phrase; });
       }},
      {"section", "the phrase's letter: 0 to 25 for A to Z, 26 to 51 for a to z", LabelKind::token,
       1, false, [](const ChordVocabulary&, int) -> int64 { return kSections; },
       [](const Window& w, double* out, int64 stride) {
         each_step(w, out, stride, [](const StepLabels& s) { return s.section; });
       }},
      {"bar", "bars counted from 0", LabelKind::time, 1, false, none,
       [](const Window& w, double* out, int64 stride) {
         each_step(w, out, stride, [](const StepLabels& s) { return s.bar; });
       }},
      {"beat", "steps since the bar line", LabelKind::token, 1, false,
       [](const ChordVocabulary&, int quarter) -> int64 { return kQuartersPerBar * quarter; },
       [](const Window& w, double* out, int64 stride) {
         const int cells = kQuartersPerBar * w.piece.steps_per_quarter;
         each_step(w, out, stride, [=](const StepLabels& s) { return s.cell % cells; });
       }},
      {"melody", "pitch of the melody, 0 for a rest", LabelKind::token, 1, false,
       [](const ChordVocabulary&, int) -> int64 { return kPitches; },
       [](const Window& w, double* out, int64 stride) {
         each_step(w, out, stride, [&](const StepLabels& s) {
           return s.melody == 0 ? 0 : std::clamp(s.melody + w.semitones, 1, kPitches - 1);
         });
       }},
      {"style", "how a bundled tune is accompanied", LabelKind::token, 1, false,
       [](const ChordVocabulary&, int) { return static_cast<int64>(style_names().size()); },
       [](const Window& w, double* out, int64 stride) {
         each_step(w, out, stride, [](const StepLabels& s) { return static_cast<int>(s.style); });
       }},
  };
  return all;
}

const Context& context_named(const std::string& name) {
  for (const Context& c : contexts())
    if (name == c.name) return c;
  const auto known = context_names();
  fail<ConfigError>("unknown context '{}'{}; known: {}", name, did_you_mean(name, known),
                    join(known));
}

}  // namespace

std::uint32_t chord_code(int root, unsigned tones) {
  if (root < 0) return 0;
  auto code = static_cast<std::uint32_t>(root + 1);
  for (int p = 0; p < 12; ++p) code = code << 1 | (tones >> p & 1u);
  return code;
}

std::uint32_t chord_code(const StepLabels& step) { return chord_code(step.chord.root, step.tones); }

std::uint32_t transposed_code(std::uint32_t code, int semitones) {
  if (code == 0 || semitones % 12 == 0) return code;
  const int root = static_cast<int>(code >> 12) - 1;
  unsigned tones = 0;
  for (int p = 0; p < 12; ++p) tones |= (code >> (11 - p) & 1u) << p;
  return chord_code(((root + semitones) % 12 + 12) % 12, rotated(tones, semitones));
}

ChordVocabulary::ChordVocabulary(const std::vector<std::uint32_t>& codes) {
  const auto add = [this](std::uint32_t code) {
    if (tokens_.emplace(code, size()).second) codes_.push_back(code);
  };
  add(0);
  for (std::uint32_t code : codes) add(code);
  const std::vector<std::uint32_t> heard = codes_;
  for (int k = 1; k < 12; ++k)
    for (std::uint32_t code : heard) add(transposed_code(code, k));
}

ChordVocabulary::ChordVocabulary(const std::vector<Piece>& pieces) {
  std::vector<std::uint32_t> codes;
  for (const Piece& p : pieces)
    for (const StepLabels& s : p.steps) {
      const std::uint32_t code = chord_code(s);
      if (codes.empty() || codes.back() != code) codes.push_back(code);
    }
  *this = ChordVocabulary(codes);
}

std::optional<int64> ChordVocabulary::find(std::uint32_t code) const {
  const auto found = tokens_.find(code);
  return found == tokens_.end() ? std::nullopt : std::optional(found->second);
}

int64 ChordVocabulary::token(std::uint32_t code) const {
  if (const std::optional<int64> found = find(code)) return *found;
  std::vector<std::string> tones;
  for (int p = 0; p < 12; ++p)
    if (code >> (11 - p) & 1u) tones.push_back(pitch_class_name(p));
  fail<ConfigError>("no song of the data set has the chord on {} of {}, in any key",
                    pitch_class_name(static_cast<int>(code >> 12) - 1), join(tones, " "));
}

std::vector<std::string> context_names() {
  std::vector<std::string> names;
  for (const Context& c : contexts()) names.emplace_back(c.name);
  return names;
}

std::string context_meaning(const std::string& name) { return context_named(name).meaning; }

bool context_looks_ahead(const std::string& name) { return context_named(name).write == write_rep; }

bool context_reads_chords(const std::string& name) { return context_named(name).reads_chords; }

std::vector<LabelColumn> context_columns(const std::vector<std::string>& names,
                                         const ChordVocabulary& chords, int steps_per_quarter) {
  std::vector<LabelColumn> columns;
  for (const std::string& name : names) {
    const Context& c = context_named(name);
    for (int i = 0; i < c.columns; ++i)
      columns.push_back({c.columns == 1 ? name : fmt::format("{}.{}", name, i), c.kind,
                         c.values(chords, steps_per_quarter)});
  }
  return columns;
}

void write_context(const Piece& piece, const ChordVocabulary& chords,
                   const std::vector<std::string>& names, int64 begin, int64 length, int semitones,
                   double* out) {
  check<IndexError>(begin >= 0 && length >= 0 && begin <= piece.length() - length,
                    "steps {} to {} are not in '{}', which has {}", begin, begin + length,
                    piece.name, piece.length());
  int64 stride = 0;
  for (const std::string& name : names) stride += context_named(name).columns;
  for (const std::string& name : names) {
    const Context& c = context_named(name);
    c.write({piece, chords, begin, length, semitones}, out, stride);
    out += c.columns;
  }
}

Tensor context_labels(const Piece& piece, const ChordVocabulary& chords, const std::string& name,
                      int64 begin, int64 length) {
  const int64 columns = context_named(name).columns;
  check<IndexError>(length >= 0, "a window has 0 or more steps, got {}", length);
  Tensor labels = Tensor::empty({length, columns}, DType::f64);
  write_context(piece, chords, {name}, begin, length, 0, labels.writable<double>());
  return cast(labels, DType::i64);
}

}  // namespace gradus

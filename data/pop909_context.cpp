#include "data/pop909_context.h"

#include <algorithm>
#include <map>
#include <set>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

namespace {

constexpr int64 kSections = 52;  // A to Z, then a to z

struct Range {
  const PopSong& song;
  const PopVocabulary& chords;
  int64 begin, length;
};

struct Context {
  const char* name;
  const char* meaning;
  LabelKind kind;
  int64 columns;
  int64 (*values)(const PopVocabulary& chords);  // number of tokens
  void (*write)(const Range& r, int64* out);
};

// Writes f(tick) for every tick.
template <class F>
void each(const Range& r, int64* out, F&& f) {
  for (int64 i = 0; i < r.length; ++i) out[i] = f(r.begin + i);
}

void write_rep(const Range& r, int64* out) {
  std::map<std::uint32_t, int64> rank;
  each(r, out, [&](int64 t) {
    const std::uint32_t code = pop_chord_code(r.song.chord(t));
    rank.emplace(code, 0);
    return static_cast<int64>(code);
  });
  int64 next = 0;
  for (auto& entry : rank) entry.second = next++;
  for (int64 i = 0; i < r.length; ++i) out[i] = rank.at(static_cast<std::uint32_t>(out[i]));
}

// In C, so that songs in different keys share tokens. A song has one key here: its first.
void write_key(const Range& r, int64* out) {
  const int tonic = r.song.labels.keys[0].tonic;
  std::vector<int64> known(r.song.labels.chords.spans.size() + 1, -1);
  each(r, out, [&](int64 t) {
    int64& token = known[r.song.chord_at[static_cast<std::size_t>(t)]];
    if (token < 0) token = r.chords.token(transposed(r.song.chord(t), -tonic));
    return token;
  });
}

void write_key_mode(const Range& r, int64* out) {
  write_key(r, out);
  if (r.song.labels.keys[0].minor)
    for (int64 i = 0; i < r.length; ++i) out[i] += r.chords.size();
}

void write_bin(const Range& r, int64* out) {
  for (int64 i = 0; i < r.length; ++i) {
    const int tones = r.song.chord(r.begin + i).tones;
    for (int p = 0; p < 12; ++p) *out++ = tones >> p & 1;
  }
}

int64 section_token(char letter) { return letter >= 'a' ? 26 + (letter - 'a') : letter - 'A'; }

const std::vector<Context>& contexts() {
  constexpr auto none = [](const PopVocabulary&) -> int64 { return 0; };
  constexpr auto two = [](const PopVocabulary&) -> int64 { return 2; };
  static const std::vector<Context> all = {
      {"time", "ticks since the window's begin", LabelKind::time, 1, none,
       [](const Range& r, int64* out) { each(r, out, [&](int64 t) { return t - r.begin; }); }},
      {"rep", "rank of the chord (root, tones) among those of the window", LabelKind::token, 1,
       [](const PopVocabulary& v) { return v.size(); }, write_rep},
      {"key", "token of the chord, transposed from the song's key to C", LabelKind::token, 1,
       [](const PopVocabulary& v) { return v.size(); }, write_key},
      {"key-mode", "the same, other tokens for songs in minor", LabelKind::token, 1,
       [](const PopVocabulary& v) { return 2 * v.size(); }, write_key_mode},
      {"bin", "twelve bits, the chord's pitch classes from C on", LabelKind::bit, 12, two,
       write_bin},
      {"phrase", "phrases counted from 0, padding before the first bar line included",
       LabelKind::time, 1, none,
       [](const Range& r, int64* out) {
         each(r, out,
              [&](int64 t) -> int64 { return r.song.phrase_at[static_cast<std::size_t>(t)]; });
       }},
      {"section", "the phrase's letter: 0 to 25 for A to Z, 26 to 51 for a to z", LabelKind::token,
       1, [](const PopVocabulary&) { return kSections; },
       [](const Range& r, int64* out) {
         each(r, out, [&](int64 t) { return section_token(r.song.phrase(t).letter); });
       }},
      {"bar", "bars counted from 0", LabelKind::time, 1, none,
       [](const Range& r, int64* out) { each(r, out, [&](int64 t) { return r.song.bar(t); }); }},
      {"beat", "ticks since the bar line", LabelKind::token, 1,
       [](const PopVocabulary&) -> int64 { return 4 * kPopTicks; },
       [](const Range& r, int64* out) {
         each(r, out, [&](int64 t) { return r.song.tick_in_bar(t); });
       }},
      {"melody", "pitch of melody.txt, 0 for a rest", LabelKind::token, 1,
       [](const PopVocabulary&) -> int64 { return kPitches; },
       [](const Range& r, int64* out) {
         each(r, out,
              [&](int64 t) -> int64 { return r.song.melody_at[static_cast<std::size_t>(t)]; });
       }},
  };
  return all;
}

const Context& context_named(const std::string& name) {
  for (const Context& c : contexts())
    if (name == c.name) return c;
  const auto known = pop_context_names();
  fail<ConfigError>("unknown context '{}'{}; known: {}", name, did_you_mean(name, known),
                    join(known));
}

}  // namespace

std::uint32_t pop_chord_code(const PopChord& chord) {
  if (chord.chord.is_none()) return 0;
  auto code = static_cast<std::uint32_t>(chord.chord.root + 1);
  for (int p = 0; p < 12; ++p) code = code << 1 | (chord.tones >> p & 1u);
  return code;
}

PopChord transposed(const PopChord& chord, int semitones) {
  const auto up = static_cast<unsigned>((semitones % 12 + 12) % 12);
  const unsigned tones = chord.tones;
  return {transposed(chord.chord, semitones),
          static_cast<std::uint16_t>((tones << up | tones >> (12 - up)) & 0xFFFu)};
}

PopVocabulary::PopVocabulary(const std::vector<PopSong>& songs) {
  std::set<std::uint32_t> seen, codes = {0};
  for (const PopSong& song : songs)
    for (const PopChordSpan& s : song.labels.chords.spans) {
      if (s.chord.chord.is_none() || !seen.insert(pop_chord_code(s.chord)).second) continue;
      for (int k = 0; k < 12; ++k) codes.insert(pop_chord_code(transposed(s.chord, k)));
    }
  codes_.assign(codes.begin(), codes.end());
}

int64 PopVocabulary::token(const PopChord& chord) const {
  const std::uint32_t code = pop_chord_code(chord);
  const auto found = std::lower_bound(codes_.begin(), codes_.end(), code);
  check<IndexError>(found != codes_.end() && *found == code,
                    "the chord {} is in none of the songs, in any key", to_string(chord.chord));
  return found - codes_.begin();
}

std::vector<std::string> pop_context_names() {
  std::vector<std::string> names;
  for (const Context& c : contexts()) names.emplace_back(c.name);
  return names;
}

std::string pop_context_meaning(const std::string& name) { return context_named(name).meaning; }

bool pop_context_looks_ahead(const std::string& name) {
  return context_named(name).write == write_rep;
}

std::vector<LabelColumn> pop_context_columns(const std::string& name, const PopVocabulary& chords) {
  const Context& c = context_named(name);
  std::vector<LabelColumn> columns;
  for (int64 i = 0; i < c.columns; ++i)
    columns.push_back(
        {c.columns == 1 ? name : fmt::format("{}{}", name, i), c.kind, c.values(chords)});
  return columns;
}

Tensor pop_context(const PopSong& song, const PopVocabulary& chords, const std::string& name,
                   int64 begin, int64 length) {
  const Context& c = context_named(name);
  check<IndexError>(begin >= 0 && length >= 0 && begin <= song.ticks - length,
                    "ticks {} to {} are not in song {}, which has {}", begin, begin + length,
                    song.name, song.ticks);
  Tensor out = Tensor::empty({length, c.columns}, DType::i64);
  c.write({song, chords, begin, length}, out.writable<int64>());
  return out;
}

}  // namespace gradus

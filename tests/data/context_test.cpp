// Context labels: chord codes and tokens, ranks in a window, keys, bits, phrases, places in the
// bar.
#include "data/context.h"

#include <doctest/doctest.h>

#include "data/pop909.h"
#include "tests/data/pop909_clones.h"

using namespace gradus;

namespace {

PopChord chord(const std::string& name) { return parse_pop_chord_name(name); }
PopSet read_set(const PopClones& clones) {
  clones.list("startpos.csv", "ID,Position\n1,0\n");
  return read_pop909(clones.root());
}
/// The labels of the first song as the papers cut it.
Tensor labels(const PopSet& set, const std::string& name, int64 begin, int64 length) {
  return context_labels(make_piece(set.songs[0], kPopTicks, PopBegin::first_note), set.chords, name,
                        begin, length);
}
int64 token(const PopSet& set, const std::string& name) {
  return set.chords.token(chord_code(chord(name)));
}
/// The values of a one-column context at some ticks of a window.
std::vector<int64> at(const PopSet& set, const std::string& name, int64 begin, int64 length,
                      std::initializer_list<int64> ticks) {
  const Tensor t = labels(set, name, begin, length);
  REQUIRE(t.shape() == Shape{length, 1});
  std::vector<int64> out;
  for (int64 i : ticks) out.push_back(t.values<int64>()[static_cast<std::size_t>(i)]);
  return out;
}
using Values = std::vector<int64>;

}  // namespace

TEST_CASE("codes order chords: none, by root, by tones from C on; basses do not count") {
  CHECK(chord_code(PopChord{}) == 0);
  CHECK(chord_code(chord("C:maj")) == 0b1100010010000);
  CHECK(chord_code(chord("C:maj")) < chord_code(chord("C:7")));
  CHECK(chord_code(chord("C:7")) < chord_code(chord("C:min")));
  CHECK(chord_code(chord("C#:5")) > chord_code(chord("C:maj9(13)")));
  CHECK(chord_code(chord("B:maj")) > chord_code(chord("A#:maj")));
  PopChord inverted = chord("C:maj/3");
  inverted.chord.bass = 4;
  CHECK(chord_code(inverted) == chord_code(chord("C:maj")));
}

TEST_CASE("transposing a code moves root and tones") {
  for (const char* quality : {"maj", "min7", "sus4(b7,9)", "maj6(b7)"})
    for (const char* root : {"C", "A", "Eb"})
      CHECK(transposed_code(chord_code(chord(std::string("C:") + quality)),
                            parse_pop_chord_name(std::string(root) + ":maj").chord.root) ==
            chord_code(chord(std::string(root) + ":" + quality)));
  CHECK(transposed_code(chord_code(chord("C:7")), -1) == chord_code(chord("B:7")));
  CHECK(transposed_code(chord_code(chord("G:7")), 12) == chord_code(chord("G:7")));
  CHECK(transposed_code(0, 5) == 0);
}

TEST_CASE("the vocabulary: no chord and every chord in every key") {
  const PopClones clones;  // major, minor, 7
  const PopSet set = read_set(clones);
  CHECK(set.chords.size() == 1 + 12 * 3);
  CHECK(set.chords.token(0) == 0);
  CHECK(token(set, "C:maj") == 1);  // as they appear
  CHECK(token(set, "A:min") == 2);
  CHECK(token(set, "G:7") == 3);
  CHECK(token(set, "C#:maj") == 4);  // then a semitone higher
  CHECK(token(set, "G#:7") == 6);
  CHECK(token(set, "F#:7") == 36);
  CHECK(ChordVocabulary(set.chords.codes()).codes() == set.chords.codes());
  CHECK(rule_of([&] { token(set, "D:sus2"); }) ==
        "no song of the data set has the chord on D of D E A, in any key");
  CHECK(ChordVocabulary().size() == 1);
}

TEST_CASE("time and rep count in the window, in numerical order and not by appearance") {
  const PopClones clones;  // C for 64 ticks, Am for 64, none for 32, G7 for 480
  const PopSet set = read_set(clones);
  CHECK(at(set, "time", 100, 5, {0, 4}) == Values{0, 4});
  // Tokens: none < C < Am < G7.
  CHECK(at(set, "rep", 0, 641, {0, 63, 64, 127, 128, 160, 639, 640}) ==
        Values{1, 1, 2, 2, 0, 3, 3, 0});
  CHECK(at(set, "rep", 0, 128, {0, 64}) == Values{0, 1});
  CHECK(at(set, "rep", 64, 64 + 32 + 1, {0, 64, 96}) == Values{1, 0, 2});
  CHECK(at(set, "rep", 200, 1, {0}) == Values{0});
  CHECK(context_looks_ahead("rep"));
  for (const std::string& name : context_names())
    CHECK(context_looks_ahead(name) == (name == "rep"));
}

TEST_CASE("key: the chord in C; the mode in the token or not") {
  const PopClones clones;
  {
    const PopSet set = read_set(clones);  // G major: C, Am, N, G7 are IV, ii, none, I7
    const int64 tokens[] = {token(set, "F:maj"), token(set, "D:min"), token(set, "C:7")};
    CHECK(at(set, "key", 0, 641, {0, 64, 128, 160, 640}) ==
          Values{tokens[0], tokens[1], 0, tokens[2], 0});
    CHECK(at(set, "key-mode", 0, 641, {0, 64}) == Values{tokens[0], tokens[1]});
  }
  clones.label(1, "analyzed_key.txt", "A:min\nG:maj\n");  // the first one counts
  const PopSet set = read_set(clones);
  const int64 fourth = token(set, "Eb:maj");
  CHECK(at(set, "key", 0, 1, {0}) == Values{fourth});
  CHECK(at(set, "key-mode", 0, 641, {0, 128}) ==
        Values{fourth + set.chords.size(), set.chords.size()});
}

TEST_CASE("bin: twelve bits of the name's tones") {
  const PopClones clones;
  const PopSet set = read_set(clones);
  const Tensor t = labels(set, "bin", 63, 66);
  REQUIRE(t.shape() == Shape{66, 12});
  const auto v = t.values<int64>();
  const auto row = [&](std::size_t i) {
    return Values(v.begin() + static_cast<long>(i) * 12, v.begin() + static_cast<long>(i + 1) * 12);
  };
  CHECK(row(0) == Values{1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0});
  CHECK(row(1) == Values{1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0});
  CHECK(row(65) == Values(12, 0));
}

TEST_CASE("phrase, section, bar, beat, melody") {
  const PopClones clones;
  const PopSet set = read_set(clones);
  CHECK(at(set, "phrase", 0, 641, {0, 127, 128, 384, 639, 640}) == Values{0, 0, 1, 2, 2, 3});
  CHECK(at(set, "section", 0, 641, {0, 128, 384, 640}) == Values{26 + 8, 0, 1, 26 + 23});
  CHECK(at(set, "bar", 64, 65, {0, 63, 64}) == Values{1, 1, 2});
  CHECK(at(set, "beat", 64, 65, {0, 63, 64}) == Values{0, 63, 0});
  CHECK(at(set, "melody", 0, 641, {0, 15, 16, 47, 48, 639, 640}) ==
        Values{0, 0, 60, 60, 62, 62, 0});
}

TEST_CASE("columns say kind and number of values") {
  const PopClones clones;
  const PopSet set = read_set(clones);
  for (const std::string& name : context_names()) {
    const auto columns = context_columns({name}, set.chords, kPopTicks);
    CHECK(columns.size() == (name == "bin" ? 12u : 1u));
    CHECK_FALSE(context_meaning(name).empty());
    const Tensor t = labels(set, name, 0, 641);
    REQUIRE(t.shape() == Shape{641, static_cast<int64>(columns.size())});
    for (int64 v : t.values<int64>()) {
      REQUIRE(v >= 0);
      if (columns[0].kind != LabelKind::time) REQUIRE(v < columns[0].values);
    }
    CHECK(labels(set, name, 641, 0).numel() == 0);
  }
  CHECK(context_columns({"bin"}, set.chords)[11].name == "bin.11");
  CHECK(context_columns({"key-mode"}, set.chords)[0].values == 74);
}

TEST_CASE("unknown contexts and ranges are refused") {
  const PopClones clones;
  const PopSet set = read_set(clones);
  const auto read = [&](const std::string& name, int64 begin, int64 length) {
    return rule_of([&] { labels(set, name, begin, length); });
  };
  CHECK(read("bim", 0, 1) ==
        "unknown context 'bim'; did you mean 'bin'?; known: time, rep, key, key-mode, bin, chord, "
        "root, phrase, section, bar, beat, melody, style");
  CHECK(read("bin", 600, 42) == "steps 600 to 642 are not in '001', which has 641");
  CHECK(read("bin", -1, 1) == "steps -1 to 0 are not in '001', which has 641");
}

// The arranger: voicings that move little, the figures of each style note by note, and the rule of
// block chords.
#include <doctest/doctest.h>

#include <cstdlib>
#include <set>

#include "data/arranger.h"
#include "data/voicing.h"
#include "tensor/error.h"

using namespace gradus;

namespace {

Tune tune_of(const std::string& style, const std::string& meter, const std::string& melody,
             const std::string& chords) {
  return parse_tune("title: T\ncomposer: C\norigin: O\nkey: C major\nmeter: " + meter +
                        "\ntempo: 100\nstyle: " + style + "\nsection A\nmelody: " + melody +
                        "\nchords: " + chords + "\n",
                    "t");
}
/// "begin:pitch,pitch ..." of the notes before `end`.
std::string onsets(const Tune& tune, int64 end) {
  std::string text;
  int64 last = -1;
  for (const Note& n : accompaniment(tune)) {
    if (n.start >= end) break;
    text += n.start == last ? fmt::format(",{}", n.pitch)
                            : fmt::format("{}{}:{}", last < 0 ? "" : " ", n.start, n.pitch);
    last = n.start;
  }
  return text;
}

}  // namespace

TEST_CASE("every chord has a voicing in range, of its own tones, complete for triads") {
  for (std::size_t q = 0; q < quality_names().size(); ++q)
    for (int root = 0; root < 12; ++root)
      for (int bass = 0; bass < 12; ++bass) {
        const Chord chord{root, static_cast<Quality>(q), bass};
        const Voicing v = VoiceLeader().next(chord);
        CAPTURE(to_string(chord));
        CHECK((v.bass >= kLowestBass && v.bass <= kHighestBass && v.bass % 12 == bass));
        CHECK((v.other_bass >= kLowestBass && v.other_bass <= kHighestBass));
        CHECK((v.upper[0] >= kLowestUpper && v.upper[2] <= kHighestUpper));
        CHECK((v.upper[0] < v.upper[1] && v.upper[1] < v.upper[2]));
        CHECK(v.upper[2] - v.upper[0] <= 12);
        std::set<int> classes;
        for (int p : v.upper) {
          CHECK((pitch_classes(chord) >> (p % 12) & 1));
          classes.insert(p % 12);
        }
        const auto tones = chord_tones(chord);
        CHECK(classes.size() == std::min<std::size_t>(3, tones.size()));
      }
  CHECK_THROWS_AS(VoiceLeader().next(Chord{}), ConfigError);
}

TEST_CASE("voices move little and stay below the melody where they can") {
  VoiceLeader leader;
  Voicing last = leader.next(parse_chord("C"));
  for (const char* symbol : {"F", "G7", "C", "Am", "Dm7", "G", "Em", "A7", "D7", "G7", "C"}) {
    const Voicing v = leader.next(parse_chord(symbol));
    for (std::size_t i = 0; i < 3; ++i) CHECK(std::abs(v.upper[i] - last.upper[i]) <= 4);
    CHECK(leader.next(parse_chord(symbol)).upper == v.upper);
    last = v;
  }
  CHECK(VoiceLeader().next(parse_chord("C"), 60).upper[2] == 60);
}

TEST_CASE("the figures of each style; the last chord is held") {
  const std::string melody = "c'4 d' e' f' | c'1 | c'1", chords = "C | C | C";
  CHECK(onsets(tune_of("block", "4/4", melody, chords), 16) ==
        "0:48,52,55,60 4:52,55,60 8:52,55,60 12:52,55,60");
  CHECK(onsets(tune_of("hymn", "4/4", melody, chords), 32) ==
        "0:48,52,55,60 4:48,52,55,60 8:48,52,55,60 12:48,52,55,60 16:48,52,55,60");
  CHECK(onsets(tune_of("alberti", "4/4", melody, chords), 16) ==
        "0:48,52 2:60 4:55 6:60 8:52 10:60 12:55 14:60");
  CHECK(onsets(tune_of("arpeggio", "4/4", melody, chords), 16) ==
        "0:48 2:52 4:55 6:60 8:55 10:52 12:55 14:60");
  CHECK(onsets(tune_of("stride", "4/4", melody, chords), 16) == "0:48 4:52,55,60 8:43 12:52,55,60");
  CHECK(onsets(tune_of("ballad", "4/4", melody, chords), 16) == "0:48 2:52 4:55 6:60 8:55 10:52");
  for (const std::string& style : style_names()) {
    const Tune t = tune_of(style, "4/4", melody, chords);
    const auto notes = accompaniment(t);
    int held = 0;
    for (const Note& n : notes) held += n.start == 32 && n.end == 48;
    CHECK(held == 4);
    CHECK(notes == accompaniment(t));
  }
}

TEST_CASE("waltz, oom-pah in 2/4 and 6/8, alberti in 3/4") {
  const std::string three = "e''2. | e''2. | e''2.";
  CHECK(onsets(tune_of("waltz", "3/4", three, "C | C | G"), 24) ==
        "0:48 4:55,60,64 8:55,60,64 12:43 16:55,60,64 20:55,60,64");
  CHECK(onsets(tune_of("waltz", "3/4", three, "C . G | C | G"), 12) == "0:48 4:55,60,64 8:43");
  CHECK(onsets(tune_of("alberti", "3/4", three, "C | C | G"), 12) ==
        "0:48,55 2:64 4:60 6:64 8:60 10:64");
  CHECK(onsets(tune_of("stride", "2/4", "e''2 | e''2", "C | C"), 8) ==
        "0:48 2:55,60,64 4:43 6:55,60,64");
  CHECK(onsets(tune_of("stride", "6/8", "e''2. | e''2.", "C | C"), 12) ==
        "0:48 4:55,60,64 6:43 10:55,60,64");
  CHECK(onsets(tune_of("alberti", "6/8", "e''2. | e''2.", "C | C"), 12) ==
        "0:48,55 2:60 4:64 6:55 8:60 10:64");
}

TEST_CASE("chords that change on beats, no chord, a pickup") {
  CHECK(onsets(tune_of("block", "4/4", "c''1 | c''1", "C G | N"), 32) ==
        "0:48,55,60,64 4:55,60,64 8:43,55,59,62 12:55,59,62");
  CHECK(accompaniment(tune_of("alberti", "4/4", "c''1", "N")).empty());
  Tune t = bundled_tune("amazing_grace");
  CHECK(accompaniment(t).front().start == t.cells_per_bar());
}

TEST_CASE(
    "every bundled tune has an accompaniment in range that sounds in every bar with a chord") {
  for (const Tune& t : bundled_tunes()) {
    CAPTURE(t.name);
    std::set<int64> bars;
    const auto notes = accompaniment(t);
    std::set<std::pair<int64, int>> last;
    for (const Note& n : notes) {
      CHECK((n.pitch >= 36 && n.pitch <= 72));
      CHECK((n.start >= 0 && n.end > n.start && n.end <= t.cells()));
      CHECK((pitch_classes(t.chord_at(n.start)) >> (n.pitch % 12) & 1));
      CHECK(last.insert({n.start, n.pitch}).second);
      bars.insert(n.start / t.cells_per_bar());
    }
    for (int64 bar = 0; bar < t.bars(); ++bar)
      if (!t.chord_at(bar * t.cells_per_bar()).is_none()) CHECK(bars.count(bar) == 1);
    CHECK(notes.size() >= static_cast<std::size_t>(2 * t.bars()));
  }
}

TEST_CASE("a song of melody and piano with tempo, meter and key") {
  const Song song = arrange(bundled_tune("amazing_grace"), 96);
  CHECK(song.title == "Amazing Grace");
  CHECK(song.ticks_per_quarter == 96);
  REQUIRE(song.tracks.size() == 2);
  CHECK((song.tracks[0].name == "melody" && song.tracks[1].name == "piano"));
  CHECK(song.tracks[0].notes[0] == Note{192, 288, 62, 90, 0});
  CHECK(song.tempos == std::vector<TempoChange>{{0, 652173}});
  CHECK(song.time_signatures == std::vector<TimeSignature>{{0, 3, 4}});
  CHECK(song.key_signatures == std::vector<KeySignature>{{0, 1, false}});
  CHECK(parse_midi(midi_bytes(song)) == song);
}

TEST_CASE("block chords: one tone a pitch class, the root below, a gap of one tick") {
  std::vector<Chord> chords(10, parse_chord("G7/F"));
  for (std::size_t i = 4; i < 8; ++i) chords[i] = Chord{};
  const auto notes = block_chords(chords, 4, 480);
  REQUIRE(notes.size() == 10);
  std::vector<int> pitches;
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK((notes[i].start == 0 && notes[i].end == 479));
    CHECK((notes[i + 5].start == 960 && notes[i + 5].end == 1439));
    pitches.push_back(notes[i].pitch);
  }
  CHECK(pitches == std::vector<int>{43, 55, 59, 62, 65});
  CHECK(block_chords({}, 4, 480).empty());
  CHECK(block_chords({parse_chord("B")}, 1, 2).back().pitch == 66);
  CHECK_THROWS_AS(block_chords(chords, 0, 480), ConfigError);
  // C:sus4(b7,9) is 7sus4 by its quality; the label's D is played too.
  const auto pitches_of = [](const std::vector<Note>& struck) {
    std::vector<int> all;
    for (const Note& n : struck) all.push_back(n.pitch);
    return all;
  };
  const std::vector<Chord> sus = {parse_chord("C:7sus4")};
  CHECK(pitches_of(block_chords(sus, 1, 2)) == std::vector<int>{36, 55, 58, 60, 65});
  CHECK(pitches_of(block_chords(sus, 1, 2, {0b010010100101})) ==
        std::vector<int>{36, 55, 58, 60, 62, 65});
  CHECK(pitches_of(block_chords({Chord{}}, 1, 2, {0})).empty());
  CHECK_THROWS_AS(block_chords(sus, 1, 2, {0, 0}), ShapeError);
}

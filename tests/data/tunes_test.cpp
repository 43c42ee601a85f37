// Every bundled tune: parsed from the copy that is built in, equal to the file, and musical enough
// to train on.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "data/tune.h"
#include "tensor/file.h"

using namespace gradus;

TEST_CASE("at least 30 tunes are bundled, in several meters, keys and styles") {
  std::set<std::string> meters, styles, titles;
  std::set<int> tonics;
  int minor = 0, pickups = 0;
  for (const Tune& t : bundled_tunes()) {
    meters.insert(fmt::format("{}/{}", t.beats, t.unit));
    tonics.insert(t.key.tonic);
    titles.insert(t.title);
    minor += t.key.minor;
    pickups += t.has_pickup;
    for (const Section& s : t.sections) styles.insert(to_string(s.style));
  }
  CHECK(bundled_tunes().size() >= 30);
  CHECK(titles.size() == bundled_tunes().size());
  CHECK(meters.size() >= 3);
  CHECK(tonics.size() >= 4);
  CHECK(styles.size() == style_names().size());
  CHECK(minor >= 3);
  CHECK(pickups >= 3);
}

TEST_CASE("the texts built in are the files of data/tunes") {
  std::set<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(GRADUS_SOURCE_DIR) + "/data/tunes"))
    files.insert(entry.path().filename().string());
  CHECK(files.size() == bundled_tune_texts().size());
  std::string last;
  for (const TuneText& t : bundled_tune_texts()) {
    CAPTURE(t.name);
    const std::string file = std::string(t.name) + ".txt";
    REQUIRE(files.count(file) == 1);
    CHECK(read_file(std::string(GRADUS_SOURCE_DIR) + "/data/tunes/" + file) == t.text);
    CHECK(last < t.name);
    last = t.name;
  }
}

TEST_CASE("each tune: bars add up, chords parse, sections cover it, the melody is one voice") {
  for (const Tune& t : bundled_tunes()) {
    CAPTURE(t.name);
    CHECK_FALSE(t.composer.empty());
    CHECK_FALSE(t.origin.empty());
    CHECK(t.bars() >= 8);
    CHECK(static_cast<int64>(t.chords.beats.size()) == t.bars() * t.beats);
    CHECK(parse_progression(to_string(t.chords), t.beats) == t.chords);

    int64 bar = 0;
    for (const Section& s : t.sections) {
      CHECK(s.first_bar == bar);
      CHECK(s.bars > 0);
      bar += s.bars;
    }
    CHECK(bar == t.bars());

    REQUIRE_FALSE(t.melody.empty());
    int64 time = 0, sung = 0;
    for (const Note& n : t.melody) {
      CHECK(n.start >= time);
      CHECK(n.end > n.start);
      CHECK((n.pitch >= 48 && n.pitch <= 96));
      time = n.end;
      sung += n.end - n.start;
    }
    CHECK(time <= t.cells());
    CHECK(2 * sung >= t.cells());
    if (t.has_pickup) CHECK(t.melody.front().start > 0);
  }
}

TEST_CASE("each tune: the chords belong to the melody") {
  for (const Tune& t : bundled_tunes()) {
    CAPTURE(t.name);
    int64 inside = 0, outside = 0, silent = 0;
    for (const Note& n : t.melody)
      for (int64 cell = n.start; cell < n.end; ++cell) {
        const Chord& chord = t.chord_at(cell);
        const bool fits = (pitch_classes(chord) >> (n.pitch % 12)) & 1;
        (chord.is_none() ? silent : fits ? inside : outside) += 1;
      }
    // Passing notes and suspensions are short: the least share of the bundled tunes is 0.73.
    CHECK(inside >= 2 * outside);
    CHECK(silent <= (inside + outside) / 4);
  }
}

TEST_CASE("a tune is found by its name") {
  CHECK(bundled_tune("twinkle").title == "Twinkle, Twinkle, Little Star");
  try {
    bundled_tune("twinkel");
    FAIL("no error");
  } catch (const ConfigError& e) {
    CHECK(e.rule().find("unknown tune 'twinkel'; did you mean 'twinkle'?; bundled:") == 0);
  }
}

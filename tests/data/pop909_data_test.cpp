// The real POP909, where it lies beside the project or in $GRADUS_DATA: the counts of the papers.
#include "data/pop909.h"
#include "tests/real_data.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using Counts = std::vector<std::size_t>;
template <class F>
Counts by_split(F&& count) {
  return {count(PopSplit::train), count(PopSplit::validation), count(PopSplit::test)};
}

}  // namespace

TEST_CASE("one song of each meter and alignment") {
  if (!data_is_there()) return;
  const PopFolders folders = find_pop909(data_folder());
  const auto starts = read_pop_starts(folders.lists / "startpos.csv");
  CHECK(starts.size() == 866);
  const auto read = [&](int n) {
    return read_pop_song(folders, n, read_pop_labels(folders, n), starts.at(n), PopSplit::train);
  };
  const PopSong first = read(1);
  CHECK(first.start == 8);
  CHECK(first.labels.keys == std::vector<PopKey>{{6, false}});
  CHECK(first.chord(8).chord == Chord{11, Quality::major, 11});
  CHECK(first.phrase(8).letter == 'i');
  CHECK(read(30).ticks > 0);  // start -6
  CHECK(read_pop_labels(folders, 62).beats_per_bar == 3);
  CHECK(read_pop_labels(folders, 328).beats_per_bar == 3);
}

TEST_CASE("the papers' songs, splits and windows") {
  if (!whole_data_is_there()) return;
  const PopSet set = read_pop909(data_folder());
  CHECK(set.songs.size() == 866);
  CHECK(set.left_out.size() == 43);
  CHECK(by_split([&](PopSplit s) { return static_cast<std::size_t>(set.count(s)); }) ==
        Counts{692, 86, 88});
  const auto joined = [&](int64 steps) {
    return by_split([&](PopSplit s) { return joined_windows(set, s, steps).size(); });
  };
  CHECK(joined(512) == Counts{7667, 983, 960});
  CHECK(joined(1024) == Counts{3322, 428, 416});
  CHECK(joined(4096) == Counts{613, 79, 72});
  const auto cut = [&](int64 steps, int64 overlap) {
    return by_split([&](PopSplit s) { return cut_windows(set, s, steps, overlap).size(); });
  };
  CHECK(cut(512, 64) == Counts{7667, 983, 960});
  CHECK(cut(1024, 128) == Counts{3612, 462, 448});
  CHECK(cut(4096, 512) == Counts{614, 79, 72});

  std::size_t three_four = 0, unlisted = 0;
  for (const PopLeftOut& l : set.left_out) {
    three_four += l.reason == PopReason::three_four;
    unlisted += l.reason == PopReason::no_start;
  }
  CHECK(three_four == 27);
  CHECK(unlisted == 16);
  CHECK(set.song(887).labels.beats_per_bar == 3);

  double share = 0, best = 0;
  for (const PopSong& s : set.songs) {
    const PopFit fit = melody_fit(s);
    share += fit.share / 866;
    best += fit.best_share / 866;
  }
  CHECK(share == doctest::Approx(0.786).epsilon(0.001));
  CHECK(best == doctest::Approx(0.914).epsilon(0.001));
}

TEST_CASE("every label file of every song can be read, with the traps counted") {
  if (!whole_data_is_there()) return;
  const PopFolders folders = find_pop909(data_folder());
  const std::vector<int> songs = pop_songs(folders);
  CHECK(songs.size() == 909);
  int64 notes = 0, chords = 0;
  int three_four = 0, modulating = 0, cut = 0, odd = 0;
  for (int n : songs) {
    const PopLabels l = read_pop_labels(folders, n);
    chords += static_cast<int64>(l.chords.spans.size());
    for (const PopMelodyNote& m : l.melody) notes += m.pitch > 0;
    three_four += l.beats_per_bar == 3;
    modulating += l.keys.size() > 1;
    cut += l.chords.cut_names > 0;
    odd += l.chords.odd_lines;
  }
  CHECK(notes == 307683);
  CHECK(chords == 94236);
  CHECK(three_four == 28);
  CHECK(modulating == 122);
  CHECK(cut == 34);  // with song 337, whose names lost only their bass
  CHECK(odd == 6);
}

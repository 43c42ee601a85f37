// gradus data: what a folder of POP909 holds, and parts of it as arrays, to be checked by eye.
#include <algorithm>

#include "data/pop909.h"
#include "tensor/npy.h"
#include "tools/command_line.h"
#include "tools/commands.h"

namespace gradus {

namespace {

void print_left_out(const PopSet& set) {
  constexpr std::size_t kNamed = 8;
  for (int r = 0; r < kPopReasons; ++r) {
    const auto reason = static_cast<PopReason>(r);
    std::vector<std::string> names;
    std::string example;
    for (const PopLeftOut& l : set.left_out) {
      if (l.reason != reason) continue;
      names.push_back(pop_song_name(l.song));
      if (example.empty()) example = fmt::format("{}: {}", names.back(), l.message);
    }
    if (names.empty()) continue;
    const std::size_t count = names.size();
    if (count > kNamed) names.resize(kNamed), names.emplace_back("...");
    fmt::print("  {:>4}  {} ({})\n        {}\n", count, name(reason), join(names), example);
  }
}

// How many songs in use have a property, and which first.
template <class Has>
void print_remark(const PopSet& set, const std::string& remark, Has&& has) {
  constexpr std::size_t kNamed = 5;
  std::vector<std::string> names;
  std::size_t count = 0;
  for (const PopSong& s : set.songs)
    if (has(s) && ++count <= kNamed) names.push_back(s.name);
  if (count > kNamed) names.emplace_back("...");
  if (count) fmt::print("  {:>4}  {} ({})\n", count, remark, join(names));
}

void print_remarks(const PopSet& set) {
  print_remark(set, "in 3/4 by their labels, kept because both lists name them",
               [](const PopSong& s) { return s.labels.beats_per_bar == 3; });
  print_remark(set, "phrases and chords differ in length by more than a bar", [](const PopSong& s) {
    return std::abs(s.labels.phrase_quarters() - s.labels.chords.quarters()) >
           s.labels.beats_per_bar;
  });
  print_remark(set, "chords longer than the roll: cut",
               [](const PopSong& s) { return s.chords_past_roll() > 0; });
  print_remark(set, "chords more than four bars shorter than the roll: padded with no chord",
               [](const PopSong& s) { return -s.chords_past_roll() > 4 * s.labels.beats_per_bar; });
  print_remark(set, "several keys, without times: the first one is used",
               [](const PopSong& s) { return s.labels.keys.size() > 1; });
  print_remark(set, "chord names cut short: the degrees that are left count",
               [](const PopSong& s) { return s.labels.chords.cut_names > 0; });
  print_remark(set, "odd chord lines",
               [](const PopSong& s) { return s.labels.chords.odd_lines > 0; });
  print_remark(set, "pitch classes beside a chord name that are not the name's: the name counts",
               [](const PopSong& s) { return s.labels.chords.wrong_lists > 0; });
}

void print_fit(const PopSet& set) {
  constexpr double kBetter = 0.05;
  double now = 0, best = 0;
  for (const PopSong& s : set.songs) {
    const PopFit fit = melody_fit(s);
    now += fit.share;
    best += fit.best_share;
  }
  print_remark(set, "another position of the labels would fit the melody better",
               [](const auto& s) {
                 const PopFit fit = melody_fit(s);
                 return fit.best_share > fit.share + kBetter;
               });
  const auto songs = static_cast<double>(set.songs.size());
  fmt::print(
      "  of the notes of melody.txt {:.1f} % meet their onset in MELODY (best positions: "
      "{:.1f} %)\n",
      100 * now / songs, 100 * best / songs);
}

void print_counts(const PopSet& set) {
  fmt::print("\n  {:<50} {:>6} {:>11} {:>6}\n", "", "train", "validation", "test");
  const auto row = [](const std::string& title, auto&& count) {
    fmt::print("  {:<50} {:>6} {:>11} {:>6}\n", title, count(PopSplit::train),
               count(PopSplit::validation), count(PopSplit::test));
  };
  row("songs", [&](PopSplit s) { return set.count(s); });
  const std::pair<int64, int64> sizes[] = {{512, 64}, {1024, 128}, {4096, 512}};
  for (const auto& size : sizes) {
    const int64 steps = size.first, overlap = size.second;
    row(fmt::format("windows of {} steps ({} bars){}", steps, steps / 64,
                    steps == 512 ? ", overlap 64" : ", joined of these"),
        [=, &set](PopSplit s) { return joined_windows(set, s, steps).size(); });
    if (steps != 512)
      row(fmt::format("  cut anew with overlap {}", overlap),
          [=, &set](PopSplit s) { return cut_windows(set, s, steps, overlap).size(); });
  }
}

void print_info(const PopSet& set, const std::string& data) {
  int64 chords = 0, notes = 0, ticks = 0;
  for (const PopSong& s : set.songs) {
    chords += static_cast<int64>(s.labels.chords.spans.size());
    ticks += s.ticks;
    for (const auto& track : s.tracks) notes += static_cast<int64>(track.size());
  }
  fmt::print("POP909 in {}: {} songs, {} in use, {} left out\n", data,
             set.songs.size() + set.left_out.size(), set.songs.size(), set.left_out.size());
  print_left_out(set);
  if (set.songs.empty()) return;
  fmt::print("\nin use: {} quarters, {} notes, {} chords; of the songs in use\n", ticks / kPopTicks,
             notes, chords);
  print_remarks(set);
  print_fit(set);
  print_counts(set);
  fmt::print("\n  {} chords (root and tones) with their transpositions and no chord\n",
             set.chords.size());
}

Tensor exported(const PopSet& set, const PopSong& song, const std::string& what) {
  if (what == "roll") return pop_roll(song, 0, song.ticks).sustain;
  if (what == "onset") return pop_roll(song, 0, song.ticks).onset;
  return context_labels(make_piece(song, kPopTicks, PopBegin::first_note), set.chords, what, 0,
                        song.ticks);
}

std::vector<std::string> export_names() {
  std::vector<std::string> names = {"roll", "onset"};
  for (const std::string& n : context_names())
    if (n != "style") names.push_back(n);  // POP909 says nothing of it
  return names;
}

void export_array(const CommandLine& line, const std::string& data, PopAlignment alignment) {
  const std::string song = line.required("song", "a song: --song 001");
  const std::vector<std::string> known = export_names();
  const std::string what =
      line.required("what", fmt::format("what to write: --what {}", join(known, "|")));
  const std::string file = line.required("npy", "a file to write: --npy FILE.npy");
  check<ConfigError>(std::find(known.begin(), known.end(), what) != known.end(),
                     "unknown --what '{}'{}; known: {}", what, did_you_mean(what, known),
                     join(known));
  const int number = parse_pop_song(song);
  const PopSet set = read_pop909(data, alignment);
  const Tensor array = exported(set, set.song(number), what);
  write_npy(file, array);
  fmt::print("{}: {} of song {}, {} {}, {} ticks a quarter\n", file, what, pop_song_name(number),
             name(array.dtype()), text(array.shape()), kPopTicks);
}

std::string what_help() {
  const std::vector<std::string> names = export_names();
  return "what to export: roll (notes held, 128 columns each for melody, bridge, piano), onset "
         "(where they begin), or a context: " +
         join(std::span(names).subspan(2));
}

}  // namespace

int cmd_data(int argc, char** argv) {
  cxxopts::Options options("gradus data",
                           "info: what a folder of POP909 holds, what is used, what is left out "
                           "and why.\nexport: one song's roll or labels as a NumPy array.\n");
  options.positional_help("info|export");
  // clang-format off
  options.add_options()
      ("data", "folder with the clones of POP909-Dataset, hierarchical-structure-analysis and "
               "structurePE", cxxopts::value<std::string>())
      ("align", "where labels begin: papers (startpos.csv) or melody (where melody.txt fits best)",
       cxxopts::value<std::string>()->default_value("papers"))
      ("song", "song to export, 001 to 909", cxxopts::value<std::string>())
      ("what", what_help(), cxxopts::value<std::string>())
      ("npy", "file to write", cxxopts::value<std::string>())
      ("help", "this text")
      ("action", "info or export", cxxopts::value<std::string>());
  // clang-format on
  options.parse_positional({"action"});
  const CommandLine line(
      options, argc, argv,
      "gradus data export --data ../shared/data --song 001 --what bin --npy bin.npy");
  if (line.helped()) return 0;
  const std::string action = line.required("action", "an action: gradus data info --data DIR");
  const std::vector<std::string> actions = {"info", "export"};
  check<ConfigError>(std::find(actions.begin(), actions.end(), action) != actions.end(),
                     "gradus data: unknown action '{}'; known: {}{}", action, join(actions),
                     did_you_mean(action, actions));
  const std::string data = line.required("data", "the data folder: --data DIR");
  const PopAlignment alignment = parse_pop_alignment(line["align"].as<std::string>());
  if (action == "export") {
    export_array(line, data, alignment);
    return 0;
  }
  for (const char* other : {"song", "what", "npy"})
    check<ConfigError>(!line.has(other), "--{} belongs to gradus data export", other);
  print_info(read_pop909(data, alignment), data);
  return 0;
}

}  // namespace gradus

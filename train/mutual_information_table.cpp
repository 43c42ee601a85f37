// The table of mutual information: made, as text, as a file.
#include <charconv>
#include <cmath>
#include <set>

#include "tensor/error.h"
#include "tensor/text.h"
#include "train/mutual_information.h"

namespace gradus {

namespace {

constexpr std::string_view kHead =
    "context,labels,nats,shuffled,paper,cells,pitches,shuffles,subset";
constexpr std::size_t kFields = 9;

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// Table I of the paper; it does not say whether KEY knows the mode.
double paper_value(const std::string& context) {
  if (context == "TIME") return 0.0085;
  if (context == "REP") return 0.0436;
  if (context == "KEY" || context == "KEY+mode") return 0.0476;
  if (context == "BIN") return 1.0075;
  return kUnknown;
}

std::string number(double x) { return std::isnan(x) ? "" : fmt::format("{:.17g}", x); }

double read_number(const std::string& field, const std::string& where) {
  double x = 0;
  const char* end = field.data() + field.size();
  const auto [to, error] = std::from_chars(field.data(), end, x);
  check<IoError>(error == std::errc() && to == end && std::isfinite(x), "{}: '{}' is no number",
                 where, field);
  return x;
}

int64 read_count(const std::string& field, const std::string& where) {
  int64 n = 0;
  const char* end = field.data() + field.size();
  const auto [to, error] = std::from_chars(field.data(), end, n);
  check<IoError>(error == std::errc() && to == end && n >= 0,
                 "{}: '{}' is no whole number of 0 or more", where, field);
  return n;
}

}  // namespace

std::vector<std::string> information_contexts() {
  return {"time", "rep",    "key",     "key-mode", "bin",  "chord",
          "root", "phrase", "section", "bar",      "beat", "bin+beat"};
}

InformationTable information_table(const HarmonyData& data, const PopSet* papers, int64 steps,
                                   const std::vector<std::string>& contexts, int64 shuffles,
                                   const Rng& rng) {
  check<ConfigError>(steps >= 1 && shuffles >= 1,
                     "mutual information takes 1 or more steps and shuffles, got {} and {}", steps,
                     shuffles);
  const std::vector<PieceWindow> windows = papers ? paper_windows(data.pieces, Split::train, steps)
                                                  : cut_windows(data.pieces, Split::train, steps);
  check<ConfigError>(!windows.empty(), "no piece of split train holds a window of {} steps", steps);
  std::set<std::size_t> used;
  for (const PieceWindow& w : windows) used.insert(w.piece);

  InformationTable table;
  table.subset =
      fmt::format("{} windows of {} steps in {} pieces of split train; {}", windows.size(), steps,
                  used.size(), papers ? "those of the papers" : "one every half window");
  table.shuffles = shuffles;
  const SoundingCells cells = sounding_cells(data.pieces, windows);
  table.cells = cells.size();
  table.pitches =
      static_cast<int64>(std::set<std::uint8_t>(cells.pitch.begin(), cells.pitch.end()).size());
  std::vector<RowLabels> labels;
  const auto add = [&](const std::string& context, RowLabels rows) {
    labels.push_back(std::move(rows));
    table.rows.push_back({context, labels.back().labels, mutual_information(cells, labels.back()),
                          0, paper_value(context)});
  };
  if (papers)
    for (const std::string& c : paper_contexts())
      add(c, paper_row_labels(*papers, data.pieces, windows, c));
  for (const std::string& c : contexts) add(c, row_labels(data.pieces, windows, data.chords, c));

  Rng random = rng.stream("shuffled");
  for (int64 s = 0; s < shuffles; ++s) {
    const SoundingCells apart = shuffled(cells, random);
    for (std::size_t i = 0; i < labels.size(); ++i)
      table.rows[i].shuffled +=
          mutual_information(apart, labels[i]) / static_cast<double>(shuffles);
  }
  return table;
}

std::string text(const InformationTable& table) {
  std::string out = fmt::format(
      "windows: {}\ncells: {} that sound, {} pitches\n\n{:<14}{:>8}{:>10}{:>10}{:>10}"
      "{:>14}\n",
      table.subset, table.cells, table.pitches, "context", "labels", "nats", "shuffled", "paper",
      "nats / paper");
  for (const ContextInformation& r : table.rows) {
    out += fmt::format("{:<14}{:>8}{:>10.4f}{:>10.4f}", r.context, r.labels, r.nats, r.shuffled);
    if (!std::isnan(r.paper)) out += fmt::format("{:>10.4f}{:>14.2f}", r.paper, r.nats / r.paper);
    out += '\n';
  }
  return out +
         fmt::format(
             "\nnats: mutual information of pitch and label over the cells, plug-in. shuffled: the "
             "same where labels are\ndealt out at random, mean of {}: what chance alone makes of "
             "it. "
             "TIME to BIN: chords as the papers' code reads\nthem; the paper says neither which "
             "cells it counts nor whether KEY knows the mode. Others: gradus train's.\n",
             table.shuffles);
}

std::string csv(const InformationTable& table) {
  std::string out = fmt::format("{}\n", kHead);
  for (const ContextInformation& r : table.rows)
    out += fmt::format("{},{},{},{},{},{},{},{},{}\n", r.context, r.labels, number(r.nats),
                       number(r.shuffled), number(r.paper), table.cells, table.pitches,
                       table.shuffles, table.subset);
  return out;
}

InformationTable parse_information(std::string_view csv, const std::string& where) {
  const std::vector<std::string> lines = split(csv, '\n');
  check<IoError>(!lines.empty() && trim(lines[0]) == kHead && csv.ends_with('\n'),
                 "{}: no whole table of mutual information; its columns are {}", where, kHead);
  InformationTable table;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string at = fmt::format("{}:{}", where, i + 1);
    if (lines[i].empty()) continue;
    const std::vector<std::string> f = split(trim(lines[i]), ',');
    check<IoError>(f.size() == kFields, "{}: a row has {} fields, got {}", at, kFields, f.size());
    ContextInformation r{f[0], read_count(f[1], at), read_number(f[2], at), read_number(f[3], at)};
    if (!f[4].empty()) r.paper = read_number(f[4], at);
    table.cells = read_count(f[5], at);
    table.pitches = read_count(f[6], at);
    table.shuffles = read_count(f[7], at);
    table.subset = f[8];
    table.rows.push_back(std::move(r));
  }
  return table;
}

}  // namespace gradus

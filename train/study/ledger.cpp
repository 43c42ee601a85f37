#include "train/study/ledger.h"

#include <algorithm>
#include <map>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/text.h"
#include "train/study/cell.h"

namespace gradus {

namespace fs = std::filesystem;

namespace {

std::string lengths_text(const std::vector<int64>& bars) {
  std::vector<std::string> texts;
  for (int64 b : bars) texts.push_back(fmt::format("{}", b));
  return join(texts);
}

}  // namespace

StudyLedger::StudyLedger(Study study, std::vector<StudyCell> cells, fs::path out)
    : study_(std::move(study)),
      cells_(std::move(cells)),
      out_(std::move(out)),
      rows_(cells_.size()) {
  for (const StudyAxis& a : study_.axes) others_.axes.push_back(a.name);
  others_.bars = study_.test_bars;
  read();
}

void StudyLedger::read() {
  std::error_code error;
  if (!fs::exists(file(), error)) return;
  CellTable table = read_cells(file());
  check<ConfigError>(table.bars == study_.test_bars,
                     "{} holds measures of windows of {} bars, the study asks for {}; give another "
                     "folder with --out, or put this file away: what is trained is then judged "
                     "again",
                     file().string(), lengths_text(table.bars), lengths_text(study_.test_bars));
  others_.rows.clear();
  others_.axes.resize(study_.axes.size());
  for (const std::string& a : table.axes)
    if (others_.axis(a) < 0) others_.axes.push_back(a);
  std::map<std::string, std::size_t> by_hash;
  for (std::size_t i = 0; i < cells_.size(); ++i) by_hash[cells_[i].hash] = i;
  std::vector<CellRow> same;  // cells of other studies with a configuration of this one
  for (CellRow& r : table.rows) {
    const auto it = by_hash.find(r.hash);
    if (it != by_hash.end() && r.study == study_.name && r.preset == study_.preset) {
      if (!done(it->second)) set(it->second, std::move(r));
      continue;
    }
    std::vector<std::vector<std::string>> values(others_.axes.size());
    for (std::size_t a = 0; a < table.axes.size(); ++a)
      values[static_cast<std::size_t>(others_.axis(table.axes[a]))] = r.values[a];
    r.values = std::move(values);
    if (it != by_hash.end()) same.push_back(r);
    others_.rows.push_back(std::move(r));
  }
  for (const CellRow& r : same)
    if (const std::size_t i = by_hash.at(r.hash); !done(i)) set(i, r);
}

std::size_t StudyLedger::done_count() const {
  return static_cast<std::size_t>(
      std::count_if(rows_.begin(), rows_.end(), [](const auto& r) { return r.has_value(); }));
}

fs::path StudyLedger::folder(std::size_t cell) const { return out_ / "cells" / cells_[cell].hash; }

std::string StudyLedger::name(std::size_t cell) const {
  std::vector<std::string> words;
  for (const auto& names : cells_[cell].values) words.push_back(join(names, "|"));
  return join(words, " ");
}

void StudyLedger::set(std::size_t cell, CellRow row) {
  row.study = study_.name;
  row.preset = study_.preset;
  row.values = cells_[cell].values;
  rows_[cell] = std::move(row);
}

void StudyLedger::add(std::size_t cell, CellRow row) {
  check<InternalError>(row.hash == cells_[cell].hash && row.tests.size() == others_.bars.size(),
                       "the row of cell {} came for cell {}", row.hash, cells_[cell].hash);
  set(cell, std::move(row));
  write();
}

std::size_t StudyLedger::collect() {
  std::size_t count = 0;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (done(i)) continue;
    std::optional<CellRow> row = read_cell_row(folder(i), others_.bars);
    if (!row || row->hash != cells_[i].hash) continue;
    set(i, std::move(*row));
    ++count;
  }
  if (count > 0) write();
  return count;
}

void StudyLedger::write() {
  read();
  CellTable table = others_;
  table.rows.clear();
  for (const auto& r : rows_) {
    if (!r) continue;
    table.rows.push_back(*r);
    table.rows.back().values.resize(table.axes.size());
  }
  table.rows.insert(table.rows.end(), others_.rows.begin(), others_.rows.end());
  write_file(file(), cells_csv(table));
}

}  // namespace gradus

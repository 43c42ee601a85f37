// A table of a report, and its four forms: Markdown, CSV, LaTeX and HTML. All are made of the same
// numbers: CSV holds them in full, the others rounded, and in HTML each stands in full beside what
// is shown, so that a page can be held against its files.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "train/statistics.h"

namespace gradus {

struct ReportNumber {
  double mean = std::numeric_limits<double>::quiet_NaN();  ///< NaN: nothing to show
  double deviation = std::numeric_limits<double>::quiet_NaN();
  BestMark mark = BestMark::none;
  bool best = false;
};
struct ReportColumn {
  std::string id;     ///< "cs_16", in files
  std::string title;  ///< "CS ↑"
  std::string group;  ///< "16 bars"; neighbours with the same one stand under it
  int digits = 2;
};
enum class RowKind : std::uint8_t { measured, paper, floor };
std::string_view to_string(RowKind kind);

struct ReportRow {
  std::string section, label;  ///< rows of one section (a context) follow each other
  RowKind kind = RowKind::measured;
  int64 seeds = 0;  ///< 0: none are counted
  std::vector<ReportNumber> numbers;
};
struct ReportTable {
  std::string id;  ///< of its files: "table3"
  std::string title, caption = {};
  std::string section_name = "context", label_name = "encoding";
  std::vector<ReportColumn> columns = {};
  std::vector<ReportRow> rows = {};
};

/// "18.37 ± 1.11*", "0.0436", "" where there is nothing.
std::string shown(const ReportNumber& number, int digits);

std::string markdown(const ReportTable& table);
/// section,label,kind,seeds, then for each column its mean, ID_std and ID_mark.
std::string csv(const ReportTable& table);
/// A table* with booktabs.
std::string latex(const ReportTable& table);
/// <table id=...> whose cells hold data-mean, data-std and data-mark.
std::string html(const ReportTable& table);

/// With &, < and " escaped.
std::string html_text(std::string_view text);

}  // namespace gradus

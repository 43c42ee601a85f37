#include "train/study/rows.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/text.h"

namespace gradus {

namespace {

constexpr std::array<StudyMeasure, 8> kMeasures{{
    {"cs", &StudyMeasures::cs},
    {"ssmd", &StudyMeasures::ssmd},
    {"gs", &StudyMeasures::gs},
    {"ndd_missing", &StudyMeasures::ndd_missing},
    {"ndd_two_sided", &StudyMeasures::ndd_two_sided},
    {"onset_f1", &StudyMeasures::onset_f1},
    {"note_f1", &StudyMeasures::note_f1},
    {"onset_ratio", &StudyMeasures::onset_ratio},
}};

constexpr std::array<std::string_view, 15> kColumns{
    "study",   "preset",   "hash",      "parameters",      "epochs",
    "steps",   "seconds",  "threshold", "validation_loss", "digest",
    "version", "compiler", "level",     "threads",         "blas_core"};
constexpr std::size_t kBeforeAxes = 3, kBeforeMeasures = 9;
constexpr char kSeparator = ',', kAlso = '|';

std::string number_text(double x) { return fmt::format("{:.17g}", x); }

/// Lines and their fields, each with where it stands.
struct Line {
  std::string where;
  std::vector<std::string> fields;
};

std::vector<std::string> fields_of(std::string_view line) {
  std::vector<std::string> fields;
  for (std::size_t begin = 0;;) {
    const std::size_t end = line.find(kSeparator, begin);
    fields.emplace_back(line.substr(begin, end - begin));
    if (end == std::string_view::npos) return fields;
    begin = end + 1;
  }
}

/// The lines of a table, each with as many fields as the first.
std::vector<Line> lines_of(std::string_view text, const std::string& where) {
  std::vector<Line> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const std::string at = fmt::format("{}:{}", where, lines.size() + 1);
    check<IoError>(end != std::string_view::npos, "{}: the line was cut: no line end follows it",
                   at);
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back({at, fields_of(line)});
    check<IoError>(lines.back().fields.size() == lines.front().fields.size(),
                   "{}: a row has {} fields as the first line has, this one has {}", at,
                   lines.front().fields.size(), lines.back().fields.size());
    begin = end + 1;
  }
  check<IoError>(!lines.empty(), "{}: the file is empty; its first line names the columns", where);
  return lines;
}

/// Reads the fields of a line in their order.
class Fields {
 public:
  Fields(const Line& line, const std::vector<std::string>& names) : line_(line), names_(names) {}
  std::string word() {
    const std::string& text = line_.fields[at_];
    check<IoError>(!text.empty(), "{}: '{}' is empty", line_.where, names_[at_]);
    ++at_;
    return text;
  }
  double real() {
    double value = 0;
    const std::string text = word();
    check<IoError>(whole(text, value) && std::isfinite(value), "{}: '{}' is a number, got '{}'",
                   line_.where, names_[at_ - 1], text);
    return value;
  }
  int64 count() {
    int64 value = 0;
    const std::string text = word();
    check<IoError>(whole(text, value) && value >= 0,
                   "{}: '{}' is a whole number of 0 or more, got '{}'", line_.where,
                   names_[at_ - 1], text);
    return value;
  }
  std::vector<std::string> values() {
    const std::string text = line_.fields[at_++];
    return text.empty() ? std::vector<std::string>() : split(text, kAlso);
  }
  StudyMeasures measures(int64 bars) {
    StudyMeasures m;
    m.bars = bars;
    for (const StudyMeasure& measure : kMeasures) m.*measure.value = real();
    return m;
  }

 private:
  template <class T>
  static bool whole(const std::string& text, T& value) {
    const char* end = text.data() + text.size();
    const auto [to, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && to == end;
  }
  const Line& line_;
  const std::vector<std::string>& names_;
  std::size_t at_ = 0;
};

std::string joined(std::vector<std::string>& fields) {
  for (const std::string& f : fields)
    check<InternalError>(f.find_first_of(",\n\r") == std::string::npos,
                         "'{}' cannot stand in a table whose fields are split by commas", f);
  return join(fields, ",") + "\n";
}

void add_measures(std::vector<std::string>& fields, const StudyMeasures& m) {
  for (const StudyMeasure& measure : kMeasures) fields.push_back(number_text(m.*measure.value));
}

std::string measure_column(std::string_view name, int64 bars) {
  return fmt::format("{}_{}", name, bars);
}

std::vector<std::string> column_names(const CellTable& t) {
  std::vector<std::string> names(kColumns.begin(), kColumns.begin() + kBeforeAxes);
  names.insert(names.end(), t.axes.begin(), t.axes.end());
  names.insert(names.end(), kColumns.begin() + kBeforeAxes, kColumns.begin() + kBeforeMeasures);
  for (int64 bars : t.bars)
    for (const StudyMeasure& m : kMeasures) names.push_back(measure_column(m.name, bars));
  names.insert(names.end(), kColumns.begin() + kBeforeMeasures, kColumns.end());
  return names;
}

/// Axes and lengths as the names of the columns say.
CellTable table_of_columns(const Line& head) {
  CellTable t;
  const std::vector<std::string>& names = head.fields;
  const auto parameters = std::find(names.begin(), names.end(), kColumns[kBeforeAxes]);
  for (auto n = names.begin() + std::min<std::ptrdiff_t>(kBeforeAxes, parameters - names.begin());
       n != parameters; ++n)
    t.axes.push_back(*n);
  const std::string first = std::string(kMeasures[0].name) + "_";
  for (auto n = parameters; n != names.end(); ++n) {
    int64 bars = 0;
    if (!n->starts_with(first)) continue;
    const char* end = n->data() + n->size();
    const auto [to, error] = std::from_chars(n->data() + first.size(), end, bars);
    if (error == std::errc() && to == end) t.bars.push_back(bars);
  }
  const std::vector<std::string> expected = column_names(t);
  for (std::size_t i = 0; i < std::max(names.size(), expected.size()); ++i)
    check<IoError>(i < names.size() && i < expected.size() && names[i] == expected[i],
                   "{}: column {} is '{}', expected '{}': not the head of a table of cells",
                   head.where, i + 1, i < names.size() ? names[i] : "",
                   i < expected.size() ? expected[i] : "");
  return t;
}

std::vector<std::string> floor_columns() {
  std::vector<std::string> names{"study", "preset", "floor", "bars", "windows"};
  for (const StudyMeasure& m : kMeasures) names.emplace_back(m.name);
  return names;
}

}  // namespace

StudyMeasures study_measures(const HarmonyScore& s, int64 bars) {
  return {bars,         s.cs,        s.ssmd,         s.gs, s.ndd.missing, s.ndd.two_sided,
          s.onset_f1(), s.note_f1(), s.onset_ratio()};
}

std::span<const StudyMeasure> study_measure_table() { return kMeasures; }
std::span<const std::string_view> cell_columns() { return kColumns; }

int64 CellTable::axis(std::string_view name) const {
  const auto it = std::find(axes.begin(), axes.end(), name);
  return it == axes.end() ? -1 : it - axes.begin();
}

std::string cells_csv(const CellTable& t) {
  std::vector<std::string> names = column_names(t);
  std::string text = joined(names);
  for (const CellRow& r : t.rows) {
    check<InternalError>(r.values.size() == t.axes.size() && r.tests.size() == t.bars.size(),
                         "a row of {} axes and {} lengths in a table of {} and {}", r.values.size(),
                         r.tests.size(), t.axes.size(), t.bars.size());
    std::vector<std::string> fields{r.study, r.preset, r.hash};
    for (const auto& v : r.values) fields.push_back(join(v, std::string(1, kAlso)));
    for (int64 n : {r.parameters, r.epochs, r.steps}) fields.push_back(fmt::format("{}", n));
    for (double x : {r.seconds, r.threshold, r.validation_loss}) fields.push_back(number_text(x));
    for (const StudyMeasures& m : r.tests) add_measures(fields, m);
    for (const std::string& w : {r.digest, r.version, r.compiler, r.level}) fields.push_back(w);
    fields.push_back(fmt::format("{}", r.threads));
    fields.push_back(r.blas_core);
    text += joined(fields);
  }
  return text;
}

CellTable parse_cells(std::string_view text, const std::string& where) {
  const std::vector<Line> lines = lines_of(text, where);
  CellTable t = table_of_columns(lines.front());
  std::map<std::string, std::string> seen;  // cell, and where it stands
  for (std::size_t i = 1; i < lines.size(); ++i) {
    Fields f(lines[i], lines.front().fields);
    CellRow r;
    r.study = f.word();
    r.preset = f.word();
    r.hash = f.word();
    for (std::size_t a = 0; a < t.axes.size(); ++a) r.values.push_back(f.values());
    r.parameters = f.count();
    r.epochs = f.count();
    r.steps = f.count();
    r.seconds = f.real();
    r.threshold = f.real();
    r.validation_loss = f.real();
    for (int64 bars : t.bars) r.tests.push_back(f.measures(bars));
    r.digest = f.word();
    r.version = f.word();
    r.compiler = f.word();
    r.level = f.word();
    r.threads = f.count();
    r.blas_core = f.word();
    const auto [it, fresh] =
        seen.emplace(fmt::format("{}/{}/{}", r.study, r.preset, r.hash), lines[i].where);
    check<IoError>(fresh, "{}: cell {} stands at {} already; leave one of the two rows out",
                   lines[i].where, r.hash, it->second);
    t.rows.push_back(std::move(r));
  }
  return t;
}

CellTable read_cells(const std::filesystem::path& file) {
  return parse_cells(read_file(file), file.string());
}

std::string floors_csv(std::span<const FloorRow> rows) {
  std::vector<std::string> names = floor_columns();
  std::string text = joined(names);
  for (const FloorRow& r : rows) {
    std::vector<std::string> fields{r.study, r.preset, r.floor, fmt::format("{}", r.measures.bars),
                                    fmt::format("{}", r.windows)};
    add_measures(fields, r.measures);
    text += joined(fields);
  }
  return text;
}

std::vector<FloorRow> parse_floors(std::string_view text, const std::string& where) {
  const std::vector<Line> lines = lines_of(text, where);
  check<IoError>(lines.front().fields == floor_columns(),
                 "{}: the columns of a table of floors are {}", lines.front().where,
                 join(floor_columns()));
  std::vector<FloorRow> rows;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    Fields f(lines[i], lines.front().fields);
    FloorRow r;
    r.study = f.word();
    r.preset = f.word();
    r.floor = f.word();
    const int64 bars = f.count();
    r.windows = f.count();
    r.measures = f.measures(bars);
    rows.push_back(std::move(r));
  }
  return rows;
}

std::vector<FloorRow> read_floors(const std::filesystem::path& file) {
  return parse_floors(read_file(file), file.string());
}

}  // namespace gradus

#include "train/study/report_groups.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "tensor/error.h"
#include "tensor/text.h"
#include "train/study/report_paper.h"

namespace gradus {

namespace {

struct Encoding {
  std::string_view name;  ///< plain
  std::string_view title;
  EncodingFamily family;
};
constexpr std::array<Encoding, 9> kEncodings{{
    {"none", "no encoding", EncodingFamily::none},
    {"ropea", "RoPE (A)", EncodingFamily::rope},
    {"ropeb", "RoPE (B)", EncodingFamily::rope},
    {"ropec", "RoPE (C)", EncodingFamily::rope},
    {"rope", "RoPE", EncodingFamily::rope},
    {"fstripe1pooled", "F-StrIPE1", EncodingFamily::other},
    {"fstripe1", "F-StrIPE1", EncodingFamily::other},
    {"fstripe1unpooled", "F-StrIPE1, unpooled", EncodingFamily::unpooled},
    {"ropepool", "RoPEPool", EncodingFamily::other},
}};
constexpr std::array<std::string_view, 4> kContexts{"time", "rep", "key", "bin"};

std::size_t encoding_rank(const std::string& name) {
  const std::string plain = plain_name(name);
  return static_cast<std::size_t>(std::find_if(kEncodings.begin(), kEncodings.end(),
                                               [&](const Encoding& e) { return e.name == plain; }) -
                                  kEncodings.begin());
}

std::size_t context_rank(const std::string& name) {
  return static_cast<std::size_t>(std::find(kContexts.begin(), kContexts.end(), plain_name(name)) -
                                  kContexts.begin());
}

/// All ways to take one value of each axis; "" where a row has none.
std::vector<std::vector<std::string>> combinations(const CellRow& row) {
  std::vector<std::vector<std::string>> all = {{}};
  for (const std::vector<std::string>& values : row.values) {
    const std::vector<std::string> choices = values.empty() ? std::vector<std::string>{""} : values;
    std::vector<std::vector<std::string>> longer;
    for (const auto& begun : all)
      for (const std::string& v : choices) {
        longer.push_back(begun);
        longer.back().push_back(v);
      }
    all = std::move(longer);
  }
  return all;
}

}  // namespace

std::string SeedGroup::label() const {
  const std::string title = encoding.empty() ? "" : encoding_title(encoding);
  if (other.empty()) return title.empty() ? "all cells" : title;
  return title.empty() ? other : fmt::format("{}, {}", title, other);
}

std::vector<double> SeedGroup::sample(std::string_view measure, int64 bars) const {
  std::vector<double> values;
  for (const CellRow* cell : cells)
    for (const StudyMeasures& m : cell->tests)
      for (const StudyMeasure& known : study_measure_table())
        if (m.bars == bars && known.name == measure) values.push_back(m.*known.value);
  return values;
}

std::vector<double> SeedGroup::sample(double CellRow::*value) const {
  std::vector<double> values;
  for (const CellRow* cell : cells) values.push_back(cell->*value);
  return values;
}

std::string encoding_title(const std::string& name) {
  const std::size_t rank = encoding_rank(name);
  return rank < kEncodings.size() ? std::string(kEncodings[rank].title) : name;
}

EncodingFamily encoding_family(const std::string& name) {
  const std::size_t rank = encoding_rank(name);
  return rank < kEncodings.size() ? kEncodings[rank].family : EncodingFamily::other;
}

std::vector<StudyPreset> presets_of(const CellTable& table) {
  std::vector<StudyPreset> all;
  for (const CellRow& row : table.rows) {
    const StudyPreset one{row.study, row.preset};
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  }
  return all;
}

std::vector<SeedGroup> seed_groups(const CellTable& table) {
  // One axis alone needs no name beside its values.
  const auto named = [](const std::string& axis) {
    return axis == "encoding" || axis == "context" || axis == "seed";
  };
  const bool alone = table.axis("encoding") < 0 &&
                     table.axes.size() - static_cast<std::size_t>(std::count_if(
                                             table.axes.begin(), table.axes.end(), named)) ==
                         1;
  std::vector<SeedGroup> groups;
  for (const CellRow& row : table.rows)
    for (const std::vector<std::string>& values : combinations(row)) {
      SeedGroup one{row.study, row.preset, {}, {}, {}, {&row}, {""}};
      for (std::size_t a = 0; a < table.axes.size(); ++a) {
        const std::string& axis = table.axes[a];
        if (axis == "encoding")
          one.encoding = values[a];
        else if (axis == "context")
          one.context = values[a];
        else if (axis == "seed")
          one.seeds = {values[a]};
        else if (!values[a].empty())
          one.other += alone
                           ? values[a]
                           : fmt::format("{}{} {}", one.other.empty() ? "" : ", ", axis, values[a]);
      }
      const auto same = std::find_if(groups.begin(), groups.end(), [&](const SeedGroup& g) {
        return g.study == one.study && g.preset == one.preset && g.encoding == one.encoding &&
               g.context == one.context && g.other == one.other;
      });
      if (same == groups.end()) {
        groups.push_back(std::move(one));
      } else {
        same->cells.push_back(&row);
        same->seeds.push_back(one.seeds[0]);
      }
    }
  // Groups that no rank tells apart stay in the order of their first cells.
  std::vector<std::string> contexts, encodings;
  const auto place = [](std::vector<std::string>& seen, const std::string& name) {
    const auto it = std::find(seen.begin(), seen.end(), name);
    if (it != seen.end()) return it - seen.begin();
    seen.push_back(name);
    return static_cast<std::ptrdiff_t>(seen.size()) - 1;
  };
  for (const SeedGroup& g : groups)
    (void)place(contexts, g.context), (void)place(encodings, g.encoding);
  std::stable_sort(groups.begin(), groups.end(), [&](const SeedGroup& a, const SeedGroup& b) {
    const auto key = [&](const SeedGroup& g) {
      return std::tuple(context_rank(g.context), place(contexts, g.context),
                        encoding_rank(g.encoding), place(encodings, g.encoding));
    };
    return key(a) < key(b);
  });
  return groups;
}

}  // namespace gradus

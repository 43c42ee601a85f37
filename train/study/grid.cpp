// The cells of a study: every combination of the axes' values, those that come to the same
// configuration as one.
#include <algorithm>
#include <map>
#include <set>

#include "pe/table.h"
#include "tensor/error.h"
#include "tensor/text.h"
#include "train/study/study.h"

namespace gradus {

namespace {

bool names_encoding(const StudyAxis& axis) {
  for (const StudyValue& v : axis.values)
    for (const Setting& s : v.settings)
      if (s.key == "pe.name") return true;
  return false;
}

bool left_out(const Study& study, const std::vector<std::size_t>& at) {
  return std::any_of(study.without.begin(), study.without.end(), [&](const Study::Without& w) {
    for (std::size_t a = 0; a < at.size(); ++a) {
      const auto& names = w.values[a];
      if (!names.empty() &&
          std::find(names.begin(), names.end(), study.axes[a].values[at[a]].name) == names.end())
        return false;
    }
    return true;
  });
}

std::string combination_text(const Study& study, const std::vector<std::size_t>& at) {
  std::vector<std::string> parts;
  for (std::size_t a = 0; a < at.size(); ++a)
    parts.push_back(fmt::format("{} = {}", study.axes[a].name, study.axes[a].values[at[a]].name));
  return join(parts);
}

Experiment combination(const Study& study, const std::vector<std::size_t>& at,
                       const std::optional<std::string>& source) {
  std::vector<Setting> all = study.base;
  // The encoding first: its options may stand on other axes.
  for (const bool encoding : {true, false})
    for (std::size_t a = 0; a < at.size(); ++a)
      if (names_encoding(study.axes[a]) == encoding) lay(all, study.axes[a].values[at[a]].settings);
  if (source) all.push_back({"data.source", *source, "--data"});
  try {
    return canonical(Experiment::of(all, study.where));
  } catch (Error& e) {
    e.add("in the cell " + combination_text(study, at));
    throw;
  }
}

/// "model.d_model = 64": the lines of an experiment's text, each with its section.
std::set<std::string> lines_of(const Experiment& e) {
  std::set<std::string> lines;
  std::string section;
  for (const std::string& line : split(e.to_toml(), '\n')) {
    if (line.starts_with('['))
      section = line.substr(1, line.size() - 2);
    else if (!line.empty())
      lines.insert(fmt::format("{}.{}", section, line));
  }
  return lines;
}

std::string hash_text(const std::string& text) {
  // FNV-1a.
  std::uint64_t h = 0xcbf29ce484222325U;
  for (char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return fmt::format("{:016x}", h);
}

/// As an option's default is written.
std::string option_text(const OptionValue& value) {
  if (const auto* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (const auto* i = std::get_if<int64>(&value)) return fmt::format("{}", *i);
  if (const auto* d = std::get_if<double>(&value)) return fmt::format("{}", *d);
  if (const auto* s = std::get_if<std::string>(&value)) return *s;
  return "";
}

}  // namespace

void lay(std::vector<Setting>& all, const std::vector<Setting>& over) {
  const bool encoding =
      std::any_of(over.begin(), over.end(), [](const Setting& s) { return s.key == "pe.name"; });
  const auto is_option = [](const Setting& s) {
    return s.key.starts_with("pe.") && s.key != "pe.name" && s.key != "pe.shared";
  };
  if (encoding) all.erase(std::remove_if(all.begin(), all.end(), is_option), all.end());
  all.insert(all.end(), over.begin(), over.end());
}

Experiment canonical(Experiment e) {
  const EncodingDef& def = find_encoding(e.pe);
  if (def.takes == "nothing") {
    e.data.context = {"time"};
    e.pe_shared = Experiment().pe_shared;
  }
  std::map<std::string, OptionValue> options = e.pe_options.values();
  for (const OptionInfo& o : def.options) {
    // What the context gives is written in words.
    if (o.name == "tracks" || o.name == "width") continue;
    const auto it = options.find(std::string(o.name));
    if (it != options.end() && option_text(it->second) == o.fallback) options.erase(it);
  }
  e.pe_options = Options(e.pe_options.where(), std::move(options));
  return e;
}

std::string configuration_hash(const Experiment& experiment) {
  Experiment e = canonical(experiment);
  const Experiment usual;
  if (!e.data.source.empty()) e.data.source = "data";
  e.train.save_every = usual.train.save_every;
  e.train.log_every = usual.train.log_every;
  const std::set<std::string> defaults = lines_of(usual);
  std::string text;
  for (const std::string& line : lines_of(e))
    if (!defaults.count(line)) text += line + "\n";
  // Versions of the TOML library write either.
  std::replace(text.begin(), text.end(), '"', '\'');
  return hash_text(text);
}

std::vector<StudyCell> study_cells(const Study& study, const std::optional<std::string>& source) {
  std::vector<StudyCell> cells;
  std::map<std::string, std::size_t> known;  // by hash
  std::vector<std::size_t> places;           // combinations of each cell
  std::vector<std::size_t> at(study.axes.size(), 0);
  for (bool more = true; more;) {
    if (!left_out(study, at)) {
      Experiment e = combination(study, at, source);
      const std::string hash = configuration_hash(e);
      const auto [it, fresh] = known.emplace(hash, cells.size());
      if (fresh) {
        cells.push_back({std::move(e), hash, std::vector<std::vector<std::string>>(at.size())});
        places.push_back(0);
      }
      ++places[it->second];
      for (std::size_t a = 0; a < at.size(); ++a) {
        std::vector<std::string>& names = cells[it->second].values[a];
        const std::string& name = study.axes[a].values[at[a]].name;
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      }
    }
    more = false;
    for (std::size_t a = at.size(); a-- > 0 && !more;) {
      more = ++at[a] < study.axes[a].values.size();
      if (!more) at[a] = 0;
    }
  }
  check<ConfigError>(!cells.empty(), "{}: [without] leaves no cell", study.where);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::size_t product = 1;
    for (const auto& names : cells[i].values) product *= names.size();
    // A row says for each axis which values it stands for.
    std::vector<std::string> texts;
    for (const auto& names : cells[i].values) texts.push_back(join(names, "|"));
    check<ConfigError>(product == places[i],
                       "{}: {} of the {} combinations of {} are the same configuration; a cell "
                       "stands for all of them or for one",
                       study.where, places[i], product, join(texts));
  }
  return cells;
}

}  // namespace gradus

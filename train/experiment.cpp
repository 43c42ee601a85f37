#include "train/experiment.h"

#include <toml++/toml.h>

#include <algorithm>
#include <map>

#include "pe/table.h"
#include "tensor/file.h"
#include "tensor/text.h"
#include "train/experiment_keys.h"

namespace gradus {

using detail::visit_keys, detail::Words;

namespace {

const Words kSections{"data", "model", "pe", "train", "decode"};

struct Lister {
  std::vector<std::string> names;
  void integer(const char* key, int64&, int64, int64, const char*) { names.push_back(key); }
  void real(const char* key, double&, double, double, const char*) { names.push_back(key); }
  void flag(const char* key, bool&, const char*) { names.push_back(key); }
  void word(const char* key, std::string&, const char*) { names.push_back(key); }
  void choice(const char* key, std::string&, const Words&, const char*) { names.push_back(key); }
  void words(const char* key, Words&, const Words&, const char*) { names.push_back(key); }
};

/// A value as given, and where it was: "demo.toml:12", "--set train.epochs=2".
struct Given {
  OptionValue value;
  std::string where;
};
using AllGiven = std::map<std::string, Given>;

struct Reader {
  const AllGiven& given;
  /// The one option `key`, or none.
  Options option(const char* key) const {
    const auto it = given.find(key);
    if (it == given.end()) return {};
    return Options(it->second.where, {{key, it->second.value}});
  }
  void integer(const char* key, int64& x, int64 low, int64 high, const char*) const {
    x = option(key).integer(key, x, low, high);
  }
  void real(const char* key, double& x, double low, double high, const char*) const {
    x = option(key).real(key, x, low, high);
  }
  void flag(const char* key, bool& x, const char*) const { x = option(key).flag(key, x); }
  void word(const char* key, std::string& x, const char*) const { x = option(key).word(key, x); }
  void choice(const char* key, std::string& x, const Words& allowed, const char*) const {
    x = option(key).choice(key, x, allowed);
  }
  void words(const char* key, Words& x, const Words& allowed, const char*) const {
    Options o = option(key);
    x = o.words(key, x);
    for (auto w = x.begin(); w != x.end(); ++w) {
      check<ConfigError>(std::find(allowed.begin(), allowed.end(), *w) != allowed.end(),
                         "{}: '{}' takes any of {}, got '{}'{}", o.where(), key, join(allowed), *w,
                         did_you_mean(*w, allowed));
      check<ConfigError>(std::find(x.begin(), w, *w) == w, "{}: '{}' names '{}' twice", o.where(),
                         key, *w);
    }
  }
};

OptionValue option_value(const toml::node& node, const std::string& key, const std::string& where) {
  if (auto b = node.value_exact<bool>()) return *b;
  if (auto i = node.value_exact<int64_t>()) return int64{*i};
  if (auto d = node.value_exact<double>()) return *d;
  if (auto s = node.value_exact<std::string>()) return *s;
  if (const toml::array* a = node.as_array()) {
    std::vector<double> numbers;
    Words words;
    for (const auto& item : *a) {
      if (auto d = item.value<double>(); d && !item.is_string())
        numbers.push_back(*d);
      else if (auto s = item.value_exact<std::string>())
        words.push_back(*s);
      else
        fail<ConfigError>("{}: '{}' is a list of something that is neither a number nor a word",
                          where, key);
    }
    check<ConfigError>(numbers.empty() || words.empty(), "{}: '{}' mixes numbers and words", where,
                       key);
    if (!numbers.empty()) return numbers;
    return words;
  }
  fail<ConfigError>("{}: '{}' must be a number, a word, true, false or a list", where, key);
}

std::string place(const std::string& where, const toml::source_region& at) {
  return at.begin.line ? fmt::format("{}:{}", where, at.begin.line) : where;
}

/// Refuses a key that is no key: the [pe] section is open, its other keys belong to the encoding.
void check_key(const std::string& key, const std::string& where, const Words& known) {
  if (key.starts_with("pe.") || std::find(known.begin(), known.end(), key) != known.end()) return;
  fail<ConfigError>("{}: unknown key '{}'{}; known: {}", where, key, did_you_mean(key, known),
                    join(known));
}

/// "key=value" of --set: a value that begins like a TOML list or string is read as TOML, others as
/// Options do.
OptionValue override_value(const std::string& assignment, const std::string& where) {
  const auto equals = assignment.find('=');
  const std::string value(equals == std::string::npos
                              ? std::string_view()
                              : trim(std::string_view(assignment).substr(equals + 1)));
  if (value.starts_with('[') || value.starts_with('"') || value.starts_with('\'')) {
    try {
      const toml::table table = toml::parse("value = " + value);
      return option_value(*table.get("value"), assignment.substr(0, equals), where);
    } catch (const toml::parse_error& error) {
      fail<ConfigError>("{}: {}", where, error.description());
    }
  }
  Options one("--set");
  one.set(assignment);
  return one.values().begin()->second;
}

/// An option of the encoding itself.
bool is_pe_option(const std::string& key) {
  return key.starts_with("pe.") && key != "pe.name" && key != "pe.shared";
}

/// The encoding and its own options are known here already: a wrong one is told with its place.
void check_encoding(const std::string& name, const AllGiven& given) {
  const EncodingDef* def = nullptr;
  try {
    def = &find_encoding(name);
  } catch (const ConfigError& e) {
    const auto it = given.find("pe.name");
    fail<ConfigError>("{}: {}", it == given.end() ? "pe.name" : it->second.where, e.rule());
  }
  Words known;
  for (const OptionInfo& o : def->options) known.push_back(fmt::format("pe.{}", o.name));
  for (const auto& [key, g] : given)
    check<ConfigError>(
        !is_pe_option(key) || std::find(known.begin(), known.end(), key) != known.end(),
        "{}: '{}' has no option '{}'{}; it takes {}", g.where, name, key, did_you_mean(key, known),
        known.empty() ? "none" : join(known));
}

}  // namespace

Experiment Experiment::parse(std::string_view text, const std::string& where,
                             const std::vector<std::string>& overrides) {
  Experiment e;
  Lister lister;
  visit_keys(lister, e);
  AllGiven given;
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    fail<ConfigError>("{}: {}", place(where, error.source()), error.description());
  }
  for (const auto& [section, node] : table) {
    const std::string name(section.str());
    const toml::table* inner = node.as_table();
    check<ConfigError>(inner != nullptr, "{}: key '{}' stands outside of a section; sections: {}",
                       place(where, node.source()), name, join(kSections));
    check<ConfigError>(std::find(kSections.begin(), kSections.end(), name) != kSections.end(),
                       "{}: unknown section '{}'{}; sections: {}", place(where, node.source()),
                       name, did_you_mean(name, kSections), join(kSections));
    for (const auto& [key, value] : *inner) {
      const std::string full = name + "." + std::string(key.str());
      const std::string at = place(where, value.source());
      check_key(full, at, lister.names);
      given[full] = {option_value(value, full, at), at};
    }
  }
  for (const std::string& assignment : overrides) {
    const std::string key(trim(std::string_view(assignment).substr(0, assignment.find('='))));
    const std::string at = "--set " + assignment;
    check_key(key, at, lister.names);
    given[key] = {override_value(assignment, at), at};
  }
  visit_keys(Reader{given}, e);
  check_encoding(e.pe, given);
  e.pe_options = Options(fmt::format("pe '{}'", e.pe));
  for (const auto& [key, g] : given)
    if (is_pe_option(key)) e.pe_options.set(key.substr(3), g.value);
  check<ConfigError>(e.model.d_model % e.model.heads == 0,
                     "{}: model.heads = {} does not divide model.d_model = {}", where,
                     e.model.heads, e.model.d_model);
  check<ConfigError>(
      std::find(e.data.inputs.begin(), e.data.inputs.end(), "melody") != e.data.inputs.end(),
      "{}: data.inputs must hold \"melody\", got {}", where, join(e.data.inputs));
  check<ConfigError>(e.data.grid == 4 || e.data.grid == 16,
                     "{}: data.grid is 4 (sixteenths) or 16 (the papers) steps a quarter, got {}",
                     where, e.data.grid);
  check<ConfigError>(e.data.windows == "bars" || e.data.grid == 16,
                     "{}: the papers' windows stand on their grid: data.windows = \"papers\" needs "
                     "data.grid = 16, got {}",
                     where, e.data.grid);
  check<ConfigError>(
      e.data.input_lowest + 11 <= e.data.input_highest,
      "{}: data.input_lowest to data.input_highest must hold an octave, got {} to {}", where,
      e.data.input_lowest, e.data.input_highest);
  check<ConfigError>(e.data.target_lowest <= e.data.target_highest,
                     "{}: data.target_lowest = {} lies above data.target_highest = {}", where,
                     e.data.target_lowest, e.data.target_highest);
  check<ConfigError>(!e.data.targets.empty(), "{}: data.targets is empty; use [\"piano\"]", where);
  check<ConfigError>(!e.data.context.empty(),
                     "{}: data.context is empty; use [\"time\"] for plain positions", where);
  return e;
}

Experiment Experiment::read(const std::filesystem::path& file,
                            const std::vector<std::string>& overrides) {
  return parse(read_file(file, 1 << 20), file.string(), overrides);
}

}  // namespace gradus

#include "train/experiment.h"

#include <algorithm>
#include <map>

#include "pe/wrapping.h"
#include "tensor/file.h"
#include "tensor/text.h"
#include "train/experiment_keys.h"

namespace gradus {

using detail::visit_keys, detail::Words;

namespace {

const Words kSections{"data", "model", "feature_map", "pe", "train", "decode"};

struct Lister {
  std::vector<std::string> names;
  void integer(const char* key, int64&, int64, int64, const char*) { names.push_back(key); }
  void real(const char* key, double&, double, double, const char*) { names.push_back(key); }
  void flag(const char* key, bool&, const char*) { names.push_back(key); }
  void word(const char* key, std::string&, const char*) { names.push_back(key); }
  void choice(const char* key, std::string&, const Words&, const char*) { names.push_back(key); }
  void words(const char* key, Words&, const Words&, const char*) { names.push_back(key); }
};

using AllGiven = std::map<std::string, Setting>;  // by key

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

bool is_map_option(const std::string& key) { return key.starts_with("feature_map."); }

/// An option of the encoding itself.
bool is_pe_option(const std::string& key) {
  return key.starts_with("pe.") && key != "pe.name" && key != "pe.shared";
}

/// What `f` refuses is told with the place of `key`.
template <class F>
void at_place_of(const std::string& key, const AllGiven& given, F&& f) {
  try {
    f();
  } catch (const ConfigError& e) {
    const auto it = given.find(key);
    fail<ConfigError>("{}: {}", it == given.end() ? key : it->second.where, e.rule());
  }
}

Options pe_options(const std::string& name, const AllGiven& given) {
  Options o(fmt::format("pe '{}'", name));
  for (const auto& [key, g] : given)
    if (is_pe_option(key)) o.set(key.substr(3), g.value);
  return o;
}

/// The encoding and its own options are known here already: a wrong one is told with its place.
Options checked_encoding(const std::string& name, const AllGiven& given) {
  const EncodingDef* def = nullptr;
  at_place_of("pe.name", given, [&] { def = &find_encoding(name); });
  const Options chosen = pe_options(name, given);
  Words known;
  at_place_of("pe.wraps", given, [&] {
    for (const NamedOption& o : options_of(*def, chosen)) known.push_back("pe." + o.name);
  });
  for (const auto& [key, g] : given) {
    if (!is_pe_option(key)) continue;
    const std::string own = "pe." + option_name(*def, key.substr(3), chosen);
    check<ConfigError>(std::find(known.begin(), known.end(), own) != known.end(),
                       "{}: '{}' has no option '{}'{}; it takes {}", g.where, name, key,
                       did_you_mean(key, known), known.empty() ? "none" : join(known));
  }
  return with_option_names(*def, chosen);
}

/// "; favor_plus, rff_trig take it" for a key of [feature_map] that some maps have.
std::string maps_with(const std::string& key) {
  Words maps;
  for (const FeatureMapDef* def : feature_maps())
    for (const OptionInfo& o : def->options)
      if (key == fmt::format("feature_map.{}", o.name)) maps.emplace_back(def->name);
  return maps.empty() ? std::string() : fmt::format("; {} take it", join(maps));
}

/// The same for the feature map.
Options checked_feature_map(const Experiment::Model& model, const AllGiven& given) {
  const FeatureMapDef* def = nullptr;
  at_place_of("model.feature_map", given, [&] { def = &find_feature_map(model.feature_map); });
  Options options(fmt::format("feature map '{}'", model.feature_map));
  Words known;
  for (const OptionInfo& o : def->options) known.push_back(fmt::format("feature_map.{}", o.name));
  for (const auto& [key, g] : given) {
    if (!is_map_option(key)) continue;
    check<ConfigError>(model.attention != "softmax",
                       "{}: '{}' is an option of a feature map, softmax attention has none; take "
                       "model.attention = linear or toeplitz, or leave it out",
                       g.where, key);
    check<ConfigError>(std::find(known.begin(), known.end(), key) != known.end(),
                       "{}: feature map '{}' has no option '{}'{}; it takes {}{}", g.where,
                       model.feature_map, key, did_you_mean(key, known),
                       known.empty() ? "none" : join(known), maps_with(key));
    options.set(key.substr(key.find('.') + 1), g.value);
  }
  return options;
}

}  // namespace

Words experiment_key_names() {
  Lister lister;
  Experiment e;
  visit_keys(lister, e);
  return lister.names;
}

void check_experiment_key(const std::string& key, const std::string& where) {
  const Words known = experiment_key_names();
  // [pe] and [feature_map] are open: their other keys are checked with what they belong to.
  if (is_pe_option(key) || is_map_option(key) ||
      std::find(known.begin(), known.end(), key) != known.end())
    return;
  fail<ConfigError>("{}: unknown key '{}'{}; known: {}", where, key, did_you_mean(key, known),
                    join(known));
}

Experiment Experiment::parse(std::string_view text, const std::string& where,
                             const std::vector<std::string>& overrides) {
  SettingsText given = read_settings(text, where);
  for (const SettingsText::Table& t : given.tables)
    check<ConfigError>(is_pe_option(t.name) ||  // [pe.inside] holds options as [pe] does
                           std::find(kSections.begin(), kSections.end(), t.name) != kSections.end(),
                       "{}: unknown section '{}'{}; sections: {}", t.where, t.name,
                       did_you_mean(t.name, kSections), join(kSections));
  for (const Setting& s : given.settings)
    check<ConfigError>(s.key.find('.') != std::string::npos,
                       "{}: key '{}' stands outside of a section; sections: {}", s.where, s.key,
                       join(kSections));
  for (const std::string& assignment : overrides) {
    check_experiment_key(setting_key(assignment), "--set " + assignment);
    given.settings.push_back(parse_setting(assignment));
  }
  return of(given.settings, where);
}

Experiment Experiment::of(const std::vector<Setting>& settings, const std::string& where) {
  Experiment e;
  AllGiven given;
  for (const Setting& s : settings) {
    check_experiment_key(s.key, s.where);
    given[s.key] = s;
  }
  visit_keys(Reader{given}, e);
  e.pe_options = checked_encoding(e.pe, given);
  e.feature_map_options = checked_feature_map(e.model, given);
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

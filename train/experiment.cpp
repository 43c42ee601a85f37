#include "train/experiment.h"

#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "pe/table.h"
#include "tensor/file.h"
#include "tensor/text.h"

namespace gradus {

namespace {

/// Every key once: name, field, what is allowed, help. A visitor reads, writes or lists them.
template <class V>
void visit_keys(V&& v, Experiment& e) {
  v.integer("data.steps", e.data.steps, 16, 65536, "sixteenths in a window");
  v.integer("data.hop_bars", e.data.hop_bars, 0, 4096,
            "bars between the begins of windows; 0: half a window");
  v.real("data.validation_share", e.data.validation_share, 0.001, 0.9,
         "share of the tunes that is held out; one at least");
  v.integer("data.transpose_down", e.data.transpose_down, 0, 11,
            "training tunes in keys so many semitones lower");
  v.integer("data.transpose_up", e.data.transpose_up, 0, 11, "and higher");
  v.words("data.inputs", e.data.inputs, {"melody", "beat", "chord", "style"},
          "what the model reads at each step");
  v.words("data.context", e.data.context,
          {"time", "bin", "chord", "root", "section", "bar", "beat", "melody", "key", "style"},
          "labels that the encoding sees: time, or structure (bin: the chord's 12 chroma bits)");
  v.integer("model.d_model", e.model.d_model, 1, 65536, "width");
  v.integer("model.layers", e.model.layers, 1, 256, "blocks");
  v.integer("model.heads", e.model.heads, 1, 4096, "attention heads; they divide d_model");
  v.integer("model.d_ff", e.model.d_ff, 1, 262144, "hidden width of the feed-forward part");
  v.real("model.dropout", e.model.dropout, 0, 0.99, "share of activations dropped in training");
  v.choice("model.norm", e.model.norm, {"pre", "post"}, "layer norm before or after each part");
  v.choice("model.activation", e.model.activation, {"relu", "gelu", "silu"},
           "of the feed-forward part");
  v.choice("model.attention", e.model.attention, {"linear", "softmax"}, "core");
  v.word("model.feature_map", e.model.feature_map, "of linear attention, see nn/README.md");
  v.flag("model.causal", e.model.causal, "a step sees only itself and the past");
  v.word(
      "pe.name", e.pe,
      "positional encoding; its own options are further keys of [pe], see `gradus pe show NAME`");
  v.integer("train.seed", e.train.seed, 0, int64{1} << 53, "of initial values, order, dropout");
  v.integer("train.epochs", e.train.epochs, 1, 100000, "passes over the training windows");
  v.integer("train.batch", e.train.batch, 1, 65536, "windows a forward pass");
  v.integer("train.accumulate", e.train.accumulate, 1, 65536, "forward passes a step");
  v.choice("train.optimizer", e.train.optimizer, {"adam", "adamw", "sgd"},
           "what makes a step of a gradient");
  v.real("train.learning_rate", e.train.learning_rate, 0, 100, "base rate");
  v.real("train.weight_decay", e.train.weight_decay, 0, 10, "adamw only, on matrices");
  v.real("train.momentum", e.train.momentum, 0, 0.9999, "sgd only");
  v.real("train.clip", e.train.clip, 0, 1e9, "largest global norm of the gradient; 0: none");
  v.choice("train.schedule", e.train.schedule, {"constant", "step", "cosine"},
           "of the learning rate, after warm-up");
  v.integer("train.warmup", e.train.warmup, 0, 1000000, "steps of linear warm-up");
  v.real("train.decay", e.train.decay, 0, 1, "factor an epoch, schedule step");
  v.real("train.positive_weight", e.train.positive_weight, 0.001, 1000,
         "how much a sounding cell counts");
  v.real("train.focal_gamma", e.train.focal_gamma, 0, 10, "focal loss; 0: plain");
  v.integer("train.log_every", e.train.log_every, 1, 1000000, "steps between lines of the log");
  v.real("decode.threshold", e.decode.threshold, 0, 1,
         "probability of an onset; 0: chosen on the validation windows");
  v.real("decode.sustain_threshold", e.decode.sustain_threshold, 0, 1,
         "probability that a note goes on, given that it began");
}

using Words = std::vector<std::string>;

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

std::string toml_string(const std::string& s) {
  std::ostringstream out;
  out << toml::value<std::string>(s);
  return out.str();
}
std::string list_text(const Words& words) {
  Words q;
  for (const auto& w : words) q.push_back(toml_string(w));
  return "[" + join(q) + "]";
}
/// The shortest text that reads back as the same double, and as a float in TOML.
std::string real_text(double x) {
  std::string s = fmt::format("{}", x);
  return s.find_first_of(".en") == std::string::npos ? s + ".0" : s;
}

struct Writer {
  std::string text;
  std::string section;
  void line(std::string_view key, const std::string& value) {
    const auto dot = key.find('.');
    if (section != key.substr(0, dot)) {
      section = key.substr(0, dot);
      text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    }
    text += fmt::format("{} = {}\n", key.substr(dot + 1), value);
  }
  void integer(const char* key, int64& x, int64, int64, const char*) {
    line(key, fmt::format("{}", x));
  }
  void real(const char* key, double& x, double, double, const char*) { line(key, real_text(x)); }
  void flag(const char* key, bool& x, const char*) { line(key, x ? "true" : "false"); }
  void word(const char* key, std::string& x, const char*) { line(key, toml_string(x)); }
  void choice(const char* key, std::string& x, const Words&, const char*) {
    line(key, toml_string(x));
  }
  void words(const char* key, Words& x, const Words&, const char*) { line(key, list_text(x)); }
};

struct Table {
  std::string text = "| key | default | allowed | |\n| --- | --- | --- | --- |\n";
  void row(const char* key, const std::string& value, const std::string& allowed,
           const char* help) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", key, value, allowed, help);
  }
  void integer(const char* key, int64& x, int64 low, int64 high, const char* h) {
    row(key, fmt::format("{}", x), fmt::format("{} to {}", low, high), h);
  }
  void real(const char* key, double& x, double low, double high, const char* h) {
    row(key, fmt::format("{}", x), fmt::format("{} to {}", low, high), h);
  }
  void flag(const char* key, bool& x, const char* h) {
    row(key, x ? "true" : "false", "true, false", h);
  }
  void word(const char* key, std::string& x, const char* h) {
    row(key, "`" + x + "`", "a name", h);
  }
  void choice(const char* key, std::string& x, const Words& a, const char* h) {
    row(key, "`" + x + "`", join(a), h);
  }
  void words(const char* key, Words& x, const Words& a, const char* h) {
    row(key, "`" + list_text(x) + "`", "any of " + join(a), h);
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

/// Refuses a key that is no key: the [pe] section is open, its options belong to the encoding.
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
    check<ConfigError>(!key.starts_with("pe.") || key == "pe.name" ||
                           std::find(known.begin(), known.end(), key) != known.end(),
                       "{}: '{}' has no option '{}'{}; it takes {}", g.where, name, key,
                       did_you_mean(key, known), known.empty() ? "none" : join(known));
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
    if (key.starts_with("pe.") && key != "pe.name") e.pe_options.set(key.substr(3), g.value);
  check<ConfigError>(e.model.d_model % e.model.heads == 0,
                     "{}: model.heads = {} does not divide model.d_model = {}", where,
                     e.model.heads, e.model.d_model);
  check<ConfigError>(
      std::find(e.data.inputs.begin(), e.data.inputs.end(), "melody") != e.data.inputs.end(),
      "{}: data.inputs must hold \"melody\", got {}", where, list_text(e.data.inputs));
  check<ConfigError>(!e.data.context.empty(),
                     "{}: data.context is empty; use [\"time\"] for plain positions", where);
  return e;
}

Experiment Experiment::read(const std::filesystem::path& file,
                            const std::vector<std::string>& overrides) {
  return parse(read_file(file, 1 << 20), file.string(), overrides);
}

std::string Experiment::to_toml() const {
  Writer w;
  Experiment e = *this;
  visit_keys(w, e);
  // The encoding's own options follow their section's name.
  std::string own;
  for (const auto& [key, value] : pe_options.values()) {
    std::string text;
    if (auto* b = std::get_if<bool>(&value))
      text = *b ? "true" : "false";
    else if (auto* i = std::get_if<int64>(&value))
      text = fmt::format("{}", *i);
    else if (auto* d = std::get_if<double>(&value))
      text = real_text(*d);
    else if (auto* s = std::get_if<std::string>(&value))
      text = toml_string(*s);
    else if (auto* words = std::get_if<Words>(&value))
      text = list_text(*words);
    else {
      Words numbers;
      for (double x : std::get<std::vector<double>>(value)) numbers.push_back(real_text(x));
      text = "[" + join(numbers) + "]";
    }
    own += fmt::format("{} = {}\n", key, text);
  }
  const std::string name_line = fmt::format("name = {}\n", toml_string(pe));
  const auto at = w.text.find("[pe]\n" + name_line);
  w.text.insert(at + 5 + name_line.size(), own);
  return w.text;
}

std::string experiment_keys_markdown() {
  Table t;
  Experiment e;
  visit_keys(t, e);
  return t.text;
}

}  // namespace gradus

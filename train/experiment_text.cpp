// Experiments as text: the TOML file of a run folder, and the table of keys in train/README.md.
#include <toml++/toml.h>

#include <sstream>

#include "tensor/text.h"
#include "train/experiment_keys.h"

namespace gradus {

using detail::visit_keys, detail::Words;

namespace {

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

std::string value_text(const OptionValue& value) {
  if (const auto* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (const auto* i = std::get_if<int64>(&value)) return fmt::format("{}", *i);
  if (const auto* d = std::get_if<double>(&value)) return real_text(*d);
  if (const auto* s = std::get_if<std::string>(&value)) return toml_string(*s);
  if (const auto* words = std::get_if<Words>(&value)) return list_text(*words);
  Words numbers;
  for (double x : std::get<std::vector<double>>(value)) numbers.push_back(real_text(x));
  return "[" + join(numbers) + "]";
}

/// "key = value", a line each.
std::string options_text(const Options& options) {
  std::string text;
  for (const auto& [key, value] : options.values())
    text += fmt::format("{} = {}\n", key, value_text(value));
  return text;
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

}  // namespace

std::string Experiment::to_toml() const {
  Writer w;
  Experiment e = *this;
  visit_keys(w, e);
  // The encoding's own options follow its name; those of the feature map are a section before.
  const std::string pe_begin = fmt::format("[pe]\nname = {}\n", toml_string(pe));
  const auto at = w.text.find("\n" + pe_begin) + 1;
  w.text.insert(at + pe_begin.size(), options_text(pe_options));
  const std::string of_map = options_text(feature_map_options);
  if (!of_map.empty()) w.text.insert(at, "[feature_map]\n" + of_map + "\n");
  return w.text;
}

std::string experiment_keys_markdown() {
  Table t;
  Experiment e;
  visit_keys(t, e);
  return t.text;
}

}  // namespace gradus

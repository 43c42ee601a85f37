#include "train/settings.h"

#include <toml++/toml.h>

#include <algorithm>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

namespace {

OptionValue option_value(const toml::node& node, const std::string& key, const std::string& where) {
  if (auto b = node.value_exact<bool>()) return *b;
  if (auto i = node.value_exact<int64_t>()) return int64{*i};
  if (auto d = node.value_exact<double>()) return *d;
  if (auto s = node.value_exact<std::string>()) return *s;
  if (const toml::array* a = node.as_array()) {
    std::vector<double> numbers;
    std::vector<std::string> words;
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

/// What stands in a table and in those within it, each item with its place in the text.
struct Flat {
  template <class T>
  struct At {
    toml::source_position begin;
    T item;
  };
  std::vector<At<Setting>> settings;
  std::vector<At<SettingsText::Table>> tables;
  const std::string& where;

  void add(const toml::table& table, const std::string& before) {
    for (const auto& [key, node] : table) {
      const std::string full = before + std::string(key.str());
      const toml::source_region& at = node.source();
      if (const toml::table* inner = node.as_table()) {
        tables.push_back({at.begin, {full, place(where, at)}});
        add(*inner, full + ".");
        continue;
      }
      const std::string here = place(where, at);
      settings.push_back({at.begin, {full, option_value(node, full, here), here}});
    }
  }
  template <class T>
  static std::vector<T> sorted(std::vector<At<T>>& items) {
    std::stable_sort(items.begin(), items.end(),
                     [](const At<T>& a, const At<T>& b) { return a.begin < b.begin; });
    std::vector<T> all;
    for (At<T>& i : items) all.push_back(std::move(i.item));
    return all;
  }
};

}  // namespace

SettingsText read_settings(std::string_view text, const std::string& where) {
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    fail<ConfigError>("{}: {}", place(where, error.source()), error.description());
  }
  Flat flat{{}, {}, where};
  flat.add(table, "");
  return {Flat::sorted(flat.settings), Flat::sorted(flat.tables)};
}

std::string setting_key(const std::string& assignment) {
  return std::string(trim(std::string_view(assignment).substr(0, assignment.find('='))));
}

Setting parse_setting(const std::string& assignment) {
  const std::string where = "--set " + assignment, key = setting_key(assignment);
  const auto equals = assignment.find('=');
  const std::string value(equals == std::string::npos
                              ? std::string_view()
                              : trim(std::string_view(assignment).substr(equals + 1)));
  if (value.starts_with('[') || value.starts_with('"') || value.starts_with('\'')) {
    try {
      const toml::table table = toml::parse("value = " + value);
      return {key, option_value(*table.get("value"), key, where), where};
    } catch (const toml::parse_error& error) {
      fail<ConfigError>("{}: {}", where, error.description());
    }
  }
  Options one("--set");
  one.set(assignment);
  return {key, one.values().begin()->second, where};
}

}  // namespace gradus

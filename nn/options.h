// Options: named settings of an encoding, a feature map or an optimizer, from an experiment file or
// --set. Whoever takes an option reads it by its type and default; finish() refuses what nobody
// read, with the nearest spelling.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tensor/dtype.h"

namespace gradus {

using OptionValue =
    std::variant<bool, int64, double, std::string, std::vector<double>, std::vector<std::string>>;

/// What a table says of one option.
struct OptionInfo {
  std::string_view name;
  std::string_view fallback;  ///< the default, as one writes it
  std::string_view allowed;
  std::string_view meaning;
};

/// Before the name of an option of something inside.
inline constexpr std::string_view kInside = "inside.";

class Options {
 public:
  Options() = default;
  /// `where` stands in messages: "pe 'rope'".
  Options(std::string where, std::map<std::string, OptionValue> values = {})
      : where_(std::move(where)), values_(std::move(values)) {}
  /// "key=value": true/false, numbers, "a,b,c" lists, else a word.
  void set(std::string_view assignment);
  void set(const std::string& key, OptionValue value) { values_[key] = std::move(value); }
  const std::map<std::string, OptionValue>& values() const { return values_; }
  const std::string& where() const { return where_; }

  bool has(const std::string& key) const { return values_.count(key) != 0; }
  bool flag(const std::string& key, bool fallback);
  int64 integer(const std::string& key, int64 fallback, int64 low, int64 high);
  double real(const std::string& key, double fallback, double low, double high);
  std::string word(const std::string& key, const std::string& fallback);
  /// One of a list of words; another one is a ConfigError with the list and the nearest spelling.
  std::string choice(const std::string& key, const std::string& fallback,
                     const std::vector<std::string>& allowed);
  std::vector<double> reals(const std::string& key, const std::vector<double>& fallback);
  std::vector<std::string> words(const std::string& key, const std::vector<std::string>& fallback);
  /// ConfigError for an option that was given and never read.
  void finish() const;

  /// Those of something inside this, which takes inside.x as x, and x that is none of `own`.
  Options inside(const std::vector<std::string>& own) const;
  /// What `inside`, made by inside(), has read counts as read here.
  void read_inside(const Options& inside, const std::vector<std::string>& own);

 private:
  const OptionValue* find(const std::string& key);
  std::string where_ = "options";
  std::map<std::string, OptionValue> values_;
  std::set<std::string> known_;
};

}  // namespace gradus

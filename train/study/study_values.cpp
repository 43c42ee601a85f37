#include "train/study/study_values.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus::detail {

using Words = std::vector<std::string>;

void check_name(const std::string& name, const std::string& what, const std::string& where) {
  const bool fits = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '+' || c == '.';
  });
  check<ConfigError>(fits, "{}: {} is a word of letters, digits and _ + - . alone, got '{}'", where,
                     what, name);
}

void unknown(const Setting& s, const std::string& key, const Words& known) {
  fail<ConfigError>("{}: unknown key '{}'{}; known: {}", s.where, s.key, did_you_mean(key, known),
                    join(known));
}

std::string word(const Setting& s) {
  const auto* text = std::get_if<std::string>(&s.value);
  check<ConfigError>(text, "{}: '{}' is a word", s.where, s.key);
  return *text;
}

std::vector<OptionValue> items(const OptionValue& value) {
  std::vector<OptionValue> all;
  if (const auto* numbers = std::get_if<std::vector<double>>(&value)) {
    constexpr double kExact = 9007199254740992.0;  // 2^53
    for (double d : *numbers) {
      if (d == std::floor(d) && std::abs(d) <= kExact)
        all.emplace_back(static_cast<int64>(d));
      else
        all.emplace_back(d);
    }
  } else if (const auto* words = std::get_if<Words>(&value)) {
    all.assign(words->begin(), words->end());
  } else {
    all.push_back(value);
  }
  return all;
}

std::string item_name(const OptionValue& value) {
  if (const auto* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (const auto* i = std::get_if<int64>(&value)) return fmt::format("{}", *i);
  if (const auto* d = std::get_if<double>(&value)) return fmt::format("{}", *d);
  return std::get<std::string>(value);
}

std::vector<int64> lengths(const Setting& s) {
  std::vector<int64> all;
  for (const OptionValue& v : items(s.value)) {
    const auto* n = std::get_if<int64>(&v);
    check<ConfigError>(
        n && *n >= 1 && *n <= 4096 && std::find(all.begin(), all.end(), *n) == all.end(),
        "{}: '{}' is a list of different lengths in bars, each from 1 to 4096", s.where, s.key);
    all.push_back(*n);
  }
  check<ConfigError>(!all.empty(), "{}: '{}' is empty; use [16]", s.where, s.key);
  return all;
}

}  // namespace gradus::detail

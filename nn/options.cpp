#include "nn/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tensor/text.h"

namespace gradus {

namespace {

/// The whole text as a number; words such as "inf" or "e4" are none.
template <class T>
bool parse_number(std::string_view text, T& value) {
  const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  if (text.size() == sign) return false;
  const char first = text[sign];
  if (first != '.' && (first < '0' || first > '9')) return false;
  if (text[0] == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

OptionValue parse_list(std::string_view text) {
  std::vector<std::string> words;
  std::vector<double> numbers;
  for (const std::string& piece : split(text, ',')) {
    words.emplace_back(trim(piece));
    double number = 0;
    if (parse_number(words.back(), number)) numbers.push_back(number);
  }
  if (numbers.size() == words.size()) return numbers;
  return words;
}

OptionValue parse_value(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  int64 whole = 0;
  if (parse_number(text, whole)) return whole;
  double number = 0;
  if (parse_number(text, number)) return number;
  if (text.find(',') != std::string_view::npos) return parse_list(text);
  return std::string(text);
}

/// A value as it stands in a message.
std::string shown(const OptionValue& value) {
  if (const auto* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (const auto* i = std::get_if<int64>(&value)) return fmt::format("{}", *i);
  if (const auto* d = std::get_if<double>(&value)) return fmt::format("{}", *d);
  if (const auto* s = std::get_if<std::string>(&value)) return fmt::format("'{}'", *s);
  std::string list;
  const auto add = [&list](const auto& item) {
    list += fmt::format("{}{}", list.empty() ? "" : ", ", item);
  };
  if (const auto* numbers = std::get_if<std::vector<double>>(&value))
    for (double d : *numbers) add(d);
  else
    for (const std::string& s : std::get<std::vector<std::string>>(value)) add("'" + s + "'");
  return "[" + list + "]";
}

}  // namespace

void Options::set(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  const std::string_view key = trim(assignment.substr(0, equals));
  check<ConfigError>(equals != std::string_view::npos && !key.empty(),
                     "{}: '{}' is no setting; write key=value", where_, assignment);
  const std::string_view value = trim(assignment.substr(equals + 1));
  check<ConfigError>(!value.empty(), "{}: option '{}' has no value", where_, key);
  values_[std::string(key)] = parse_value(value);
}

const OptionValue* Options::find(const std::string& key) {
  known_.insert(key);
  const auto it = values_.find(key);
  return it == values_.end() ? nullptr : &it->second;
}

bool Options::flag(const std::string& key, bool fallback) {
  const OptionValue* v = find(key);
  if (!v) return fallback;
  const bool* b = std::get_if<bool>(v);
  check<ConfigError>(b, "{}: option '{}' is true or false, got {}", where_, key, shown(*v));
  return *b;
}

int64 Options::integer(const std::string& key, int64 fallback, int64 low, int64 high) {
  const OptionValue* v = find(key);
  if (!v) return fallback;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (const auto* i = std::get_if<int64>(v)) {
    if (*i >= low && *i <= high) return *i;
  } else if (const auto* d = std::get_if<double>(v)) {
    if (std::abs(*d) <= kExact && *d == std::floor(*d) && static_cast<int64>(*d) >= low &&
        static_cast<int64>(*d) <= high)
      return static_cast<int64>(*d);
  }
  fail<ConfigError>("{}: option '{}' is an integer from {} to {}, got {}", where_, key, low, high,
                    shown(*v));
}

double Options::real(const std::string& key, double fallback, double low, double high) {
  const OptionValue* v = find(key);
  if (!v) return fallback;
  double value = std::nan("");
  if (const auto* i = std::get_if<int64>(v)) value = static_cast<double>(*i);
  if (const auto* d = std::get_if<double>(v)) value = *d;
  check<ConfigError>(value >= low && value <= high,
                     "{}: option '{}' is a number from {} to {}, got {}", where_, key, low, high,
                     shown(*v));
  return value;
}

std::string Options::word(const std::string& key, const std::string& fallback) {
  const OptionValue* v = find(key);
  if (!v) return fallback;
  const auto* s = std::get_if<std::string>(v);
  check<ConfigError>(s, "{}: option '{}' is a word, got {}", where_, key, shown(*v));
  return *s;
}

std::string Options::choice(const std::string& key, const std::string& fallback,
                            const std::vector<std::string>& allowed) {
  const OptionValue* v = find(key);
  if (!v) return fallback;
  const auto* s = std::get_if<std::string>(v);
  if (s && std::find(allowed.begin(), allowed.end(), *s) != allowed.end()) return *s;
  fail<ConfigError>("{}: option '{}' is one of {}; got {}{}", where_, key, join(allowed), shown(*v),
                    s ? did_you_mean(*s, allowed) : std::string());
}

std::vector<double> Options::reals(const std::string& key, const std::vector<double>& fallback) {
  const OptionValue* v = find(key);
  if (!v) return fallback;
  if (const auto* i = std::get_if<int64>(v)) return {static_cast<double>(*i)};
  if (const auto* d = std::get_if<double>(v)) return {*d};
  const auto* list = std::get_if<std::vector<double>>(v);
  check<ConfigError>(list, "{}: option '{}' is a list of numbers, got {}", where_, key, shown(*v));
  return *list;
}

std::vector<std::string> Options::words(const std::string& key,
                                        const std::vector<std::string>& fallback) {
  const OptionValue* v = find(key);
  if (!v) return fallback;
  if (const auto* s = std::get_if<std::string>(v)) return {*s};
  const auto* list = std::get_if<std::vector<std::string>>(v);
  check<ConfigError>(list, "{}: option '{}' is a list of words, got {}", where_, key, shown(*v));
  return *list;
}

Options Options::inside(const std::vector<std::string>& own) const {
  Options o(where_);
  for (const auto& [key, value] : values_) {
    if (key.starts_with(kInside))
      o.values_[key.substr(kInside.size())] = value;
    else if (std::find(own.begin(), own.end(), key) == own.end())
      o.values_[key] = value;
  }
  return o;
}

void Options::read_inside(const Options& inside, const std::vector<std::string>& own) {
  for (const std::string& key : inside.known_) {
    const bool hidden =
        key.starts_with(kInside) || std::find(own.begin(), own.end(), key) != own.end();
    known_.insert(hidden ? std::string(kInside) + key : key);
  }
}

void Options::finish() const {
  const std::vector<std::string> known(known_.begin(), known_.end());
  for (const auto& item : values_) {
    if (known_.count(item.first)) continue;
    if (known.empty())
      fail<ConfigError>("{}: option '{}' is unknown; it takes no options", where_, item.first);
    fail<ConfigError>("{}: option '{}' is unknown; it takes {}{}", where_, item.first, join(known),
                      did_you_mean(item.first, known));
  }
}

}  // namespace gradus

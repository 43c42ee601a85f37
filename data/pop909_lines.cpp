#include "data/pop909_lines.h"

#include <algorithm>
#include <charconv>

#include "tensor/text.h"

namespace gradus {

std::vector<PopLine> pop_lines(std::string_view text) {
  std::vector<PopLine> lines;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    if (!line.empty()) lines.push_back({line, number});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::optional<int> parse_count(std::string_view text, int low, int high) {
  int n = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), n);
  const bool whole = r.ec == std::errc() && r.ptr == text.data() + text.size();
  if (!whole || text.front() == '-' || n < low || n > high) return std::nullopt;
  return n;
}

std::optional<std::vector<int>> parse_counts(std::string_view text) {
  constexpr const char* kBetween = " ,\t";
  std::vector<int> numbers;
  for (std::size_t i = 0; (i = text.find_first_not_of(kBetween, i)) != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBetween, i), text.size());
    const auto n = parse_count(text.substr(i, end - i), 0, kMostLabelLength);
    if (!n) return std::nullopt;
    numbers.push_back(*n);
    i = end;
  }
  return numbers;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 60;
  std::string out;
  for (char c : text.substr(0, kMost)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 32 || byte == 127 ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return text.size() > kMost ? out + "..." : out;
}

void fail_line(const std::string& where, const PopLine& line, std::string_view expected) {
  fail<IoError>("{}:{}: expected {}, got '{}'", where, line.number, expected, shown(line.text));
}

}  // namespace gradus

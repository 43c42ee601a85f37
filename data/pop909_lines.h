// Lines, fields and numbers of POP909's label files and lists, and how errors show what stands in
// them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/error.h"

namespace gradus {

struct PopLine {
  std::string_view text;  ///< without spaces at its ends
  int number = 1;
};
/// The lines that are not empty.
std::vector<PopLine> pop_lines(std::string_view text);
/// A whole number from `low` to `high` without a sign; nothing where the text is another.
std::optional<int> parse_count(std::string_view text, int low, int high);
/// The numbers between spaces and commas; nothing where a word is no number.
std::optional<std::vector<int>> parse_counts(std::string_view text);
/// The text as an error quotes it: short, control bytes as \x01.
std::string shown(std::string_view text);
/// IoError "file:12: expected ..., got '...'".
[[noreturn]] void fail_line(const std::string& where, const PopLine& line,
                            std::string_view expected);

/// The longest single label in quarters, sixteenths or bars: more is a broken file.
inline constexpr int kMostLabelLength = 10000;

}  // namespace gradus

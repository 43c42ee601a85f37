// Small text helpers for messages: join, nearest spelling, byte counts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// "a, b, c".
std::string join(std::span<const std::string> words, std::string_view separator = ", ");
/// The known word with the smallest edit distance to `word`, or "" where none is near: a third of
/// the letters may differ, half of them where both begin with the same two.
std::string nearest(std::string_view word, std::span<const std::string> known);
/// "; did you mean 'rope'?" or "".
std::string did_you_mean(std::string_view word, std::span<const std::string> known);
/// "1.5 MiB".
std::string bytes_text(std::uint64_t bytes);
/// Pieces between separators; an empty text has none.
std::vector<std::string> split(std::string_view text, char separator);
/// Without spaces, tabs and line ends at both ends.
std::string_view trim(std::string_view text);
/// Glob: '*' stands for any run of characters ('/' included), '?' for one.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace gradus

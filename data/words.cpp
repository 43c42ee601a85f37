#include "data/words.h"

#include "tensor/error.h"

namespace gradus {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view without_comment(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  for (std::size_t i = 0; i < line.size(); ++i)
    if (line[i] == '#' && (i == 0 || is_blank(line[i - 1]))) return line.substr(0, i);
  return line;
}

// The bytes 10xxxxxx continue a UTF-8 character.
int characters(std::string_view text) {
  int n = 0;
  for (char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

}  // namespace

std::vector<TextLine> text_lines(std::string_view text) {
  std::vector<TextLine> lines;
  int number = 1;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back({without_comment(text.substr(begin, end - begin)), number});
    begin = end + 1;
  }
  return lines;
}

std::vector<Word> text_words(const TextLine& line, std::size_t from) {
  const std::string_view t = line.text;
  std::vector<Word> words;
  for (std::size_t i = from; i < t.size();) {
    if (is_blank(t[i])) {
      ++i;
      continue;
    }
    const bool bar_line = t[i] == '|';
    std::size_t end = i;
    while (end < t.size() && !is_blank(t[end]) && (t[end] == '|') == bar_line) ++end;
    words.push_back({t.substr(i, end - i), line.number, characters(t.substr(0, i)) + 1});
    i = end;
  }
  return words;
}

std::vector<Bar> split_bars(const std::vector<Word>& words, std::string_view where) {
  std::vector<Bar> bars;
  Bar bar;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].text.front() != '|') {
      bar.push_back(words[i]);
    } else if (!bar.empty()) {
      bars.push_back(std::move(bar));
      bar.clear();
    } else {
      check<ConfigError>(i == 0, "{}: an empty bar: nothing stands before this '|'",
                         place(where, words[i]));
    }
  }
  if (!bar.empty()) bars.push_back(std::move(bar));
  return bars;
}

std::string place(std::string_view where, const Word& word) {
  return fmt::format("{}:{}:{}", where, word.line, word.column);
}

}  // namespace gradus

// Words of a text with their places, and bars of words: what the parsers of tunes and of chord
// progressions are made of. Comments and places follow data/README.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// One line without comment and line end; number counts from 1.
struct TextLine {
  std::string_view text;
  int number = 1;
};
/// A word and its place; the column counts characters (not bytes) from 1.
struct Word {
  std::string_view text;
  int line = 1, column = 1;
};
using Bar = std::vector<Word>;

/// All lines; '#' at the start of a line or behind a space begins a comment.
std::vector<TextLine> text_lines(std::string_view text);
/// The words from byte `from` on; bar lines ("|", "||") are words of their own.
std::vector<Word> text_words(const TextLine& line, std::size_t from = 0);
/// Words between bar lines. A bar line at either end is decoration; an empty bar is an error.
std::vector<Bar> split_bars(const std::vector<Word>& words, std::string_view where);
/// "song.txt:3:14": the place of a word, as errors begin.
std::string place(std::string_view where, const Word& word);

}  // namespace gradus

#include "data/tune_melody.h"

#include "tensor/error.h"

namespace gradus {

namespace {

constexpr int kLowestPitch = 48, kHighestPitch = 96, kVelocity = 90;
constexpr int kSixteenths = 16;  // in a whole note

struct Parts {
  int pitch = -1;    // -1: a rest
  int duration = 0;  // in cells, 0: not written
  bool tie = false;
};

Parts parse_note(const Word& word, const std::string& where) {
  constexpr int kLetters[] = {9, 11, 0, 2, 4, 5, 7};
  std::string_view rest = word.text;
  const auto take = [&](char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  };
  Parts parts;
  if (!take('r')) {
    check<IoError>(rest.front() >= 'a' && rest.front() <= 'g',
                   "{}: '{}' is neither a note (a to g) nor a rest (r); octaves are written with ' "
                   "and , as in c'4",
                   place(where, word), word.text);
    int pitch = 48 + kLetters[rest.front() - 'a'];
    rest.remove_prefix(1);
    if (take('#'))
      ++pitch;
    else if (take('b'))
      --pitch;
    for (;;) {
      if (take('\''))
        pitch += 12;
      else if (take(','))
        pitch -= 12;
      else
        break;
    }
    check<IoError>(pitch >= kLowestPitch && pitch <= kHighestPitch,
                   "{}: '{}' is MIDI pitch {}; a melody lies between c ({}) and c'''' ({})",
                   place(where, word), word.text, pitch, kLowestPitch, kHighestPitch);
    parts.pitch = pitch;
  }
  const std::string_view digits = rest.substr(0, rest.find_first_not_of("0123456789"));
  rest.remove_prefix(digits.size());
  if (!digits.empty()) {
    int part = 0;  // the note is 1/part of a whole note
    for (int known : {1, 2, 4, 8, 16})
      if (digits == std::to_string(known)) part = known;
    check<IoError>(part > 0, "{}: no duration '{}' in '{}'; known: 1, 2, 4, 8, 16",
                   place(where, word), digits, word.text);
    int last = kSixteenths / part;
    parts.duration = last;
    while (take('.')) {
      check<IoError>(last % 2 == 0,
                     "{}: '{}' is no whole number of sixteenths; the shortest dotted note is 8.",
                     place(where, word), word.text);
      last /= 2;
      parts.duration += last;
    }
  }
  if (parts.pitch >= 0) parts.tie = take('~');
  check<IoError>(rest.empty(),
                 "{}: '{}' is not understood at '{}'; a note is letter, # or b, ' or ,, duration, "
                 "dots, ~ in this order",
                 place(where, word), word.text, rest);
  return parts;
}

}  // namespace

void MelodyReader::add(const Word& word, int& duration) {
  const Parts parts = parse_note(word, where_);
  if (parts.duration > 0) duration = parts.duration;
  check<IoError>(duration > 0, "{}: '{}' needs a duration: it is the first of its line, as in c'4",
                 place(where_, word), word.text);
  if (tied_) {
    check<IoError>(parts.pitch == notes_.back().pitch,
                   "{}: '{}' follows a tie (~) and must have the same pitch", place(where_, word),
                   word.text);
    notes_.back().end += duration;
  } else if (parts.pitch >= 0) {
    notes_.push_back({time_, time_ + duration, parts.pitch, kVelocity, 0});
  }
  tied_ = parts.tie;
  tie_ = word;
  time_ += duration;
}

void MelodyReader::add_bars(const std::vector<Bar>& bars, int cells_per_bar) {
  int duration = 0;
  for (const Bar& bar : bars) {
    const int64 begin = time_;
    for (const Word& word : bar) add(word, duration);
    check<IoError>(time_ - begin == cells_per_bar,
                   "{}: bar {} of this section lasts {} sixteenths, the meter asks for {}",
                   place(where_, bar.front()), bars_ + 1, time_ - begin, cells_per_bar);
    ++bars_;
  }
}

void MelodyReader::add_pickup(const Bar& notes, int cells_per_bar) {
  int duration = 0;
  for (const Word& word : notes) {
    check<IoError>(word.text.front() != '|', "{}: a pickup has no bar line", place(where_, word));
    add(word, duration);
  }
  check<IoError>(time_ < cells_per_bar,
                 "{}: the pickup lasts {} sixteenths, it must be shorter than a bar ({})",
                 place(where_, notes.front()), time_, cells_per_bar);
}

void MelodyReader::finish() const {
  check<IoError>(!tied_, "{}:{}:{}: the last note is tied (~) to nothing", where_, tie_.line,
                 tie_.column);
}

}  // namespace gradus

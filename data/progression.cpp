#include "data/progression.h"

#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/text.h"

namespace gradus {

namespace {

constexpr std::uint64_t kFileLimit = 1 << 20;

Chord chord_at(const Word& word, std::string_view where) {
  try {
    return parse_chord(word.text);
  } catch (const ConfigError& e) {
    fail<ConfigError>("{}: {}", place(where, word), e.rule());
  }
}

}  // namespace

void append_bar(Progression& p, const Bar& bar, std::string_view where) {
  const auto beats = static_cast<std::size_t>(p.beats_per_bar);
  if (bar.size() == 1 && bar[0].text == "%") {
    check<ConfigError>(!p.beats.empty(), "{}: '%' repeats the bar before, but there is none",
                       place(where, bar[0]));
    const std::vector<Chord> last(p.beats.end() - p.beats_per_bar, p.beats.end());
    p.beats.insert(p.beats.end(), last.begin(), last.end());
    return;
  }
  check<ConfigError>(
      beats % bar.size() == 0,
      "{}: {} symbols cannot share a bar of {} beats equally; go on with '.', as in 'C . G'",
      place(where, bar[0]), bar.size(), beats);
  for (const Word& word : bar) {
    check<ConfigError>(word.text != "%", "{}: '%' must stand alone in its bar", place(where, word));
    check<ConfigError>(word.text != "." || !p.beats.empty(),
                       "{}: '.' goes on with the chord before, but there is none",
                       place(where, word));
    const Chord chord = word.text == "." ? p.beats.back() : chord_at(word, where);
    p.beats.insert(p.beats.end(), beats / bar.size(), chord);
  }
}

Progression parse_progression(std::string_view text, int beats_per_bar, std::string_view where) {
  check<ConfigError>(beats_per_bar >= 1 && beats_per_bar <= 64, "a bar has 1 to 64 beats, got {}",
                     beats_per_bar);
  Progression p{beats_per_bar, {}};
  for (const TextLine& line : text_lines(text))
    for (const Bar& bar : split_bars(text_words(line), where)) append_bar(p, bar, where);
  check<ConfigError>(!p.beats.empty(), "{}: no chord at all; write bars as in \"C | F G | C\"",
                     where);
  return p;
}

Progression read_progression(const std::filesystem::path& path, int beats_per_bar) {
  return parse_progression(read_file(path, kFileLimit), beats_per_bar, path.string());
}

std::string to_string(const Progression& p) {
  const auto beats = static_cast<std::size_t>(p.beats_per_bar);
  std::string text;
  for (std::size_t begin = 0; begin + beats <= p.beats.size(); begin += beats) {
    // The longest share that divides the bar and is constant within.
    std::size_t share = beats;
    const auto constant = [&](std::size_t length) {
      for (std::size_t i = 0; i < beats; ++i)
        if (!(p.beats[begin + i] == p.beats[begin + i / length * length])) return false;
      return true;
    };
    while (beats % share != 0 || !constant(share)) --share;
    if (begin > 0) text += " | ";
    for (std::size_t i = 0; i < beats; i += share)
      text += (i ? " " : "") + to_string(p.beats[begin + i]);
  }
  return text;
}

}  // namespace gradus

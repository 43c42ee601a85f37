#include "data/arranger.h"

#include <algorithm>

#include "data/voicing.h"
#include "tensor/error.h"

namespace gradus {

namespace {

constexpr int kEighth = 2;  // cells
constexpr int kBassVelocity = 62, kChordVelocity = 54, kAccent = 8;
constexpr int kMelodyProgram = 73, kPianoProgram = 0;  // flute, grand piano

/// A stretch of one chord within one bar.
struct Segment {
  int64 begin = 0, end = 0, bar = 0;  // cells; `bar` is where the bar begins
  Chord chord;
  bool repeated = false;  // the chord of the segment before
};

class Arranger {
 public:
  explicit Arranger(const Tune& tune)
      : tune_(tune),
        bar_(tune.cells_per_bar()),
        compound_(tune.unit == 8 && tune.beats % 3 == 0 && tune.beats > 3),
        pulse_(compound_ ? 3 * kEighth : tune.cells_per_beat()) {}

  std::vector<Note> play() {
    const std::vector<Segment> segments = split();
    for (const Segment& s : segments) {
      if (s.chord.is_none()) continue;
      voicing_ = leader_.next(s.chord, melody_at(s.begin));
      if (&s == &segments.back()) {
        strike(s.begin, s.end);  // the tune ends on a held chord
        bass(s.begin, s.end);
      } else {
        play(s);
      }
    }
    sort_notes(notes_);
    return std::move(notes_);
  }

 private:
  std::vector<Segment> split() const {
    std::vector<Segment> segments;
    const int beat = tune_.cells_per_beat();
    for (int64 cell = 0; cell < tune_.cells(); cell += beat) {
      const Chord& chord = tune_.chord_at(cell);
      const bool same = !segments.empty() && segments.back().chord == chord;
      if (same && cell % bar_ != 0)
        segments.back().end += beat;
      else
        segments.push_back({cell, cell + beat, cell / bar_ * bar_, chord, same});
    }
    return segments;
  }

  int melody_at(int64 cell) const {
    for (const Note& n : tune_.melody)
      if (n.start <= cell && cell < n.end) return n.pitch;
    return kHighestUpper;
  }
  bool melody_begins_at(int64 cell) const {
    return std::any_of(tune_.melody.begin(), tune_.melody.end(),
                       [&](const Note& n) { return n.start == cell; });
  }

  void add(int64 begin, int64 end, int pitch, int velocity) {
    notes_.push_back({begin, end, pitch, velocity + (begin % bar_ == 0 ? kAccent : 0), 0});
  }
  void bass(int64 begin, int64 end) { add(begin, end, voicing_.bass, kBassVelocity); }
  void other_bass(int64 begin, int64 end) { add(begin, end, voicing_.other_bass, kBassVelocity); }
  void strike(int64 begin, int64 end) {
    for (int p : voicing_.upper) add(begin, end, p, kChordVelocity);
  }

  void play(const Segment& s) {
    switch (tune_.section_at(s.bar / bar_).style) {
      case Style::block:
        return play_block(s);
      case Style::hymn:
        return play_hymn(s);
      case Style::alberti:
        return play_alberti(s);
      case Style::arpeggio:
        return play_arpeggio(s);
      case Style::waltz:
        return play_waltz(s);
      case Style::stride:
        return play_stride(s);
      case Style::ballad:
        return play_ballad(s);
    }
  }

  // Calls f(begin, end) for the pieces of a segment between the multiples of `step` in its bar.
  template <class F>
  static void for_steps(const Segment& s, int step, F&& f) {
    for (int64 t = s.begin; t < s.end;) {
      const int64 next = std::min(s.end, s.bar + ((t - s.bar) / step + 1) * step);
      f(t, next);
      t = next;
    }
  }

  void play_block(const Segment& s) {
    bass(s.begin, s.end);
    for_steps(s, pulse_, [&](int64 begin, int64 end) { strike(begin, end); });
  }

  void play_hymn(const Segment& s) {
    int64 begin = s.begin;
    const auto chord_until = [&](int64 end) {
      bass(begin, end);
      strike(begin, end);
      begin = end;
    };
    for_steps(s, pulse_, [&](int64 t, int64) {
      if (t > s.begin && melody_begins_at(t)) chord_until(t);
    });
    chord_until(s.end);
  }

  // Low, high, middle, high, ...; the figure begins again with each half of a bar of even meter,
  // with the bar in 3/4, with the pulse in compound meters (there: low, middle, high).
  void play_alberti(const Segment& s) {
    const int group = compound_ ? pulse_ : bar_ % (4 * kEighth) == 0 ? 4 * kEighth : bar_;
    bass(s.begin, s.end);
    for_steps(s, kEighth, [&](int64 begin, int64 end) {
      const int64 origin = std::max(s.begin, s.bar + (begin - s.bar) / group * group);
      const int64 i = (begin - origin) / kEighth;
      const std::size_t voice = i == 0       ? 0u
                                : compound_  ? static_cast<std::size_t>(i % 3)
                                : i % 2 == 1 ? 2u
                                             : 1u;
      add(begin, end, voicing_.upper[voice], kChordVelocity);
    });
  }

  void play_arpeggio(const Segment& s) {
    constexpr std::size_t kUpAndDown[] = {0, 1, 2, 1};
    std::size_t i = 0;
    for_steps(s, kEighth, [&](int64 begin, int64 end) {
      if (i++ == 0)
        bass(begin, s.end);
      else
        add(begin, end, voicing_.upper[kUpAndDown[(i - 2) % 4]], kChordVelocity);
    });
  }

  void play_waltz(const Segment& s) {
    const int group = compound_ ? pulse_ : bar_, beat = tune_.cells_per_beat();
    for_steps(s, beat, [&](int64 begin, int64 end) {
      const bool first = begin == s.begin || (begin - s.bar) % group == 0;
      if (!first)
        strike(begin, std::max(begin + 1, end - beat / 4));
      else if (begin == s.bar && s.repeated && (s.bar / bar_) % 2 == 1)
        other_bass(begin, end);  // a chord that stays two bars has the fifth below it in the second
      else
        bass(begin, end);
    });
  }

  // Bass and chord in turn: quarters, eighths in 2/4; long and short in compound meters.
  void play_stride(const Segment& s) {
    const int step = compound_ ? pulse_ : bar_ == 8 ? kEighth : pulse_;
    const int64 steps = bar_ / step;
    for_steps(s, step, [&](int64 begin, int64 end) {
      const int64 i = (begin - s.bar) / step;
      const int64 short_begin = end - kEighth;
      if (compound_ && short_begin > begin) {
        i % 2 == 0 || begin == s.begin ? bass(begin, short_begin) : other_bass(begin, short_begin);
        strike(short_begin, end);
      } else if (begin == s.begin) {
        bass(begin, end);
      } else if (i % 2 == 1 || i + 1 == steps) {
        strike(begin, std::max(begin + 1, end - step / 4));
      } else {
        other_bass(begin, end);
      }
    });
  }

  // Every tone rings to the end of the segment, or until it is struck again.
  void play_ballad(const Segment& s) {
    constexpr std::size_t kFigure[] = {0, 1, 2, 1};
    const int64 last_beat = s.bar + bar_ - pulse_;
    bass(s.begin, s.end);
    if (s.begin >= last_beat) return strike(s.begin, s.end);
    std::array<int64, 3> struck = {-1, -1, -1};
    std::size_t i = 0;
    const auto release = [&](std::size_t voice, int64 end) {
      if (struck[voice] >= 0) add(struck[voice], end, voicing_.upper[voice], kChordVelocity);
    };
    for_steps(s, kEighth, [&](int64 begin, int64) {
      if (begin == s.begin || begin >= last_beat) return;
      const std::size_t voice = kFigure[i++ % 4];
      release(voice, begin);
      struck[voice] = begin;
    });
    for (std::size_t voice = 0; voice < 3; ++voice) release(voice, s.end);
  }

  const Tune& tune_;
  const int bar_;        // cells
  const bool compound_;  // 6/8, 9/8, 12/8: three eighths a pulse
  const int pulse_;      // cells
  VoiceLeader leader_;
  Voicing voicing_;
  std::vector<Note> notes_;
};

// Sharps of the major keys on C, Db, ..., B.
int sharps(const Key& key) {
  constexpr int kSharps[] = {0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5};
  return kSharps[(key.tonic + (key.minor ? 3 : 0)) % 12];
}

}  // namespace

std::vector<Note> accompaniment(const Tune& tune) { return Arranger(tune).play(); }

Song arrange(const Tune& tune, int ticks_per_quarter) {
  Song song;
  song.ticks_per_quarter = kCellsPerQuarter;
  song.title = tune.title;
  song.tempos = {{0, 60000000 / tune.tempo}};
  song.time_signatures = {{0, tune.beats, tune.unit}};
  song.key_signatures = {{0, sharps(tune.key), tune.key.minor}};
  song.tracks = {{"melody", kMelodyProgram, tune.melody},
                 {"piano", kPianoProgram, accompaniment(tune)}};
  for (Note& n : song.tracks[1].notes) n.channel = 1;
  return with_ticks(song, ticks_per_quarter);
}

std::vector<Note> block_chords(const std::vector<Chord>& chords, int steps_per_quarter,
                               int ticks_per_quarter, const std::vector<std::uint16_t>& tones) {
  constexpr int kLowestTone = 55, kVelocity = 64;
  check<ConfigError>(steps_per_quarter >= 1 && ticks_per_quarter >= 2,
                     "block chords need a step and two ticks a quarter at least, got {} and {}",
                     steps_per_quarter, ticks_per_quarter);
  check_shape(tones.empty() || tones.size() == chords.size(),
              "block chords need the tones of each of the {} steps, or none, got {}", chords.size(),
              tones.size());
  std::vector<Note> notes;
  const auto quarter = static_cast<std::size_t>(steps_per_quarter);
  for (std::size_t step = 0; step < chords.size(); step += quarter) {
    const Chord& chord = chords[step];
    if (chord.is_none()) continue;
    const int64 begin = static_cast<int64>(step / quarter) * ticks_per_quarter;
    const int64 end = begin + ticks_per_quarter - 1;
    notes.push_back({begin, end, kLowestBass + chord.root, kVelocity, 0});
    unsigned mask = pitch_classes(chord);
    if (!tones.empty()) mask |= tones[step];
    for (int p = kLowestTone; p < kLowestTone + 12; ++p)
      if (mask >> (p % 12) & 1) notes.push_back({begin, end, p, kVelocity, 0});
  }
  return notes;
}

}  // namespace gradus

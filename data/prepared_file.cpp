#include "data/prepared_file.h"

#include <bit>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace gradus {

namespace {

// To be raised with every change of the layout below.
constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // of the checksum
constexpr int kTurn = 29;
constexpr std::uint64_t kMagic = 0x7375646172672e01;  // not a palindrome: another byte order shows

/// A file: head, counts, one record for each piece, one for each song left out, notes (melody,
/// bridge, accompaniment of the first piece, then of the next), steps, codes of the chords, text
/// (names of the pieces, then name and reason of what was left out).
struct Head {
  std::uint64_t magic = kMagic, version = kVersion, size = 0;
  Checksum sum{};  // of all that follows
};
struct Counts {
  Checksum stamp{};
  std::uint64_t pieces = 0, left_out = 0, notes = 0, steps = 0, codes = 0, text = 0, styles = 0;
};
struct PieceRecord {
  std::uint64_t name = 0, melody = 0, bridge = 0, accompaniment = 0, steps = 0;  // lengths
  std::int64_t tonic = 0, minor = 0, steps_per_quarter = 0, steps_per_bar = 0, split = 0;
};
struct LeftOutRecord {
  std::uint64_t name = 0, reason = 0;
};
template <class T>
constexpr bool kNoPadding = std::has_unique_object_representations_v<T>;
static_assert(kNoPadding<Head> && kNoPadding<Counts> && kNoPadding<PieceRecord> &&
              kNoPadding<LeftOutRecord>);
static_assert(std::is_trivially_copyable_v<Note> && sizeof(Note) == 32 && alignof(Note) == 8);
static_assert(std::is_trivially_copyable_v<StepLabels> && sizeof(StepLabels) == 28 &&
              alignof(StepLabels) == 4 && sizeof(bool) == 1);

class Writer {
 public:
  template <class T>
  void put(const T* items, std::size_t count) {
    static_assert(kNoPadding<T>);
    bytes_.append(reinterpret_cast<const char*>(items), count * sizeof(T));
  }
  // What lies between the members is zero, whatever stood there in memory.
  void put(const SharedArray<Note>& notes) {
    for (const Note& n : notes) {
      char* to = room(sizeof n);
      set(to, offsetof(Note, start), n.start);
      set(to, offsetof(Note, end), n.end);
      set(to, offsetof(Note, pitch), n.pitch);
      set(to, offsetof(Note, velocity), n.velocity);
      set(to, offsetof(Note, channel), n.channel);
    }
  }
  void put(const SharedArray<StepLabels>& steps) {
    for (const StepLabels& s : steps) {
      char* to = room(sizeof s);
      char* chord = to + offsetof(StepLabels, chord);
      set(chord, offsetof(Chord, root), s.chord.root);
      set(chord, offsetof(Chord, quality), s.chord.quality);
      set(chord, offsetof(Chord, bass), s.chord.bass);
      set(to, offsetof(StepLabels, tones), s.tones);
      set(to, offsetof(StepLabels, section), s.section);
      set(to, offsetof(StepLabels, phrase), s.phrase);
      set(to, offsetof(StepLabels, cell), s.cell);
      set(to, offsetof(StepLabels, bar), s.bar);
      set(to, offsetof(StepLabels, melody), s.melody);
      set(to, offsetof(StepLabels, style), s.style);
    }
  }
  std::string& bytes() { return bytes_; }

 private:
  char* room(std::size_t count) {
    bytes_.resize(bytes_.size() + count, '\0');
    return bytes_.data() + bytes_.size() - count;
  }
  template <class T>
  static void set(char* to, std::size_t offset, const T& value) {
    std::memcpy(to + offset, &value, sizeof value);
  }
  std::string bytes_;
};

/// Takes parts of a mapping from the front on; nothing is taken that is not there.
class Reader {
 public:
  explicit Reader(std::span<const char> bytes) : at_(bytes.data()), left_(bytes.size()) {}
  template <class T>
  bool take(std::uint64_t count, std::span<const T>& items) {
    if (count > left_ / sizeof(T)) return false;
    items = {reinterpret_cast<const T*>(at_), static_cast<std::size_t>(count)};
    at_ += items.size_bytes();
    left_ -= items.size_bytes();
    return true;
  }
  bool done() const { return left_ == 0; }

 private:
  const char* at_;
  std::size_t left_;
};

/// The first `count` items, which are taken off; false where there are fewer.
template <class T>
bool take_front(std::span<const T>& items, std::uint64_t count, std::span<const T>& front) {
  if (count > items.size()) return false;
  front = items.first(static_cast<std::size_t>(count));
  items = items.subspan(static_cast<std::size_t>(count));
  return true;
}
bool take_text(std::span<const char>& text, std::uint64_t count, std::string& word) {
  std::span<const char> front;
  if (!take_front(text, count, front)) return false;
  word.assign(front.begin(), front.end());
  return true;
}

/// The counts of a file whose sizes and checksum are right, else null.
const Counts* checked_counts(std::span<const char> file) {
  if (file.size() < sizeof(Head) + sizeof(Counts)) return nullptr;
  const auto& head = *reinterpret_cast<const Head*>(file.data());
  if (head.magic != kMagic || head.version != kVersion || head.size != file.size()) return nullptr;
  if (checksum(file.data() + sizeof(Head), file.size() - sizeof(Head)) != head.sum) return nullptr;
  return reinterpret_cast<const Counts*>(file.data() + sizeof(Head));
}

bool read_pieces(std::span<const char> file, const std::shared_ptr<const void>& owner,
                 const Counts& counts, HarmonyData& data) {
  Reader reader(file.subspan(sizeof(Head) + sizeof(Counts)));
  std::span<const PieceRecord> pieces;
  std::span<const LeftOutRecord> left_out;
  std::span<const Note> notes;
  std::span<const StepLabels> steps;
  std::span<const std::uint32_t> codes;
  std::span<const char> text;
  if (!reader.take(counts.pieces, pieces) || !reader.take(counts.left_out, left_out) ||
      !reader.take(counts.notes, notes) || !reader.take(counts.steps, steps) ||
      !reader.take(counts.codes, codes) || !reader.take(counts.text, text) || !reader.done())
    return false;
  const auto view = [&](auto& all, std::uint64_t count, auto& array) {
    auto front = all;
    if (!take_front(all, count, front)) return false;
    array = {front, owner};
    return true;
  };
  for (const PieceRecord& r : pieces) {
    Piece p;
    p.key = {static_cast<int>(r.tonic), r.minor != 0};
    p.steps_per_quarter = static_cast<int>(r.steps_per_quarter);
    p.steps_per_bar = static_cast<int>(r.steps_per_bar);
    p.split = static_cast<Split>(r.split);
    if (!take_text(text, r.name, p.name) || !view(notes, r.melody, p.melody) ||
        !view(notes, r.bridge, p.bridge) || !view(notes, r.accompaniment, p.accompaniment) ||
        !view(steps, r.steps, p.steps) || p.steps_per_quarter < 1 || p.steps_per_bar < 1)
      return false;
    data.pieces.push_back(std::move(p));
  }
  for (const LeftOutRecord& r : left_out) {
    LeftOut l;
    if (!take_text(text, r.name, l.name) || !take_text(text, r.reason, l.reason)) return false;
    data.left_out.push_back(std::move(l));
  }
  data.chords = ChordVocabulary(std::vector<std::uint32_t>(codes.begin(), codes.end()));
  data.has_styles = counts.styles != 0;
  return notes.empty() && steps.empty() && text.empty();
}

}  // namespace

Checksum checksum(const void* bytes, std::size_t count) {
  constexpr std::size_t kLanes = 4, kWord = 8, kBlock = kLanes * kWord;
  Checksum sum = {1, 2, 3, 4};
  const auto add = [&sum](const char* block) {
    std::uint64_t words[kLanes];
    std::memcpy(words, block, kBlock);
    for (std::size_t i = 0; i < kLanes; ++i) sum[i] = std::rotl((sum[i] ^ words[i]) * kOdd, kTurn);
  };
  const char* at = static_cast<const char*>(bytes);
  const char* end = at + count / kBlock * kBlock;
  for (; at < end; at += kBlock) add(at);
  // The rest with zeros behind it; then the length, which tells them from zeros of the text.
  char last[kBlock] = {};
  std::memcpy(last, at, count % kBlock);
  add(last);
  const std::uint64_t length[kLanes] = {count, count, count, count};
  add(reinterpret_cast<const char*>(length));
  return sum;
}

std::string prepared_bytes(const HarmonyData& data, const Checksum& stamp) {
  Head head;
  Counts counts;
  counts.stamp = stamp;
  counts.pieces = data.pieces.size();
  counts.left_out = data.left_out.size();
  counts.codes = data.chords.codes().size();
  counts.styles = data.has_styles;
  for (const Piece& p : data.pieces) {
    counts.notes += p.melody.size() + p.bridge.size() + p.accompaniment.size();
    counts.steps += p.steps.size();
    counts.text += p.name.size();
  }
  for (const LeftOut& l : data.left_out) counts.text += l.name.size() + l.reason.size();
  head.size = sizeof head + sizeof counts + counts.pieces * sizeof(PieceRecord) +
              counts.left_out * sizeof(LeftOutRecord) + counts.notes * sizeof(Note) +
              counts.steps * sizeof(StepLabels) + counts.codes * sizeof(std::uint32_t) +
              counts.text;

  Writer w;
  w.bytes().reserve(static_cast<std::size_t>(head.size));
  w.put(&head, 1);
  w.put(&counts, 1);
  for (const Piece& p : data.pieces) {
    const PieceRecord r{p.name.size(),   p.melody.size(),
                        p.bridge.size(), p.accompaniment.size(),
                        p.steps.size(),  p.key.tonic,
                        p.key.minor,     p.steps_per_quarter,
                        p.steps_per_bar, static_cast<std::int64_t>(p.split)};
    w.put(&r, 1);
  }
  for (const LeftOut& l : data.left_out) {
    const LeftOutRecord r{l.name.size(), l.reason.size()};
    w.put(&r, 1);
  }
  for (const Piece& p : data.pieces)
    for (const SharedArray<Note>* t : {&p.melody, &p.bridge, &p.accompaniment}) w.put(*t);
  for (const Piece& p : data.pieces) w.put(p.steps);
  w.put(data.chords.codes().data(), data.chords.codes().size());
  for (const Piece& p : data.pieces) w.bytes() += p.name;
  for (const LeftOut& l : data.left_out) w.bytes() += l.name + l.reason;
  head.sum = checksum(w.bytes().data() + sizeof head, w.bytes().size() - sizeof head);
  std::memcpy(w.bytes().data(), &head, sizeof head);
  return std::move(w.bytes());
}

PreparedState read_prepared(std::span<const char> bytes, const std::shared_ptr<const void>& owner,
                            const Checksum& stamp, HarmonyData& data) {
  const Counts* counts = checked_counts(bytes);
  if (!counts) return PreparedState::damaged;
  if (counts->stamp != stamp) return PreparedState::stale;
  HarmonyData read;
  if (!read_pieces(bytes, owner, *counts, read)) return PreparedState::damaged;
  data = std::move(read);
  return PreparedState::good;
}

}  // namespace gradus

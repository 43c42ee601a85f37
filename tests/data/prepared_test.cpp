// Prepared data: what is written comes back as it was; what is out of date or damaged anywhere is
// made again; where nothing can be written, nothing is lost.
#include <doctest/doctest.h>

#include <cstring>
#include <thread>

#include "data/prepared.h"
#include "tests/data/scratch_files.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

constexpr Checksum kStamp = {1, 2, 3, 4};
constexpr std::size_t kHead = 56;  // magic, version, size, checksum of what follows

PreparedState state_of(const std::string& bytes, const Checksum& stamp, HarmonyData& data) {
  // At an address that 8 divides, in memory of just that size: sanitizers see what reads past it.
  const auto copy = std::make_shared<std::vector<char>>(bytes.begin(), bytes.end());
  return read_prepared(*copy, copy, stamp, data);
}

HarmonyData small_data() {
  HarmonyData d;
  Piece p = make_piece("two", {{0, 4, 60, 80, 1}, {4, 9, 64}}, 4, 4, parse_progression("C G", 4));
  p.key = {9, true};
  p.bridge = {{2, 5, 67}};
  p.accompaniment = {{0, 8, 48}, {0, 8, 52}, {8, 16, 43}};
  p.split = Split::validation;
  d.pieces = {p, Piece{}, make_piece("", {}, 3, 8)};
  d.chords = ChordVocabulary(d.pieces);
  d.left_out = {{"003", "a file cannot be read: why"}, {"", ""}};
  d.has_styles = true;
  return d;
}
void check_same(const HarmonyData& a, const HarmonyData& b) {
  REQUIRE(a.pieces.size() == b.pieces.size());
  for (std::size_t i = 0; i < a.pieces.size(); ++i) {
    const Piece &p = a.pieces[i], &q = b.pieces[i];
    CHECK(p.name == q.name);
    CHECK(p.key == q.key);
    CHECK(p.steps_per_quarter == q.steps_per_quarter);
    CHECK(p.steps_per_bar == q.steps_per_bar);
    CHECK(p.split == q.split);
    CHECK(p.melody == q.melody);
    CHECK(p.bridge == q.bridge);
    CHECK(p.accompaniment == q.accompaniment);
    CHECK(p.steps == q.steps);
  }
  CHECK(a.chords.codes() == b.chords.codes());
  REQUIRE(a.left_out.size() == b.left_out.size());
  for (std::size_t i = 0; i < a.left_out.size(); ++i) {
    CHECK(a.left_out[i].name == b.left_out[i].name);
    CHECK(a.left_out[i].reason == b.left_out[i].reason);
  }
  CHECK(a.has_styles == b.has_styles);
}
/// Counts how often the data is made.
struct Maker {
  int times = 0;
  HarmonyData operator()() {
    ++times;
    return small_data();
  }
};

}  // namespace

TEST_CASE("what is written comes back, from memory that outlives the mapping's owner") {
  const ScratchFiles scratch;
  HarmonyData back;
  {
    const HarmonyData data = small_data();
    scratch.file("a", prepared_bytes(data, kStamp));
    REQUIRE(map_prepared(scratch.root() / "a", kStamp, back) == PreparedState::good);
  }
  fs::remove(scratch.root() / "a");
  check_same(back, small_data());
  const Piece kept = back.pieces[0];
  back = {};
  CHECK(kept.steps == small_data().pieces[0].steps);

  scratch.file("none", prepared_bytes({}, kStamp));
  CHECK(map_prepared(scratch.root() / "none", kStamp, back) == PreparedState::good);
  CHECK(back.pieces.empty());
  CHECK(map_prepared(scratch.root() / "nowhere", kStamp, back) == PreparedState::absent);
  CHECK(map_prepared(scratch.root(), kStamp, back) == PreparedState::damaged);
}

TEST_CASE("the same data gives the same bytes, whatever stood between the members") {
  const auto dirty = [](int byte) {
    HarmonyData d = small_data();
    std::vector<StepLabels> steps(3);
    std::vector<Note> notes(2);
    std::memset(static_cast<void*>(steps.data()), byte, sizeof(StepLabels) * steps.size());
    std::memset(static_cast<void*>(notes.data()), byte, sizeof(Note) * notes.size());
    const StepLabels label = d.pieces[0].steps[5];
    for (StepLabels& s : steps) {
      s.chord.root = label.chord.root, s.chord.quality = label.chord.quality;
      s.chord.bass = label.chord.bass;
      s.tones = label.tones, s.section = 1, s.phrase = 2, s.cell = 3, s.bar = 4, s.melody = 60;
      s.style = Style::waltz;
    }
    for (Note& n : notes) n.start = 1, n.end = 2, n.pitch = 3, n.velocity = 4, n.channel = 5;
    d.pieces[0].steps = std::move(steps);
    d.pieces[0].melody = std::move(notes);
    return prepared_bytes(d, kStamp);
  };
  CHECK(dirty(0) == dirty(0xa5));
}

TEST_CASE("every flipped bit and every length but the right one are noticed") {
  HarmonyData d = small_data();
  d.chords = ChordVocabulary(std::vector<std::uint32_t>{});
  const std::string good = prepared_bytes(d, kStamp);
  REQUIRE(good.size() < 2000);
  HarmonyData untouched;
  untouched.left_out = {{"as", "it was"}};
  int missed = 0;
  const auto check_noticed = [&](const std::string& bytes) {
    missed += state_of(bytes, kStamp, untouched) != PreparedState::damaged;
  };
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      check_noticed(bad);
    }
    check_noticed(good.substr(0, i));
  }
  CHECK(missed == 0);
  // Two flips of the highest bit in words of one lane.
  for (std::size_t i = kHead + 7; i + 32 < good.size(); i += 8) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x80);
    bad[i + 32] = static_cast<char>(bad[i + 32] ^ 0x80);
    check_noticed(bad);
  }
  check_noticed(good + '\0');
  check_noticed(std::string(4096, '\0'));
  CHECK(missed == 0);
  CHECK(state_of(good, {1, 2, 3, 5}, untouched) == PreparedState::stale);
  CHECK(untouched.left_out.size() == 1);
  CHECK(state_of(good, kStamp, untouched) == PreparedState::good);
}

TEST_CASE("counts that do not fit are refused even where the checksum is right") {
  constexpr std::size_t kCounts = 88, kRecord = 80, kStyles = kHead + kCounts - 8;
  const std::string good = prepared_bytes(small_data(), kStamp);
  int missed = 0, tried = 0;
  for (std::size_t at = kHead + 32; at < kHead + kCounts + 3 * kRecord; at += 8) {
    // Key, bar and split of a record, and whether styles count, are values, no sizes.
    const std::size_t in_record = at < kHead + kCounts ? 0 : (at - kHead - kCounts) % kRecord;
    if (at == kStyles || in_record == 40 || in_record == 48 || in_record >= 56) continue;
    for (const std::uint64_t value :
         {std::uint64_t{0}, std::uint64_t{1000}, ~std::uint64_t{0}, std::uint64_t{1} << 61}) {
      std::string bad = good;
      std::uint64_t old = 0;
      std::memcpy(&old, bad.data() + at, sizeof old);
      if (old == value) continue;
      std::memcpy(bad.data() + at, &value, sizeof value);
      const Checksum sum = checksum(bad.data() + kHead, bad.size() - kHead);
      std::memcpy(bad.data() + 24, sum.data(), sizeof sum);
      HarmonyData data;
      missed += state_of(bad, kStamp, data) != PreparedState::damaged;
      ++tried;
    }
  }
  CHECK(missed == 0);
  CHECK(tried > 60);
}

TEST_CASE("made once, then mapped, until a file or the settings change") {
  const ScratchFiles scratch;
  const fs::path song = scratch.file("song", "1"), cache = scratch.root() / "deep/cache";
  PreparedKey key{"songs", "grid 4", {song, scratch.root() / "chords"}};
  Maker maker;
  const auto get = [&] { return prepared(cache, key, std::ref(maker)); };
  check_same(get(), small_data());
  CHECK(maker.times == 1);
  check_same(get(), small_data());
  CHECK(maker.times == 1);
  fs::last_write_time(song, fs::last_write_time(song) + std::chrono::seconds(1));
  get();
  CHECK(maker.times == 2);
  scratch.file("chords", "");  // a file that was not there
  get();
  CHECK(maker.times == 3);
  key.files.push_back(scratch.root() / "other");
  get();
  CHECK(maker.times == 4);
  CHECK(std::distance(fs::directory_iterator(cache), {}) == 1);
  for (const char* settings : {"grid 16", "grid 4 at 1", "grid 4 and a rather long path, 1",
                               "grid 4 and a rather long path, 2"}) {
    key.settings = settings;
    get();
  }
  CHECK(maker.times == 8);
  CHECK(std::distance(fs::directory_iterator(cache), {}) == 5);
  // Damage.
  scratch.file("deep/cache/" + key.file_name(), "");
  check_same(get(), small_data());
  CHECK(maker.times == 9);
  get();
  CHECK(maker.times == 9);
}

TEST_CASE("however the source is spelled, the stamp is the same") {
  const ScratchFiles scratch;
  scratch.file("music/sub/song", "1");
  fs::create_directory_symlink("music", scratch.root() / "link");
  const auto key = [&](const fs::path& source, const std::string& settings = "grid 4") {
    return PreparedKey{source.string(), settings, {source / "sub/song", source / "absent"}};
  };
  const fs::path music = scratch.root() / "music";
  const Checksum stamp = key(music).stamp();
  CHECK(key(scratch.root() / "link").stamp() == stamp);
  CHECK(key(music / "").stamp() == stamp);
  CHECK(key(fs::relative(music)).stamp() == stamp);
  CHECK(key(music, "grid 16").stamp() != stamp);
  PreparedKey other = key(music);
  other.files[1] = music / "absent too";
  CHECK(other.stamp() != stamp);
}

TEST_CASE("a folder that cannot be written is no error") {
  const ScratchFiles scratch;
  const PreparedKey key{"songs", "grid 4", {}};
  Maker maker;
  const fs::path file = scratch.file("file", "no folder");
  for (const fs::path& folder : {file, file / "below", fs::path("/proc/gradus")}) {
    check_same(prepared(folder, key, std::ref(maker)), small_data());
  }
  CHECK(maker.times == 3);
}

TEST_CASE("two at once are harmless") {
  const ScratchFiles scratch;
  const PreparedKey key{"songs", "grid 4", {}};
  std::vector<std::thread> all;
  std::array<std::size_t, 4> sizes{};
  for (std::size_t& size : sizes)
    all.emplace_back([&] {
      for (int i = 0; i < 5; ++i) size += prepared(scratch.root(), key, small_data).pieces.size();
    });
  for (std::thread& t : all) t.join();
  for (const std::size_t size : sizes) CHECK(size == 15);
  CHECK(std::distance(fs::directory_iterator(scratch.root()), {}) == 1);
}

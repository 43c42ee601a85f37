// The chords of a run: written, read back, damaged, missing.
#include "train/run_vocabulary.h"

#include <doctest/doctest.h>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/npy.h"
#include "tests/error_text.h"
#include "tests/train/scratch_folder.h"

using namespace gradus;
using gradus::testing::ScratchFolder;

TEST_CASE("a run keeps the numbers of its chords") {
  const ScratchFolder scratch;
  const RunFolder folder = RunFolder::create(scratch.path / "run", Experiment{});
  for (const ChordVocabulary& chords :
       {ChordVocabulary{}, ChordVocabulary({make_piece(bundled_tune("twinkle"))})}) {
    save_vocabulary(folder, chords);
    CHECK(load_vocabulary(folder).codes() == chords.codes());
  }
  const auto file = folder.path() / "chords.npy";
  const std::string whole = read_file(file);
  const auto write = [&](std::vector<int64> codes) {
    const auto n = static_cast<int64>(codes.size());
    write_npy(file, from_values<int64>(codes, {n}));
  };
  write({0, 5});
  CHECK_THROWS_AS(load_vocabulary(folder), IoError);  // a chord in one key alone
  write({-1});
  CHECK_THROWS_AS(load_vocabulary(folder), IoError);
  write({1 << 20});
  CHECK_THROWS_AS(load_vocabulary(folder), IoError);
  for (std::size_t n = 0; n < whole.size(); n += 7) {
    write_file(file, whole.substr(0, n));
    CHECK_THROWS_AS(load_vocabulary(folder), IoError);
  }
  std::filesystem::remove(file);
  CHECK_THROWS_AS(load_vocabulary(folder), IoError);
}

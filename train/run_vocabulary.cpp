#include "train/run_vocabulary.h"

#include "tensor/error.h"
#include "tensor/npy.h"

namespace gradus {

namespace {
std::filesystem::path vocabulary_file(const RunFolder& folder) {
  return folder.path() / "chords.npy";
}
}  // namespace

void save_vocabulary(const RunFolder& folder, const ChordVocabulary& chords) {
  const std::vector<int64> codes(chords.codes().begin(), chords.codes().end());
  write_npy(vocabulary_file(folder), from_values<int64>(codes, {chords.size()}));
}

ChordVocabulary load_vocabulary(const RunFolder& folder) {
  const std::filesystem::path file = vocabulary_file(folder);
  const Tensor t = read_npy(file);
  check<IoError>(t.dtype() == DType::i64 && t.rank() == 1, "'{}' is no list of chords: {}",
                 file.string(), describe(t));
  constexpr int64 kLargest = 13 << 12;  // root 12, every tone
  std::vector<std::uint32_t> codes;
  for (int64 code : t.to_vector<int64>()) {
    check<IoError>(code >= 0 && code < kLargest, "'{}' holds {}, which is no chord", file.string(),
                   code);
    codes.push_back(static_cast<std::uint32_t>(code));
  }
  const ChordVocabulary chords(codes);
  check<IoError>(chords.size() == t.numel(),
                 "'{}' has {} chords; with their transpositions they are {}", file.string(),
                 t.numel(), chords.size());
  return chords;
}

}  // namespace gradus

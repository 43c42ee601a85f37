// The numbers that the paper on RoPEPool prints (Of All StrIPEs, arXiv 2504.05364, tables II and
// III, five seeds): what a report lays beside its own.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "train/statistics.h"

namespace gradus {

struct PaperNumber {
  double mean = 0, deviation = 0;
  BestMark mark = BestMark::none;
};
/// CS, SSMD (times 50), GS, NDD (missing notes) in windows of 16 bars, then of 64.
struct PaperRow {
  std::string_view context, encoding;  ///< "BIN", "RoPE(C)"
  std::array<PaperNumber, 8> numbers;
};
inline constexpr std::array<std::string_view, 4> kPaperMeasures = {"cs", "ssmd", "gs",
                                                                   "ndd_missing"};
inline constexpr std::array<int64, 2> kPaperBars = {16, 64};
inline constexpr int64 kPaperSeeds = 5;
/// Its SSMD are half of those that are counted to 100.
inline constexpr double kPaperSsmdScale = 50;

enum class PaperTable : std::uint8_t { rope, encodings };
/// Table II (the variants of RoPE) or III (the encodings).
std::span<const PaperRow> paper_rows(PaperTable table);
/// The row of that context and encoding, however they are spelled: "BIN", "bin"; "RoPE(C)",
/// "rope_c". Null where the paper has none.
const PaperRow* find_paper_row(PaperTable table, std::string_view context,
                               std::string_view encoding);
/// Lower-case letters and digits: "RoPE(C)" and "rope_c" are "ropec".
std::string plain_name(std::string_view name);

}  // namespace gradus

// The file of prepared data: pieces as they stand in memory, with the version of the format, the
// stamp of what they were made of, and a checksum over all of it.
#pragma once

#include <array>
#include <memory>
#include <span>

#include "data/harmony_data.h"

namespace gradus {

/// 256 bits of a text or a file: four lanes of h = rotate((h xor word) * odd number) over 8-byte
/// words. A step is a bijection, so no change of a single word goes unseen.
using Checksum = std::array<std::uint64_t, 4>;
Checksum checksum(const void* bytes, std::size_t count);

/// To be raised with every change of how pieces are made of their sources: part of the stamp.
inline constexpr int kPiecesVersion = 3;

/// The bytes of a file; the same data and stamp give the same bytes.
std::string prepared_bytes(const HarmonyData& data, const Checksum& stamp);
enum class PreparedState : std::uint8_t { good, absent, stale, damaged };
/// From bytes at an address that 8 divides, which live as long as `owner`: `data` is filled where
/// the answer is good, its arrays lie in them.
PreparedState read_prepared(std::span<const char> bytes, const std::shared_ptr<const void>& owner,
                            const Checksum& stamp, HarmonyData& data);

}  // namespace gradus

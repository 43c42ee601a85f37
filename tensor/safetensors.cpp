#include "tensor/safetensors.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "tensor/file.h"
#include "tensor/safetensors_header.h"

namespace gradus {

using namespace detail;

TensorFile read_safetensors(const std::filesystem::path& path) {
  const InputFile input(path);
  const std::string file = path.string();
  unsigned char front[8];
  check<IoError>(input.read_some(0, front, 8) == 8,
                 "'{}' has {} bytes; a safetensors file begins with 8 bytes of header length", file,
                 input.size());
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | front[i];
  check<IoError>(length <= kLongestSafetensorsHeader,
                 "'{}': the safetensors header claims {} bytes; at most {} are allowed", file,
                 length, kLongestSafetensorsHeader);
  check<IoError>(length <= input.size() - 8,
                 "'{}': the safetensors header claims {} bytes, but only {} follow", file, length,
                 input.size() - 8);
  std::string json(static_cast<std::size_t>(length), '\0');
  input.read(8, json.data(), json.size());
  SafetensorsHeader header = read_safetensors_header(json, input.size() - 8 - length, file);

  TensorFile out;
  out.metadata = std::move(header.metadata);
  for (const SafetensorsEntry& e : header.entries) {
    Tensor t = Tensor::empty(e.shape, e.dtype);
    if (e.end > e.begin) input.read(8 + length + e.begin, t.writable_bytes(), t.bytes());
    if (e.is_bool) {
      const std::span<const std::uint8_t> v = t.values<std::uint8_t>();
      for (std::size_t i = 0; i < v.size(); ++i)
        check<IoError>(v[i] <= 1, "'{}': tensor '{}' is BOOL, but element {} is {}", file,
                       shown(e.name), i, static_cast<int>(v[i]));
    }
    out.tensors.emplace(e.name, std::move(t));
  }
  return out;
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  // Larger elements first, so that each tensor is aligned to its element size.
  std::vector<std::pair<const std::string*, Tensor>> order;
  for (const auto& [key, t] : file.tensors) {
    check<IoError>(t.defined(), "cannot write '{}': '{}' holds no tensor", path.string(),
                   shown(key));
    check<IoError>(key != kSafetensorsMetadata, "cannot write '{}': no tensor can be named '{}'",
                   path.string(), kSafetensorsMetadata);
    order.emplace_back(&key, contiguous(t));
  }
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return size_of(a.second.dtype()) > size_of(b.second.dtype());
  });
  SafetensorsHeader header;
  header.metadata = file.metadata;
  std::uint64_t at = 0;
  for (const auto& [key, t] : order) {
    header.entries.push_back({*key, t.dtype(), false, t.shape(), at, at + t.bytes()});
    at += t.bytes();
  }
  std::string head = safetensors_header_text(header, path.string());
  head.append((8 - head.size() % 8) % 8, ' ');
  check<IoError>(head.size() <= kLongestSafetensorsHeader,
                 "cannot write '{}': its header would have {} bytes; at most {} are allowed",
                 path.string(), head.size(), kLongestSafetensorsHeader);
  char length[8];
  for (unsigned i = 0; i < 8; ++i) length[i] = static_cast<char>(head.size() >> (8 * i) & 255);
  AtomicFile out(path);
  out.write(length, sizeof length);
  out.write(head);
  for (const auto& entry : order) out.write(entry.second.raw(), entry.second.bytes());
  out.commit();
}

}  // namespace gradus

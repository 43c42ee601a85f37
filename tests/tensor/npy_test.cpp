#include "tensor/npy.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include "tensor/file.h"
#include "tensor/memory.h"
#include "tensor/random.h"
#include "tests/error_text.h"
#include "tests/tensor/put_file.h"

using namespace gradus;
using namespace gradus::testing;
namespace fs = std::filesystem;

namespace {

struct TemporaryFile {
  fs::path path = fs::temp_directory_path() / ("gradus_npy_" + std::to_string(getpid()) + ".npy");
  ~TemporaryFile() { fs::remove(path); }
};

std::string npy(const std::string& header, const std::string& data, int version = 1) {
  std::string out = "\x93NUMPY";
  out += static_cast<char>(version);
  out += '\0';
  const int digits = version == 1 ? 2 : 4;
  for (int i = 0; i < digits; ++i) out += static_cast<char>(header.size() >> (8 * i) & 255);
  return out + header + data;
}
std::string dictionary(const std::string& descr, const std::string& shape,
                       const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}
template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}
Tensor read(const std::string& bytes) {
  const TemporaryFile file;
  put(file.path, bytes);
  return read_npy(file.path);
}
std::string error_of(const std::string& bytes) {
  return message<IoError>([&] { read(bytes); });
}

}  // namespace

TEST_CASE("what is written is read with the same bits") {
  const TemporaryFile file;
  Rng rng(1);
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  for (const DType dtype : {DType::f32, DType::f64, DType::i64, DType::u8})
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{1}, Shape{3}, Shape{2, 0, 3},
                               Shape{2, 3, 4}, Shape{1, 1, 1, 1}}) {
      const Tensor t = cast(uniform(rng, shape, 0, 200), dtype);
      write_npy(file.path, t);
      CHECK(same_bits(read_npy(file.path), t));
    }
  const Tensor odd = tensor({nan, infinity, -infinity, -0.0, 1e-320}, {5}, DType::f64);
  write_npy(file.path, odd);
  CHECK(same_bits(read_npy(file.path), odd));
  // The elements begin at a multiple of 64.
  CHECK((read_file(file.path).size() - 40) % 64 == 0);
}

TEST_CASE("views are written in logical order") {
  const TemporaryFile file;
  const Tensor t = arange(0, 24);
  const Tensor views[] = {transpose(reshape(t, {4, 6})), slice(reshape(t, {4, 6}), 1, 1, 6, 2),
                          broadcast_to(reshape(slice(t, 0, 0, 3), {3, 1}), {3, 4})};
  for (const Tensor& view : views) {
    write_npy(file.path, view);
    CHECK(same_bits(read_npy(file.path), contiguous(view)));
  }
}

TEST_CASE("files as numpy writes them") {
  const std::string six = bytes_of<float>({0, 1, 2, 3, 4, 5});
  Tensor t = read(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", six));
  CHECK(t.shape() == Shape{2, 3});
  CHECK(t.at({1, 0}) == 3);
  t = read(npy(dictionary("<f4", "(2, 3)", "True"), six));
  CHECK(t.shape() == Shape{2, 3});
  CHECK(t.at({1, 0}) == 1);
  CHECK(t.at({0, 1}) == 2);
  CHECK(t.is_contiguous());
  t = read(npy(dictionary("|b1", "(3,)"), std::string("\1\0\1", 3)));
  CHECK(t.dtype() == DType::u8);
  CHECK(t.to_vector<int64>() == std::vector<int64>{1, 0, 1});
  for (const int version : {2, 3})
    CHECK(read(npy(dictionary("<i8", "()"), bytes_of<int64>({-7}), version)).item() == -7);
  // Keys in another order, other quotes, no trailing comma.
  t = read(
      npy("{\"shape\":(1,),\"descr\":\"<f8\",\"fortran_order\":True}", bytes_of<double>({2.5})));
  CHECK(t.item() == 2.5);
}

TEST_CASE("what cannot be read is refused with what is allowed") {
  const std::string four = bytes_of<float>({1});
  const std::string big_endian = error_of(npy(dictionary(">f4", "(1,)"), four));
  CHECK(has(big_endian, "'>f4'"));
  CHECK(has(big_endian, "'<f4', '<f8', '<i8', '|u1'"));
  for (const char* descr : {"<f2", "<c8", "<i4", "|O", "<U5", "", "\n\x01"})
    CHECK(has(error_of(npy(dictionary(descr, "(1,)"), four)), "allowed"));
  CHECK(
      has(error_of(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", four)),
          "records"));
  CHECK(has(error_of(npy(dictionary("<f4", "(2,)"), four)), "needs 8 bytes, the file has 4"));
  CHECK(has(error_of(npy(dictionary("<f4", "(1,)"), four + "x")), "needs 4 bytes, the file has 5"));
  CHECK(has(error_of(npy(dictionary("<f4", "(1)"), four)), "comma"));
  CHECK(has(error_of(npy(dictionary("<f4", "(-1,)"), four)), "size from 0"));
  CHECK(has(error_of(npy(dictionary("<f4", "(1,1,1,1,1,1,1,1,1)"), four)), "8 axes"));
  CHECK(has(error_of(npy(dictionary("<f4", "(1,)", "Maybe"), four)), "True or False"));
  CHECK(has(error_of(npy("{'descr': '<f4', 'shape': (1,)}", four)), "lacks"));
  CHECK(has(error_of(npy("{'descr': '<f4', 'descr': '<f4'}", four)), "twice"));
  CHECK(has(error_of(npy("{'descr': '<f4', 'color': '<f4'}", four)), "'color'"));
  CHECK(has(error_of(npy(dictionary("<f4", "(1,)") + "x", four)), "goes on"));
  CHECK(has(error_of(npy(dictionary("|b1", "(1,)"), "\2")), "element 0 is 2"));
  CHECK(has(error_of(npy(dictionary("<f4", "(1,)"), four, 4)), "version 4.0"));
  CHECK(has(error_of(""), "no .npy file"));
  CHECK(has(error_of("PK\3\4 some zip file"), "no .npy file"));
}

TEST_CASE("lying sizes allocate nothing") {
  const PoolStats before = pool_stats();
  CHECK(has(error_of(npy(dictionary("<f8", "(1000000, 1000000)"), "x")),
            "needs 8000000000000 bytes, the file has 1"));
  CHECK(has(error_of(npy(dictionary("<f8", "(4294967296, 4294967296)"), "x")),
            "more bytes than can be counted"));
  CHECK(has(error_of(npy(dictionary("<f8", "(0, 9223372036854775807, 2)"), "")),
            "more bytes than can be counted"));
  CHECK(has(error_of(npy(dictionary("<f8", "(99999999999999999999,)"), "x")), "size from 0"));
  std::string huge = npy(dictionary("<f4", "(1,)"), "abcd", 2);
  huge[10] = '\xff', huge[11] = '\x7f';
  CHECK(has(error_of(huge), "at most 65535"));
  std::string longer = npy(dictionary("<f4", "(1,)"), "abcd");
  longer[9] = '\x40';
  CHECK(has(error_of(longer), "follow"));
  CHECK(pool_stats().live_bytes == before.live_bytes);
  CHECK(pool_stats().peak_live_bytes == before.peak_live_bytes);
}

TEST_CASE("every truncation and random damage is an IoError or a tensor") {
  const std::string good = npy(dictionary("<f4", "(2, 3)"), std::string(24, 'a'));
  for (std::size_t n = 0; n < good.size(); ++n)
    CHECK(has(error_of(good.substr(0, n)), "gradus_npy_"));
  Rng rng(3);
  int refused = 0;
  const TemporaryFile file;
  for (int round = 0; round < 400; ++round) {
    std::string bad = good;
    for (int64 flips = 1 + integer_number(rng, 3); flips > 0; --flips)
      bad[static_cast<std::size_t>(integer_number(rng, 90))] =
          static_cast<char>(integer_number(rng, 256));
    put(file.path, bad);
    try {
      const Tensor t = read_npy(file.path);
      CHECK(t.bytes() <= bad.size());
    } catch (const IoError&) {
      ++refused;
    }
  }
  CHECK(refused > 200);
}

TEST_CASE("writing no tensor is refused") {
  const TemporaryFile file;
  CHECK_THROWS_AS(write_npy(file.path, Tensor()), IoError);
  CHECK_FALSE(fs::exists(file.path));
}

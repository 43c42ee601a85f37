#include "tensor/safetensors.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <string>
#include <vector>

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
  fs::path path =
      fs::temp_directory_path() / ("gradus_st_" + std::to_string(getpid()) + ".safetensors");
  ~TemporaryFile() { fs::remove(path); }
};

std::string packed(const std::string& header, const std::string& data = "") {
  std::string out;
  for (unsigned i = 0; i < 8; ++i) out += static_cast<char>(header.size() >> (8 * i) & 255);
  return out + header + data;
}
/// "a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}
std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + shape +
         "],\"data_offsets\":[" + offsets + "]}";
}
TensorFile read(const std::string& bytes) {
  const TemporaryFile file;
  put(file.path, bytes);
  return read_safetensors(file.path);
}
std::string error_of(const std::string& bytes) {
  return message<IoError>([&] { read(bytes); });
}
/// True where `bytes` is refused with a message that has `piece`, which is printed otherwise.
bool refused_with(const std::string& bytes, const std::string& piece) {
  const std::string error = error_of(bytes);
  if (!has(error, piece)) MESSAGE(error);
  return has(error, piece) && has(error, "gradus_st_");
}

}  // namespace

TEST_CASE("what is written is read with the same bits, names and metadata") {
  const TemporaryFile path;
  Rng rng(1);
  TensorFile file;
  write_safetensors(path.path, file);
  CHECK(read_safetensors(path.path).tensors.empty());
  for (const DType dtype : {DType::u8, DType::f32, DType::i64, DType::f64})
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{3}, Shape{2, 0}, Shape{2, 3, 5}})
      file.tensors[std::string(name(dtype)) + text(shape)] =
          cast(uniform(rng, shape, 0, 200), dtype);
  file.tensors["nan"] = tensor({std::nan(""), -0.0}, {2});
  file.tensors["view"] = transpose(reshape(arange(0, 6), {2, 3}));
  file.tensors[""] = scalar(1);
  file.tensors["quote \" slash / \\ \xc3\xa9"] = scalar(2);
  file.metadata = {{"step", "12"}, {"", "empty"}, {"text", "line\nline \"x\""}};
  write_safetensors(path.path, file);
  const TensorFile back = read_safetensors(path.path);
  CHECK(back.metadata == file.metadata);
  REQUIRE(back.tensors.size() == file.tensors.size());
  for (const auto& [key, t] : file.tensors) {
    REQUIRE(back.tensors.count(key) == 1);
    CHECK(same_bits(back.tensors.at(key), contiguous(t)));
  }
  // The header is padded so that the data is aligned.
  const std::string bytes = read_file(path.path);
  CHECK(static_cast<unsigned char>(bytes[0]) % 8 == 0);
}

TEST_CASE("files as others write them") {
  const std::string one =
      packed("{\"__metadata__\":{\"format\":\"pt\"}, " + entry("b", "BOOL", "2", "4,6") + ",\n" +
                 entry("a", "F32", "1", "0,4") + "}   ",
             std::string("\0\0\x80\x3f\1\0", 6));
  const TensorFile file = read(one);
  CHECK(file.metadata.at("format") == "pt");
  CHECK(file.tensors.at("a").item() == 1);
  CHECK(file.tensors.at("b").dtype() == DType::u8);
  CHECK(file.tensors.at("b").to_vector<int64>() == std::vector<int64>{1, 0});
  CHECK(read(packed("{}")).tensors.empty());
}

TEST_CASE("header length and JSON are checked") {
  CHECK(refused_with("", "has 0 bytes"));
  CHECK(refused_with("1234567", "has 7 bytes"));
  CHECK(refused_with(std::string(8, '\0'), "does not begin with '{'"));
  CHECK(refused_with(std::string(7, '\xff') + "\x7f{}", "at most 100000000"));
  CHECK(
      refused_with(std::string("\x10\0\0\0\0\0\0\0{}", 10), "claims 16 bytes, but only 2 follow"));
  CHECK(refused_with(packed(" {}"), "does not begin"));
  CHECK(refused_with(packed("[]"), "does not begin"));
  CHECK(refused_with(packed("{"), "no valid JSON at byte"));
  CHECK(refused_with(packed("{}x"), "no valid JSON"));
  CHECK(refused_with(packed("{\"a\xff\":1}"), "no valid JSON"));
  CHECK(refused_with(packed("{\"a\":1e999}"), "JSON"));
  CHECK(refused_with(packed("{\"a\":1}"), "tensor 'a' is a number; allowed is an object"));
  CHECK(refused_with(packed("{\"a\":null}"), "null"));
  CHECK(refused_with(packed("{\"a\":[]}"), "a list"));
  CHECK(refused_with(packed("{\"__metadata__\":{\"a\":1}}"), "allowed is text"));
  CHECK(refused_with(packed("{\"__metadata__\":{\"a\":{}}}"), "an object"));
  CHECK(refused_with(packed("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}"), "twice"));
  CHECK(refused_with(packed("{\"a\":" + std::string(100000, '[')), "a list"));
  std::string deep;
  for (int i = 0; i < 50000; ++i) deep += "{\"dtype\":";
  CHECK(refused_with(packed(deep), "an object"));
}

TEST_CASE("entries are checked, and named in the message") {
  const std::string good = entry("a", "F32", "1", "0,4");
  const auto with = [](const std::string& e, std::size_t bytes = 4) {
    return packed("{" + e + "}", std::string(bytes, 'x'));
  };
  CHECK(error_of(with(good)) == "no error");
  CHECK(refused_with(with(good + "," + good), "tensor 'a' occurs twice"));
  CHECK(refused_with(with("\"a\":{}"), "tensor 'a' lacks the key 'dtype'"));
  CHECK(refused_with(with("\"a\":{\"dtype\":\"F32\",\"shape\":[1]}"),
                     "lacks the key 'data_offsets'"));
  CHECK(refused_with(with("\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}"),
                     "'dtype' of 'a' occurs twice"));
  CHECK(refused_with(with("\"a\":{\"strides\":[1]}"), "has the key 'strides'; allowed are"));
  CHECK(refused_with(with("\"a\":{\"dtype\":5}"), "'dtype' of 'a' is a number; allowed is text"));
  CHECK(refused_with(with("\"a\":{\"shape\":\"1\"}"), "allowed is a list of numbers"));
  CHECK(refused_with(with(entry("a", "BF16", "2", "0,4")), "'BF16'; allowed are F32, F64, I64"));
  CHECK(refused_with(with(entry("a", "F32", "-1", "0,4")), "a negative number"));
  CHECK(refused_with(with(entry("a", "F32", "1.0", "0,4")), "no whole number"));
  CHECK(refused_with(with(entry("a", "F32", "[1]", "0,4")), "a list"));
  CHECK(refused_with(with(entry("a", "F32", "1,1,1,1,1,1,1,1,1", "0,4")), "more than 8 numbers"));
  CHECK(refused_with(with(entry("a", "F32", "18446744073709551615", "0,4")), "above 2^63 - 1"));
  CHECK(refused_with(with(entry("a", "F32", "1", "0")), "data_offsets of 'a' has 1 numbers"));
  CHECK(refused_with(with(entry("a", "F32", "1", "0,4,8")), "has 3 numbers"));
  CHECK(refused_with(with(entry("a", "F32", "2", "0,4")),
                     "shape (2) of f32 needs 8 bytes, data_offsets 0 to 4 give 4"));
  CHECK(refused_with(with(entry("a", "F32", "1", "4,0")), "begins at byte 4 and ends at 0"));
  CHECK(refused_with(with(entry("a", "F32", "1", "1,5")), "bytes 1 to 5, but the file has 4"));
  CHECK(refused_with(with(entry("a", "BOOL", "4", "0,4")), "element 0 is 120"));
}

TEST_CASE("gaps, overlaps and bytes left over are refused") {
  const auto two = [](const std::string& a, const std::string& b, std::size_t bytes) {
    return packed("{" + entry("a", "U8", "4", a) + "," + entry("b", "U8", "4", b) + "}",
                  std::string(bytes, 'x'));
  };
  CHECK(error_of(two("0,4", "4,8", 8)) == "no error");
  CHECK(error_of(two("4,8", "0,4", 8)) == "no error");
  CHECK(refused_with(two("0,4", "2,6", 6), "tensor 'b' begins at byte 2, within 'a' (0 to 4)"));
  CHECK(refused_with(two("0,4", "0,4", 4), "within"));
  CHECK(refused_with(two("0,4", "5,9", 9), "bytes 4 to 5, before tensor 'b', belong to no tensor"));
  CHECK(refused_with(two("1,5", "5,9", 9), "bytes 0 to 1"));
  CHECK(refused_with(two("0,4", "4,8", 9), "the last 1 of 9 bytes"));
  CHECK(refused_with(packed("{}", "x"), "the last 1 of 1 bytes"));
}

TEST_CASE("lying sizes allocate nothing") {
  const PoolStats before = pool_stats();
  const auto with = [](const std::string& shape, const std::string& offsets) {
    return packed("{" + entry("big", "F64", shape, offsets) + "}", std::string(8, 'x'));
  };
  CHECK(refused_with(with("1000000,1000000", "0,8000000000000"), "the file has 8 bytes"));
  CHECK(refused_with(with("1000000,1000000", "0,8"), "needs 8000000000000 bytes"));
  CHECK(refused_with(with("4294967296,4294967296", "0,8"), "more bytes than can be counted"));
  // 8 * 2^61 is 0 modulo 2^64.
  CHECK(refused_with(with("2305843009213693952", "0,0"), "more bytes than can be counted"));
  CHECK(refused_with(with("0,9223372036854775807,9", "0,0"), "more bytes than can be counted"));
  CHECK(pool_stats().live_bytes == before.live_bytes);
  CHECK(pool_stats().peak_live_bytes == before.peak_live_bytes);
}

TEST_CASE("every truncation and random damage is an IoError or tensors of the file's size") {
  const std::string good =
      packed("{\"__metadata__\":{\"k\":\"v\"}," + entry("a", "F32", "2,2", "0,16") + "," +
                 entry("b", "BOOL", "3", "16,19") + "}",
             std::string(16, 'x') + std::string(3, '\1'));
  CHECK(error_of(good) == "no error");
  const TemporaryFile file;
  for (std::size_t n = 0; n < good.size(); ++n) CHECK(error_of(good.substr(0, n)) != "no error");
  Rng rng(2);
  int refused = 0;
  for (int round = 0; round < 600; ++round) {
    std::string bad = good;
    for (int64 flips = 1 + integer_number(rng, 3); flips > 0; --flips) {
      const auto at = static_cast<std::size_t>(integer_number(rng, static_cast<int64>(bad.size())));
      // Bytes that mean something to the format are likelier than others.
      const std::string telling = "0123456789{}[]\",:-.eE\\ntu";
      bad[at] = round % 2 ? telling[static_cast<std::size_t>(
                                integer_number(rng, static_cast<int64>(telling.size())))]
                          : static_cast<char>(integer_number(rng, 256));
    }
    put(file.path, bad);
    try {
      std::size_t total = 0;
      const TensorFile read_back = read_safetensors(file.path);
      for (const auto& [key, t] : read_back.tensors) total += t.bytes();
      CHECK(total <= bad.size());
    } catch (const IoError&) {
      ++refused;
    }
  }
  CHECK(refused > 300);
}

TEST_CASE("what the format cannot hold is not written") {
  const TemporaryFile path;
  CHECK_THROWS_AS(write_safetensors(path.path, {{{"a", Tensor()}}, {}}), IoError);
  CHECK_THROWS_AS(write_safetensors(path.path, {{{"__metadata__", scalar(1)}}, {}}), IoError);
  CHECK_THROWS_AS(write_safetensors(path.path, {{{"\xff", scalar(1)}}, {}}), IoError);
  CHECK_FALSE(fs::exists(path.path));
}

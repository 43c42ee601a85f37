// The level of the kernels: what GRADUS_LEVEL may say.
#include "tensor/level.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "tensor/error.h"
#include "tests/error_text.h"

using namespace gradus;
using testing::has;
using testing::message;

TEST_CASE("without a wish, the widest level of the CPU") {
  for (const Level widest : {Level::portable, Level::avx2, Level::avx512}) {
    CHECK(detail::parse_level(nullptr, widest) == widest);
    CHECK(detail::parse_level("", widest) == widest);
  }
}

TEST_CASE("a level is named, up to what the CPU has") {
  CHECK(detail::parse_level("portable", Level::avx512) == Level::portable);
  CHECK(detail::parse_level("avx2", Level::avx512) == Level::avx2);
  CHECK(detail::parse_level("avx512", Level::avx512) == Level::avx512);
  const std::string lacking =
      message<ConfigError>([] { detail::parse_level("avx512", Level::avx2); });
  CHECK(has(lacking, "its widest level is avx2"));
}

TEST_CASE("a misspelt level is refused with the nearest name") {
  const std::string text = message<ConfigError>([] { detail::parse_level("avx51", Level::avx2); });
  CHECK(has(text, "GRADUS_LEVEL is 'avx51'"));
  CHECK(has(text, "allowed are portable, avx2, avx512"));
  CHECK(has(text, "did you mean 'avx512'?"));
  CHECK_THROWS_AS(detail::parse_level("AVX2 ", Level::avx512), ConfigError);
}

TEST_CASE("the level in use is the one asked for, and never changes") {
  const Level level = kernel_level();
  CHECK(level <= detail::widest_level());
  CHECK(level == detail::parse_level(std::getenv("GRADUS_LEVEL"), detail::widest_level()));
  CHECK(kernel_level() == level);
}

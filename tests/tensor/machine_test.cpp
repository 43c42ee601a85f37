#include "tensor/machine.h"

#include <doctest/doctest.h>

#include "tensor/parallel.h"

using namespace gradus;

namespace {

bool contains(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

}  // namespace

TEST_CASE("the machine is described in full") {
  const Machine m = machine();
  CHECK(m.version.find('.') != std::string::npos);
  CHECK((contains(m.compiler, "g++ ") || contains(m.compiler, "clang++ ")));
  CHECK(m.blas.find("OpenBLAS") != std::string::npos);
  CHECK_FALSE(m.blas_core.empty());
  CHECK(m.threads == threads());
#if defined(__x86_64__)
  CHECK_FALSE(m.instruction_sets.empty());
#endif
}

TEST_CASE("a core type below the CPU is named, with what to do") {
  const auto held = detail::blas_warnings("Haswell", true, true, "Haswell", nullptr);
  REQUIRE(held.size() == 1);
  CHECK(contains(held[0], "OPENBLAS_CORETYPE=Haswell"));
  CHECK(contains(held[0], "AVX-512"));
  CHECK(contains(held[0], "unset OPENBLAS_CORETYPE"));
  CHECK(detail::blas_warnings("Nehalem", false, true, "nehalem", nullptr).size() == 1);
}

TEST_CASE("no warning where nothing is lost") {
  CHECK(detail::blas_warnings("Haswell", false, true, "Haswell", nullptr).empty());
  CHECK(detail::blas_warnings("SkylakeX", true, true, "SKYLAKEX", nullptr).empty());
  CHECK(detail::blas_warnings("Zen", true, true, nullptr, nullptr).empty());
  CHECK(detail::blas_warnings("Nehalem", false, false, "Nehalem", nullptr).empty());
}

TEST_CASE("a misspelt core type and a set cache size are told") {
  const auto typo = detail::blas_warnings("Cooperlake", true, true, "Skylakex2", nullptr);
  REQUIRE(typo.size() == 1);
  CHECK(contains(typo[0], "Skylakex2"));
  CHECK(contains(typo[0], "Cooperlake"));
  const auto size = detail::blas_warnings("Cooperlake", true, true, nullptr, "512");
  REQUIRE(size.size() == 1);
  CHECK(contains(size[0], "unset OPENBLAS_L2_SIZE"));
}

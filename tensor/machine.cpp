#include "tensor/machine.h"

#include <cblas.h>
#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string_view>

#include "tensor/parallel.h"

namespace gradus {
namespace {

std::string compiler() {
#if defined(__clang__)
  return fmt::format("clang++ {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#elif defined(__GNUC__)
  return fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#else
  return "unknown";
#endif
}

/// What matters for the speed of this library, in the order of age.
std::vector<std::string> instruction_sets() {
  std::vector<std::string> sets;
#if defined(__x86_64__)
  __builtin_cpu_init();
#define GRADUS_ASK(name) \
  if (__builtin_cpu_supports(name)) sets.emplace_back(name)
  GRADUS_ASK("sse4.2");
  GRADUS_ASK("avx");
  GRADUS_ASK("fma");
  GRADUS_ASK("avx2");
  GRADUS_ASK("avx512f");
  GRADUS_ASK("avx512dq");
  GRADUS_ASK("avx512bw");
  GRADUS_ASK("avx512vl");
#undef GRADUS_ASK
#endif
  return sets;
}

std::string text_of(const char* text) { return text ? text : "unknown"; }

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

/// OpenBLAS cores by the widest instructions their kernels use: 512, 256 or 128 bits; 0 where the
/// name is not known.
int width_of_core(std::string_view core) {
  for (const char* name : {"SkylakeX", "Cooperlake", "SapphireRapids"})
    if (core == name) return 512;
  for (const char* name :
       {"Haswell", "Zen", "Sandybridge", "Bulldozer", "Piledriver", "Steamroller", "Excavator"})
    if (core == name) return 256;
  for (const char* name : {"Katmai", "Coppermine", "Northwood", "Prescott", "Banias", "Atom",
                           "Core2", "Penryn", "Dunnington", "Nehalem", "Athlon", "Opteron",
                           "Opteron_SSE3", "Barcelona", "Nano", "Bobcat"})
    if (core == name) return 128;
  return 0;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

}  // namespace

namespace detail {

std::vector<std::string> blas_warnings(std::string_view core, bool has_avx512, bool has_avx2,
                                       const char* coretype, const char* l2_size) {
  std::vector<std::string> warnings;
  const int width = width_of_core(core), cpu = has_avx512 ? 512 : has_avx2 ? 256 : 128;
  if (coretype && width > 0 && width < cpu)
    warnings.push_back(fmt::format(
        "OPENBLAS_CORETYPE={} makes OpenBLAS use its {} kernels of {} bits on a CPU with {}: "
        "the products that it computes take about {} times as long; run `unset OPENBLAS_CORETYPE`, "
        "unless the same bits on several machines matter more",
        coretype, core, width, cpu == 512 ? "AVX-512" : "AVX2", cpu / width));
  // A misspelt name is dropped without an error.
  if (coretype && !same_word(coretype, core))
    warnings.push_back(fmt::format(
        "OPENBLAS_CORETYPE={} is not a core that this OpenBLAS knows; it uses {}", coretype, core));
  if (l2_size)
    warnings.push_back(
        fmt::format("OPENBLAS_L2_SIZE={} overrides the cache size that OpenBLAS finds: matrix "
                    "products may be a "
                    "few percent slower; run `unset OPENBLAS_L2_SIZE`",
                    l2_size));
  return warnings;
}

}  // namespace detail

Machine machine() {
  Machine m;
  m.version = GRADUS_VERSION;
  m.compiler = compiler();
  m.build_type = GRADUS_BUILD_TYPE;
  const int kind = openblas_get_parallel();
  m.blas = fmt::format("{}, {}", text_of(openblas_get_config()),
                       kind == 0   ? "serial"
                       : kind == 1 ? "pthreads"
                                   : "OpenMP");
  m.blas_core = text_of(openblas_get_corename());
  m.threads = threads();
  m.instruction_sets = instruction_sets();
  const auto has = [&](std::string_view set) {
    return std::find(m.instruction_sets.begin(), m.instruction_sets.end(), set) !=
           m.instruction_sets.end();
  };
  m.warnings =
      detail::blas_warnings(m.blas_core, has("avx512f"), has("avx2"),
                            environment("OPENBLAS_CORETYPE"), environment("OPENBLAS_L2_SIZE"));
  return m;
}

}  // namespace gradus

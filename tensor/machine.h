// What this program runs on: compiler, OpenBLAS build and core type, threads, instruction sets; and
// a warning where an environment variable holds OpenBLAS below the CPU.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gradus {

struct Machine {
  std::string version;     ///< of Gradus
  std::string compiler;    ///< "g++ 12.2.0"
  std::string build_type;  ///< "Release"
  std::string blas;        ///< OpenBLAS' own description of its build
  std::string blas_core;   ///< "Cooperlake", "Haswell", ...
  int threads = 0;
  std::vector<std::string> instruction_sets;  ///< of the CPU: "avx2", "fma", "avx512f", ...
  std::vector<std::string> warnings;  ///< e.g. OPENBLAS_CORETYPE=Haswell on a CPU with AVX-512
};
Machine machine();

namespace detail {
/// The warnings for a core type that OpenBLAS uses on a CPU, and the two environment variables
/// (null where not set).
std::vector<std::string> blas_warnings(std::string_view core, bool has_avx512, bool has_avx2,
                                       const char* coretype, const char* l2_size);
}  // namespace detail

}  // namespace gradus

// What this program runs on: compiler, OpenBLAS build and core type, threads, instruction sets; and
// a warning where an environment variable holds OpenBLAS below the CPU.
#pragma once

#include <string>
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

}  // namespace gradus

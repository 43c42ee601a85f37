// Which kernels run: the files in the folders named kernels are compiled once for each level
// and hold vectors of that level's width; the level is chosen once, at the first use: the widest
// one that the CPU has, or the one that GRADUS_LEVEL names. Same level, same bits.
#pragma once

#include <string_view>

namespace gradus {

enum class Level {
  portable,  ///< any CPU; on x86-64 vectors of 128 bits
  avx2,      ///< AVX2 and FMA
  avx512     ///< AVX-512 F, DQ, BW, VL
};

std::string_view name(Level level);
/// The level in use. ConfigError where GRADUS_LEVEL names none, or one that this CPU lacks.
Level kernel_level();

namespace detail {
/// The widest level of this CPU.
Level widest_level();
/// What GRADUS_LEVEL asks for (null or empty: the widest).
Level parse_level(const char* text, Level widest);

template <class Kernels>
const Kernels& pick(const Kernels& portable, const Kernels& avx2, const Kernels& avx512) {
  switch (kernel_level()) {
    case Level::avx512:
      return avx512;
    case Level::avx2:
      return avx2;
    case Level::portable:
      break;
  }
  return portable;
}
}  // namespace detail

}  // namespace gradus

// A kernel file defines `const Type name` (a struct of function pointers) in namespace
// gradus::GRADUS_LEVEL; its header declares all three, and callers read the one in use.
#if defined(__x86_64__)
#define GRADUS_DECLARE_KERNELS(Type, name) \
  namespace portable {                     \
  extern const Type name;                  \
  }                                        \
  namespace avx2 {                         \
  extern const Type name;                  \
  }                                        \
  namespace avx512 {                       \
  extern const Type name;                  \
  }                                        \
  static_assert(true)
#define GRADUS_KERNELS(name) \
  ::gradus::detail::pick(::gradus::portable::name, ::gradus::avx2::name, ::gradus::avx512::name)
#else
#define GRADUS_DECLARE_KERNELS(Type, name) \
  namespace portable {                     \
  extern const Type name;                  \
  }                                        \
  static_assert(true)
#define GRADUS_KERNELS(name) ::gradus::portable::name
#endif

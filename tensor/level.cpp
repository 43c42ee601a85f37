#include "tensor/level.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

std::string_view name(Level level) {
  return level == Level::avx512 ? "avx512" : level == Level::avx2 ? "avx2" : "portable";
}

namespace detail {

Level widest_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return Level::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Level::avx2;
#endif
  return Level::portable;
}

Level parse_level(const char* text, Level widest) {
  if (!text || !*text) return widest;
  const std::string_view word = text;
  constexpr Level kAll[] = {Level::portable, Level::avx2, Level::avx512};
  for (const Level level : kAll)
    if (word == name(level)) {
      check<ConfigError>(level <= widest,
                         "GRADUS_LEVEL={} asks for instructions that this CPU lacks; its widest "
                         "level is {}",
                         word, name(widest));
      return level;
    }
  const std::vector<std::string> known{"portable", "avx2", "avx512"};
  fail<ConfigError>("GRADUS_LEVEL is '{}'; allowed are portable, avx2, avx512{}", word,
                    did_you_mean(word, known));
}

}  // namespace detail

Level kernel_level() {
  static const Level level =
      detail::parse_level(std::getenv("GRADUS_LEVEL"), detail::widest_level());
  return level;
}

}  // namespace gradus

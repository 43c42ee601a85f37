// What the pool tells AddressSanitizer: free memory may not be touched, and pointers kept in pool
// memory count as references for the leak check. Nothing in other builds.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define GRADUS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GRADUS_ASAN 1
#endif
#endif

#ifdef GRADUS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
/// For the pool's own functions, which keep their links in forbidden memory.
#define GRADUS_UNCHECKED __attribute__((no_sanitize_address))
#else
#define GRADUS_UNCHECKED
#endif

namespace gradus::detail {

#ifdef GRADUS_ASAN
inline constexpr bool kPoisons = true;
inline void forbid(void* p, std::size_t n) { ASAN_POISON_MEMORY_REGION(p, n); }
inline void permit(void* p, std::size_t n) { ASAN_UNPOISON_MEMORY_REGION(p, n); }
inline void note_mapped(void* p, std::size_t n) {
  __lsan_register_root_region(p, n);
  forbid(p, n);
}
inline void note_unmapped(void* p, std::size_t n) {
  permit(p, n);
  __lsan_unregister_root_region(p, n);
}
#else
inline constexpr bool kPoisons = false;
inline void forbid(void*, std::size_t) {}
inline void permit(void*, std::size_t) {}
inline void note_mapped(void*, std::size_t) {}
inline void note_unmapped(void*, std::size_t) {}
#endif

}  // namespace gradus::detail

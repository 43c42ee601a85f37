// What tests of messages share.
#pragma once

#include <string>
#include <string_view>

#include "tensor/error.h"

namespace gradus::testing {

/// The text of the E that f throws, or "no error".
template <class E = Error, class F>
std::string message(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "no error";
}

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace gradus::testing

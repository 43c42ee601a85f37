// Errors: every failure a user can cause is one of these classes and one readable message.
// A message has up to seven parts (what failed with its numbers, hint, inputs, module path, source
// line, formula); the code that finds the fault writes the first one, outer layers add theirs on
// the way up (Error::add).
#pragma once

#include <fmt/core.h>

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus {

/// Base of all errors. `rule()` is the sentence that says what is wrong; `what()` is the whole
/// text.
class Error : public std::exception {
 public:
  explicit Error(std::string rule) : rule_(std::move(rule)), text_(rule_) {}
  const char* what() const noexcept override { return text_.c_str(); }
  const std::string& rule() const { return rule_; }
  /// The name of the op that failed, or empty: set once, by the innermost layer that knows it.
  const std::string& op() const { return op_; }
  const std::vector<std::string>& details() const { return details_; }
  void set_op(std::string_view name);
  /// Adds one indented line of context below the rule.
  void add(std::string detail);

 private:
  void rebuild();
  std::string rule_, op_, text_;
  std::vector<std::string> details_;
};

class ShapeError : public Error {
  using Error::Error;
};  ///< sizes or axes do not fit
class DTypeError : public Error {
  using Error::Error;
};  ///< element types do not fit
class IndexError : public Error {
  using Error::Error;
};  ///< an index, id or label is out of range
class NonFiniteError : public Error {
  using Error::Error;
};  ///< a NaN or Inf where anomaly detection is on
class GraphError : public Error {
  using Error::Error;
};  ///< a value or gradient that the graph does not hold
class ConfigError : public Error {
  using Error::Error;
};  ///< a wrong option, key or combination
class IoError : public Error {
  using Error::Error;
};  ///< a file that cannot be read, parsed or written
/// An invariant of this library is broken: a bug in Gradus, never the user's fault.
class InternalError : public Error {
 public:
  explicit InternalError(const std::string& rule) : Error("bug in gradus: " + rule) {}
};

/// Throws E with a formatted message. Failure is the cold path: nothing is formatted unless it
/// throws.
template <class E, class... A>
[[noreturn]] void fail(fmt::format_string<A...> text, A&&... args) {
  throw E(fmt::format(text, std::forward<A>(args)...));
}
template <class E, class... A>
void check(bool ok, fmt::format_string<A...> text, A&&... args) {
  if (!ok) [[unlikely]]
    fail<E>(text, std::forward<A>(args)...);
}
template <class... A>
void check_shape(bool ok, fmt::format_string<A...> text, A&&... args) {
  if (!ok) [[unlikely]]
    fail<ShapeError>(text, std::forward<A>(args)...);
}
template <class... A>
void check_dtype(bool ok, fmt::format_string<A...> text, A&&... args) {
  if (!ok) [[unlikely]]
    fail<DTypeError>(text, std::forward<A>(args)...);
}

}  // namespace gradus

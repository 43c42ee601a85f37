// What all commands share: options by name, parsed by cxxopts behind this header (it takes seconds
// to compile), our errors (nearest spelling, no stray words), and --help that ends in an example
// that runs.
#pragma once

#include <fmt/core.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

/// What an option takes: nothing (a flag), one word, or a word each time it is given.
struct OptionTakes {
  enum class Kind : std::uint8_t { nothing, word, words } kind = Kind::nothing;
  std::optional<std::string> preset;  ///< where it is not given
};
OptionTakes takes_word();
OptionTakes takes_word(std::string preset);
OptionTakes takes_words();

class CommandOptions {
 public:
  CommandOptions(const std::string& program, const std::string& about);
  ~CommandOptions();
  CommandOptions(CommandOptions&&) noexcept;
  CommandOptions& operator=(CommandOptions&&) noexcept;

  /// Adds options one behind the other: ("out", "run folder to make", takes_word(), "DIR").
  class Adder {
   public:
    explicit Adder(CommandOptions& options) : options_(options) {}
    Adder& operator()(const std::string& name, const std::string& help,
                      const OptionTakes& takes = {}, const std::string& argument = "");

   private:
    CommandOptions& options_;
  };
  Adder add_options() { return Adder(*this); }
  CommandOptions& positional_help(const std::string& text);
  CommandOptions& custom_help(const std::string& text);
  /// Words without a name, in order; the last may be a list.
  void parse_positional(const std::vector<std::string>& names);

 private:
  friend class CommandLine;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class CommandLine {
 public:
  /// Parses; prints the help where it was asked for. ConfigError for an unknown or malformed
  /// option.
  CommandLine(CommandOptions& options, int argc, char** argv, const std::string& example);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  bool helped() const { return helped_; }
  bool has(const std::string& name) const;
  /// What was given, or the preset.
  std::string text(const std::string& name) const;
  std::vector<std::string> texts(const std::string& name) const;
  /// A word that must be there.
  std::string required(const std::string& name, const std::string& what) const;
  /// A whole number; ConfigError names the option and what it takes.
  int64 integer(const std::string& name, int64 low, int64 high) const;
  /// A probability above 0.
  double probability(const std::string& name) const;
  double real(const std::string& name, double low, double high) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string program_;
  bool helped_ = false;
};

}  // namespace gradus

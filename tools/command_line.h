// What all commands share: cxxopts' parsing with our errors (nearest spelling, no stray words) and
// --help that ends in an example that runs.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <vector>

// A comma belongs to the value: --set 'data.inputs=["melody", "beat"]' is one setting.
#define CXXOPTS_VECTOR_DELIMITER '\0'
#include <cxxopts.hpp>

#include "tensor/dtype.h"
#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

class CommandLine {
 public:
  /// Parses; prints the help where it was asked for. ConfigError for an unknown or malformed
  /// option.
  CommandLine(cxxopts::Options& options, int argc, char** argv, const std::string& example)
      : program_(options.program()) {
    try {
      result_ = options.parse(argc, argv);
    } catch (const cxxopts::exceptions::exception& e) {
      check_names(options, argc, argv);
      std::string reason = e.what();
      for (const char* quote : {"‘", "’"})
        for (std::size_t at; (at = reason.find(quote)) != std::string::npos;)
          reason.replace(at, std::string_view(quote).size(), 1, '\'');
      fail<ConfigError>("{}: {}; see --help", program_, reason);
    }
    if (!result_.unmatched().empty())
      fail<ConfigError>("{}: '{}' is one word too many; see --help", program_,
                        result_.unmatched().front());
    if (result_.count("help")) {
      fmt::print("{}\nexample: {}\n", options.help(), example);
      helped_ = true;
    }
  }
  bool helped() const { return helped_; }
  bool has(const std::string& name) const { return result_.count(name) != 0; }
  const cxxopts::OptionValue& operator[](const std::string& name) const { return result_[name]; }
  /// A word that must be there.
  std::string required(const std::string& name, const std::string& what) const {
    check<ConfigError>(has(name), "{} needs {}", program_, what);
    return result_[name].as<std::string>();
  }
  /// A whole number; ConfigError names the option and what it takes.
  int64 integer(const std::string& name, int64 low, int64 high) const {
    const std::string text = result_[name].as<std::string>();
    std::size_t used = 0;
    int64 value = 0;
    try {
      value = std::stoll(text, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    check<ConfigError>(used > 0 && used == text.size() && value >= low && value <= high,
                       "--{} takes a whole number from {} to {}, got '{}'", name, low, high, text);
    return value;
  }
  /// A probability above 0.
  double probability(const std::string& name) const {
    const std::string text = result_[name].as<std::string>();
    std::size_t used = 0;
    double value = 0;
    try {
      value = std::stod(text, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    check<ConfigError>(used > 0 && used == text.size() && value > 0 && value <= 1,
                       "--{} is a probability above 0 and at most 1, got '{}'", name, text);
    return value;
  }

 private:
  void check_names(cxxopts::Options& options, int argc, char** argv) const {
    std::vector<std::string> known;
    for (const auto& group : options.groups())
      for (const auto& o : options.group_help(group).options) {
        if (!o.s.empty()) known.push_back("-" + o.s);
        for (const auto& l : o.l) known.push_back("--" + l);
      }
    for (int i = 1; i < argc; ++i) {
      const std::string_view argument = argv[i];
      const bool is_long = argument.starts_with("--");
      const std::string word(argument.substr(0, is_long ? argument.find('=') : 2));
      if (word.size() < 2 || word == "--" || word[0] != '-' || (word[1] >= '0' && word[1] <= '9'))
        continue;
      check<ConfigError>(std::find(known.begin(), known.end(), word) != known.end(),
                         "{}: unknown option '{}'; known: {}{}", program_, word, join(known),
                         did_you_mean(word, known));
    }
  }

  cxxopts::ParseResult result_;
  std::string program_;
  bool helped_ = false;
};

}  // namespace gradus

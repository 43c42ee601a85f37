// What all commands share: cxxopts' parsing with our errors (nearest spelling, no stray words) and
// --help that ends in an example that runs.
#pragma once

#include <fmt/core.h>

#include <cxxopts.hpp>
#include <string>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

class CommandLine {
 public:
  /// Parses; prints the help where it was asked for. ConfigError for an unknown or malformed
  /// option.
  CommandLine(cxxopts::Options& options, int argc, char** argv, const std::string& example) {
    try {
      result_ = options.parse(argc, argv);
    } catch (const cxxopts::exceptions::exception& e) {
      ConfigError error(fmt::format("{}: {}", options.program(), e.what()));
      std::vector<std::string> known;
      for (const auto& group : options.groups())
        for (const auto& o : options.group_help(group).options)
          for (const auto& l : o.l) known.push_back("--" + l);
      for (int i = 1; i < argc; ++i) {
        const std::string word = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
        if (word.starts_with("--") && std::find(known.begin(), known.end(), word) == known.end())
          error.add(fmt::format("'{}' is unknown{}; known: {}", word, did_you_mean(word, known),
                                join(known)));
      }
      throw error;
    }
    if (!result_.unmatched().empty())
      fail<ConfigError>("{}: '{}' is one word too many; see --help", options.program(),
                        result_.unmatched().front());
    program_ = options.program();
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

 private:
  cxxopts::ParseResult result_;
  std::string program_;
  bool helped_ = false;
};

}  // namespace gradus

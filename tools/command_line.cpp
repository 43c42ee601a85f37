#include "tools/command_line.h"

#include <algorithm>
#include <limits>

// A comma belongs to the value: --set 'data.inputs=["melody", "beat"]' is one setting.
#define CXXOPTS_VECTOR_DELIMITER '\0'
#include <cxxopts.hpp>

namespace gradus {

struct CommandOptions::Impl {
  cxxopts::Options options;
};
struct CommandLine::Impl {
  cxxopts::ParseResult result;
};

namespace {

void check_names(const cxxopts::Options& options, const std::string& program, int argc,
                 char** argv) {
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
                       "{}: unknown option '{}'; known: {}{}", program, word, join(known),
                       did_you_mean(word, known));
  }
}

/// NaN for what is no number.
double number(const std::string& given) {
  std::size_t used = 0;
  try {
    const double value = std::stod(given, &used);
    if (used == given.size()) return value;
  } catch (const std::exception&) {
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

OptionTakes takes_word() { return {OptionTakes::Kind::word, std::nullopt}; }
OptionTakes takes_word(std::string preset) { return {OptionTakes::Kind::word, std::move(preset)}; }
OptionTakes takes_words() { return {OptionTakes::Kind::words, std::nullopt}; }

CommandOptions::CommandOptions(const std::string& program, const std::string& about)
    : impl_(std::make_unique<Impl>(Impl{cxxopts::Options(program, about)})) {}
CommandOptions::~CommandOptions() = default;
CommandOptions::CommandOptions(CommandOptions&&) noexcept = default;
CommandOptions& CommandOptions::operator=(CommandOptions&&) noexcept = default;

CommandOptions::Adder& CommandOptions::Adder::operator()(const std::string& name,
                                                         const std::string& help,
                                                         const OptionTakes& takes,
                                                         const std::string& argument) {
  std::shared_ptr<cxxopts::Value> value;
  switch (takes.kind) {
    case OptionTakes::Kind::nothing:
      value = cxxopts::value<bool>();
      break;
    case OptionTakes::Kind::word:
      value = cxxopts::value<std::string>();
      break;
    case OptionTakes::Kind::words:
      value = cxxopts::value<std::vector<std::string>>();
      break;
  }
  if (takes.preset) value = value->default_value(*takes.preset);
  options_.impl_->options.add_options()(name, help, value, argument);
  return *this;
}

CommandOptions& CommandOptions::positional_help(const std::string& text) {
  impl_->options.positional_help(text);
  return *this;
}

CommandOptions& CommandOptions::custom_help(const std::string& text) {
  impl_->options.custom_help(text);
  return *this;
}

void CommandOptions::parse_positional(const std::vector<std::string>& names) {
  impl_->options.parse_positional(names);
}

CommandLine::CommandLine(CommandOptions& options, int argc, char** argv, const std::string& example)
    : impl_(std::make_unique<Impl>()), program_(options.impl_->options.program()) {
  cxxopts::Options& inner = options.impl_->options;
  cxxopts::ParseResult& result = impl_->result;
  try {
    result = inner.parse(argc, argv);
  } catch (const cxxopts::exceptions::exception& e) {
    check_names(inner, program_, argc, argv);
    std::string reason = e.what();
    for (const char* quote : {"‘", "’"})
      for (std::size_t at; (at = reason.find(quote)) != std::string::npos;)
        reason.replace(at, std::string_view(quote).size(), 1, '\'');
    fail<ConfigError>("{}: {}; see --help", program_, reason);
  }
  if (!result.unmatched().empty())
    fail<ConfigError>("{}: '{}' is one word too many; see --help", program_,
                      result.unmatched().front());
  if (result.count("help")) {
    fmt::print("{}\nexample: {}\n", inner.help(), example);
    helped_ = true;
  }
}
CommandLine::~CommandLine() = default;

bool CommandLine::has(const std::string& name) const { return impl_->result.count(name) != 0; }

std::string CommandLine::text(const std::string& name) const {
  return impl_->result[name].as<std::string>();
}

std::vector<std::string> CommandLine::texts(const std::string& name) const {
  return impl_->result[name].as<std::vector<std::string>>();
}

std::string CommandLine::required(const std::string& name, const std::string& what) const {
  check<ConfigError>(has(name), "{} needs {}", program_, what);
  return text(name);
}

int64 CommandLine::integer(const std::string& name, int64 low, int64 high) const {
  const std::string given = text(name);
  std::size_t used = 0;
  int64 value = 0;
  try {
    value = std::stoll(given, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  check<ConfigError>(used > 0 && used == given.size() && value >= low && value <= high,
                     "--{} takes a whole number from {} to {}, got '{}'", name, low, high, given);
  return value;
}

double CommandLine::probability(const std::string& name) const {
  const double value = number(text(name));
  check<ConfigError>(value > 0 && value <= 1,
                     "--{} is a probability above 0 and at most 1, got '{}'", name, text(name));
  return value;
}

double CommandLine::real(const std::string& name, double low, double high) const {
  const double value = number(text(name));
  check<ConfigError>(value >= low && value <= high, "--{} is a number from {} to {}, got '{}'",
                     name, low, high, text(name));
  return value;
}

}  // namespace gradus

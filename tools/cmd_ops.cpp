// gradus ops: the table of ops with formula, vjp and source.
#include <fmt/core.h>

#include <cxxopts.hpp>

#include "autograd/op_table.h"
#include "tensor/file.h"
#include "tools/commands.h"

namespace gradus {

namespace {

constexpr std::string_view kExample = R"(
Examples:
  gradus ops
  gradus ops --markdown autograd/README.md
)";

}  // namespace

int cmd_ops(int argc, char** argv) {
  cxxopts::Options options("gradus ops", "Print the ops with formula, vjp and source.");
  options.custom_help("[--markdown [FILE]]");
  // clang-format off
  options.add_options()
      ("markdown", "the ops of autograd/ as a Markdown table; with FILE, written into it between "
                   "<!-- ops --> and <!-- /ops -->")
      ("help", "show this text");
  // clang-format on
  try {
    const cxxopts::ParseResult given = options.parse(argc, argv);
    const std::vector<std::string>& files = given.unmatched();
    if (given.count("help")) {
      fmt::print("{}{}", options.help(), kExample);
    } else if (!given.count("markdown")) {
      check<ConfigError>(files.empty(), "ops takes no argument '{}' without --markdown",
                         files.empty() ? "" : files[0]);
      fmt::print("{}", ops_text(all_ops()));
    } else if (files.empty()) {
      fmt::print("{}", ops_markdown(autograd_ops()));
    } else {
      check<ConfigError>(files.size() == 1, "--markdown takes one file, got {}", files.size());
      write_file(files[0], with_ops_table(read_file(files[0]), ops_markdown(autograd_ops())));
      fmt::print("{}: table of {} ops written\n", files[0], autograd_ops().size());
    }
  } catch (const cxxopts::exceptions::exception& e) {
    fail<ConfigError>("{}; see gradus ops --help", e.what());
  }
  return 0;
}

}  // namespace gradus

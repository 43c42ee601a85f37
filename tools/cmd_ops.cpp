// gradus ops: the table of ops with formula, vjp and source.
#include <fmt/core.h>

#include <cxxopts.hpp>

#include "autograd/op_table.h"
#include "tensor/file.h"
#include "tools/command_line.h"
#include "tools/commands.h"

namespace gradus {

int cmd_ops(int argc, char** argv) {
  cxxopts::Options options("gradus ops", "Prints the ops with formula, vjp and source.");
  // clang-format off
  options.positional_help("[FILE]").add_options()
      ("markdown", "the ops of autograd/ as a Markdown table")
      ("file", "write that table into this file, between <!-- ops --> and <!-- /ops -->",
       cxxopts::value<std::string>())
      ("help", "this text");
  // clang-format on
  options.parse_positional({"file"});
  const CommandLine line(options, argc, argv, "gradus ops --markdown autograd/README.md");
  if (line.helped()) return 0;
  if (!line.has("file")) {
    fmt::print("{}", line.has("markdown") ? ops_markdown(autograd_ops()) : ops_text(all_ops()));
    return 0;
  }
  const std::string file = line["file"].as<std::string>();
  check<ConfigError>(line.has("markdown"),
                     "a file ('{}') is written with --markdown; for one op: gradus gradcheck --op",
                     file);
  write_file(file, with_ops_table(read_file(file), ops_markdown(autograd_ops())));
  fmt::print("{}: table of {} ops written\n", file, autograd_ops().size());
  return 0;
}

}  // namespace gradus

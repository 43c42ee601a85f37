// gradus ops: the table of ops with formula, vjp and source.
#include <fmt/core.h>

#include <filesystem>

#include "autograd/op_table.h"
#include "nn/ops.h"
#include "pe/ops.h"
#include "tensor/file.h"
#include "tools/command_line.h"
#include "tools/commands.h"

namespace gradus {

namespace {

/// The ops of the folder that the file stands in, where that is one of ours; else all.
std::vector<const OpDef*> ops_beside(const std::filesystem::path& file) {
  const std::string folder = std::filesystem::absolute(file).parent_path().filename();
  const auto list = [](std::span<const OpDef* const> ops) {
    return std::vector<const OpDef*>(ops.begin(), ops.end());
  };
  if (folder == "autograd") return list(autograd_ops());
  if (folder == "nn") return list(nn_ops());
  if (folder == "pe") return list(pe_ops());
  return all_ops();
}

}  // namespace

int cmd_ops(int argc, char** argv) {
  CommandOptions options("gradus ops", "Prints the ops with formula, vjp and source.");
  // clang-format off
  options.positional_help("[FILE]").add_options()
      ("markdown", "as a Markdown table")
      ("file",
       "write that table into this file, between <!-- ops --> and <!-- /ops -->; in a folder "
       "autograd, nn or pe: the ops of that folder",
       takes_word())
      ("help", "this text");
  // clang-format on
  options.parse_positional({"file"});
  const CommandLine line(options, argc, argv, "gradus ops --markdown autograd/README.md");
  if (line.helped()) return 0;
  if (!line.has("file")) {
    fmt::print("{}", line.has("markdown") ? ops_markdown(all_ops()) : ops_text(all_ops()));
    return 0;
  }
  const std::string file = line.text("file");
  check<ConfigError>(line.has("markdown"),
                     "a file ('{}') is written with --markdown; for one op: gradus gradcheck --op",
                     file);
  const std::vector<const OpDef*> ops = ops_beside(file);
  write_file(file, with_ops_table(read_file(file), ops_markdown(ops)));
  fmt::print("{}: table of {} ops written\n", file, ops.size());
  return 0;
}

}  // namespace gradus

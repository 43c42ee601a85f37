// gradus: one command, its subcommands in cmd_*.cpp. Exit codes: 0 done, 1 a check failed, 2 the user's error.
#include <fmt/core.h>

#include <csignal>
#include <exception>
#include <span>
#include <string>
#include <string_view>

#include "tensor/machine.h"
#include "tensor/parallel.h"
#include "tensor/text.h"
#include "tools/commands.h"

namespace gradus {
namespace {

struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(int argc, char** argv);
};

constexpr Command kCommands[] = {
    {"version", "compiler, OpenBLAS, threads, instruction sets", [](int, char**) {
       return 0;
     }},
};

}  // namespace
}  // namespace gradus

int main() { return 0; }

// The subcommands of `gradus`, one file each (tools/cmd_*.cpp). A command gets its own arguments (argv[0] is its name),
// throws Error for what the user did wrong, and returns the exit code.
#pragma once

#include <vector>

#include "autograd/op.h"

namespace gradus {

/// The ops of all folders, sorted by name.
std::vector<const OpDef*> all_ops();

}  // namespace gradus

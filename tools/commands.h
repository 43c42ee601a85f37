// The subcommands of `gradus`, one file each (tools/cmd_*.cpp). A command gets its own arguments
// (argv[0] is its name), throws Error for what the user did wrong, and returns the exit code.
#pragma once

#include <vector>

#include "autograd/op.h"

namespace gradus {

int cmd_data(int argc, char** argv);
int cmd_evaluate(int argc, char** argv);
int cmd_gradcheck(int argc, char** argv);
int cmd_harmonize(int argc, char** argv);
int cmd_inspect(int argc, char** argv);
int cmd_ops(int argc, char** argv);
int cmd_pe(int argc, char** argv);
int cmd_study(int argc, char** argv);
int cmd_train(int argc, char** argv);

/// gradus data mi and gradus study report, with parsers of their own.
int data_mi(int argc, char** argv);
int study_report(int argc, char** argv);

/// The ops of all folders, sorted by name.
std::vector<const OpDef*> all_ops();

}  // namespace gradus

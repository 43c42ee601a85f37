// The command line of `gradus train`: which experiment, and which run folder.
#pragma once

#include "tools/command_line.h"
#include "train/run_folder.h"

namespace gradus {

/// The options of `gradus train`, with their help.
CommandOptions train_options();
/// The experiment of a file, a preset or the defaults, with --set and its shorthands.
Experiment train_experiment(const CommandLine& line);
/// Makes the run folder of --out, or of a preset: runs/PRESET-CONTEXT-PE, -2, -3, ...
RunFolder make_run_folder(const CommandLine& line, const Experiment& experiment);
/// ConfigError where --resume stands beside an option of another run.
void check_resume_alone(const CommandLine& line);

}  // namespace gradus

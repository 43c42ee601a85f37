// An experiment small enough that a test can train hundreds of models: the rest of it is settings.
#pragma once

#include <string>

namespace gradus::testing {

inline const std::string kTiny = R"(
[data]
steps = 18
hop_bars = 16
transpose_down = 0
transpose_up = 0
[model]
d_model = 8
heads = 2
d_ff = 8
layers = 1
[train]
batch = 4
epochs = 1
warmup = 1
)";

}  // namespace gradus::testing

// A study of the bundled tunes whose cells train in a moment, for tests that run and stop it.
#pragma once

#include <string>

namespace gradus {

/// The text of its file: `train` are more keys of [base.train], `rest` what comes behind, the axes
/// at least.
inline std::string tiny_study(const std::string& name, const std::string& train,
                              const std::string& rest) {
  return "[study]\nname = \"" + name + R"("
test_bars = [2]
[base.data]
steps = 18
hop_bars = 8
validation_share = 0.05
transpose_down = 0
transpose_up = 0
[base.model]
d_model = 8
layers = 1
heads = 2
d_ff = 8
[base.train]
batch = 16
base_rate_bias = true
)" + train +
         rest;
}

}  // namespace gradus

// Activations by name.
#pragma once

#include <string>
#include <string_view>

#include "autograd/ops.h"

namespace gradus {

enum class Activation { relu, gelu, silu };

/// "relu", "gelu", "silu"; ConfigError with the nearest spelling.
Activation parse_activation(const std::string& word);
std::string_view name(Activation a);
Var activate(Activation a, const Var& x);

}  // namespace gradus

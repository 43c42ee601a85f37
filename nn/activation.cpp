#include "nn/activation.h"

#include "nn/ops.h"
#include "tensor/text.h"

namespace gradus {

namespace {
const std::vector<std::string> kNames{"relu", "gelu", "silu"};
}

Activation parse_activation(const std::string& word) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == word) return static_cast<Activation>(i);
  fail<ConfigError>("unknown activation '{}'; known: {}{}", word, join(kNames),
                    did_you_mean(word, kNames));
}

std::string_view name(Activation a) { return kNames[static_cast<std::size_t>(a)]; }

Var activate(Activation a, const Var& x) {
  switch (a) {
    case Activation::relu:
      return relu(x);
    case Activation::gelu:
      return gelu(x);
    case Activation::silu:
      return silu(x);
  }
  throw InternalError("an activation without a function");
}

}  // namespace gradus

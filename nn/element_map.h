// The choices of linear_attention (nn/ops.h), apart so that its kernels need no other header.
#pragma once

namespace gradus {

/// What is applied to each number of q and k.
enum class ElementMap { identity, elu1, relu, softplus, squared_relu };
/// The keys that a query sees: those of its row and earlier ones, or all.
enum class Keys { earlier, all };

}  // namespace gradus

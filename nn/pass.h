// Pass: the one argument that goes through every module's forward: train or eval, seed, step,
// micro-batch. A random bit of a forward pass is a function of (seed, step, micro-batch, scope,
// call number, element index): it does not depend on threads, tiles, order or recomputation.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "autograd/record.h"

namespace gradus {

enum class Mode { train, eval };

/// Key and draw number for the random ops of autograd/ (dropout).
struct RandomKey {
  std::uint64_t key, draw;
};

class Pass {
 public:
  explicit Pass(Mode mode, std::uint64_t seed = 0, int64 step = 0, int64 micro_batch = 0)
      : mode_(mode), seed_(seed), step_(step), micro_batch_(micro_batch) {}
  static Pass eval() { return Pass(Mode::eval); }
  bool training() const { return mode_ == Mode::train; }
  std::uint64_t seed() const { return seed_; }
  int64 step() const { return step_; }
  int64 micro_batch() const { return micro_batch_; }

  /// The scope that a module opens: `name` inside the current scope; called again in this pass:
  /// name#2, name#3, ...
  std::string scope_name(const std::string& name);
  /// The next key of the current scope.
  RandomKey random_key();

 private:
  Mode mode_;
  std::uint64_t seed_;
  int64 step_, micro_batch_;
  std::map<std::string, int> calls_;            // by full scope
  std::map<std::string, std::uint64_t> draws_;  // by full scope
};

}  // namespace gradus

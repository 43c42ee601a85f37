// Embedding: rows of a learned table [count, width] by ids.
#pragma once

#include "nn/init.h"
#include "nn/module.h"

namespace gradus {

class Embedding : public Module {
 public:
  /// Normal initial values; `deviation` 1 as is usual for input embeddings.
  Embedding(const Build& build, int64 count, int64 width, double deviation = 1)
      : Module(build),
        table_(parameter("table",
                         init::normal_values(rng("table"), {count, width}, deviation, dtype()))) {}

  /// ids i64 [...] -> [..., width]; an id outside [0, count) is an IndexError.
  Var operator()(const Var& ids, Pass& pass) const {
    const ScopeGuard scope = enter(pass);
    return take_rows(*table_, ids);
  }

 private:
  Parameter& table_;
};

}  // namespace gradus

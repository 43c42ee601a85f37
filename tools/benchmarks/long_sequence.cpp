#include "tools/benchmarks/long_sequence.h"

#include <chrono>
#include <functional>

#include "autograd/backward.h"
#include "autograd/ops.h"
#include "nn/transformer.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/memory.h"
#include "tensor/random.h"
#include "tensor/reduce.h"

namespace gradus::bench {
namespace {

constexpr int64 kWidth = 64, kInputs = 16;

Transformer make_model() {
  TransformerConfig c;
  c.inputs = c.outputs = kInputs;
  c.d_model = kWidth, c.d_ff = 2 * kWidth;
  c.heads = 4, c.layers = 2;
  c.dropout = 0;
  c.norm = NormPlacement::pre;
  c.checkpoint = true;
  return {Build("model", Rng(1)), c, make_encoding("ropepool", Options("pe"))};
}

/// Token t's numbers are the same however long the sequence is.
Tensor tokens_of(int64 count) {
  Rng rng = Rng(2).stream("tokens");
  return normal(rng, {1, count, kInputs}, 0, 1);
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double largest(const Tensor& x) { return max(abs(x)).item(); }

}  // namespace

LongRun run_long_sequence(int64 tokens, int64 shorter) {
  const Transformer model = make_model();
  LongRun run;
  run.compared = std::min(tokens, shorter);
  Tensor head;
  {
    const Var x = leaf(tokens_of(tokens));
    Pass pass(Mode::train, 1, 0);
    Var loss;
    run.forward_seconds = seconds_of([&] {
      const Var y = model(x, time_positions(tokens), pass);
      head = contiguous(slice(y.value(), 1, 0, run.compared));
      loss = mean(square(y));
    });
    run.loss = loss.value().item();
    run.backward_seconds =
        seconds_of([&] { run.gradient_norm = backward(std::move(loss)).global_norm(); });
  }
  const NoGrad no_grad;
  Pass pass = Pass::eval();
  const Tensor first = contiguous(slice(tokens_of(tokens), 1, 0, run.compared));
  const Tensor alone = model(Var(first), time_positions(run.compared), pass).value();
  run.largest_difference = largest(sub(head, alone)) / largest(alone);
  return run;
}

StepTimes run_step_by_step(int64 tokens) {
  const Transformer model = make_model();
  const NoGrad no_grad;
  Pass pass = Pass::eval();
  std::vector<AttentionState> states = model.start();
  const Tensor x = tokens_of(1);
  int64 t = 0;
  const auto until = [&](int64 end) {
    for (; t < end; ++t) {
      const Tensor now = full({1, 1, 1}, static_cast<double>(t), DType::f64);
      const Positions here = labelled_positions(now, time_positions(1).tracks);
      (void)model.step(Var(x), here, states, pass);
    }
    return static_cast<int64>(pool_stats().live_bytes);
  };
  const int64 part = std::max<int64>(tokens / 8, 1);
  StepTimes times;
  until(part / 4);  // warms up
  t = 0;
  states = model.start();
  times.first_seconds =
      seconds_of([&] { times.first_bytes = until(part); }) / static_cast<double>(part);
  until(tokens - part);
  times.last_seconds =
      seconds_of([&] { times.last_bytes = until(tokens); }) / static_cast<double>(part);
  return times;
}

}  // namespace gradus::bench

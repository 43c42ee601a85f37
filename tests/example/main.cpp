// An op of a user's own: one block of data, used like any other op, and held to the same suite.
// Exits with 1 where the suite refuses it, or lets a planted bug pass.
#include <fmt/core.h>
#include <gradus/gradus.h>

using namespace gradus;

namespace {

/// y = x / (1 + |x|), a bounded activation without an exponential.
OpDef softsign_op() {
  return {
      .name = "softsign",
      .formula = "y = x / (1 + |x|)",
      .vjp_formula = "dx = g / (1 + |x|)^2",
      .infer = [](const InferCall& c) -> Inferred {
        return {c.shape(0), c.float_input(0)};
      },
      .reads = reads_input(0),
      .forward = [](const ForwardCall& c) -> Forward {
        return div(c.in(0), add(abs(c.in(0)), 1.0));
      },
      .vjp = [](const VjpCall& c, const Var& g) -> Grads { return g / square(abs(c.in(0)) + 1.0); },
      .samples = {{.in = {{.shape = {2, 3}, .low = -2, .high = 2, .kinks = {0}}}},
                  {.in = {{.shape = {}, .low = 0.5, .high = 1}}}},
      .bad_samples = {{.in = {{.shape = {2}, .low = 0, .high = 3, .dtype = DType::i64}},
                       .message = "must be f32 or f64, got i64"}}};
}

const OpDef kSoftsign = softsign_op();

Var softsign(At x) { return apply(kSoftsign, {x}, {}, x.where); }

/// The same op with the square forgotten.
OpDef wrong_softsign() {
  OpDef op = softsign_op();
  op.vjp = [](const VjpCall& c, const Var& g) -> Grads { return g / (abs(c.in(0)) + 1.0); };
  return op;
}

}  // namespace

int main() {
  const Var x = leaf(tensor({-1, 0, 3}, {3}, DType::f64), "x");
  const Var loss = sum(square(softsign(x)));
  const Tensor dx = backward(loss).of(x);
  fmt::print("loss = {}\nd loss / dx = {}\n", loss.item(), to_string(dx));
  // 2 y / (1 + |x|)^2 with y = -1/2, 0, 3/4.
  const bool right = all_close(dx, tensor({-0.25, 0, 0.09375}, {3}, DType::f64), 1e-12, 1e-12);

  const CheckReport good = check_op(kSoftsign);
  const OpDef planted = wrong_softsign();
  const CheckReport bad = check_op(planted);
  fmt::print("right: {}\nplanted: {}\n", good.text(), bad.text());
  return right && good.passed() && !bad.passed() ? 0 : 1;
}

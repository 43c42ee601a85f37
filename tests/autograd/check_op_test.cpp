// check_op against ops that each break one rule: the suite must name it.
#include <doctest/doctest.h>

#include "autograd/check_op.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"

using namespace gradus;

namespace {

Inferred same(const InferCall& c) { return {c.shape(0), c.float_input(0)}; }
Forward cubed(const ForwardCall& c) { return gradus::pow(c.in(0), 3.0); }
Grads cube_vjp(const VjpCall& c, const Var& g) { return g * square(c.in(0)) * 3.0; }
Var cube_reference(std::span<const Var> in, const Attrs&) { return in[0] * square(in[0]); }
std::vector<Tensor> cube_kernel(const KernelCall& c) {
  return {gradus::mul(c.cotangent, gradus::mul(gradus::square(c.in[0]), 3.0))};
}

OpDef cube() {
  return {.name = "cube",
          .formula = "y = x^3",
          .vjp_formula = "dx = 3 g x^2",
          .infer = same,
          .reads = reads_input(0),
          .forward = cubed,
          .vjp = cube_vjp,
          .samples = {{.in = {{.shape = {2, 3}, .low = 0.5, .high = 2}}},
                      {.in = {{.shape = {}, .low = 0.5, .high = 2}}}}};
}
OpDef fused_cube() {
  OpDef op = cube();
  op.vjp = nullptr;
  op.vjp_kernel = cube_kernel;
  op.reference = cube_reference;
  return op;
}

void refused(const OpDef& op, std::string_view because) {
  const CheckReport r = check_op(op);
  INFO(r.text());
  CHECK_FALSE(r.passed());
  bool named = false;
  for (const std::string& f : r.failures) named |= f.find(because) != std::string::npos;
  INFO(because);
  CHECK(named);
}

}  // namespace

TEST_CASE("an op of a user's program passes the whole suite, plain and fused") {
  for (const OpDef& op : {cube(), fused_cube()}) {
    const CheckReport r = check_op(op);
    INFO(r.text());
    CHECK(r.passed());
    CHECK(r.samples == 2);
    CHECK(r.first_order == 7);
    CHECK(r.second_order == 14);
    CHECK(r.planted == 7);  // a scalar has no two elements to swap
    CHECK(r.caught == 7);
    CHECK(r.others > 50);
  }
}

TEST_CASE("one sample, one order") {
  const CheckReport r = check_op(cube(), {.sample = 1, .order = 2});
  CHECK(r.passed());
  CHECK(r.samples == 1);
  CHECK(r.first_order == 0);
  CHECK(r.second_order == 2);
  CHECK(r.planted == 0);
  CHECK_THROWS_AS(static_cast<void>(check_op(cube(), {.sample = 2})), ConfigError);
  CHECK_THROWS_AS(static_cast<void>(check_op(cube(), {.order = 3})), ConfigError);
}

TEST_CASE("samples are a function of name and number") {
  CHECK(sample_seed("rope", 1) == sample_seed("rope", 1));
  CHECK(sample_seed("rope", 1) != sample_seed("rope", 2));
  CHECK(sample_seed("rope", 1) != sample_seed("ropd", 1));
  const std::vector<InputSpec> specs{
      {.shape = {200}, .low = -1, .high = 1, .kinks = {0}},
      {.shape = {5}, .low = 2, .high = 7, .dtype = DType::i64, .distinct = true},
      {.shape = {20}, .distinct = true}};
  const std::vector<Tensor> in = sample_inputs(specs, 7);
  CHECK(same_bits(in[0], sample_inputs(specs, 7)[0]));
  for (double v : in[0].to_vector<double>()) CHECK(std::abs(v) >= 0.0199);
  double product = 1;
  for (double v : in[1].to_vector<double>()) product *= v;
  CHECK(product == 2 * 3 * 4 * 5 * 6);
  std::vector<double> v = in[2].to_vector<double>();
  std::sort(v.begin(), v.end());
  for (std::size_t i = 1; i < v.size(); ++i) CHECK(v[i] - v[i - 1] > 0.04);
}

TEST_CASE("each broken rule is found") {
  OpDef op = cube();
  SUBCASE("metadata") {
    op.formula = "";
    op.samples.pop_back();
    refused(op, "`formula` is missing");
    refused(op, "at least two samples");
    op.vjp = nullptr;
    refused(op, "exactly one of `vjp` and `vjp_kernel`");
  }
  SUBCASE("infer says another shape") {
    op.infer = [](const InferCall&) -> Inferred { return {Shape{7}, DType::f64}; };
    refused(op, "infer says");
  }
  SUBCASE("a vjp that looks at more than declared") {
    op.reads = kReadsNothing;
    refused(op, "looks at input 0");
  }
  SUBCASE("a kernel that looks at more than declared") {
    op = fused_cube();
    op.reads = kReadsNothing;
    CHECK_FALSE(check_op(op).passed());
  }
  SUBCASE("a vjp that is not linear") {
    op.vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return Var(gradus::abs(g.value())) * square(c.in(0)) * 3.0;
    };
    refused(op, "not linear");
  }
  SUBCASE("a vjp that gives something for a zero cotangent") {
    op.vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return g * square(c.in(0)) * 3.0 + 1e-9;
    };
    refused(op, "zero cotangent is not zero");
  }
  SUBCASE("a vjp that remembers") {
    op.vjp = [](const VjpCall& c, const Var& g) -> Grads {
      static int calls = 0;
      return g * square(c.in(0)) * (3.0 + 1e-13 * ++calls);
    };
    refused(op, "other bits when it runs again");
  }
  SUBCASE("a forward that takes its input for contiguous") {
    op.forward = [](const ForwardCall& c) -> Forward {
      const Tensor& x = c.in(0);
      std::vector<double> y;
      for (int64 i = 0; i < x.numel(); ++i)
        y.push_back(x.dtype() == DType::f64 ? x.data<double>()[i] : x.data<float>()[i]);
      return gradus::pow(cast(from_values(y, x.shape()), x.dtype()), 3.0);
    };
    refused(op, "than its contiguous copy");
  }
  SUBCASE("size 0 that infer takes and forward refuses") {
    op.forward = [](const ForwardCall& c) -> Forward {
      check_shape(c.in(0).numel() > 0, "no elements");
      return cubed(c);
    };
    refused(op, "infer takes it, yet it fails");
  }
  SUBCASE("f32 that is not near f64") {
    op.forward = [](const ForwardCall& c) -> Forward {
      const Tensor y = gradus::pow(c.in(0), 3.0);
      return c.in(0).dtype() == DType::f32 ? gradus::mul(y, 1.001) : y;
    };
    refused(op, "f32 is not within 1e-05 of f64");
  }
  SUBCASE("a reference that is another function") {
    op = fused_cube();
    op.reference = [](std::span<const Var> in, const Attrs&) {
      return in[0] * square(in[0]) * 1.00001;
    };
    refused(op, "the kernel and the reference disagree");
  }
  SUBCASE("a kink with a gradient beyond both sides") {
    op = cube();
    op.name = "leaning_relu";
    op.forward = [](const ForwardCall& c) -> Forward { return gradus::relu(c.in(0)); };
    op.vjp = [](const VjpCall& c, const Var& g) -> Grads {
      const Tensor x = c.in(0).value();
      const Tensor zero = scalar(0, x.dtype());
      const Tensor slope = gradus::add(cast(greater(x, zero), x.dtype()),
                                       gradus::mul(cast(gradus::equal(x, zero), x.dtype()), 2));
      return g * Var(slope);
    };
    op.samples = {{.in = {{.shape = {6}, .low = -1, .high = 1, .kinks = {0}}}},
                  {.in = {{.shape = {}, .low = 0.5, .high = 1}}}};
    refused(op, "kink 0 of input 0");
  }
  SUBCASE("bad samples: accepted, another text, thrown too late") {
    op.bad_samples = {{.in = {{.shape = {2}}}, .message = "two is not allowed"}};
    refused(op, "bad sample 0 in `infer` is accepted");
    op.bad_samples = {
        {.in = {{.shape = {2}, .high = 3, .dtype = DType::i64}}, .message = "banana"}};
    refused(op, "does not say 'banana'");
    op.forward = [](const ForwardCall& c) -> Forward {
      check_shape(c.in(0).rank() != 3, "three axes are too many");
      return cubed(c);
    };
    op.bad_samples = {{.in = {{.shape = {1, 1, 1}}}, .message = "too many"}};
    refused(op, "in `infer` is accepted");
  }
  SUBCASE("planted bugs that nobody would notice: the op is its own weak sample") {
    op.samples = {{.in = {{.shape = {2}, .low = 1e-6, .high = 2e-6}}},
                  {.in = {{.shape = {}, .low = 1, .high = 2}}}};
    refused(op, "too weak to check anything");
    refused(op, "is not noticed");
  }
}

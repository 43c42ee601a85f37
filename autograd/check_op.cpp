#include "autograd/check_op.h"

#include <algorithm>
#include <cmath>

#include "autograd/check_parts.h"
#include "autograd/record.h"
#include "tensor/random.h"

namespace gradus {

namespace {

/// Uniform numbers, away from the kinks; where they must be distinct, one from each of n equal
/// parts of the range.
Tensor float_input(const InputSpec& spec, Rng& rng) {
  const auto n = static_cast<std::size_t>(spec.shape.numel());
  std::vector<double> x = uniform(rng, spec.shape, 0, 1, DType::f64).to_vector<double>();
  if (spec.distinct) {
    const std::vector<int64> order = permutation(rng, spec.shape.numel()).to_vector<int64>();
    for (std::size_t i = 0; i < n; ++i)
      x[i] = (static_cast<double>(order[i]) + 0.25 + 0.5 * x[i]) / static_cast<double>(n);
  }
  const double range = spec.high - spec.low, gap = 0.01 * range;
  for (double& v : x) {
    v = spec.low + range * v;
    for (double kink : spec.kinks)
      if (std::abs(v - kink) < gap) v = v < kink ? kink - gap : kink + gap;
  }
  return cast(from_values(x, spec.shape), spec.dtype);
}

Tensor integer_input(const InputSpec& spec, Rng& rng) {
  const auto low = static_cast<int64>(spec.low), high = static_cast<int64>(spec.high);
  if (!spec.distinct) return cast(integers(rng, spec.shape, low, high), spec.dtype);
  std::vector<int64> order = permutation(rng, high - low).to_vector<int64>();
  check_shape(spec.shape.numel() <= high - low, "{} distinct integers do not exist in [{}, {})",
              spec.shape.numel(), low, high);
  order.resize(static_cast<std::size_t>(spec.shape.numel()));
  for (int64& v : order) v += low;
  return cast(from_values(order, spec.shape), spec.dtype);
}

void fail_op(CheckReport& report, const std::string& what) { report.failures.push_back(what); }

void check_metadata(const OpDef& op, CheckReport& report) {
  const auto expect = [&](bool ok, std::string_view what) {
    ++report.others;
    if (!ok) fail_op(report, std::string(what));
  };
  const auto is_name = [](char ch) {
    return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_';
  };
  expect(!op.name.empty() && std::all_of(op.name.begin(), op.name.end(), is_name),
         "the name must be of a-z, 0-9 and _");
  expect(!op.formula.empty(), "`formula` is missing");
  expect(!op.vjp_formula.empty(), "`vjp_formula` is missing");
  expect(op.infer && op.forward, "`infer` or `forward` is missing");
  if (op.stops_gradient)
    expect(!op.vjp && !op.vjp_kernel, "an op that stops the gradient has no vjp");
  else
    expect((op.vjp != nullptr) != (op.vjp_kernel != nullptr),
           "exactly one of `vjp` and `vjp_kernel` must be given");
  expect(!op.vjp_kernel || op.reference,
         "`vjp_kernel` needs a `reference`: second order comes from it");
  expect(op.samples.size() >= 2, "at least two samples are needed");
  bool two_inputs = false;
  for (const Sample& s : op.samples) two_inputs |= s.in.size() >= 2;
  expect(!two_inputs || !op.bad_samples.empty(),
         "an op of two inputs needs a bad sample: what does not fit together?");
}

/// `run` must throw one of the user's errors with the declared text; the error, or empty.
template <class F>
std::optional<Error> thrown(const BadSample& bad, CheckReport& report, const std::string& what,
                            F&& run) {
  ++report.others;
  try {
    run();
  } catch (const InternalError& e) {
    fail_op(report, fmt::format("{} throws an InternalError: {}", what, e.what()));
    return {};
  } catch (const Error& e) {
    if (std::string_view(e.what()).find(bad.message) != std::string_view::npos) return e;
    fail_op(report, fmt::format("{} does not say '{}' but: {}", what, bad.message, e.what()));
    return {};
  } catch (const std::exception& e) {
    fail_op(report, fmt::format("{} throws no gradus::Error: {}", what, e.what()));
    return {};
  }
  fail_op(report, what + " is accepted");
  return {};
}

void check_bad_samples(const OpDef& op, CheckReport& report) {
  for (std::size_t n = 0; n < op.bad_samples.size(); ++n) {
    const BadSample& bad = op.bad_samples[n];
    std::vector<Var> in;
    std::vector<const Var*> refs;
    for (const Tensor& t : sample_inputs(bad.in, sample_seed(op.name, -1 - static_cast<int>(n))))
      in.push_back(Var(t));
    for (const Var& v : in) refs.push_back(&v);
    const std::string what = fmt::format("bad sample {}", n);
    ++report.others;
    if (bad.message.empty()) fail_op(report, what + " declares no text");
    thrown(bad, report, what + " in `infer`", [&] { op.infer(InferCall(op, refs, bad.attrs)); });
    const auto error =
        thrown(bad, report, what, [&] { return apply(op, std::span<const Var>(in), bad.attrs); });
    if (!error) continue;
    ++report.others;
    const std::string_view all = error->what();
    bool complete = error->op() == op.name && all.find(op.formula) != all.npos;
    for (const Var& v : in)
      complete &= all.find(text(v.shape())) != all.npos && all.find(name(v.dtype())) != all.npos;
    if (!complete)
      fail_op(report, fmt::format("{}: the error lacks the op, a shape, a dtype or the formula: {}",
                                  what, all));
  }
}

void check_gradients(const OpDef& op, int number, int order, CheckReport& report) {
  const GradcheckReport r = gradcheck_op(op, number, order);
  (order == 1 ? report.first_order : report.second_order) += r.elements;
  if (!r.passed())
    fail_op(report, fmt::format("{}\n  formula: {};  {}", r.text(), op.formula, op.vjp_formula));
}

void check_sample(const OpDef& op, int number, int order, CheckReport& report) {
  using Part = void (*)(detail::SampleCheck&);
  const auto guarded = [&](std::string_view what, auto&& run) {
    try {
      run();
    } catch (const std::exception& e) {
      fail_op(report, fmt::format("sample {}: {}: {}", number, what, e.what()));
    }
  };
  if (!op.stops_gradient)
    for (int k : {1, 2})
      if (order == 0 || order == k)
        guarded(fmt::format("gradcheck of order {}", k),
                [&] { check_gradients(op, number, k, report); });
  guarded("making the sample", [&] {
    detail::SampleCheck c(op, number, report);
    const auto run = [&](std::string_view what, Part part) { guarded(what, [&] { part(c); }); };
    if (order == 0) {
      run("values", detail::check_values);
      run("layouts", detail::check_layouts);
      run("sizes 0 and 1", detail::check_sizes);
    }
    if (op.stops_gradient) return;
    if (order == 0) {
      run("vjp", detail::check_vjp);
      run("kinks", detail::check_kinks);
      if (op.reference) run("reference", detail::check_reference);
    }
    if (order != 2) run("planted bugs", detail::check_planted);
  });
}

std::string repeat_command(std::string_view op, int sample, int order) {
  return fmt::format(
      "gradus gradcheck --op {} --sample {} --order {}  (for an op of your own: "
      "gradcheck_op(op, {}, {}))",
      op, sample, order, sample, order);
}

}  // namespace

namespace detail {

SampleCheck::SampleCheck(const OpDef& o, int n, CheckReport& r)
    : op(o), sample(o.samples[static_cast<std::size_t>(n)]), number(n), report(r) {
  inputs = sample_inputs(sample.in, sample_seed(op.name, n));
  std::vector<Var> in(inputs.begin(), inputs.end());
  std::vector<const Var*> refs;
  for (const Var& v : in) refs.push_back(&v);
  const Inferred out = op.infer(InferCall(op, refs, sample.attrs));
  cotangent = cast(random_cotangent(sample_seed(op.name, n), out.shape), out.dtype);
}

void SampleCheck::expect(bool ok, const std::string& what) {
  ++report.others;
  if (!ok) report.failures.push_back(fmt::format("sample {}: {}", number, what));
}

GradcheckOptions SampleCheck::gradcheck_options(int order) const {
  GradcheckOptions o{.order = order,
                     .seed = sample_seed(op.name, number),
                     .command = repeat_command(op.name, number, order)};
  for (std::size_t i = 0; i < sample.in.size(); ++i)
    if (sample.in[i].no_influence) o.without_influence.push_back(static_cast<int>(i));
  return o;
}

}  // namespace detail

std::uint64_t sample_seed(std::string_view op, int sample) {
  std::uint64_t h = 0xCBF29CE484222325ull;  // FNV-1a
  for (char ch : op) h = (h ^ static_cast<unsigned char>(ch)) * 0x100000001B3ull;
  return (h ^ static_cast<std::uint32_t>(sample)) * 0x100000001B3ull;
}

std::vector<Tensor> sample_inputs(std::span<const InputSpec> specs, std::uint64_t seed) {
  std::vector<Tensor> list;
  for (const InputSpec& spec : specs) {
    Rng rng = Rng(seed).stream(list.size());
    list.push_back(is_float(spec.dtype) ? float_input(spec, rng) : integer_input(spec, rng));
  }
  return list;
}

GradcheckReport gradcheck_op(const OpDef& op, int sample, int order) {
  CheckReport unused;
  const detail::SampleCheck c(op, sample, unused);
  return gradcheck(detail::as_function(op, c.sample.attrs), c.inputs, c.gradcheck_options(order));
}

CheckReport check_op(const OpDef& op, const CheckOptions& options) {
  const int count = static_cast<int>(op.samples.size());
  check<ConfigError>(options.order >= 0 && options.order <= 2,
                     "the order must be 1 or 2 (0: the whole suite), got {}", options.order);
  check<ConfigError>(options.sample >= -1 && options.sample < count,
                     "op '{}' has samples 0 to {}, there is no sample {}", op.name, count - 1,
                     options.sample);
  const RecordingGuard guard({});
  CheckReport report;
  report.op = op.name;
  const bool all = options.sample < 0 && options.order == 0;
  if (all || count == 0) check_metadata(op, report);
  if (!op.infer || !op.forward) return report;
  if (all) check_bad_samples(op, report);
  for (int n = 0; n < count; ++n) {
    if (options.sample >= 0 && options.sample != n) continue;
    ++report.samples;
    check_sample(op, n, options.order, report);
  }
  return report;
}

std::string CheckReport::text() const {
  std::string all =
      fmt::format("{}: {} samples, {} + {} elements, {} further checks, bugs {} of {}: {}", op,
                  samples, first_order, second_order, others, caught, planted,
                  passed() ? "ok" : fmt::format("{} FAILED", failures.size()));
  for (const std::string& f : failures) all += "\n" + f;
  return all;
}

}  // namespace gradus

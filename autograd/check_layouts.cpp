// Layouts: an input (or the cotangent) that is transposed, cut out of a larger tensor, or repeated
// by stride 0 gives the values and gradients of its contiguous copy; and axes of size 1 and 0 work
// wherever infer takes them.
#include <algorithm>
#include <set>

#include "autograd/check_parts.h"

namespace gradus::detail {

namespace {

/// Stored with the axes in reverse order.
Tensor transposed_copy(const Tensor& t) {
  std::vector<int64> back;
  for (int axis = t.rank() - 1; axis >= 0; --axis) back.push_back(axis);
  return permute(copy(permute(t, back)), back);
}

/// Every second element of a larger tensor along each axis, from the second on; the others are NaN
/// (or large), so that a kernel that reads them is found out.
Tensor sliced_copy(const Tensor& t) {
  Shape large = t.shape();
  for (int64& n : large) n = 2 * n + 1;
  const double poison = is_float(t.dtype()) ? std::numeric_limits<double>::quiet_NaN() : 99;
  std::vector<double> values(static_cast<std::size_t>(large.numel()), poison);
  const std::vector<double> own = t.to_vector<double>();
  const Strides strides = contiguous_strides(large);
  for (std::size_t k = 0; k < own.size(); ++k) {
    auto rest = static_cast<int64>(k);
    int64 offset = 0;
    for (int axis = t.rank() - 1; axis >= 0; --axis) {
      offset += (2 * (rest % t.shape()[axis]) + 1) * strides[axis];
      rest /= t.shape()[axis];
    }
    values[static_cast<std::size_t>(offset)] = own[k];
  }
  Tensor view = cast(from_values(values, large), t.dtype());
  for (int axis = 0; axis < t.rank(); ++axis) view = slice(view, axis, 1, large[axis], 2);
  return view;
}

/// The first element of one axis, repeated along it.
Tensor repeated(const Tensor& t, int axis) { return broadcast_to(slice(t, axis, 0, 1), t.shape()); }

void compare(SampleCheck& c, std::span<const Tensor> inputs, const Tensor& cotangent,
             const std::string& what) {
  std::vector<Tensor> plain;
  for (const Tensor& t : inputs) plain.push_back(copy(t));
  const Ran a = run_op(c.op, c.sample.attrs, inputs, cotangent);
  const Ran b = run_op(c.op, c.sample.attrs, plain, copy(cotangent));
  c.expect(close(a.output, b.output, kRounding), what + ": other values than its contiguous copy");
  for (std::size_t i = 0; i < a.grads.size(); ++i)
    if (a.grads[i].defined())
      c.expect(close(a.grads[i], b.grads[i], kRounding),
               fmt::format("{}: another gradient of input {} than its contiguous copy", what, i));
}

template <class F>
void for_each_layout(const Tensor& t, F&& run) {
  if (t.rank() == 0) return;
  run(transposed_copy(t), "transposed");
  run(sliced_copy(t), "sliced");
  for (int axis = 0; axis < t.rank(); ++axis)
    if (t.shape()[axis] > 1) run(repeated(t, axis), fmt::format("stride 0 along axis {}", axis));
}

/// The sample with every axis of size `from` of size `to` instead; empty where infer refuses it.
std::optional<Sample> resized(const SampleCheck& c, int64 from, int64 to) {
  Sample s = c.sample;
  std::vector<Var> in;
  for (InputSpec& spec : s.in) {
    std::replace(spec.shape.begin(), spec.shape.end(), from, to);
    in.push_back(Var(zeros(spec.shape, spec.dtype)));
  }
  std::vector<const Var*> refs;
  for (const Var& v : in) refs.push_back(&v);
  try {
    c.op.infer(InferCall(c.op, refs, s.attrs));
  } catch (const InternalError&) {
    throw;
  } catch (const Error&) {
    return {};
  }
  return s;
}

bool has_integers(const Sample& s) {
  return std::any_of(s.in.begin(), s.in.end(),
                     [](const InputSpec& i) { return !is_float(i.dtype); });
}

void check_size(SampleCheck& c, const Sample& s, const std::string& what) {
  const std::vector<Tensor> inputs = sample_inputs(s.in, sample_seed(c.op.name, c.number));
  try {
    if (!c.op.stops_gradient) {
      GradcheckOptions o = c.gradcheck_options(1);
      o.weak = Weak::allow;
      const GradcheckReport r = gradcheck(as_function(c.op, s.attrs), inputs, o);
      c.expect(r.passed(), fmt::format("{}: {}", what, r.text()));
    }
    std::vector<Var> in(inputs.begin(), inputs.end());
    const Tensor y = apply(c.op, std::span<const Var>(in), s.attrs).value();
    const Tensor g = cast(random_cotangent(1, y.shape()), y.dtype());
    const Ran ran = run_op(c.op, s.attrs, inputs, g);
    bool fits = true;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      fits &= !ran.grads[i].defined() || ran.grads[i].shape() == inputs[i].shape();
    c.expect(fits, what + ": a gradient has another shape than its input");
  } catch (const IndexError&) {
    // Ids that pointed into the axis point outside now: the data is wrong, not the op.
    if (!has_integers(s)) throw;
  } catch (const Error& e) {
    c.expect(false, fmt::format("{}: infer takes it, yet it fails: {}", what, e.what()));
  }
}

}  // namespace

void check_layouts(SampleCheck& c) {
  for (std::size_t i = 0; i < c.inputs.size(); ++i)
    for_each_layout(c.inputs[i], [&](const Tensor& t, const std::string& layout) {
      std::vector<Tensor> inputs = c.inputs;
      inputs[i] = t;
      compare(c, inputs, c.cotangent, fmt::format("input {} {}", i, layout));
    });
  if (!c.op.stops_gradient)
    for_each_layout(c.cotangent, [&](const Tensor& t, const std::string& layout) {
      compare(c, c.inputs, t, "cotangent " + layout);
    });
}

void check_sizes(SampleCheck& c) {
  std::set<int64> sizes;
  for (const InputSpec& spec : c.sample.in) sizes.insert(spec.shape.begin(), spec.shape.end());
  for (int64 from : sizes)
    for (int64 to : {int64{1}, int64{0}})
      if (from != to)
        if (const std::optional<Sample> s = resized(c, from, to))
          check_size(c, *s, fmt::format("size {} in place of {}", to, from));
}

}  // namespace gradus::detail

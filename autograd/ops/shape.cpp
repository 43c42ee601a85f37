// Ops that move elements and change none: views, slices, joins, triangles.
#include "autograd/ops/common.h"

namespace gradus::ops {

namespace {

std::vector<int64> inverse(const std::vector<int64>& axes, int rank) {
  std::vector<int64> back(axes.size());
  for (std::size_t i = 0; i < axes.size(); ++i)
    back[static_cast<std::size_t>(normal_axis(axes[i], rank))] = static_cast<int64>(i);
  return back;
}
/// The number of elements of begin, begin + step, ... below end.
int64 slice_length(int64 begin, int64 end, int64 step) {
  return end > begin ? (end - begin + step - 1) / step : 0;
}

}  // namespace

extern const OpDef kReshape{
    .name = "reshape",
    .formula = "y = the elements of x in order, in another shape",
    .vjp_formula = "dx = reshape(g)",
    .infer = [](const InferCall& c) -> Inferred {
      const Shape to = c.attrs().shape("shape");
      check_shape(to.numel() == c.shape(0).numel(), "{} has {} elements, {} would have {}",
                  text(c.shape(0)), c.shape(0).numel(), text(to), to.numel());
      return {to, c.dtype(0)};
    },
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::reshape(c.in(0), c.attrs().shape("shape"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return reshape(g, c.shape(0)); },
    .samples = {{.in = {{.shape = {2, 3}}}, .attrs = {{"shape", attr(Shape{3, 2})}}},
                {.in = {{.shape = {1}}}, .attrs = {{"shape", attr(Shape{})}}}},
    .bad_samples = {{.in = {{.shape = {2, 3}}},
                     .attrs = {{"shape", attr(Shape{4})}},
                     .message = "has 6 elements"}}};

extern const OpDef kPermute{
    .name = "permute",
    .formula = "axis i of y = axis axes[i] of x",
    .vjp_formula = "dx = g with the axes put back",
    .infer = [](const InferCall& c) -> Inferred {
      const auto& axes = c.attrs().integers("axes");
      const int rank = c.shape(0).rank();
      check_shape(static_cast<int>(axes.size()) == rank, "{} axes are named for a tensor of {}",
                  axes.size(), rank);
      Shape out;
      std::vector<bool> seen(axes.size());
      for (int64 a : axes) {
        const int n = normal_axis(a, rank);
        check_shape(!seen[static_cast<std::size_t>(n)], "axis {} is named twice", a);
        seen[static_cast<std::size_t>(n)] = true;
        out.push_back(c.shape(0)[n]);
      }
      return {out, c.dtype(0)};
    },
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::permute(c.in(0), std::span<const int64>(c.attrs().integers("axes")));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return permute(g, inverse(c.attrs().integers("axes"), c.shape(0).rank()));
    },
    .samples = {{.in = {{.shape = {2, 3, 4}}}, .attrs = {{"axes", std::vector<int64>{2, 0, 1}}}},
                {.in = {{.shape = {2, 3}}}, .attrs = {{"axes", std::vector<int64>{-1, 0}}}}},
    .bad_samples = {{.in = {{.shape = {2, 3}}},
                     .attrs = {{"axes", std::vector<int64>{0, 0}}},
                     .message = "named twice"},
                    {.in = {{.shape = {2, 3}}},
                     .attrs = {{"axes", std::vector<int64>{0}}},
                     .message = "1 axes"}}};

extern const OpDef kBroadcastTo{
    .name = "broadcast_to",
    .formula = "y = x, repeated along new axes and axes of size 1",
    .vjp_formula = "dx = g, summed over them",
    .infer = [](const InferCall& c) -> Inferred {
      const Shape to = c.attrs().shape("shape");
      check_shape(can_broadcast(c.shape(0), to),
                  "{} cannot be broadcast to {}: sizes must be equal or 1, from the last axis",
                  text(c.shape(0)), text(to));
      return {to, c.dtype(0)};
    },
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::broadcast_to(c.in(0), c.attrs().shape("shape"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return sum_to(g, c.shape(0)); },
    .samples = {{.in = {{.shape = {3}}}, .attrs = {{"shape", attr(Shape{2, 3})}}},
                {.in = {{.shape = {2, 1}}}, .attrs = {{"shape", attr(Shape{2, 2, 3})}}},
                {.in = {{.shape = {}}}, .attrs = {{"shape", attr(Shape{2})}}}},
    .bad_samples = {{.in = {{.shape = {2}}},
                     .attrs = {{"shape", attr(Shape{3})}},
                     .message = "(2) cannot be broadcast to (3)"}}};

extern const OpDef kSlice{
    .name = "slice",
    .formula = "y = x[begin:end:step] along an axis",
    .vjp_formula = "dx = zeros with g at those places",
    .infer = [](const InferCall& c) -> Inferred {
      Shape s = c.shape(0);
      const Attrs& a = c.attrs();
      const int axis = normal_axis(a.integer("axis"), s.rank());
      const int64 begin = a.integer("begin"), end = a.integer("end"), step = a.integer("step");
      check<IndexError>(step > 0, "the step of a slice must be positive, got {}", step);
      check<IndexError>(begin >= 0 && begin <= end && end <= s[axis],
                        "slice [{}:{}] is outside axis {} of {}", begin, end, axis, text(s));
      s[axis] = slice_length(begin, end, step);
      return {s, c.dtype(0)};
    },
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward {
      const Attrs& a = c.attrs();
      return gradus::slice(c.in(0), a.integer("axis"), a.integer("begin"), a.integer("end"),
                           a.integer("step"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      const Attrs& a = c.attrs();
      return unslice(g, a.integer("axis"), a.integer("begin"), a.integer("step"),
                     c.shape(0)[static_cast<int>(a.integer("axis"))]);
    },
    .samples = {{.in = {{.shape = {3, 5}}},
                 .attrs = {{"axis", int64{1}},
                           {"begin", int64{1}},
                           {"end", int64{4}},
                           {"step", int64{1}}}},
                {.in = {{.shape = {5, 2}}},
                 .attrs = {{"axis", int64{0}},
                           {"begin", int64{0}},
                           {"end", int64{5}},
                           {"step", int64{2}}}}},
    .bad_samples =
        {{.in = {{.shape = {3, 5}}},
          .attrs = {{"axis", int64{1}}, {"begin", int64{2}}, {"end", int64{6}}, {"step", int64{1}}},
          .message = "slice [2:6] is outside axis 1 of (3, 5)"}}};

extern const OpDef kUnslice{
    .name = "unslice",
    .formula = "y = zeros of a size along an axis with x at begin, begin + step, ...",
    .vjp_formula = "dx = g at those places",
    .infer = [](const InferCall& c) -> Inferred {
      Shape s = c.shape(0);
      const Attrs& a = c.attrs();
      const int axis = normal_axis(a.integer("axis"), s.rank());
      const int64 last = a.integer("begin") + (s[axis] - 1) * a.integer("step");
      check_shape(s[axis] == 0 || (a.integer("begin") >= 0 && a.integer("step") > 0 &&
                                   last < a.integer("size")),
                  "{} elements from {} by {} do not fit into size {}", s[axis], a.integer("begin"),
                  a.integer("step"), a.integer("size"));
      s[axis] = a.integer("size");
      return {s, c.float_input(0)};
    },
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward {
      const Attrs& a = c.attrs();
      return gradus::unslice(c.in(0), a.integer("axis"), a.integer("begin"), a.integer("step"),
                             a.integer("size"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      const Attrs& a = c.attrs();
      const int64 n = c.shape(0)[normal_axis(a.integer("axis"), c.shape(0).rank())];
      return slice(
          g, a.integer("axis"), a.integer("begin"),
          n == 0 ? a.integer("begin") : a.integer("begin") + (n - 1) * a.integer("step") + 1,
          a.integer("step"));
    },
    .samples = {{.in = {{.shape = {2, 3}}},
                 .attrs = {{"axis", int64{1}},
                           {"begin", int64{1}},
                           {"step", int64{2}},
                           {"size", int64{7}}}},
                {.in = {{.shape = {2}}},
                 .attrs = {{"axis", int64{0}},
                           {"begin", int64{0}},
                           {"step", int64{1}},
                           {"size", int64{3}}}}},
    .bad_samples = {{.in = {{.shape = {3}}},
                     .attrs = {{"axis", int64{0}},
                               {"begin", int64{1}},
                               {"step", int64{1}},
                               {"size", int64{3}}},
                     .message = "do not fit into size 3"}}};

extern const OpDef kConcat{
    .name = "concat",
    .formula = "y = x_0, x_1, ... behind each other along an axis",
    .vjp_formula = "dx_i = the part of g that x_i became",
    .infer = [](const InferCall& c) -> Inferred {
      check_shape(c.count() > 0, "there is nothing to join");
      Shape s = c.shape(0);
      const int axis = normal_axis(c.attrs().integer("axis"), s.rank());
      for (int i = 1; i < c.count(); ++i) {
        check_dtype(c.dtype(i) == c.dtype(0),
                    "input 0 is {}, input {} is {}: nothing is promoted; use cast",
                    name(c.dtype(0)), i, name(c.dtype(i)));
        Shape other = c.shape(i);
        check_shape(other.rank() == s.rank(), "input 0 is {}, input {} is {}: ranks differ",
                    text(c.shape(0)), i, text(other));
        s[axis] += other[axis];
        other[axis] = c.shape(0)[axis];
        check_shape(other == c.shape(0), "input 0 is {}, input {} is {}: only axis {} may differ",
                    text(c.shape(0)), i, text(c.shape(i)), axis);
      }
      return {s, c.dtype(0)};
    },
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward {
      std::vector<Tensor> parts;
      for (int i = 0; i < c.count(); ++i) parts.push_back(c.in(i));
      return gradus::concat(parts, c.attrs().integer("axis"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      std::vector<Var> parts(static_cast<std::size_t>(c.count()));
      const int axis = normal_axis(c.attrs().integer("axis"), c.out_shape().rank());
      int64 begin = 0;
      for (int i = 0; i < c.count(); ++i) {
        const int64 end = begin + c.shape(i)[axis];
        if (c.wanted(i)) parts[static_cast<std::size_t>(i)] = slice(g, axis, begin, end);
        begin = end;
      }
      return Grads(std::move(parts));
    },
    .samples =
        {{.in = {{.shape = {2, 2}}, {.shape = {2, 3}}, {.shape = {2, 1}}},
          .attrs = {{"axis", int64{-1}}}},
         {.in = {{.shape = {1, 3}}, {.shape = {2, 3}}}, .attrs = {{"axis", int64{0}}}},
         {.in = {{.shape = {1}}, {.shape = {1}}, {.shape = {1}}, {.shape = {1}}, {.shape = {2}}},
          .attrs = {{"axis", int64{0}}}}},
    .bad_samples = {{.in = {{.shape = {2, 2}}, {.shape = {3, 2}}},
                     .attrs = {{"axis", int64{1}}},
                     .message = "only axis 1 may differ"},
                    {.in = {{.shape = {2}}, {.shape = {2}, .dtype = DType::f32}},
                     .attrs = {{"axis", int64{0}}},
                     .message = "nothing is promoted"}}};

extern const OpDef kPad{
    .name = "pad",
    .formula = "y = x with before and after elements of value added along an axis",
    .vjp_formula = "dx = the inner part of g",
    .infer = [](const InferCall& c) -> Inferred {
      Shape s = c.shape(0);
      const Attrs& a = c.attrs();
      check_shape(a.integer("before") >= 0 && a.integer("after") >= 0,
                  "cannot add {} and {} elements; use slice to cut", a.integer("before"),
                  a.integer("after"));
      s[normal_axis(a.integer("axis"), s.rank())] += a.integer("before") + a.integer("after");
      return {s, c.dtype(0)};
    },
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward {
      const Attrs& a = c.attrs();
      return gradus::pad(c.in(0), a.integer("axis"), a.integer("before"), a.integer("after"),
                         a.real("value"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      const Attrs& a = c.attrs();
      const int64 n = c.shape(0)[normal_axis(a.integer("axis"), c.shape(0).rank())];
      return slice(g, a.integer("axis"), a.integer("before"), a.integer("before") + n);
    },
    .samples =
        {{.in = {{.shape = {2, 3}}},
          .attrs = {{"axis", int64{1}}, {"before", int64{1}}, {"after", int64{2}}, {"value", 0.5}}},
         {.in = {{.shape = {2}}},
          .attrs =
              {{"axis", int64{0}}, {"before", int64{0}}, {"after", int64{1}}, {"value", 0.0}}}},
    .bad_samples =
        {{.in = {{.shape = {2}}},
          .attrs = {{"axis", int64{0}}, {"before", int64{-1}}, {"after", int64{0}}, {"value", 0.0}},
          .message = "cannot add -1"}},
    .may_be_infinite = true};

namespace {
Inferred at_least_matrix(const InferCall& c) {
  check_shape(c.shape(0).rank() >= 2, "needs at least two axes, got {}", text(c.shape(0)));
  return same_shape(c);
}
std::vector<Sample> triangle_samples() {
  return {{.in = {{.shape = {3, 3}}}, .attrs = {{"k", int64{0}}}},
          {.in = {{.shape = {2, 2, 4}}}, .attrs = {{"k", int64{1}}}}};
}
std::vector<BadSample> triangle_bad() {
  return {{.in = {{.shape = {3}}}, .attrs = {{"k", int64{0}}}, .message = "at least two axes"}};
}
}  // namespace

extern const OpDef kTril{
    .name = "tril",
    .formula = "y = x on and below diagonal k, else 0",
    .vjp_formula = "dx = tril(g)",
    .infer = at_least_matrix,
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::tril(c.in(0), c.attrs().integer("k"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return tril(g, c.attrs().integer("k")); },
    .samples = triangle_samples(),
    .bad_samples = triangle_bad()};

extern const OpDef kTriu{
    .name = "triu",
    .formula = "y = x on and above diagonal k, else 0",
    .vjp_formula = "dx = triu(g)",
    .infer = at_least_matrix,
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::triu(c.in(0), c.attrs().integer("k"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads { return triu(g, c.attrs().integer("k")); },
    .samples = triangle_samples(),
    .bad_samples = triangle_bad()};

}  // namespace gradus::ops

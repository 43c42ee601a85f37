// Gather and scatter, and the ops that only shape the graph.
#include "autograd/ops/common.h"

namespace gradus::ops {

namespace {
void require_ids(const InferCall& c, int i) {
  check_dtype(c.dtype(i) == DType::i64, "ids must be i64, got {}", name(c.dtype(i)));
}
Shape rows_shape(const Shape& ids, const Shape& row) {
  Shape s = ids;
  for (int i = 0; i < row.rank(); ++i) s.push_back(row[i]);
  return s;
}
Shape without_first(const Shape& s, int count = 1) {
  return Shape(std::span<const int64>(s.begin() + count, s.end()));
}
}  // namespace

extern const OpDef kTakeRows{
    .name = "take_rows",
    .formula = "y[i] = table[ids[i]]",
    .vjp_formula = "dtable[r] = sum of g[i] with ids[i] = r",
    .infer = [](const InferCall& c) -> Inferred {
      require_ids(c, 1);
      check_shape(c.shape(0).rank() >= 1, "the table needs at least one axis");
      return {rows_shape(c.shape(1), without_first(c.shape(0))), c.float_input(0)};
    },
    .reads = reads_input(1),
    .forward = [](const ForwardCall& c) -> Forward { return gradus::take_rows(c.in(0), c.in(1)); },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return Grads(c.wanted(0) ? add_rows(g, c.in(1), c.shape(0)[0]) : Var(), Var());
    },
    .samples = {{.in = {{.shape = {4, 3}},
                        {.shape = {2, 2}, .low = 0, .high = 4, .dtype = DType::i64}}},
                {.in = {{.shape = {3}}, {.shape = {5}, .low = 0, .high = 3, .dtype = DType::i64}}}},
    .bad_samples = {{.in = {{.shape = {4, 3}}, {.shape = {2}}}, .message = "ids must be i64"}}};

extern const OpDef kAddRows{
    .name = "add_rows",
    .formula = "y[r] = sum of rows[i] with ids[i] = r",
    .vjp_formula = "drows[i] = g[ids[i]]",
    .infer = [](const InferCall& c) -> Inferred {
      require_ids(c, 1);
      const Shape& ids = c.shape(1);
      check_shape(c.shape(0).rank() >= ids.rank() &&
                      rows_shape(ids, without_first(c.shape(0), ids.rank())) == c.shape(0),
                  "rows {} do not begin with the shape of the ids {}", text(c.shape(0)), text(ids));
      Shape s{c.attrs().integer("row_count")};
      return {rows_shape(s, without_first(c.shape(0), ids.rank())), c.float_input(0)};
    },
    .reads = reads_input(1),
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::add_rows(c.in(0), c.in(1), c.attrs().integer("row_count"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return Grads(take_rows(g, c.in(1)), Var());
    },
    .samples = {{.in = {{.shape = {2, 2, 3}},
                        {.shape = {2, 2}, .low = 0, .high = 4, .dtype = DType::i64}},
                 .attrs = {{"row_count", int64{4}}}},
                {.in = {{.shape = {5}}, {.shape = {5}, .low = 0, .high = 3, .dtype = DType::i64}},
                 .attrs = {{"row_count", int64{3}}}}},
    .bad_samples = {{.in = {{.shape = {3, 2}},
                            {.shape = {2}, .low = 0, .high = 2, .dtype = DType::i64}},
                     .attrs = {{"row_count", int64{2}}},
                     .message = "do not begin with"}}};

extern const OpDef kGather{
    .name = "gather",
    .formula = "y[..i..] = x[..index[..i..]..] along an axis",
    .vjp_formula = "dx = scatter_add(g)",
    .infer = [](const InferCall& c) -> Inferred {
      require_ids(c, 1);
      const int axis = normal_axis(c.attrs().integer("axis"), c.shape(0).rank());
      check_shape(c.shape(1).rank() == c.shape(0).rank(), "the index {} needs as many axes as x {}",
                  text(c.shape(1)), text(c.shape(0)));
      Shape s = c.shape(0);
      s[axis] = c.shape(1)[axis];
      check_shape(can_broadcast(c.shape(1), s), "the index {} does not fit x {} beside axis {}",
                  text(c.shape(1)), text(c.shape(0)), axis);
      return {s, c.float_input(0)};
    },
    .reads = reads_input(1),
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::gather(c.in(0), c.attrs().integer("axis"), c.in(1));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return Grads(
          c.wanted(0) ? scatter_add(g, c.attrs().integer("axis"), c.in(1), c.shape(0)) : Var(),
          Var());
    },
    .samples =
        {{.in = {{.shape = {2, 4}}, {.shape = {2, 3}, .low = 0, .high = 4, .dtype = DType::i64}},
          .attrs = {{"axis", int64{1}}}},
         {.in = {{.shape = {3, 2}}, {.shape = {4, 1}, .low = 0, .high = 3, .dtype = DType::i64}},
          .attrs = {{"axis", int64{0}}}}},
    .bad_samples = {{.in = {{.shape = {2, 4}},
                            {.shape = {3}, .low = 0, .high = 2, .dtype = DType::i64}},
                     .attrs = {{"axis", int64{1}}},
                     .message = "as many axes"},
                    {.in = {{.shape = {2, 4}}, {.shape = {2, 3}}},
                     .attrs = {{"axis", int64{1}}},
                     .message = "ids must be i64"}}};

extern const OpDef kScatterAdd{
    .name = "scatter_add",
    .formula = "y = zeros; y[..index[..i..]..] += x[..i..] along an axis",
    .vjp_formula = "dx = gather(g)",
    .infer = [](const InferCall& c) -> Inferred {
      require_ids(c, 1);
      const Shape to = c.attrs().shape("shape");
      const int axis = normal_axis(c.attrs().integer("axis"), to.rank());
      Shape s = to;
      s[axis] = c.shape(0).rank() == to.rank() ? c.shape(0)[axis] : -1;
      check_shape(s == c.shape(0), "x {} does not fit into {} along axis {}", text(c.shape(0)),
                  text(to), axis);
      check_shape(can_broadcast(c.shape(1), s), "the index {} does not fit x {}", text(c.shape(1)),
                  text(c.shape(0)));
      return {to, c.float_input(0)};
    },
    .reads = reads_input(1),
    .forward = [](const ForwardCall& c) -> Forward {
      return gradus::scatter_add(c.in(0), c.attrs().integer("axis"), c.in(1),
                                 c.attrs().shape("shape"));
    },
    .vjp = [](const VjpCall& c, const Var& g) -> Grads {
      return Grads(gather(g, c.attrs().integer("axis"), c.in(1)), Var());
    },
    .samples =
        {{.in = {{.shape = {2, 3}}, {.shape = {2, 3}, .low = 0, .high = 4, .dtype = DType::i64}},
          .attrs = {{"axis", int64{1}}, {"shape", attr(Shape{2, 4})}}},
         {.in = {{.shape = {4, 2}}, {.shape = {4, 1}, .low = 0, .high = 3, .dtype = DType::i64}},
          .attrs = {{"axis", int64{0}}, {"shape", attr(Shape{3, 2})}}}},
    .bad_samples = {{.in = {{.shape = {2, 3}},
                            {.shape = {2, 3}, .low = 0, .high = 2, .dtype = DType::i64}},
                     .attrs = {{"axis", int64{1}}, {"shape", attr(Shape{3, 4})}},
                     .message = "does not fit into"}}};

extern const OpDef kStopGradient{.name = "stop_gradient",
                                 .formula = "y = x",
                                 .vjp_formula = "none: nothing flows back",
                                 .infer = [](const InferCall& c) -> Inferred {
                                   return {c.shape(0), c.dtype(0)};
                                 },
                                 .forward = [](const ForwardCall& c) -> Forward { return c.in(0); },
                                 .samples = {{.in = {{.shape = {2, 3}}}}, {.in = {{.shape = {}}}}},
                                 .stops_gradient = true};

extern const OpDef kAlias{.name = "alias",
                          .formula = "y = x",
                          .vjp_formula = "dx = g",
                          .infer = [](const InferCall& c) -> Inferred {
                            return {c.shape(0), c.dtype(0)};
                          },
                          .reads = kReadsNothing,
                          .forward = [](const ForwardCall& c) -> Forward { return c.in(0); },
                          .vjp = [](const VjpCall&, const Var& g) -> Grads { return g; },
                          .samples = {{.in = {{.shape = {2, 3}}}}, {.in = {{.shape = {}}}}},
                          .may_be_infinite = true};

extern const OpDef kReplaceValue{
    .name = "replace_value",
    .formula = "y = r, in the place of x",
    .vjp_formula = "dx = 0, dr = g",
    .infer = [](const InferCall& c) -> Inferred {
      check_shape(c.shape(0) == c.shape(1), "{} cannot take the place of {}", text(c.shape(1)),
                  text(c.shape(0)));
      check_dtype(c.dtype(0) == c.dtype(1), "{} cannot take the place of {}", name(c.dtype(1)),
                  name(c.dtype(0)));
      return {c.shape(1), c.dtype(1)};
    },
    .reads = kReadsNothing,
    .forward = [](const ForwardCall& c) -> Forward { return c.in(1); },
    .vjp = [](const VjpCall&, const Var& g) -> Grads { return Grads(Var(), g); },
    .samples = {{.in = {{.shape = {2, 3}, .no_influence = true}, {.shape = {2, 3}}}},
                {.in = {{.shape = {}, .no_influence = true}, {.shape = {}}}}},
    .bad_samples = {{.in = {{.shape = {2}}, {.shape = {3}}},
                     .message = "cannot take the place of"}}};

}  // namespace gradus::ops

namespace gradus {

Var take_rows(At table, const Var& ids) {
  return apply(ops::kTakeRows, {table, ids}, {}, table.where);
}
Var add_rows(At rows, const Var& ids, int64 row_count) {
  return apply(ops::kAddRows, {rows, ids}, {{"row_count", row_count}}, rows.where);
}
Var gather(At x, int64 axis, const Var& index) {
  return apply(ops::kGather, {x, index}, {{"axis", axis}}, x.where);
}
Var scatter_add(At source, int64 axis, const Var& index, const Shape& shape) {
  return apply(ops::kScatterAdd, {source, index}, {{"axis", axis}, {"shape", attr(shape)}},
               source.where);
}
Var stop_gradient(At x) { return apply(ops::kStopGradient, {x}, {}, x.where); }
Var alias(At x) { return apply(ops::kAlias, {x}, {}, x.where); }
Var replace_value(At x, const Var& r) { return apply(ops::kReplaceValue, {x, r}, {}, x.where); }

}  // namespace gradus

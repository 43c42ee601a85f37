// bce_with_logits and cross_entropy_rows: the loss of each element or row in one pass, without
// overflow.
#include <algorithm>

#include "nn/kernels/activations.h"
#include "nn/ops/rows.h"
#include "tensor/kernels/softmax_rows.h"

namespace gradus::ops {

extern const OpDef kBceWithLogits{
    .name = "bce_with_logits",
    .formula = "y = w t a + (1-t) b, a = -(1-p)^gamma ln p, b = -p^gamma ln(1-p), p = sigmoid(x)",
    .vjp_formula =
        "dx = g (w t (gamma p (1-p)^gamma ln p - (1-p)^(gamma+1)) + (1-t) (p^(gamma+1) - gamma "
        "(1-p) p^gamma ln(1-p))), "
        "dt = g (w a - b)",
    .source = "Lin et al. 2017 (focal weight)",
    .infer = [](const InferCall& c) -> Inferred {
      const DType t = c.same_float();
      check_shape(c.shape(0) == c.shape(1), "the logits are {}, the targets {}", text(c.shape(0)),
                  text(c.shape(1)));
      check<ConfigError>(c.attrs().real("positive_weight") > 0,
                         "the positive weight must be above 0, got {}",
                         c.attrs().real("positive_weight"));
      check<ConfigError>(c.attrs().real("gamma") >= 0, "the focal gamma must be at least 0, got {}",
                         c.attrs().real("gamma"));
      return {c.shape(0), t};
    },
    .reads = {0b11u, false},
    .forward = [](const ForwardCall& c) -> Forward {
      return dispatch_float(c.in(0).dtype(), "bce_with_logits", [&](auto tag) -> Forward {
        using T = typename decltype(tag)::type;
        const Tensor x = contiguous(c.in(0)), t = contiguous(c.in(1));
        const T w = static_cast<T>(c.attrs().real("positive_weight")),
                gamma = static_cast<T>(c.attrs().real("gamma"));
        Tensor y = Tensor::empty(x.shape(), x.dtype());
        const T *xp = x.data<T>(), *tp = t.data<T>();
        T* yp = y.writable<T>();
        const auto bce = GRADUS_KERNELS(activation_kernels).of(T{}).bce;
        parallel_for(0, x.numel(), 4096, [&](int64 begin, int64 end) {
          bce(xp + begin, tp + begin, w, gamma, end - begin, yp + begin);
        });
        return y;
      });
    },
    .vjp_kernel = [](const KernelCall& c) -> std::vector<Tensor> {
      return dispatch_float(
          c.cotangent.dtype(), "bce_with_logits", [&](auto tag) -> std::vector<Tensor> {
            using T = typename decltype(tag)::type;
            const Tensor x = contiguous(c.in[0]), t = contiguous(c.in[1]),
                         g = contiguous(c.cotangent);
            const T w = static_cast<T>(c.attrs.real("positive_weight")),
                    gamma = static_cast<T>(c.attrs.real("gamma"));
            const T *xp = x.data<T>(), *tp = t.data<T>(), *gp = g.data<T>();
            std::vector<Tensor> out(2);
            T* written[2] = {};
            for (std::size_t which = 0; which < 2; ++which)
              if (c.wanted[which]) {
                out[which] = Tensor::empty(x.shape(), x.dtype());
                written[which] = out[which].template writable<T>();
              }
            const auto back = GRADUS_KERNELS(activation_kernels).of(T{}).bce_back;
            parallel_for(0, x.numel(), 4096, [&](int64 begin, int64 end) {
              T *dx = written[0] ? written[0] + begin : nullptr,
                *dt = written[1] ? written[1] + begin : nullptr;
              back(xp + begin, tp + begin, gp + begin, w, gamma, end - begin, dx, dt);
            });
            return out;
          });
    },
    .reference = [](std::span<const Var> in, const Attrs& attrs) -> Var {
      const Var &x = in[0], &t = in[1];
      const double w = attrs.real("positive_weight"), gamma = attrs.real("gamma");
      const Var log_p = -softplus(-x), log_q = -softplus(x);
      Var a = -log_p, b = -log_q;
      if (gamma != 0) {
        a = a * exp(log_q * gamma);
        b = b * exp(log_p * gamma);
      }
      return w * (t * a) + (1.0 - t) * b;
    },
    .samples = {{.in = {{.shape = {2, 3}, .low = -2, .high = 2},
                        {.shape = {2, 3}, .low = 0, .high = 1}},
                 .attrs = {{"positive_weight", 1.0}, {"gamma", 0.0}}},
                {.in = {{.shape = {4}, .low = -2, .high = 2}, {.shape = {4}, .low = 0, .high = 1}},
                 .attrs = {{"positive_weight", 3.0}, {"gamma", 2.0}}}},
    .bad_samples = {{.in = {{.shape = {2, 3}}, {.shape = {3}}},
                     .attrs = {{"positive_weight", 1.0}, {"gamma", 0.0}},
                     .message = "the targets (3)"},
                    {.in = {{.shape = {2}}, {.shape = {2}}},
                     .attrs = {{"positive_weight", 0.0}, {"gamma", 0.0}},
                     .message = "above 0"}}};

namespace {

/// The class of row r, or -1 where the row is ignored.
int64 class_of(const int64* ids, int64 r, int64 classes, int64 ignore) {
  const int64 id = ids[r];
  if (id == ignore) return -1;
  check<IndexError>(id >= 0 && id < classes,
                    "row {} has class {}; allowed are 0 to {}, or ignore_index {}", r, id,
                    classes - 1, ignore);
  return id;
}

}  // namespace

extern const OpDef kCrossEntropyRows{
    .name = "cross_entropy_rows",
    .formula =
        "y = ln sum e^x - (1-s) x_id - s mean(x), over the last axis; 0 where id = ignore_index",
    .vjp_formula = "dx = g (softmax(x) - (1-s) [j = id] - s / C)",
    .source = "Szegedy et al. 2016 (label smoothing)",
    .infer = [](const InferCall& c) -> Inferred {
      const DType t = c.float_input(0);
      check_dtype(c.dtype(1) == DType::i64, "ids must be i64, got {}", name(c.dtype(1)));
      check_shape(c.shape(0).rank() >= 1, "needs a last axis of classes, got a scalar");
      Shape rows = c.shape(0);
      rows.erase(rows.rank() - 1);
      check_shape(rows == c.shape(1), "the logits are {}: the ids must be {}, got {}",
                  text(c.shape(0)), text(rows), text(c.shape(1)));
      check_shape(c.shape(0).back() >= 1, "needs at least one class, the logits are {}",
                  text(c.shape(0)));
      const double s = c.attrs().real("smoothing");
      check<ConfigError>(s >= 0 && s < 1, "label smoothing must be in [0, 1), got {}", s);
      return {rows, t};
    },
    .reads = {0b11u, false},
    .forward = [](const ForwardCall& c) -> Forward {
      return dispatch_float(c.in(0).dtype(), "cross_entropy_rows", [&](auto tag) -> Forward {
        using T = typename decltype(tag)::type;
        const Tensor x = contiguous(c.in(0)), ids = contiguous(c.in(1));
        const Rows rows(x.shape());
        const double s = c.attrs().real("smoothing");
        const int64 ignore = c.attrs().integer("ignore_index"), n = rows.width;
        Tensor y = Tensor::empty(ids.shape(), x.dtype()),
               lse_t = Tensor::empty(ids.shape(), x.dtype());
        const T* xp = x.data<T>();
        const int64* ip = ids.data<int64>();
        T *yp = y.writable<T>(), *lp = lse_t.writable<T>();
        const auto logsumexp = GRADUS_KERNELS(softmax_kernels).of(T{}).logsumexp;
        parallel_for(0, rows.count, rows.grain(), [&](int64 begin, int64 end) {
          for (int64 r = begin; r < end; ++r) {
            const T* row = xp + r * n;
            const double lse = logsumexp(row, n);
            lp[r] = static_cast<T>(lse);
            double plain = 0;
            for (int64 j = 0; s > 0 && j < n; ++j) plain += static_cast<double>(row[j]);
            // A class that a mask of -inf takes out would make 0 * inf of no smoothing.
            const double spread = s > 0 ? s * plain / static_cast<double>(n) : 0;
            const int64 id = class_of(ip, r, n, ignore);
            yp[r] = id < 0 ? T{0}
                           : static_cast<T>(lse - (1 - s) * static_cast<double>(row[id]) - spread);
          }
        });
        return {y, {lse_t}};
      });
    },
    .vjp_kernel = [](const KernelCall& c) -> std::vector<Tensor> {
      return dispatch_float(
          c.cotangent.dtype(), "cross_entropy_rows", [&](auto tag) -> std::vector<Tensor> {
            using T = typename decltype(tag)::type;
            const Tensor x = contiguous(c.in[0]), ids = contiguous(c.in[1]),
                         g = contiguous(c.cotangent);
            const Rows rows(x.shape());
            const int64 n = rows.width, ignore = c.attrs.integer("ignore_index");
            const T s = static_cast<T>(c.attrs.real("smoothing"));
            const T *xp = x.data<T>(), *gp = g.data<T>(), *lp = c.saved[0].data<T>();
            const int64* ip = ids.data<int64>();
            Tensor dx = Tensor::empty(x.shape(), x.dtype());
            T* dp = dx.writable<T>();
            const auto row_of = GRADUS_KERNELS(softmax_kernels).of(T{}).scaled_exp;
            parallel_for(0, rows.count, rows.grain(), [&](int64 begin, int64 end) {
              for (int64 r = begin; r < end; ++r) {
                const int64 id = class_of(ip, r, n, ignore);
                T* row = dp + r * n;
                if (id < 0) {
                  std::fill(row, row + n, T{0});
                  continue;
                }
                row_of(xp + r * n, lp[r], gp[r], s / static_cast<T>(n), n, row);
                row[id] -= gp[r] * (1 - s);
              }
            });
            return {dx, Tensor()};
          });
    },
    .reference = [](std::span<const Var> in, const Attrs& a) -> Var {
      const Var& x = in[0];
      const double s = a.real("smoothing");
      const Tensor ids = in[1].value();
      const Tensor ignored =
          equal(ids, scalar(static_cast<double>(a.integer("ignore_index")), DType::i64));
      const Tensor safe = where(ignored, zeros(ids.shape(), DType::i64), ids);
      const Var picked = squeeze(gather(x, -1, Var(unsqueeze(safe, -1))), -1);
      Var y = logsumexp(x, {-1}) - (1 - s) * picked;
      if (s > 0) y = y - s * mean(x, {-1});
      return masked_fill(y, Var(ignored), 0);
    },
    .samples = {{.in = {{.shape = {3, 4}, .low = -2, .high = 2},
                        {.shape = {3}, .low = 0, .high = 4, .dtype = DType::i64}},
                 .attrs = {{"smoothing", 0.0}, {"ignore_index", int64{-100}}}},
                {.in = {{.shape = {2, 2, 3}, .low = -2, .high = 2},
                        {.shape = {2, 2}, .low = 0, .high = 3, .dtype = DType::i64}},
                 .attrs = {{"smoothing", 0.1}, {"ignore_index", int64{2}}}}},
    .bad_samples = {{.in = {{.shape = {3, 4}},
                            {.shape = {4}, .low = 0, .high = 3, .dtype = DType::i64}},
                     .attrs = {{"smoothing", 0.0}, {"ignore_index", int64{-100}}},
                     .message = "the ids must be (3)"},
                    {.in = {{.shape = {3, 4}}, {.shape = {3}}},
                     .attrs = {{"smoothing", 0.0}, {"ignore_index", int64{-100}}},
                     .message = "ids must be i64"}}};

}  // namespace gradus::ops

namespace gradus {

Var bce_with_logits(At x, const Var& target, double positive_weight, double focal_gamma) {
  return apply(ops::kBceWithLogits, {x, target},
               {{"positive_weight", positive_weight}, {"gamma", focal_gamma}}, x.where);
}
Var cross_entropy_rows(At logits, const Var& ids, double label_smoothing, int64 ignore_index) {
  return apply(ops::kCrossEntropyRows, {logits, ids},
               {{"smoothing", label_smoothing}, {"ignore_index", ignore_index}}, logits.where);
}

}  // namespace gradus

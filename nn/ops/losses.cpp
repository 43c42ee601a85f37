// bce_with_logits and cross_entropy_rows: the loss of each element or row in one pass, without
// overflow.
#include <cmath>

#include "nn/ops/rows.h"

namespace gradus::ops {

namespace {

/// ln(1 + e^x)
template <class T>
T softplus_of(T x) {
  return std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x)));
}

/// The two halves of the element loss and their derivatives by the logit:
/// a = -(1-p)^gamma ln p counts for a target of 1, b = -p^gamma ln(1-p) for a target of 0.
template <class T>
struct Halves {
  T a, b, da, db;
  Halves(T x, T gamma) {
    const T log_p = -softplus_of(-x), log_q = -softplus_of(x);
    const T p = std::exp(log_p), q = std::exp(log_q);
    const T qg = gamma == 0 ? T{1} : std::exp(gamma * log_q),
            pg = gamma == 0 ? T{1} : std::exp(gamma * log_p);
    a = -qg * log_p;
    b = -pg * log_q;
    da = gamma * p * qg * log_p - qg * q;
    db = pg * p - gamma * q * pg * log_q;
  }
};

}  // namespace

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
        parallel_for(0, x.numel(), 4096, [&](int64 begin, int64 end) {
          for (int64 i = begin; i < end; ++i) {
            const Halves<T> h(xp[i], gamma);
            yp[i] = w * tp[i] * h.a + (1 - tp[i]) * h.b;
          }
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
            for (std::size_t which = 0; which < 2; ++which) {
              if (!c.wanted[which]) continue;
              Tensor d = Tensor::empty(x.shape(), x.dtype());
              T* dp = d.writable<T>();
              parallel_for(0, x.numel(), 4096, [&](int64 begin, int64 end) {
                for (int64 i = begin; i < end; ++i) {
                  const Halves<T> h(xp[i], gamma);
                  dp[i] =
                      gp[i] * (which == 0 ? w * tp[i] * h.da + (1 - tp[i]) * h.db : w * h.a - h.b);
                }
              });
              out[which] = d;
            }
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
        parallel_for(0, rows.count, rows.grain(), [&](int64 begin, int64 end) {
          for (int64 r = begin; r < end; ++r) {
            const T* row = xp + r * n;
            T top = row[0];
            double total = 0, plain = 0;
            for (int64 j = 0; j < n; ++j) top = std::max(top, row[j]);
            for (int64 j = 0; j < n; ++j) {
              total += static_cast<double>(std::exp(row[j] - top));
              plain += static_cast<double>(row[j]);
            }
            const double lse = static_cast<double>(top) + std::log(total);
            // A class that a mask of -inf takes out would make 0 * inf of no smoothing.
            const double spread = s > 0 ? s * plain / static_cast<double>(n) : 0;
            const int64 id = class_of(ip, r, n, ignore);
            lp[r] = static_cast<T>(lse);
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
            parallel_for(0, rows.count, rows.grain(), [&](int64 begin, int64 end) {
              for (int64 r = begin; r < end; ++r) {
                const int64 id = class_of(ip, r, n, ignore);
                for (int64 j = 0; j < n; ++j)
                  dp[r * n + j] = id < 0
                                      ? T{0}
                                      : gp[r] * (std::exp(xp[r * n + j] - lp[r]) -
                                                 (j == id ? 1 - s : T{0}) - s / static_cast<T>(n));
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

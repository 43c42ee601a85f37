#include "pe/kernel_view.h"

#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/index.h"

namespace gradus {

KernelView::Placed KernelView::place(const std::vector<double>& labels) const {
  const int64 count = static_cast<int64>(labels.size()) / label_width_;
  Placed placed;
  if (encoding_->traits().uniform_only) {
    double last = 0;
    for (double x : labels) {
      check<ConfigError>(x == std::floor(x) && x >= 0 && x < 4096,
                         "{} takes time in equal steps: labels are whole numbers from 0 to 4095, "
                         "got {}",
                         def_->name, x);
      placed.rows.push_back(static_cast<int64>(x));
      last = std::max(last, x);
    }
    placed.positions = time_positions(static_cast<int64>(last) + 1);
    return placed;
  }
  placed.positions =
      positions_for(*encoding_, from_values(labels, {1, count, label_width_}), def_->name);
  for (int64 i = 0; i < count; ++i) placed.rows.push_back(i);
  return placed;
}

KernelView::Parts KernelView::parts(const Var& q, const Var& k, const Positions& positions) const {
  Pass pass = Pass::eval();
  const PositionalEncoding& e = *encoding_;
  const auto embedded = [&](const Var& x) {
    return unsqueeze(e.embed(squeeze(x, 1), positions, pass), 1);
  };
  const bool adds = e.traits().hooks & kEmbed;
  const Var query = adds ? embedded(q) : q, key = adds ? embedded(k) : k;
  QueryKey t = e.transform(query, key, positions, pass);
  t = with_scales(e.transform_features(t.q, t.k, positions, pass));
  Parts p{t.q, t.k, matmul(t.q, transpose(t.k)), std::nullopt};
  if (e.traits().hooks & kLagBias) {
    const Tensor labels = positions.track_labels(e.tracks(), e.kind());
    if (const auto b = e.lag_bias(sub(labels, transpose(labels)), pass))
      p.bias = transpose(*b, 0, 1);
  }
  if (const auto b = e.score_bias(query, key, positions, pass)) p.bias = p.bias ? *p.bias + *b : *b;
  return p;
}

KernelView::Pair KernelView::pair(const Var& q, const Var& k, const std::vector<double>& p_m,
                                  const std::vector<double>& p_n) const {
  for (const auto* p : {&p_m, &p_n})
    check<ConfigError>(static_cast<int64>(p->size()) == label_width_,
                       "{} reads labels of {} number{}, got {}", def_->name, label_width_,
                       label_width_ == 1 ? "" : "s", p->size());
  const bool query_first = p_m < p_n;
  std::vector<double> labels = query_first ? p_m : p_n;
  const std::vector<double>& later = query_first ? p_n : p_m;
  labels.insert(labels.end(), later.begin(), later.end());
  const Placed placed = place(labels);
  const int64 n = placed.positions.keys();
  const int64 m = placed.rows[query_first ? 0 : 1], at = placed.rows[query_first ? 1 : 0];
  const auto everywhere = [&](const Var& x) {
    return broadcast_to(reshape(x, {1, 1, 1, head_dim()}), {1, 1, n, head_dim()});
  };
  Parts p;
  try {
    p = parts(everywhere(q), everywhere(k), placed.positions);
  } catch (IndexError& e) {
    // Whoever gave a query and a key knows no tokens by number.
    if (!encoding_->traits().uniform_only)
      e.add(fmt::format("token 0 is the {}, token 1 the {}: the smaller label comes first",
                        query_first ? "query" : "key", query_first ? "key" : "query"));
    throw;
  }
  const auto row = [](const Var& x, int64 i) {
    return select(select(select(x, 0, 0), 0, 0), 0, i);
  };
  Pair out{row(p.q, m), row(p.k, at), select(row(p.product, m), 0, at), 0};
  if (p.bias) {
    const Var b = select(row(*p.bias, m), 0, at) * std::sqrt(static_cast<double>(head_dim()));
    out.bias = b.item();
    out.a = out.a + b;
  }
  return out;
}

Tensor KernelView::scores(const Tensor& q, const Tensor& k, const Tensor& labels) const {
  const Placed placed = place(labels.to_vector<double>());
  const int64 n = placed.positions.keys(), first = placed.rows.empty() ? 0 : placed.rows[0];
  const auto count = static_cast<int64>(placed.rows.size());
  for (int64 i = 0; i < count; ++i)
    check<ConfigError>(placed.rows[static_cast<std::size_t>(i)] == first + i,
                       "{} takes time in equal steps of 1", def_->name);
  // Rows before the first label hold its token too: nobody looks at their scores.
  const auto widened = [&](const Tensor& x) {
    if (n == count) return x;
    const Tensor head = broadcast_to(slice(x, 1, 0, 1), {x.size(0), n - count, x.size(2)});
    return concat(std::vector<Tensor>{contiguous(head), x}, 1);
  };
  const Parts p = parts(unsqueeze(widened(q), 1), unsqueeze(widened(k), 1), placed.positions);
  Tensor a = p.product.value();
  if (p.bias) a = add(a, mul(p.bias->value(), std::sqrt(static_cast<double>(head_dim()))));
  return slice(slice(select(a, 1, 0), 1, first, n), 2, first, n);
}

std::optional<Interaction> KernelView::interaction(const std::vector<double>& p_m,
                                                   const std::vector<double>& p_n) const {
  const Shape shape{label_width_};
  if (encoding_->traits().hooks != kEmbed)
    return encoding_->interaction(from_values(p_m, shape), from_values(p_n, shape));
  const Var nothing(zeros({head_dim()}, DType::f64));
  const Pair code = pair(nothing, nothing, p_m, p_n);
  const Tensor q = reshape(code.q.value(), {1, head_dim()}),
               k = reshape(code.k.value(), {1, head_dim()});
  return Interaction{.g = reshape(eye(head_dim(), DType::f64), {1, head_dim(), head_dim()}),
                     .alpha = k,
                     .beta = q,
                     .gamma = reshape(code.a.value(), {1})};
}

std::optional<Interaction> KernelView::mean_interaction(const std::vector<double>& p_m,
                                                        const std::vector<double>& p_n) const {
  if (encoding_->traits().hooks == kEmbed) return interaction(p_m, p_n);
  const Shape shape{label_width_};
  return encoding_->mean_interaction(from_values(p_m, shape), from_values(p_n, shape));
}

std::vector<std::string> KernelView::notes() const {
  const Traits t = encoding_->traits();
  std::vector<std::string> notes = notes_;
  if (t.hooks & kEmbed)
    notes.emplace_back(
        "the code is added to the input, before the projections of q and k; here these are 1");
  if (t.hooks & kTransformFeatures)
    notes.emplace_back("works on the features behind the feature map; q and k stand for these");
  if (t.hooks & kValueBias)
    notes.emplace_back("the values have a term of their own, not part of a_mn");
  if (t.causal_only)
    notes.emplace_back("no query looks at later tokens: scores of later keys are never used");
  return notes;
}

}  // namespace gradus

#include "nn/scaled_product.h"

#include <algorithm>

#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/matmul.h"
#include "tensor/reduce.h"

namespace gradus::detail {

namespace {

constexpr int64 kMostRows = 256;
constexpr double kMostRange = 40;  // e^40 leaves an f32 room for the features

/// The last key's scale of each chunk, [B|1,H,K,1].
Tensor chunk_ends(const Tensor& scale, int64 rows) {
  const int64 n = scale.size(2), whole = n / rows;
  std::vector<Tensor> parts;
  if (whole > 0) parts.push_back(slice(scale, 2, rows - 1, whole * rows, rows));
  if (whole * rows < n) parts.push_back(slice(scale, 2, n - 1, n));
  return concat(parts, 2);
}

/// For each row what its chunk counts from, [B|1,H,N,1].
Tensor by_row(const Tensor& ends, int64 rows, int64 n) {
  const Shape s = ends.shape();
  const Tensor all = broadcast_to(ends, {s[0], s[1], s[2], rows});
  return slice(reshape(contiguous(all), {s[0], s[1], s[2] * rows, 1}), 2, 0, n);
}

/// So many that no key of a chunk is more than e^kMostRange below its last.
int64 chunk_rows(const Tensor& scale) {
  const int64 n = scale.size(2);
  int64 rows = std::min(kMostRows, n);
  const auto fits = [&] {
    const Tensor below = sub(by_row(chunk_ends(scale, rows), rows, n), scale);
    return max(below).item() <= kMostRange;
  };
  while (rows > 1 && !fits()) rows /= 2;
  return rows;
}

Var factor(const Tensor& log, DType dtype) { return Var(cast(exp(log), dtype)); }

}  // namespace

Var scaled_causal_product(const Var& q, const Var& k, const Var& v, const Tensor& query_scale,
                          const Tensor& key_scale) {
  const int64 b = k.size(0), h = k.size(1), n = k.size(2), m = k.size(3), dv = v.size(3),
              front = n - q.size(2);
  if (k.numel() == 0 || v.numel() == 0 || q.numel() == 0) return causal_product(q, k, v);
  const int64 rows = chunk_rows(key_scale), chunks = (n + rows - 1) / rows,
              behind = chunks * rows - n;
  const Tensor ends = chunk_ends(key_scale, rows), own = by_row(ends, rows, n);
  const auto in_chunks = [&](const Var& x, int64 before) {
    const Var whole = before == 0 && behind == 0 ? x : pad(x, 2, before, behind);
    return reshape(whole, {b * h, chunks, rows, x.size(3)});
  };
  const Tensor of_queries = add(query_scale, slice(own, 2, front, n));
  const Var qs = in_chunks(q * factor(of_queries, q.dtype()), front);
  const Var ks = in_chunks(k * factor(sub(key_scale, own), k.dtype()), 0);
  const Var vs = in_chunks(v, 0);
  Var y = causal_product(qs, ks, vs);
  if (chunks > 1) {
    const Tensor lags = minimum(sub(transpose(ends), ends), scalar(0, DType::f64));
    const Tensor weights = broadcast_to(tril(exp(lags), -1), {b, h, chunks, chunks});
    const Var earlier = Var(cast(reshape(contiguous(weights), {b * h, chunks, chunks}), q.dtype()));
    const Var sums = reshape(matmul(transpose(ks), vs), {b * h, chunks, m * dv});
    y = y + matmul(qs, reshape(matmul(earlier, sums), {b * h, chunks, m, dv}));
  }
  return slice(reshape(y, {b, h, chunks * rows, dv}), 2, front, n);
}

Var scale_factors(const Tensor& query_scale, const Tensor& key_scale, int64 begin, DType dtype) {
  return factor(tril(add(query_scale, transpose(key_scale)), begin), dtype);
}

}  // namespace gradus::detail

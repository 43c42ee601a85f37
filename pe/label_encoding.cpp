#include "pe/label_encoding.h"

#include <algorithm>
#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/text.h"

namespace gradus {

namespace {

/// All whole, and in a range of few numbers beside how many there are.
bool dense(const std::vector<double>& v, double low, double high) {
  if (!(high - low < 4 * std::sqrt(static_cast<double>(v.size())) + 64)) return false;
  return std::all_of(v.begin(), v.end(), [](double x) { return x == std::floor(x); });
}

}  // namespace

DistinctLags distinct_lags(const Tensor& lags) {
  const std::vector<double> v = lags.to_vector<double>();
  std::vector<double> different;
  std::vector<int64> index(v.size());
  if (!v.empty()) {
    const auto [least, most] = std::minmax_element(v.begin(), v.end());
    const double low = *least, high = *most;
    if (dense(v, low, high)) {
      for (double x = low; x <= high; ++x) different.push_back(x);
      for (std::size_t i = 0; i < v.size(); ++i) index[i] = static_cast<int64>(v[i] - low);
    } else {
      different = v;
      std::sort(different.begin(), different.end());
      different.erase(std::unique(different.begin(), different.end()), different.end());
      for (std::size_t i = 0; i < v.size(); ++i)
        index[i] = std::lower_bound(different.begin(), different.end(), v[i]) - different.begin();
    }
  }
  return {from_values(different, {static_cast<int64>(different.size())}),
          from_values(index, lags.shape())};
}

Var row_scores(const Var& q, const Var& rows, const Tensor& index) {
  const int64 keys = index.size(2);
  if (rows.size(1) > keys * rows.size(2)) {  // nearly every pair has a lag of its own
    const Var of_pairs = take_rows(transpose(rows, 0, 1), Var(index));  // [B|1,Nq,Nk,H|1,d]
    const Var by_query = permute(of_pairs, {0, 3, 1, 4, 2});            // [B|1,H|1,Nq,d,Nk]
    return squeeze(matmul(unsqueeze(q, 3), by_query), 3);
  }
  return gather(matmul(q, transpose(rows)), -1, Var(unsqueeze(index, 1)));
}

Var row_scores_of_keys(const Var& k, const Var& rows, const Tensor& index) {
  return gather(matmul(rows, transpose(k)), -2, Var(unsqueeze(index, 1)));
}

Var split_rows(const Var& rows, int64 heads) {
  return permute(reshape(rows, {rows.size(0), heads, rows.size(1) / heads}), {1, 0, 2});
}

Tensor LabelEncoding::checked_labels(const Positions& positions) const {
  const Tensor labels = key_labels(positions);
  check<ConfigError>(
      labels.size(2) == label_width(),
      "{} was built for labels of {} number{}, '{}' has {}; {}set width = {} where "
      "that is an option",
      kind(), label_width(), label_width() == 1 ? "" : "s", join(tracks()), labels.size(2),
      tracks().size() == 1 ? fmt::format("name one of them, '{}.0' say, or ", tracks()[0])
                           : std::string(),
      labels.size(2));
  if (values_ == LabelValues::real) return labels;
  const std::vector<double> v = labels.to_vector<double>();
  for (std::size_t i = 0; i < v.size(); ++i)
    check<IndexError>(v[i] == std::floor(v[i]),
                      "{} looks labels up in a table, so they are whole numbers; '{}' of token {} "
                      "is {}",
                      kind(), column_name(static_cast<int64>(i) % label_width()),
                      static_cast<int64>(i) / label_width() % labels.size(1), v[i]);
  return labels;
}

Tensor LabelEncoding::row_ids(const Tensor& labels, int64 column, int64 rows,
                              std::string_view option) const {
  const Tensor ids = cast(select(labels, 2, column), DType::i64);
  const std::vector<int64> v = ids.to_vector<int64>();
  for (std::size_t i = 0; i < v.size(); ++i)
    check<IndexError>(v[i] >= 0 && v[i] < rows,
                      "{} has a table of {} rows for '{}', labels 0 to {}; token {} has {}{}",
                      kind(), rows, column_name(column), rows - 1,
                      static_cast<int64>(i) % labels.size(1), v[i],
                      v[i] < 0 ? "" : fmt::format("; set its option {}", option));
  return ids;
}

void LabelEncoding::check_embedded(const Var& x, const Tensor& labels) const {
  check_shape(x.rank() == 3 && x.size(1) == labels.size(1) && x.size(2) == shape().d_model &&
                  (labels.size(0) == 1 || labels.size(0) == x.size(0)),
              "{}: x is {}; labels {} and d_model = {} ask for (batch, {}, {})", kind(), x.shape(),
              labels.shape(), shape().d_model, labels.size(1), shape().d_model);
}

Tensor LabelEncoding::lags(const Tensor& labels, const Positions& positions, int64 column) {
  const Tensor one = slice(labels, 2, column, column + 1);
  return sub(query_rows(one, positions), transpose(one));
}

Tensor LabelEncoding::clipped(const Tensor& lags, int64 low, int64 high) {
  const auto least = static_cast<double>(low);
  return cast(add(clamp(lags, least, static_cast<double>(high)), -least), DType::i64);
}

Tensor LabelEncoding::query_rows(const Tensor& of_keys, const Positions& positions) {
  return slice(of_keys, 1, positions.query_begin, positions.query_begin + positions.query_count);
}

std::string LabelEncoding::column_name(int64 column) const {
  if (static_cast<int64>(tracks().size()) == label_width())
    return tracks()[static_cast<std::size_t>(column)];
  return fmt::format("{}.{}", tracks()[0], column);
}

Tensor LabelEncoding::unit_products() const {
  const int64 d = shape().head_dim();
  return contiguous(broadcast_to(eye(d, DType::f64), {shape().heads, d, d}));
}

}  // namespace gradus

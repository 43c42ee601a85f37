// LabelEncoding: what the encodings of labels and of lags p_m - p_n share: which labels they read,
// checked in width and kind; the lags; and scores by rows of a table that lags find. A token may
// have several labels: then each has a table or a bias of its own, and these are added (SPEC 3).
#pragma once

#include "nn/init.h"
#include "pe/angles.h"

namespace gradus {

/// The different lags of a set, and for each element of the set the number of its lag.
struct DistinctLags {
  Tensor lags;   ///< f64 [U], ascending
  Tensor index;  ///< i64, the shape of the set
};
/// Whole lags in a narrow range: every number of the range, without sorting.
DistinctLags distinct_lags(const Tensor& lags);

/// q_m . rows[index_mn]: q [B,H,Nq,d], rows [H|1,U,d], index i64 [B|1,Nq,Nk] -> [B,H,Nq,Nk], by all
/// products with the U rows: O(N U d) time, never N x N x d memory. Where there are more rows than
/// N d, as for uneven labels of real numbers, by the rows of each pair: O(N^2 d) time and memory.
Var row_scores(const Var& q, const Var& rows, const Tensor& index);
/// rows[index_mn] . k_n: the same with the keys.
Var row_scores_of_keys(const Var& k, const Var& rows, const Tensor& index);
/// [U, H d] of all heads side by side -> [H, U, d].
Var split_rows(const Var& rows, int64 heads);

enum class LabelValues { real, whole };

class LabelEncoding : public PositionalEncoding {
 public:
  /// Numbers per label.
  int64 label_width() const { return labels_.width; }

 protected:
  LabelEncoding(const Build& build, EncodingShape shape, LabelConfig labels,
                LabelValues values = LabelValues::real)
      : PositionalEncoding(build, shape, labels.tracks),
        labels_(std::move(labels)),
        values_(values) {}
  /// The labels of all rows, f64 [B|1, Nk, L]; ConfigError where they have another width,
  /// IndexError where they are not whole and must be.
  Tensor checked_labels(const Positions& positions) const;
  /// p_m - p_n of the label's number `column`, f64 [B|1, Nq, Nk].
  static Tensor lags(const Tensor& labels, const Positions& positions, int64 column);
  /// min(max(lag, low), high) - low, i64: the row of a table of high - low + 1 rows.
  static Tensor clipped(const Tensor& lags, int64 low, int64 high);
  /// Number `column` as rows of a table of so many, i64 [B|1, N]; IndexError names the token, and
  /// the option that sets the number of rows.
  Tensor row_ids(const Tensor& labels, int64 column, int64 rows, std::string_view option) const;
  /// x is [B, N, D] for these labels [B|1, N, L]; ShapeError where it is not.
  void check_embedded(const Var& x, const Tensor& labels) const;
  /// The query rows of [B|1, Nk, ...].
  static Tensor query_rows(const Tensor& of_keys, const Positions& positions);
  /// "chroma.3" for number 3 of the labels.
  std::string column_name(int64 column) const;
  /// G = I for every head, f64 [H, d, d].
  Tensor unit_products() const;

 private:
  LabelConfig labels_;
  LabelValues values_;
};

}  // namespace gradus

// One encoding seen as a kernel: the raw score a_mn of a query with label p_m and a key with label
// p_n, in f64 and one head, of any entry of the table (SPEC 4.1):
//     a_mn = q'_m . k'_n + sqrt(d) (lag_bias + score_bias),   q', k' after embed and the transforms
// so that a_mn / sqrt(d) is the score that attention sees. Projections are 1: an encoding that adds
// to the input adds to q and k.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pe/table.h"

namespace gradus {

/// A number or several, "1.5,-2"; ConfigError names `what` and the piece that is none.
std::vector<double> parse_numbers(std::string_view text, std::string_view what);

struct KernelSettings {
  int64 head_dim = 4;
  /// "key=value": options of the encoding (and of the one that it wraps), or else numbers of a
  /// parameter by its name. "frequencies=1,.1" are angular frequencies f, of every encoding that
  /// has some, one a pair: where it has more, each is for as many in turn, several sinusoids a
  /// coordinate are one, and codes are sinusoids, unless that is set too. "frequencies=1:.2,.1:-.3"
  /// is one vector a pair.
  std::vector<std::string> set;
  /// Numbers a label; 0: as many as the encoding reads. Where it reads several tracks and these are
  /// fewer, they are the first ones.
  int64 label_width = 0;
  std::uint64_t seed = 1;
};

class KernelView {
 public:
  /// ConfigError for a setting that is neither an option nor a parameter, for labels of a width
  /// that the encoding does not take, for sizes that it refuses.
  KernelView(const EncodingDef& def, const KernelSettings& settings);

  const EncodingDef& def() const { return *def_; }
  PositionalEncoding& encoding() const { return *encoding_; }
  int64 head_dim() const { return encoding_->shape().head_dim(); }
  int64 label_width() const { return label_width_; }

  struct Pair {
    Var q, k;  ///< features [r]
    Var a;     ///< one element
    double bias = 0;
  };
  /// q, k [d]; labels of label_width() numbers. Two tokens and nothing between them, the one with
  /// the smaller label first.
  Pair pair(const Var& q, const Var& k, const std::vector<double>& p_m,
            const std::vector<double>& p_n) const;
  /// All pairs of N tokens with labels f64 [N, L], in this order: q, k [B, N, d] -> a [B, N, N].
  Tensor scores(const Tensor& q, const Tensor& k, const Tensor& labels) const;
  /// The closed form for one pair of labels, if there is one. Here a code e that is added to the
  /// input has one: a = (q + e(p_m)) . (k + e(p_n)).
  std::optional<Interaction> interaction(const std::vector<double>& p_m,
                                         const std::vector<double>& p_n) const;
  /// Likewise of the mean over draws.
  std::optional<Interaction> mean_interaction(const std::vector<double>& p_m,
                                              const std::vector<double>& p_n) const;
  /// Angular frequencies f64 [n, L], those set or else its own; undefined where it has none.
  const Tensor& frequencies() const { return frequencies_; }
  /// Works with these [n, L] from now on, and gradients flow to them.
  void use_frequencies(const Var& f) const;
  /// What a reader should know of its scores; may be empty.
  std::vector<std::string> notes() const;

 private:
  struct Placed {
    Positions positions;
    std::vector<int64> rows;  // of the labels asked for
  };
  /// Where equal steps are wanted, the labels are rows of a sequence that holds them all.
  Placed place(const std::vector<double>& labels) const;
  struct Parts {
    Var q, k, product;        // [B,1,N,r], [B,1,N,N]
    std::optional<Var> bias;  // [B|1,1,N,N], of the scaled scores
  };
  Parts parts(const Var& q, const Var& k, const Positions& positions) const;

  const EncodingDef* def_;
  std::unique_ptr<PositionalEncoding> encoding_;
  int64 label_width_ = 1;
  Tensor frequencies_;
  std::vector<std::string> notes_;
};

}  // namespace gradus

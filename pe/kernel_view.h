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
  /// "key=value": options of the encoding, or else numbers of a parameter by its name. A list may
  /// group its numbers: "frequencies=1:.2,.1:-.3" is one vector a pair.
  std::vector<std::string> set;
  int64 label_width = 0;  ///< numbers a label; 0: as many as the encoding reads
  std::uint64_t seed = 1;
};

/// Settings under which frequencies are parameters themselves, where the encoding has any: rope's
/// variant C, parametrisation = free beside given frequencies. What is set already stays.
std::vector<std::string> with_learned_frequencies(const EncodingDef& def,
                                                  std::vector<std::string> set);

/// "frequencies=1,1,.1,.1": one number for each pair of coordinates, whether the encoding wants it
/// once a pair or once a coordinate; "" where it takes no such list.
std::string frequency_setting(const EncodingDef& def, const std::vector<double>& by_pair);

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
  /// The closed form for one pair of labels, if there is one.
  std::optional<Interaction> interaction(const std::vector<double>& p_m,
                                         const std::vector<double>& p_n) const;
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
};

}  // namespace gradus

// Positions and the interface of positional encodings. A sequence reaches an encoding as Positions:
// for each token a vector of labels; time is one label, chord, phrase, section, bar, beat are
// others. "Structure-informed" means: another label in place of, or beside, time. Encodings
// themselves stand in pe/; attention and the model know only this interface.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/module.h"
#include "nn/options.h"

namespace gradus {

enum class TrackKind { time, token, bit, real };
std::string_view name(TrackKind kind);

/// One label track. A label of several numbers is several tracks "chroma.0", "chroma.1", ...
struct Track {
  std::string name;
  TrackKind kind = TrackKind::time;
  int64 values = 0;  ///< token: number of classes; 0: unbounded
};

/// Built once a batch; order is by row, never by label.
struct Positions {
  Tensor labels;              ///< f64 [B|1, Nk, L]
  std::vector<Track> tracks;  ///< L of them
  int64 query_begin = 0;      ///< queries are rows query_begin .. + query_count of the keys:
  int64 query_count = 0;      ///< blocks, chunks, step-by-step decoding
  bool causal = true;
  bool uniform = false;  ///< one time track with equal steps
  Tensor key_mask;       ///< u8 [B, Nk], 0: padding; or undefined

  int64 keys() const { return labels.size(1); }
  /// True where a query may look at every key up to its own row in the usual square form.
  bool square() const { return query_begin == 0 && query_count == keys(); }
  /// The columns of the named tracks, f64 [B|1, Nk, l]; "chroma" stands for chroma.0, chroma.1, ...
  /// ConfigError (with the tracks that are there) where one is missing, for the message's `who`.
  Tensor track_labels(const std::vector<std::string>& names, std::string_view who) const;
  /// The same for the query rows only, [B|1, Nq, l].
  Tensor query_labels(const std::vector<std::string>& names, std::string_view who) const;
  /// Queries begin .. + count of the same keys.
  Positions rows(int64 begin, int64 count) const;
};

/// Time 0 .. n-1 as the only track "time", uniform.
Positions time_positions(int64 n, bool causal = true);
/// Labels f64 [B|1, N, L] with their tracks; every row is a query.
Positions labelled_positions(Tensor labels, std::vector<Track> tracks, bool causal = true);

enum class Cost { linear, n_log_n, quadratic };
/// Of the raw score, before a feature map: on the difference of labels exactly, in the mean over
/// draws, or not only on it.
enum class Relative { exactly, in_the_mean, no };
/// What linear attention divides by: the sum of the same features, of the features before
/// transform_features, or nothing.
enum class Normaliser { sum, unrotated, none };
/// The hooks that an encoding uses; a core refuses those that it cannot carry.
enum Hook : unsigned {
  kEmbed = 1,
  kTransform = 2,
  kTransformFeatures = 4,
  kLagBias = 8,
  kScoreBias = 16,
  kValueBias = 32,
};

struct Traits {
  unsigned hooks = 0;
  bool takes_vector = false;    ///< labels of several numbers (else exactly one)
  bool takes_any_label = true;  ///< false: time only
  bool uniform_only = false;    ///< equal steps of time only
  Cost cost = Cost::linear;
  Relative relative = Relative::no;
  bool norm_preserving = false;
  Normaliser normaliser = Normaliser::sum;
  bool stochastic = false, learned = false;
  int64 max_length = 0;       ///< 0: none
  bool whole_labels = false;  ///< labels are whole numbers: they or their lags are rows of a table
  int64 labels_below = 0;     ///< labels are 0 .. this - 1 (of the smallest table); 0: any
  bool causal_only = false;   ///< no query looks at later rows
  /// Of a bias by lag b: sum_ij c_i c_j b(p_i - p_j) >= 0 for all c of sum 0.
  bool conditionally_positive = false;
};
std::string_view name(Cost c);
std::string_view name(Relative r);

struct QueryKey {
  Var q, k;
  /// Behind the feature map and a causal mask alone: true features are q e^query_scale and k
  /// e^key_scale, which may be too large for numbers; f64 [B|1,H,N,1]. Undefined: 0.
  Tensor query_scale{}, key_scale{};
};
/// The true features, where numbers hold them.
QueryKey with_scales(const QueryKey& t);

/// The raw score of one pair of labels in closed form, per head: a = q^T G k + alpha^T q + beta^T k
/// + gamma.
struct Interaction {
  enum class Space { head, feature } space = Space::head;
  Tensor g;      ///< f64 [H, d, d]
  Tensor alpha;  ///< f64 [H, d], or undefined: 0
  Tensor beta;   ///< f64 [H, d], or undefined: 0
  Tensor gamma;  ///< f64 [H], or undefined: 0
};

/// The sizes that an encoding is built for.
struct EncodingShape {
  int64 d_model = 0, heads = 0;
  int64 head_dim() const { return d_model / heads; }
};

enum class CoreKind;  // nn/attention_core.h

/// What a table of encodings says of a core that refuses one of them: what the core carries, and
/// where the encoding (by name and hooks) fits.
using FittingText = std::string (*)(std::string_view encoding, unsigned hooks, CoreKind core);

/// Every hook is a no-op by default. q [B,H,Nq,d], k [B,H,Nk,d]; queries are rows of the keys
/// (Positions).
class PositionalEncoding : public Module {
 public:
  virtual Traits traits() const = 0;
  /// This step's random features (stochastic encodings).
  virtual void draw(Rng&) {}
  /// At the input: x [B,N,D] -> [B,N,D].
  virtual Var embed(const Var& x, const Positions&, Pass&) const { return x; }
  /// Before the feature map (softmax: before the product): [B,H,N,d] -> [B,H,N,r].
  virtual QueryKey transform(const Var& q, const Var& k, const Positions&, Pass&) const {
    return {q, k};
  }
  /// r for head size d.
  virtual int64 transformed_width(int64 d) const { return d; }
  /// After the feature map, linear core only: [B,H,N,m] -> [B,H,N,m'].
  virtual QueryKey transform_features(const Var& fq, const Var& fk, const Positions&, Pass&) const {
    return {fq, fk};
  }
  virtual int64 transformed_features(int64 m) const { return m; }
  /// Where transform_features is [f c, f s] with numbers c, s of the token's labels: these, [B|1,
  /// H|1, N, 2] of query rows and of key rows. Undefined: it is not.
  virtual QueryKey feature_turns(const Positions&, DType) const { return {}; }
  /// b_h(delta) for f64 lags of any shape S -> [H, S...].
  virtual std::optional<Var> lag_bias(const Tensor& delta, Pass&) const {
    (void)delta;
    return std::nullopt;
  }
  /// [B|1, H|1, Nq, Nk], asked for a block of query rows at a time.
  virtual std::optional<Var> score_bias(const Var& q, const Var& k, const Positions&, Pass&) const {
    (void)q, (void)k;
    return std::nullopt;
  }
  /// Added to the output (Shaw): weights [B,H,Nq,Nk] -> [B,H,Nq,dv].
  virtual std::optional<Var> value_bias(const Var& weights, const Positions&, Pass&) const {
    (void)weights;
    return std::nullopt;
  }
  /// Closed form for labels p_m, p_n (f64 [L]): of the codes drawn last, or else of their mean.
  virtual std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const {
    (void)p_m, (void)p_n;
    return std::nullopt;
  }
  /// Closed form of the mean over draws.
  virtual std::optional<Interaction> mean_interaction(const Tensor& p_m, const Tensor& p_n) const {
    return interaction(p_m, p_n);
  }
  /// The same around the encoding inside this one, which must outlive it, with parameters and draws
  /// of its own for all else; null where nothing is inside.
  virtual std::unique_ptr<PositionalEncoding> sharing_inside(const Build&) const { return nullptr; }
  /// The tracks whose labels this encoding reads.
  const std::vector<std::string>& tracks() const { return tracks_; }
  const EncodingShape& shape() const { return shape_; }
  /// The entry in the table of encodings that this one was made from, for messages ("alibi"); the
  /// module's own name where it was made by hand.
  const std::string& kind() const { return kind_.empty() ? name() : kind_; }
  void set_kind(std::string_view kind, FittingText what_fits = nullptr) {
    kind_ = kind;
    fitting_ = what_fits;
  }
  /// Null where the encoding is of no table.
  FittingText fitting() const { return fitting_; }

 protected:
  PositionalEncoding(const Build& build, EncodingShape shape, std::vector<std::string> tracks)
      : Module(build), shape_(shape), tracks_(std::move(tracks)) {}
  /// [B|1, Nk, l] of this encoding's tracks.
  Tensor key_labels(const Positions& p) const { return p.track_labels(tracks_, kind()); }
  Tensor query_labels(const Positions& p) const { return p.query_labels(tracks_, kind()); }

 private:
  EncodingShape shape_;
  std::vector<std::string> tracks_;
  std::string kind_;
  FittingText fitting_ = nullptr;
};

/// How a model gets its encoding without knowing the table in pe/.
using MakeEncoding =
    std::function<std::unique_ptr<PositionalEncoding>(const Build&, EncodingShape)>;

}  // namespace gradus

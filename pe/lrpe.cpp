#include <array>
#include <cmath>

#include "pe/permutations.h"
#include "pe/stripes.h"
#include "tensor/elementwise.h"
#include "tensor/matmul.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Linearised relative encoding (Qin et al. 2023, eq. 9-15): q and k are multiplied by unitary matrices
M_p with M_m^* M_n = M_(n-m), so that scores depend on the difference of labels and attention stays
linear:

    M_p = Lambda^p P,     (M_m q)^* (M_n k) = q^T P^T Lambda^(n-m) P k

    Lambda   rotation      pairs turned by f_i p, f_i = base^(-2i/d)
             unitary       diag(exp(i f_d p)), f_d = base^(-d/D): complex numbers as pairs of reals;
                           of the product the real part, cos f_d (p_m - p_n)
             permutation   coordinates permuted p times, a random permutation a head: whole labels
    P        identity, householder 1 - 2 v v^T / (v . v) with v learned, or odd_even: the odd
             coordinates, then the even ones

stage = before: q and k, before the feature map (softmax: before the product). stage = after: the
features, where it is exactly relative whatever the map; divided by the sum of the features before,
but for permutations of non-negative features, which keep their signs. Rotations with P the identity
are RoPE, unitary ones f_stripe1 with fixed frequencies.

    layout   rotation, permutation   as P x         width kept
             unitary   [1 cos, 1 sin, 2 cos, 2 sin, ...]      width 2 d
    closed form   G = P^T Lambda^(n-m) P
)";

enum class Lambda { rotation, unitary, permutation };
enum class Basis { identity, householder, odd_even };

struct LrpeConfig {
  LabelConfig labels;
  FrequencyConfig frequencies;
  Lambda lambda = Lambda::rotation;
  Basis basis = Basis::identity;
  bool after = false;
  int64 width = 0;  // that is multiplied

  static LrpeConfig read(Options& o, EncodingShape shape) {
    LrpeConfig c;
    const std::string lambda =
        o.choice("lambda", "rotation", {"rotation", "unitary", "permutation"});
    c.lambda = lambda == "rotation"  ? Lambda::rotation
               : lambda == "unitary" ? Lambda::unitary
                                     : Lambda::permutation;
    const std::string basis =
        o.choice("basis", "householder", {"identity", "householder", "odd_even"});
    c.basis = basis == "identity"   ? Basis::identity
              : basis == "odd_even" ? Basis::odd_even
                                    : Basis::householder;
    c.labels = read_labels(o, c.lambda != Lambda::permutation);
    c.frequencies = read_frequencies(o);
    c.after = o.choice("stage", "before", {"before", "after"}) == "after";
    c.width = shape.head_dim();
    if (c.after || o.has("features")) {
      check<ConfigError>(c.after, "{}: option 'features' goes with stage = after", o.where());
      c.width = o.integer("features", c.width, 1, 8192);
    }
    return c;
  }
};

constexpr Traits kTraits{
    .hooks = kTransform, .takes_vector = true, .relative = Relative::exactly, .learned = true};

class Lrpe : public AngleEncoding {
 public:
  Lrpe(const Build& build, EncodingShape shape, LrpeConfig config)
      : AngleEncoding(build, shape, config.labels), config_(std::move(config)) {
    if (config_.lambda == Lambda::permutation) {
      permutation_ = &buffer("permutation",
                             random_permutations(rng("permutation"), shape.heads, config_.width),
                             BufferDType::fixed);
    } else {
      const bool pairs = config_.lambda == Lambda::rotation;
      if (pairs)
        check_even(config_.width, "lrpe (lambda = rotation)",
                   config_.after ? "features" : "head size");
      set_frequencies(initial_frequencies(config_.frequencies, 1, config_.width / (pairs ? 2 : 1),
                                          label_width(), rng("frequencies"), "lrpe"),
                      label_width() > 1 && config_.frequencies.given.empty()
                          ? Frequencies::drawn
                          : Frequencies::derived);
    }
    if (config_.basis == Basis::householder) {
      Rng random = rng("reflection");
      reflection_ =
          &parameter("reflection", normal(random, {shape.heads, config_.width, 1}, 0, 1, dtype()));
    }
  }

  Traits traits() const override {
    Traits t = kTraits;
    t.learned = reflection_ != nullptr;
    t.takes_vector = config_.lambda != Lambda::permutation;
    t.whole_labels = config_.lambda == Lambda::permutation;
    // Norms are kept with any basis; M_0 = 1 only with this one.
    t.norm_preserving = config_.basis == Basis::identity;
    if (config_.after) {
      t.hooks = kTransformFeatures;
      if (config_.lambda != Lambda::permutation || reflection_)
        t.normaliser = Normaliser::unrotated;
    }
    return t;
  }

  QueryKey transform(const Var& q, const Var& k, const Positions& positions,
                     Pass& pass) const override {
    return config_.after ? QueryKey{q, k} : multiplied(q, k, positions, pass);
  }
  QueryKey transform_features(const Var& fq, const Var& fk, const Positions& positions,
                              Pass& pass) const override {
    if (!config_.after) return {fq, fk};
    check_features(fq.size(-1));
    return multiplied(fq, fk, positions, pass);
  }
  int64 transformed_width(int64 d) const override { return config_.after ? d : widened(d); }
  int64 transformed_features(int64 m) const override {
    if (!config_.after) return m;
    check_features(m);
    return widened(m);
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    const int64 heads = shape().heads, d = config_.width;
    const Tensor units = broadcast_to(eye(d, dtype()), {1, heads, d, d});
    const Tensor rows = cast(reshape(in_basis(Var(units)).value(), {heads, d, d}), DType::f64);
    return Interaction{
        .space = config_.after ? Interaction::Space::feature : Interaction::Space::head,
        .g = matmul(rows, matmul(powers(p_m, p_n), transpose(rows))),
        .alpha = {},
        .beta = {},
        .gamma = {}};
  }

 private:
  int64 widened(int64 width) const { return config_.lambda == Lambda::unitary ? 2 * width : width; }

  void check_features(int64 m) const {
    check<ConfigError>(m == config_.width,
                       "lrpe (stage = after) was built for {} features, the feature map gives {}; "
                       "set the option features = {}",
                       config_.width, m, m);
  }

  /// Rows times P^T: x [B, H, N, d].
  Var in_basis(const Var& x) const {
    if (config_.basis == Basis::identity) return x;
    if (config_.basis == Basis::odd_even) {
      const int64 d = x.size(-1);
      const std::array<Var, 2> parts{slice(x, -1, 1, std::max<int64>(d, 1), 2),
                                     slice(x, -1, 0, d, 2)};
      return concat(parts, -1);
    }
    return reflect(x, reshape(**reflection_, {shape().heads, config_.width}));
  }

  QueryKey multiplied(const Var& q, const Var& k, const Positions& positions, Pass& pass) const {
    const ScopeGuard scope = enter(pass);
    QueryKey y{in_basis(q), in_basis(k)};
    if (config_.lambda == Lambda::permutation) {
      const Tensor index = permutation_powers(permutation_->value(), permutation_labels(positions));
      const int64 begin = positions.query_begin, end = begin + positions.query_count;
      y = {permuted(y.q, slice(index, 2, begin, end)), permuted(y.k, index)};
    } else if (config_.lambda == Lambda::rotation) {
      const TurnPair turn = turns(q, k, positions, config_.width);
      y = {rotate(y.q, turn.q, Pairing::interleaved), rotate(y.k, turn.k, Pairing::interleaved)};
    } else {
      const TablePair t = tables(q, k, positions, config_.width);
      const Var w = even_weights(t.k);
      y = {modulate(y.q, t.q, w), modulate(y.k, t.k, w)};
    }
    return {y.q.named("q"), y.k.named("k")};
  }

  Tensor permutation_labels(const Positions& positions) const {
    const Tensor labels = key_labels(positions);
    check<ConfigError>(labels.size(2) == 1,
                       "lrpe with permutations takes one label of one number, '{}' has {}",
                       tracks()[0], labels.size(2));
    const std::vector<double> p = labels.to_vector<double>();
    for (std::size_t i = 0; i < p.size(); ++i)
      check<IndexError>(p[i] == std::floor(p[i]),
                        "lrpe permutes a whole number of times; '{}' of token {} is {}",
                        tracks()[0], static_cast<int64>(i) % labels.size(1), p[i]);
    return labels;
  }

  /// Lambda^(n-m), f64 [H, d, d].
  Tensor powers(const Tensor& p_m, const Tensor& p_n) const {
    if (config_.lambda == Lambda::permutation)
      return permutation_products(permutation_->value(), p_m, p_n);
    const std::vector<double> angle = angles_at(sub(p_m, p_n));
    if (config_.lambda == Lambda::rotation)
      return pair_turns(angle, shape().heads, Pairing::interleaved);
    std::vector<double> c;
    for (double a : angle) c.push_back(std::cos(a));
    return diagonals(c, shape().heads);
  }

  LrpeConfig config_;
  const Buffer* permutation_ = nullptr;
  const Parameter* reflection_ = nullptr;
};

}  // namespace

extern const EncodingDef kLrpe{
    .name = "lrpe",
    .family = "rotary, linearised",
    .formula = "(L^m P q)^* (L^n P k), L rotation, unitary or permutation",
    .takes = "a number or a vector, of any tracks; for permutations one whole number",
    .source = "Qin et al. 2023",
    .derivation = kDerivation,
    .traits = kTraits,
    .options =
        {{"tracks", "time", "tracks", "the labels that turn"},
         {"width", "number of tracks", "1 to 4096", "numbers per label: 12 for a chroma vector"},
         {"lambda", "rotation", "rotation, unitary, permutation", "what has powers"},
         {"basis", "householder", "identity, householder, odd_even", "P, in front of it"},
         {"stage", "before", "before, after", "of the feature map (after: linear core only)"},
         {"features", "head size", "1 to 8192", "stage = after: width of the features"},
         {"base", "10000", "1 to 1e12", "of the frequencies of scalar labels"},
         {"deviation", "0.5", "0 to 1e6", "of the random frequencies of vector labels"},
         {"frequencies", "none", "list [pair or d][label]", "in place of base and deviation"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Lrpe>(build, shape, LrpeConfig::read(options, shape));
    }};

}  // namespace gradus::pe

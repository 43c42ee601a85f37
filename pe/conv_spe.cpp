#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "pe/label_encoding.h"
#include "pe/noisy_stripes.h"
#include "pe/suite_own.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/parallel.h"
#include "tensor/reduce.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Stochastic positional encoding by filtered noise (Liutkus et al. 2021, eq. 21-23). For each coordinate
d of a head z_d is white noise over all whole labels, R realizations of it, and w^Q, w^K are two
learned filters of K taps:

    code_d^Q(p) = sum_j w_d^Q[j] z_d(p + j),    code_d^K(p) = sum_j w_d^K[j] z_d(p + j)
    q^ = sum_d q_d code_d^Q(p_m) / sqrt(R),     k^ = sum_d k_d code_d^K(p_n) / sqrt(R)
    E q^ . k^ = sum_d q_d k_d P_d(p_m - p_n),   P_d(D) = sum_j w_d^Q[j] w_d^K[j + D]

so P_d is 0 from K labels on. Noise is a function of (draw, coordinate, label), by a counter: a prefix
keeps its codes, a step by itself has those of the whole, and labels may be of any track, as long as
they are whole. Filters start uniform in [0, sqrt(2/K)].

A run of labels is filtered K labels at a time, by the K x (2K - 1) matrix that holds a filter in
each row, shifted; labels far apart one by one.

    layout   [1 .. R]: realizations, each the sum over all coordinates      width R
    closed form, in the mean   G = diag(P_d(p_m - p_n))
)";

struct ConvSpeConfig {
  LabelConfig labels;
  int64 kernel = 16, realizations = 64;

  static ConvSpeConfig read(Options& o) {
    ConvSpeConfig c;
    c.labels = read_labels(o, false);
    c.kernel = o.integer("kernel", c.kernel, 1, 4096);
    c.realizations = read_realizations(o);
    return c;
  }
};

constexpr Traits kTraits{.hooks = kTransform,
                         .relative = Relative::in_the_mean,
                         .stochastic = true,
                         .learned = true,
                         .whole_labels = true};

class ConvSpe : public LabelEncoding {
 public:
  ConvSpe(const Build& build, EncodingShape shape, const ConvSpeConfig& config)
      : LabelEncoding(build, shape, config.labels, LabelValues::whole),
        kernel_(config.kernel),
        realizations_(config.realizations),
        query_filter_(filter("query_filter")),
        key_filter_(filter("key_filter")),
        noise_(buffer("noise", zeros({1}, DType::i64), BufferDType::fixed)) {
    Rng first = rng("noise");
    draw(first);
  }

  Traits traits() const override { return kTraits; }
  void draw(Rng& rng) override { noise_.set(integers(rng, {1}, 0, int64{1} << 62)); }
  int64 transformed_width(int64) const override { return realizations_; }

  QueryKey transform(const Var& q, const Var& k, const Positions& positions,
                     Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Tensor labels = checked_labels(positions);
    check_rows(q, "queries", positions.query_count, labels);
    check_rows(k, "keys", positions.keys(), labels);
    if (k.numel() == 0) return {empty(q), empty(k)};
    const Run run = run_of(labels);
    const Var noise(windows(run));
    return {coded(q, *query_filter_, run, noise, query_rows(run.row, positions)).named("q"),
            coded(k, *key_filter_, run, noise, run.row).named("k")};
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    const std::vector<double> q = numbers(query_filter_), k = numbers(key_filter_);
    const int64 lag = static_cast<int64>(p_m.at({0}) - p_n.at({0}));
    std::vector<double> p(q.size() / static_cast<std::size_t>(kernel_), 0.0);
    for (std::size_t d = 0; d < p.size(); ++d)
      for (int64 j = std::max<int64>(0, -lag); j < std::min(kernel_, kernel_ - lag); ++j) {
        const auto at = static_cast<int64>(d) * kernel_ + j;
        p[d] += q[static_cast<std::size_t>(at)] * k[static_cast<std::size_t>(at + lag)];
      }
    return Interaction{.g = diagonals(p, shape().heads), .alpha = {}, .beta = {}, .gamma = {}};
  }

 private:
  /// Labels in blocks of `length` neighbours, from `starts` on; row [B|1, N]: where each label is.
  struct Run {
    std::vector<int64> starts;
    int64 length;
    Tensor row;
  };

  Parameter& filter(std::string_view name) {
    Rng random = rng(name);
    return parameter(name, uniform(random, {shape().heads, shape().head_dim(), kernel_}, 0,
                                   std::sqrt(2 / static_cast<double>(kernel_)), dtype()));
  }

  static std::vector<double> numbers(const Parameter& p) {
    return cast(p.value(), DType::f64).to_vector<double>();
  }

  void check_rows(const Var& x, const char* what, int64 rows, const Tensor& labels) const {
    check_shape(x.rank() == 4 && x.size(1) == shape().heads && x.size(2) == rows &&
                    x.size(3) == shape().head_dim() &&
                    (labels.size(0) == 1 || labels.size(0) == x.size(0)),
                "conv_spe: the {} are {}; labels {} of {} heads of {} ask for (batch, {}, {}, {})",
                what, x.shape(), labels.shape(), shape().heads, shape().head_dim(), shape().heads,
                rows, shape().head_dim());
  }

  Var empty(const Var& x) const {
    return Var(zeros({x.size(0), x.size(1), x.size(2), realizations_}, x.dtype()));
  }

  Run run_of(const Tensor& labels) const {
    const DistinctLags found = distinct_lags(select(labels, -1, 0));
    const std::vector<double> values = found.lags.to_vector<double>();
    for (double end : {values.front(), values.back()})
      check<IndexError>(std::abs(end) <= 0x1p53,
                        "conv_spe has noise at labels up to 2^53, '{}' has {}", tracks()[0], end);
    const auto low = static_cast<int64>(values.front()), high = static_cast<int64>(values.back());
    const auto count = static_cast<int64>(values.size());
    Run run{{}, kernel_, found.index};
    // A block makes some labels that nobody asks for, and a label alone its own K rows of noise.
    if (2 * (high - low + kernel_) < count * kernel_) {
      for (int64 p = low; p <= high; p += kernel_) run.starts.push_back(p);
      run.row = cast(add(select(labels, -1, 0), static_cast<double>(-low)), DType::i64);
    } else {
      run.length = 1;
      for (double p : values) run.starts.push_back(static_cast<int64>(p));
    }
    return run;
  }

  /// z of the labels that a block's filters see, [H, d, blocks, length + K - 1, R].
  Tensor windows(const Run& run) const {
    const int64 heads = shape().heads, d = shape().head_dim(), seen = run.length + kernel_ - 1,
                blocks = static_cast<int64>(run.starts.size());
    Tensor z = Tensor::empty({heads, d, blocks, seen, realizations_}, dtype());
    const auto key = static_cast<std::uint64_t>(noise_.value().to_vector<int64>()[0]);
    dispatch_float(dtype(), "conv_spe", [&](auto tag) {
      using T = typename decltype(tag)::type;
      T* out = z.template writable<T>();
      const auto row = [&](int64 i, int64 t) { return out + (i * seen + t) * realizations_; };
      parallel_for(0, heads * d, 1, [&](int64 begin, int64 end) {
        for (int64 i = begin * blocks; i < end * blocks; ++i) {
          const int64 block = i % blocks;
          // What a block sees beyond its own labels begins the next one.
          const bool shared = run.length > 1 && block + 1 < blocks;
          for (int64 t = 0; t < (shared ? run.length : seen); ++t)
            fill_normal(row(i, t), key, i / blocks,
                        run.starts[static_cast<std::size_t>(block)] + t);
          if (run.length > 1 && block > 0)
            std::copy(row(i, 0), row(i, kernel_ - 1), row(i - 1, run.length));
        }
      });
    });
    return z;
  }

  /// R normal numbers of coordinate `d` at a label: Box and Muller, two from two words.
  template <class T>
  void fill_normal(T* out, std::uint64_t key, int64 d, int64 label) const {
    const int64 groups = (realizations_ + 3) / 4;
    for (int64 g = 0; g < groups; ++g) {
      const auto words = philox(key, static_cast<std::uint64_t>(label),
                                static_cast<std::uint64_t>(d * groups + g));
      for (int64 half = 0; half < 2; ++half) {
        const auto at = static_cast<std::size_t>(2 * half);
        const double radius =
            std::sqrt(-2 * std::log((static_cast<double>(words[at]) + 0.5) * 0x1p-32));
        const double angle = 2 * std::numbers::pi * static_cast<double>(words[at + 1]) * 0x1p-32;
        const int64 r = 4 * g + 2 * half;
        if (r < realizations_) out[r] = static_cast<T>(radius * std::cos(angle));
        if (r + 1 < realizations_) out[r + 1] = static_cast<T>(radius * std::sin(angle));
      }
    }
  }

  /// Codes of all labels of a run, then sum_d x_d code_d / sqrt(R).
  Var coded(const Var& x, const Var& w, const Run& run, const Var& noise, const Tensor& row) const {
    const int64 heads = shape().heads, d = shape().head_dim(),
                labels = static_cast<int64>(run.starts.size()) * run.length;
    const Var codes =
        reshape(matmul(shifted(w, run.length), noise), {heads, d, labels, realizations_});
    const Var found = take_rows(permute(codes, {2, 0, 1, 3}), Var(row));  // [B|1, N, H, d, R]
    const Var share = unsqueeze(x * (1 / std::sqrt(static_cast<double>(realizations_))), -2);
    return squeeze(matmul(share, permute(found, {0, 2, 1, 3, 4})), -2);
  }

  /// A filter in each row, one label further: w [H, d, K] -> [H, d, 1, length, length + K - 1].
  Var shifted(const Var& w, int64 length) const {
    const int64 seen = length + kernel_ - 1, heads = w.size(0), d = w.size(1);
    if (length == 1) return reshape(w, {heads, d, 1, 1, kernel_});
    std::vector<int64> tap(static_cast<std::size_t>(length * seen), kernel_);  // 0, behind the last
    for (int64 i = 0; i < length; ++i)
      for (int64 j = 0; j < kernel_; ++j) tap[static_cast<std::size_t>(i * seen + i + j)] = j;
    const Var padded = broadcast_to(reshape(pad(w, -1, 0, 1), {heads, d, 1, kernel_ + 1}),
                                    {heads, d, length, kernel_ + 1});
    return unsqueeze(gather(padded, -1, Var(from_values(tap, {1, 1, length, seen}))), 2);
  }

  int64 kernel_, realizations_;
  Parameter& query_filter_;
  Parameter& key_filter_;
  Buffer& noise_;  // the key of this step's noise
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// Over 200 draws, from the lag K on: noise about 0; at lag 0 it is none.
suite::Finding prove_support(const SuiteSubject& s) {
  const auto e = suite::build(s);
  Options read = s.options;
  const auto k = static_cast<double>(read.integer("kernel", ConvSpeConfig{}.kernel, 1, 4096));
  const Tensor ones = full({s.shape.heads, s.shape.head_dim()}, 1, DType::f64);
  double beyond = 0, at_zero = 0;
  for (double lag : {0.0, k, -k, k + 3, 5 * k}) {
    Rng rng = Rng(44).stream("draw");
    double total = 0, squares = 0;
    constexpr int draws = 200;
    for (int i = 0; i < draws; ++i) {
      e->draw(rng);
      const double a = suite::raw_scores(*e, ones, ones, {40 + lag}, {40})[0];
      total += a, squares += a * a;
    }
    const double mean = total / draws,
                 errors = std::abs(mean) / std::sqrt((squares / draws - mean * mean) / draws);
    if (lag == 0) {
      at_zero = errors;
      continue;
    }
    const auto at = [](double p) { return from_values(std::vector<double>{p}, {1}); };
    const double closed = max(abs(e->interaction(at(40 + lag), at(40))->g)).item();
    if (!(errors <= 5 && closed == 0))
      return suite::broken(
          fmt::format("at lag {} of {} taps the mean is {:.3g} standard errors "
                      "from 0, the closed form {:.3g}",
                      lag, k, errors, closed));
    beyond = std::max(beyond, errors);
  }
  if (!(at_zero > 5))
    return suite::broken(
        fmt::format("at lag 0 the mean is {:.3g} standard errors from 0", at_zero));
  return suite::holds(
      fmt::format("from lag {} on within {:.1f} standard errors of 0, at lag 0 {:.0f} "
                  "of them away",
                  k, beyond, at_zero));
}

}  // namespace

extern const EncodingDef kConvSpe{
    .name = "conv_spe",
    .family = "stochastic",
    .formula = "sum_d q_d k_d sum_j u_d[j] w_d[j + p_m - p_n], filters u, w, in the mean",
    .takes = "one whole number: time or any track",
    .source = "Liutkus et al. 2021",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"support", "scores of labels K or more apart are 0 in the mean",
                    prove_support}},
    .options = {{"tracks", "time", "one track", "the label that noise stands at"},
                {"kernel", "16", "1 to 4096", "taps of a filter, K: lags from K on have no weight"},
                kRealizationsOption},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<ConvSpe>(build, shape, ConvSpeConfig::read(options));
    }};

}  // namespace gradus::pe

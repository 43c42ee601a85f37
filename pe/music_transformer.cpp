#include <cmath>

#include "autograd/backward.h"
#include "pe/label_encoding.h"
#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/memory.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Relative attention by skewing (Huang et al. 2018, section 3.4): shaw's scores, without its values,
from one product of the queries with the rows of the lags that occur, which a change of strides
brings into place. Lags are those of the rows, so that steps must be equal.

    score_mn = q_m . (k_n + E[clip(m - n)]) / sqrt(d)

For c queries from row b on, against N keys: lag l = b + c - 1 - j stands in column j of
M = Q E^T [c, N + c - 1], and score (i, n) in M[i, c - 1 - i + n]. That is element
c - 1 + i (N + c - 2) + n of M read row by row: rows of length N + c - 2 from element c - 1 on.
E stays O(N d): nothing of N x N x d is made.

    layout   c = 3, N = 3 (lags)          M                       skewed
                                      2  1  0 -1 -2              0 -1 -2
                                      2  1  0 -1 -2     ->       1  0 -1
                                      2  1  0 -1 -2              2  1  0
    closed form   a = q . k + q . E[clip(p_m - p_n)], for steps of 1
)";

constexpr Traits kTraits{.hooks = kScoreBias,
                         .takes_any_label = false,
                         .uniform_only = true,
                         .cost = Cost::quadratic,
                         .relative = Relative::exactly,
                         .learned = true};

struct MusicTransformerConfig {
  int64 clip = 512;
  bool own = true;

  static MusicTransformerConfig read(Options& o) {
    MusicTransformerConfig c;
    c.clip = o.integer("clip", c.clip, 0, 1 << 20);
    c.own = o.choice("tables", "own", {"shared", "own"}) == "own";
    return c;
  }
};

class MusicTransformer : public LabelEncoding {
 public:
  MusicTransformer(const Build& build, EncodingShape shape, MusicTransformerConfig config)
      : LabelEncoding(build, shape, {}),
        clip_(config.clip),
        keys_(parameter(
            "keys", init::normal_values(
                        rng("keys"),
                        {1, 2 * config.clip + 1, config.own ? shape.heads : 1, shape.head_dim()},
                        1 / std::sqrt(static_cast<double>(shape.head_dim())), dtype()))) {}
  Traits traits() const override { return kTraits; }

  std::optional<Var> score_bias(const Var& q, const Var& k, const Positions& positions,
                                Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check<ConfigError>(
        positions.uniform,
        "music_transformer moves rows into place, so time must go in equal steps and "
        "be the only track; for other labels take shaw");
    const int64 keys = k.size(2), count = q.size(2);
    if (count == 0 || keys == 0) return Var(zeros({q.size(0), q.size(1), count, keys}, q.dtype()));
    const int64 columns = keys + count - 1;
    const double most = static_cast<double>(positions.query_begin + count - 1);
    const Tensor lag = add(neg(arange(0, static_cast<double>(columns), 1, DType::f64)), most);
    const Var rows =
        take_rows(select(*keys_, 0, 0), Var(clipped(lag, -clip_, clip_)));  // [T,H|1,d]
    const Var scaled = q * (1 / std::sqrt(static_cast<double>(shape().head_dim())));
    return skew(matmul(scaled, permute(rows, {1, 2, 0})), keys).named("score_bias");
  }

  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    const int64 row = static_cast<int64>(clipped(sub(p_m, p_n), -clip_, clip_).at({0}));
    const Tensor of_heads = cast(select(select(keys_.value(), 0, 0), 0, row), DType::f64);
    return Interaction{
        .g = unit_products(),
        .alpha = contiguous(broadcast_to(of_heads, {shape().heads, shape().head_dim()})),
        .beta = {},
        .gamma = {}};
  }

 private:
  /// M [B,H,c,N+c-1] -> [B,H,c,N].
  static Var skew(const Var& m, int64 keys) {
    const int64 batch = m.size(0), heads = m.size(1), count = m.size(2), columns = m.size(3);
    if (count == 1) return m;
    const Var flat = reshape(m, {batch, heads, count * columns});
    const Var moved = slice(flat, 2, count - 1, count - 1 + count * (columns - 1));
    return slice(reshape(moved, {batch, heads, count, columns - 1}), 3, 0, keys);
  }

  int64 clip_;
  Parameter& keys_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

suite::Finding prove_shaw(const SuiteSubject& s) {
  Options settings = suite::with_settings(s.options, {"values=false"});
  if (!settings.has("clip")) settings.set("clip", OptionValue(MusicTransformerConfig{}.clip));
  if (!settings.has("tables")) settings.set("tables=own");
  const auto e = suite::build(s), shaw = suite::build_other("shaw", settings, s.shape);
  suite::copy_state(*shaw, *e);
  suite::Worst worst;
  const int64 heads = s.shape.heads, d = s.shape.head_dim();
  for (int64 n : {1, 2, 7})
    for (int64 begin = 0; begin < n; ++begin)
      for (int64 count = 0; begin + count <= n; ++count) {
        const Tensor q = suite::random_normal(1, {2, heads, count, d}),
                     k = suite::random_normal(2, {2, heads, n, d});
        for (bool causal : {true, false}) {
          const Positions p = time_positions(n, causal).rows(begin, count);
          worst.include(suite::score_biases(*e, q, k, p), suite::score_biases(*shaw, q, k, p),
                        fmt::format("rows {} to {} of {}", begin, begin + count, n));
        }
      }
  return worst.within(1e-13);
}

/// Forward and backward at a head of 32 numbers: E_r for each pair would be 32 N^2 of them.
suite::Finding prove_memory(const SuiteSubject& s) {
  constexpr int64 n = 128, d = 32;
  const auto e = s.with(s.options)(Build("pe", Rng(1), DType::f64), {d, 1});
  const Var q = leaf(suite::random_normal(1, {1, 1, n, d})), k(q.value());
  pool_reset_peak();
  const std::uint64_t before = pool_stats().live_bytes;
  {
    Pass pass = Pass::eval();
    const auto b = e->score_bias(q, k, time_positions(n), pass);
    (void)grad(sum(*b), std::vector<Var>{q});
  }
  const double most = static_cast<double>(pool_stats().peak_live_bytes - before) / (8 * n * n);
  const std::string text = fmt::format("{:.1f} N^2 numbers at once, N = {}, d = {}", most, n, d);
  return most < d / 2 ? suite::holds(text) : suite::broken(text);
}

}  // namespace

extern const EncodingDef kMusicTransformer{
    .name = "music_transformer",
    .family = "relative",
    .formula = "q_m . k_n + q_m . E[clip(m - n)] by skewing",
    .takes = "time in equal steps",
    .source = "Huang et al. 2018",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"shaw", "equals shaw with vectors for keys alone", prove_shaw},
                   {"memory", "never N x N x d numbers", prove_memory}},
    .options = {{"clip", "512", "0 to 2^20", "lags beyond it share a row"},
                {"tables", "own", "shared, own", "by all heads, or one for each"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<MusicTransformer>(build, shape,
                                                MusicTransformerConfig::read(options));
    }};

}  // namespace gradus::pe

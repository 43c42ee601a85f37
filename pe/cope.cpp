#include <cmath>

#include "nn/init.h"
#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(Contextual position encoding (Golovneva et al. 2024, eq. 3 to 6): a gate for each pair of tokens
decides whether the key counts, and the place of a key is the number of those that count from it up
to the query. It reads no labels.

    g_mj = sigmoid(q_m . k_j / sqrt(d))
    p_mn = min(sum_{j = n..m} g_mj, P)
    score_mn = (q_m . k_n + q_m . e[p_mn]) / sqrt(d),
    e[p] = (1 - w) e[floor p] + w e[floor p + 1],   w = p - floor p

e [P + 1, d] is learned; q_m . e is worked out for its rows, and then interpolated. The sum runs over
keys between the two tokens, so no query looks ahead, and the score of a pair changes with what
stands between. Where all gates are 1, p_mn = m - n + 1: shaw's keys at that lag. Padding counts for
nothing.

    layout   keys      0  1  2  3         e.g. query 3, gates  .9 .1 .8 1
             places  2.8 1.9 1.8 1
    closed form   none: the score depends on the tokens between
)";

constexpr Traits kTraits{
    .hooks = kScoreBias, .cost = Cost::quadratic, .learned = true, .causal_only = true};

struct CopeConfig {
  int64 places = 64;
  bool own = false;

  static CopeConfig read(Options& o) {
    CopeConfig c;
    c.places = o.integer("places", c.places, 1, 1 << 20);
    c.own = o.choice("tables", "shared", {"shared", "own"}) == "own";
    return c;
  }
};

class Cope : public PositionalEncoding {
 public:
  Cope(const Build& build, EncodingShape shape, CopeConfig config)
      : PositionalEncoding(build, shape, {}),
        places_(config.places),
        table_(parameter(
            "table",
            init::normal_values(rng("table"),
                                {config.own ? shape.heads : 1, places_ + 1, shape.head_dim()},
                                1 / std::sqrt(static_cast<double>(shape.head_dim())), dtype()))) {}
  Traits traits() const override { return kTraits; }

  std::optional<Var> score_bias(const Var& q, const Var& k, const Positions& positions,
                                Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    check<ConfigError>(positions.causal,
                       "cope counts the tokens from a key up to the query, so no query looks "
                       "ahead; set model.causal = true, or take t5 or shaw");
    const Var scaled = q * (1 / std::sqrt(static_cast<double>(shape().head_dim())));
    const Var gates = sigmoid(matmul(scaled, transpose(k))) * Var(counted(positions));
    const auto most = static_cast<double>(places_);
    const Var place =
        clamp(cumsum(gates, -1, Direction::reverse), 0, most).named("places");  // [B,H,Nq,Nk]
    const Tensor below = floor(place.value()), above = clamp(add(below, 1), 0, most);
    const Var rows = matmul(scaled, transpose(*table_));  // [B,H,Nq,P+1]
    const Var low = gather(rows, -1, Var(cast(below, DType::i64))),
              high = gather(rows, -1, Var(cast(above, DType::i64)));
    return (low + (place - Var(below)) * (high - low)).named("score_bias");
  }

 private:
  /// 1 where a key counts for a query: at its own row or before, and no padding; [B|1,1,Nq,Nk].
  Tensor counted(const Positions& p) const {
    const auto first = static_cast<double>(p.query_begin);
    const Tensor row = arange(first, first + static_cast<double>(p.query_count), 1, DType::f64);
    const Tensor column = arange(0, static_cast<double>(p.keys()), 1, DType::f64);
    Tensor yes = reshape(less_equal(column, unsqueeze(row, 1)), {1, 1, p.query_count, p.keys()});
    if (p.key_mask.defined())
      yes = logical_and(yes, reshape(p.key_mask, {p.key_mask.size(0), 1, 1, p.key_mask.size(1)}));
    return cast(yes, dtype());
  }

  int64 places_;
  Parameter& table_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// The last coordinate of queries and keys opens the gates, and no row of the tables has it.
suite::Finding prove_shaw(const SuiteSubject& s) {
  const int64 heads = s.shape.heads, d = s.shape.head_dim(), n = 7;
  const auto e = suite::build_variant(s, {"places=9", "tables=own"}, s.shape);
  const auto shaw = suite::build_other(
      "shaw", suite::with_settings({}, {"clip=9", "values=false", "tables=own"}), s.shape);
  const auto beside = [&](const Tensor& x, double last) {
    Shape one = x.shape();
    one[x.rank() - 1] = 1;
    const Tensor parts[] = {x, full(one, last, DType::f64)};
    return concat(parts, -1);
  };
  const Tensor table = beside(suite::random_normal(3, {heads, 10, d - 1}), 0);
  suite::set_state(*e, "table", table);
  // Lag l of shaw is place l + 1; lags below 0 are masked.
  const Tensor lags[] = {zeros({heads, 9, d}, DType::f64), slice(table, 1, 1, 10),
                         zeros({heads, 1, d}, DType::f64)};
  suite::set_state(*shaw, "keys", unsqueeze(contiguous(transpose(concat(lags, 1), 0, 1)), 0));
  const Tensor q = beside(suite::random_normal(1, {1, heads, n, d - 1}), 20),
               k = beside(suite::random_normal(2, {1, heads, n, d - 1}), 20);
  const Positions p = time_positions(n);
  suite::Worst worst;
  worst.include(tril(suite::score_biases(*e, q, k, p)), tril(suite::score_biases(*shaw, q, k, p)));
  return worst.within(1e-12);
}

}  // namespace

extern const EncodingDef kCope{
    .name = "cope",
    .family = "contextual",
    .formula = "q_m . k_n + q_m . e[p_mn], p_mn = sum_{j=n..m} sigmoid(q_m . k_j / sqrt(d))",
    .takes = "nothing, behind a causal mask",
    .source = "Golovneva et al. 2024",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"shaw", "gates at 1: shaw's keys at lag m - n + 1", prove_shaw,
                    ProofOptions::other}},
    .options = {{"places", "64", "1 to 2^20", "P, where counting ends"},
                {"tables", "shared", "shared, own", "by all heads, or one for each"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Cope>(build, shape, CopeConfig::read(options));
    }};

}  // namespace gradus::pe

#include <cmath>

#include "pe/lag_bias.h"
#include "pe/table.h"
#include "tensor/elementwise.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(A learned bias of each lag (Luo et al. 2021, eq. 4 and section 3.2), made for attention with a
feature map: a factor of each pair, which the FFT carries in O(N log N).

    toeplitz core   weight_mn ~ (phi(q_m) . phi(k_n)) e^(b_h[p_m - p_n])
    softmax core    score_mn  = q_m . k_n / sqrt(d) + b_h[p_m - p_n]

The factors of all pairs are a Toeplitz matrix where time goes in equal steps: N + N - 1 numbers in
place of N x N. Lags go to max_length - 1 either way; behind a causal mask those below 0 are unused.

    layout   table b [H, 2 max_length - 1]
             lag      -(max_length - 1) ...   -1          0       ... max_length - 1
             column    0                ...   max_length - 2, max_length - 1, ...
    closed form   a = q . k + sqrt(d) b_h[p_m - p_n]
)";

constexpr int64 kLength = 512;

constexpr Traits kTraits{.hooks = kLagBias,
                         .cost = Cost::n_log_n,
                         .relative = Relative::exactly,
                         .learned = true,
                         .max_length = kLength,
                         .whole_labels = true};

struct ToeplitzConfig {
  LabelConfig labels;
  int64 length = kLength;

  static ToeplitzConfig read(Options& o) {
    ToeplitzConfig c;
    c.labels = read_labels(o, false);
    c.length = o.integer("max_length", c.length, 1, 1 << 24);
    return c;
  }
};

class Toeplitz : public LagBias {
 public:
  Toeplitz(const Build& build, EncodingShape shape, const ToeplitzConfig& config)
      : LagBias(build, shape, config.labels, kTraits, LabelValues::whole),
        length_(config.length),
        table_(parameter(
            "table",
            init::normal_values(rng("table"), {shape.heads, 2 * config.length - 1},
                                1 / std::sqrt(static_cast<double>(shape.d_model)), dtype()))) {}

  Traits traits() const override {
    Traits t = LagBias::traits();
    t.max_length = tracks()[0] == "time" ? length_ : 0;
    return t;
  }

 protected:
  Var bias(int64, const Tensor& delta) const override {
    std::vector<int64> columns;
    columns.reserve(static_cast<std::size_t>(delta.numel()));
    for (const double lag : delta.to_vector<double>()) {
      check<IndexError>(lag == std::floor(lag),
                        "toeplitz has a bias for whole lags; labels of '{}' are {} apart",
                        tracks()[0], lag);
      check<IndexError>(std::abs(lag) < static_cast<double>(length_),
                        "toeplitz has biases of lags below max_length = {}; labels of '{}' are {} "
                        "apart: raise max_length",
                        length_, tracks()[0], std::abs(lag));
      columns.push_back(static_cast<int64>(lag) + length_ - 1);
    }
    Shape shape_of_lags = Shape::of_rank(delta.rank() + 1, 1);
    shape_of_lags[0] = shape().heads;
    for (int axis = 0; axis < delta.rank(); ++axis) shape_of_lags[axis + 1] = delta.shape()[axis];
    const Var found = gather(*table_, -1, Var(from_values(columns, {1, delta.numel()})));
    return reshape(found, shape_of_lags);
  }

 private:
  int64 length_;
  Parameter& table_;
};

}  // namespace

extern const EncodingDef kToeplitz{
    .name = "toeplitz",
    .family = "lag bias",
    .formula = "b_h[p_m - p_n]; behind a feature map the factor e^b, by FFT",
    .takes = "one whole number: time or any track; time with attention = toeplitz",
    .source = "Luo et al. 2021",
    .derivation = kDerivation,
    .traits = kTraits,
    .options = {{"tracks", "time", "one track", "the label whose lag is looked up"},
                {"max_length", "512", "1 to 2^24", "lags go to one below it"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<Toeplitz>(build, shape, ToeplitzConfig::read(options));
    }};

}  // namespace gradus::pe

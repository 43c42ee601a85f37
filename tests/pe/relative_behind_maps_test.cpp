// What a feature map leaves of relativity: the output of causal linear attention with an encoding
// that rotates, before and after all labels are shifted. identity and taylor2 keep it, favor_plus,
// favor_relu and rff_trig keep its law over draws, the other maps lose it, by how much is measured.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "nn/attention_core.h"
#include "tensor/index.h"
#include "tests/pe/encode.h"

using namespace gradus;

namespace {

constexpr int64 kHeads = 2, kSize = 4, kTokens = 6, kValue = 2;
constexpr double kShift = 100;

/// Attention with one encoding behind one map, at its labels or at shifted ones.
class Attention {
 public:
  Attention(std::string_view name, std::initializer_list<const char*> settings,
            const FeatureMapDef& map)
      : encoding_(encoding(name, {kHeads * kSize, kHeads}, settings)) {
    CoreConfig config;
    config.feature_map = map.name;
    if (map.stochastic) config.feature_options.set("features=16");
    if (!map.non_negative) config.normaliser = Normaliser::none;
    core_ = make_core(Build("core", Rng(2), DType::f64), config, *encoding_, kSize);
    Rng rng(3);
    const auto x = [&](int64 width) {
      return Var(normal(rng, {1, kHeads, kTokens, width}, 0, 1, DType::f64));
    };
    q_ = x(kSize), k_ = x(kSize), v_ = x(kValue);
  }

  Tensor operator()(double shift) const {
    Positions p = time_positions(kTokens);
    p.labels = add(p.labels, shift);
    Pass pass = Pass::eval();
    return (*core_)(q_, k_, v_, p, pass).value();
  }
  void draw(Rng& rng) { core_->draw(rng); }

 private:
  std::unique_ptr<PositionalEncoding> encoding_;
  std::unique_ptr<AttentionCore> core_;
  Var q_, k_, v_;
};

/// Means over draws at the labels and, over others, at shifted ones: how far they lie apart.
struct Law {
  double errors = 0;    ///< the largest difference in standard errors
  double smallest = 0;  ///< the largest difference that 5 standard errors would hide
};
Law law_of(Attention& attention, int draws) {
  Rng rng(7);
  Tensor first[2], second[2];
  for (int i = 0; i < 2 * draws; ++i) {
    attention.draw(rng);
    const auto side = static_cast<std::size_t>(i % 2);
    const Tensor y = attention(side == 0 ? 0 : kShift), square = mul(y, y);
    first[side] = i < 2 ? y : add(first[side], y);
    second[side] = i < 2 ? square : add(second[side], square);
  }
  const double share = 1.0 / draws;
  const Tensor mean[] = {mul(first[0], share), mul(first[1], share)};
  const auto variance = [&](std::size_t side) {
    return maximum(sub(mul(second[side], share), mul(mean[side], mean[side])),
                   scalar(0, DType::f64));
  };
  // Rounding alone where nothing is drawn.
  const Tensor error = add(sqrt(mul(add(variance(0), variance(1)), share)), 1e-9);
  return {max(div(abs(sub(mean[0], mean[1])), error)).item(), 5 * max(error).item()};
}

double change(std::string_view name, std::initializer_list<const char*> settings,
              const FeatureMapDef& map) {
  const Attention attention(name, settings, map);
  return max_difference(attention(0), attention(kShift));
}

bool exact(const FeatureMapDef& map) { return map.name == "identity" || map.name == "taylor2"; }

}  // namespace

TEST_CASE("maps of each number lose relativity, and it shows; identity and taylor2 keep it") {
  std::string text;
  for (const FeatureMapDef* map : feature_maps()) {
    if (map->stochastic) continue;
    CAPTURE(map->name);
    const double by = change("rope", {}, *map);
    text += fmt::format("{} {:.2g}, ", map->name, by);
    if (exact(*map))
      CHECK(by <= 1e-11);
    else
      CHECK(by > 0.05);
    // Turned behind the map nothing is lost, whatever the map.
    const auto features = fmt::format(
        "features={}", build_feature_map(*map, Build("map"), kSize, kSize, {})->features(kSize));
    if (map->name != "taylor2")  // of 1 + 4 + 16 features, which are no pairs
      CHECK(change("rope", {"stage=after", features.c_str()}, *map) <= 1e-10);
  }
  MESSAGE("rope, all labels shifted by 100: the output changes by " << text);
}

TEST_CASE("identity and taylor2 keep what any encoding that is relative gives them") {
  for (const char* name : {"lrpe", "rope_scaled", "rff"})
    for (const char* map : {"identity", "taylor2"}) {
      CAPTURE(name);
      CAPTURE(map);
      CHECK(change(name, {}, find_feature_map(map)) <= 1e-11);
      CHECK(change(name, {}, find_feature_map("elu1")) > 0.01);
    }
}

TEST_CASE("random maps of a kernel keep the law of the output, which elu1 does not") {
  constexpr int kDraws = 1500;
  for (const char* name : {"rope", "lrpe"}) {
    Attention lost(name, {}, find_feature_map("elu1"));
    const double by = max_difference(lost(0), lost(kShift));
    CHECK(law_of(lost, 2).errors > 1e6);  // the statistic sees it
    for (const FeatureMapDef* map : feature_maps()) {
      if (!map->stochastic) continue;
      CAPTURE(name);
      CAPTURE(map->name);
      Attention attention(name, {}, *map);
      // One draw is not relative.
      CHECK(max_difference(attention(0), attention(kShift)) > 0.05);
      const Law law = law_of(attention, kDraws);
      CHECK(law.errors <= 5);
      CHECK(law.smallest < by);  // a loss as that of elu1 would show
    }
  }
}

TEST_CASE("behind random maps the mean of a score is the kernel of the labels' difference") {
  // One pair of tokens far from 0, against kernels of q and of k turned by the difference alone.
  const auto e = encoding("rope", {kSize, 1}, {});
  Rng rng(8);
  const Tensor q = mul(normal(rng, {1, kSize}, 0, 1, DType::f64), 0.5),
               k = mul(normal(rng, {1, kSize}, 0, 1, DType::f64), 0.5);
  const PairFeatures near = pair_features(*e, q, k, {3}, {0}),
                     far = pair_features(*e, q, k, {3 + kShift}, {kShift});
  const double dot = sum(mul(near.q, near.k)).item(), a = norm(q).item(), b = norm(k).item();
  const double tau = 1 / std::sqrt(static_cast<double>(kSize)), theta = std::acos(dot / (a * b));
  const std::map<std::string_view, double> kernels{
      {"favor_plus", std::exp(tau * dot)},
      {"favor_relu",
       a * b * (std::sin(theta) + (std::acos(-1.0) - theta) * std::cos(theta)) / std::acos(-1.0)},
      {"rff_trig", std::exp(-tau * (a * a + b * b - 2 * dot) / 2)}};
  const auto row = [](const Tensor& x) { return Var(reshape(x, {1, 1, 1, kSize})); };
  const auto score = [&](const FeatureMap& map) {
    Pass pass = Pass::eval();
    const Features fq = map(row(far.q), Side::query, pass), fk = map(row(far.k), Side::key, pass);
    double log = 0;
    for (const Tensor& s : {fq.log_scale, fk.log_scale})
      if (s.defined()) log += s.item();
    return sum(mul(fq.phi.value(), fk.phi.value())).item() * std::exp(log);
  };
  for (const auto& item : kernels) {
    const std::string_view name = item.first;
    const double kernel = item.second;
    CAPTURE(name);
    Options options;
    options.set("features=32");
    const auto map = build_feature_map(find_feature_map(name), Build("map", Rng(1), DType::f64),
                                       kSize, kSize, options);
    constexpr int kDraws = 3000;
    double first = 0, second = 0;
    for (int i = 0; i < kDraws; ++i) {
      map->draw(rng);
      const double s = score(*map);
      first += s / kDraws, second += s * s / kDraws;
    }
    const double error = std::sqrt((second - first * first) / kDraws);
    CHECK(error < 0.05 * kernel);
    CHECK(std::abs(first - kernel) <= 5 * error);
  }
}

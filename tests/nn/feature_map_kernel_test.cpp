// Feature maps against their kernels: exact ones to rounding, random ones in mean and variance over
// draws. Points of |x|^2 <= 1; with tau = 1/sqrt(4), x' = sqrt(tau) x.
#include "autograd/gradcheck.h"
#include "tests/nn/feature_maps.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr int64 kWidth = 4;
constexpr double kTau = 0.5, kPi = 3.14159265358979323846;

/// Pairs of one row of each.
const Tensor& queries() {
  static const Tensor t =
      reshape(tensor({0.6, -0.2, 0.3, 0.2, 0.5, 0.5, -0.1, 0, 0.9, 0, 0, 0.1, 0.3, 0.1, 0.4, -0.8},
                     {16}, DType::f64),
              {1, 1, 4, kWidth});
  return t;
}
const Tensor& keys() {
  static const Tensor t =
      reshape(tensor({0.3, 0.6, -0.5, 0.1, 0.5, 0.5, -0.1, 0, -0.8, 0.2, 0, 0, 0, 0.1, 0, 0}, {16},
                     DType::f64),
              {1, 1, 4, kWidth});
  return t;
}

/// Sums of products of one pair.
struct Pair {
  explicit Pair(int64 row) {
    for (int64 d = 0; d < kWidth; ++d) {
      const double x = queries().at({0, 0, row, d}), y = keys().at({0, 0, row, d});
      xx += x * x, yy += y * y, xy += x * y;
    }
  }
  double angle() const { return std::acos(std::min(1.0, std::max(-1.0, xy / std::sqrt(xx * yy)))); }
  double distance2() const { return xx + yy - 2 * xy; }
  double xx = 0, yy = 0, xy = 0;
};

/// phi(q_i) . phi(k_i) of every pair.
std::vector<double> products(const FeatureMap& map) {
  return sum(mul(true_features(map, Var(queries()), Side::query).value(),
                 true_features(map, Var(keys()), Side::key).value()),
             {-1})
      .to_vector<double>();
}

/// A random map, with the mean of one projection's product Z and the mean of Z^2.
struct Estimate {
  const char *name, *one_projection, *eight;  // options
  double (*kernel)(const Pair&);
  double (*second)(const Pair&);
  int64 projections;  // of the options `eight`
};

// favor_plus: Z = cosh(w.(x' + y')) e^{-(|x'|^2 + |y'|^2)/2}.
double exponential_kernel(const Pair& p) { return std::exp(kTau * p.xy); }
double exponential_second(const Pair& p) {
  const double norms = kTau * (p.xx + p.yy);
  return (std::exp(2 * (norms + 2 * kTau * p.xy)) + 1) / 2 * std::exp(-norms);
}
// favor_relu: Z = 2 max(w.x, 0) max(w.y, 0); E Z^2 is twice the arc-cosine kernel of order 2
// (Cho & Saul 2009, eq. 5).
double arc_cosine_kernel(const Pair& p) {
  const double t = p.angle();
  return std::sqrt(p.xx * p.yy) * (std::sin(t) + (kPi - t) * std::cos(t)) / kPi;
}
double arc_cosine_second(const Pair& p) {
  const double t = p.angle(), c = std::cos(t);
  return 2 * p.xx * p.yy * (3 * std::sin(t) * c + (kPi - t) * (1 + 2 * c * c)) / kPi;
}
// rff_trig: Z = cos(w.(x' - y')); E cos^2 = (1 + E cos(2 w.(x' - y'))) / 2.
double gaussian_kernel(const Pair& p) { return std::exp(-kTau * p.distance2() / 2); }
double gaussian_second(const Pair& p) { return (1 + std::exp(-2 * kTau * p.distance2())) / 2; }

constexpr Estimate kEstimates[] = {
    {"favor_plus", "features=2", "features=16", exponential_kernel, exponential_second, 8},
    {"favor_relu", "features=1", "features=8", arc_cosine_kernel, arc_cosine_second, 8},
    {"rff_trig", "features=2", "features=16", gaussian_kernel, gaussian_second, 8}};

}  // namespace

TEST_CASE("random maps estimate their kernel without bias, with the variance of the closed form") {
  constexpr int64 kDraws = 4000;
  for (const Estimate& e : kEstimates)
    for (const bool one : {true, false}) {
      const auto map =
          make_map(e.name, kWidth, kWidth, map_options({one ? e.one_projection : e.eight}));
      Rng rng(7);
      std::vector<double> total(4), squares(4);
      for (int64 i = 0; i < kDraws; ++i) {
        map->draw(rng);
        const std::vector<double> z = products(*map);
        for (std::size_t j = 0; j < 4; ++j) total[j] += z[j], squares[j] += z[j] * z[j];
      }
      for (std::size_t j = 0; j < 4; ++j) {
        const Pair p(static_cast<int64>(j));
        const double kernel = e.kernel(p);
        const double variance =
            (e.second(p) - kernel * kernel) / static_cast<double>(one ? 1 : e.projections);
        const double mean = total[j] / kDraws, measured = squares[j] / kDraws - mean * mean;
        INFO(e.name << ", pair " << j << ": kernel " << kernel << ", mean " << mean << ", variance "
                    << measured << " of " << variance);
        CHECK(std::abs(mean - kernel) <= 4 * std::sqrt(variance / kDraws) + 1e-12);
        // One projection: the closed form itself. Several: orthogonal ones vary less than
        // independent ones would.
        CHECK(measured <= 1.2 * variance + 1e-12);
        if (one) CHECK(measured >= 0.8 * variance - 1e-12);
      }
    }
}

TEST_CASE("maps without randomness have their kernel to rounding") {
  const std::pair<const char*, double (*)(const Pair&)> exact[] = {
      {"identity", [](const Pair& p) { return p.xy; }},
      {"taylor2", [](const Pair& p) { return 1 + kTau * p.xy + kTau * kTau * p.xy * p.xy / 2; }}};
  for (const auto& map : exact) {
    const std::vector<double> z = products(*make_map(map.first, kWidth, kWidth));
    for (std::size_t j = 0; j < 4; ++j)
      CHECK(std::abs(z[j] - map.second(Pair(static_cast<int64>(j)))) <= 1e-14);
  }
  // sum over i of e^(x_i + y_i), and of 2 cosh(x_i + y_i) at the first weights.
  const std::vector<double> e = products(*make_map("exp", kWidth, kWidth)),
                            h = products(*make_map("hedgehog", kWidth, kWidth));
  for (int64 j = 0; j < 4; ++j) {
    double sum_exp = 0, sum_cosh = 0;
    for (int64 d = 0; d < kWidth; ++d) {
      const double s = queries().at({0, 0, j, d}) + keys().at({0, 0, j, d});
      sum_exp += std::exp(s), sum_cosh += 2 * std::cosh(s);
    }
    CHECK(std::abs(e[static_cast<std::size_t>(j)] - sum_exp) <= 1e-13);
    CHECK(std::abs(h[static_cast<std::size_t>(j)] - sum_cosh) <= 1e-13);
  }
}

TEST_CASE("elementwise maps have the values of their formulas") {
  const Var x(reshape(tensor({-2, -0.5, 0, 3}, {4}, DType::f64), {1, 1, 1, 4}));
  const std::pair<const char*, double (*)(double)> maps[] = {
      {"elu1", [](double v) { return v > 0 ? v + 1 : std::exp(v); }},
      {"exp", [](double v) { return std::exp(v); }},
      {"identity", [](double v) { return v; }},
      {"relu", [](double v) { return std::max(v, 0.0); }},
      {"softplus", [](double v) { return std::log1p(std::exp(v)); }},
      {"squared_relu", [](double v) { return v > 0 ? v * v : 0; }}};
  for (const auto& map : maps) {
    INFO(map.first);
    const Tensor y = true_features(*make_map(map.first, 4, 4), x, Side::query).value();
    for (int64 i = 0; i < 4; ++i)
      CHECK(std::abs(y.at({0, 0, 0, i}) - map.second(x.value().at({0, 0, 0, i}))) <= 1e-13);
  }
}

TEST_CASE("gradients of every map, by its input and its parameters, at orders 1 and 2") {
  for (const FeatureMapDef* def : feature_maps()) {
    INFO(std::string(def->name));
    const bool random = def->stochastic;
    const auto map =
        make_map(def->name, 3, 3, random ? map_options({"features=4"}) : map_options({}));
    const std::vector<Parameter*> slots = map->parameters();
    Rng rng(4);
    std::vector<Tensor> in{normal(rng, {1, 2, 2, 3}, 0, 1, DType::f64)};
    for (const Parameter* slot : slots)
      in.push_back(add(slot->value(), normal(rng, slot->shape(), 0, 0.3, DType::f64)));
    for (const Side side : {Side::query, Side::key}) {
      const VarFunction f = [&](std::span<const Var> v) {
        std::vector<Var> before;
        for (std::size_t i = 0; i < slots.size(); ++i)
          before.push_back(slots[i]->exchange(v[i + 1]));
        const Var y = true_features(*map, v[0], side);
        for (std::size_t i = 0; i < slots.size(); ++i) slots[i]->exchange(before[i]);
        return y;
      };
      for (const int order : {1, 2}) {
        // Straight pieces: their second derivative is 0, and that is checked.
        const bool straight =
            def->name == "identity" || def->name == "relu" || def->name == "favor_relu";
        const GradcheckReport r = gradcheck(
            f, in, {.order = order, .weak = straight && order == 2 ? Weak::allow : Weak::refuse});
        INFO(r.text());
        CHECK(r.passed());
        CHECK(r.elements >= 12);
      }
    }
  }
}

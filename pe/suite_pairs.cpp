#include "pe/suite_pairs.h"

#include <cmath>
#include <numbers>

#include "tensor/elementwise.h"
#include "tensor/text.h"

namespace gradus::suite {

Finding prove_pairs(const SuiteSubject& s, const Options& options, PairTerm term) {
  constexpr std::size_t heads = 2, size = 8, pairs = size / 2;
  Worst worst;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Rng rng = Rng(seed).stream("pairs");
    const Numbers f = uniform(rng, {heads * pairs}, 0.05, 2, DType::f64).to_vector<double>();
    Options with = options;
    with.set("frequencies", OptionValue(f));
    const auto e = s.with(with)(Build("pe", Rng(1), DType::f64), {heads * size, heads});
    const Tensor q = random_normal(seed, {heads, size}), k = random_normal(seed + 9, {heads, size});
    const double p_m = 40 * uniform_number(rng) - 20, p_n = 40 * uniform_number(rng) - 20;
    const Numbers x = q.to_vector<double>(), y = k.to_vector<double>();
    Numbers expected(heads, 0.0);
    for (std::size_t i = 0; i < heads * pairs; ++i)
      expected[i / pairs] += term(x[2 * i], x[2 * i + 1], y[2 * i], y[2 * i + 1],
                                  f[i] * (p_m - p_n), f[i] * (p_m + p_n));
    worst.include(raw_scores(*e, q, k, {p_m}, {p_n}), expected);
  }
  return worst.within(1e-12);
}

double angle_score(const SuiteSubject& s, const Options& options, AngleFrequencies frequencies,
                   double f, const Angles& a) {
  Options with = options;
  with.set("frequencies",
           OptionValue(Numbers(frequencies == AngleFrequencies::of_pairs ? 1 : 2, f)));
  const auto e = s.with(with)(Build("pe", Rng(1), DType::f64), {2, 1});
  const auto unit = [](double angle) {
    return from_values(Numbers{std::cos(angle), std::sin(angle)}, {1, 2});
  };
  return raw_scores(*e, unit(a.content_q), unit(a.content_k), {a.context_q / f},
                    {a.context_k / f})[0];
}

Finding prove_angles(const SuiteSubject& s, const Options& options, AngleFrequencies frequencies,
                     double (*expected)(const Angles&)) {
  Rng rng = Rng(6).stream("angles");
  const auto angle = [&rng] { return std::numbers::pi * (2 * uniform_number(rng) - 1); };
  Worst worst;
  for (int trial = 0; trial < 10; ++trial) {
    const double f = 0.1 + uniform_number(rng);
    const Angles a{angle(), angle(), angle(), angle()};
    worst.include(angle_score(s, options, frequencies, f, a), expected(a));
  }
  return worst.within(1e-12);
}

Finding prove_golden(const SuiteSubject& s, std::initializer_list<GoldenPair> pairs) {
  const Tensor q = from_values(Numbers{0.5, -1, 2, 0.25}, {1, 4}),
               k = from_values(Numbers{1.5, 0.75, -0.5, 1}, {1, 4});
  Worst worst;
  for (const GoldenPair& pair : pairs) {
    const auto e = build_variant(s, pair.settings, {4, 1});
    const std::vector<std::string> words(pair.settings.begin(), pair.settings.end());
    const std::string what = join(words, " ");
    worst.include(raw_scores(*e, q, k, {2}, {5}), {pair.score}, what);
    if (pair.q.empty()) continue;
    Pass pass = Pass::eval();
    const auto at = [](const Tensor& x) {
      return Var(contiguous(broadcast_to(reshape(x, {1, 1, 1, 4}), {1, 1, 2, 4})));
    };
    const QueryKey t = e->transform(at(q), at(k), labels_of(*e, {2, 5}), pass);
    worst.include(select(t.q.value(), 2, 0).to_vector<double>(), pair.q, what + ", query");
    worst.include(select(t.k.value(), 2, 1).to_vector<double>(), pair.k, what + ", key");
  }
  return worst.within(1e-9);
}

}  // namespace gradus::suite

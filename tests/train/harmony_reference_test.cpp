// The measures of a harmonization against their definitions in plain loops, on random rolls.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "tensor/random.h"
#include "train/harmony_metrics.h"

using namespace gradus;
using doctest::Approx;

namespace {

constexpr HarmonyGrid kSixteenthGrid{4, Ssmd::code, 100};

/// Random onsets and sustain, not as notes would have them: sustain without onset and the reverse.
Roll random_roll(const Rng& rng, int64 steps, int64 pitches, double density, int lowest) {
  const auto draw = [&](const char* name) {
    Rng stream = rng.stream(name);
    const std::vector<double> u =
        uniform(stream, {steps, pitches}, 0, 1, DType::f64).to_vector<double>();
    std::vector<std::uint8_t> bits;
    for (double v : u) bits.push_back(v < density);
    return from_values(bits, {steps, pitches});
  };
  return {draw("onset"), draw("sustain"), lowest};
}

bool on(const Tensor& t, int64 step, int64 pitch) { return t.at({step, pitch}) != 0; }

/// The definitions again, one loop each, without blocks, unit rows or matrix products.
struct Plain {
  const Roll &p, &t;
  HarmonyGrid grid;
  int64 steps() const { return t.onset.size(0); }

  using Cell = std::function<bool(const Roll&, int64, int64)>;
  static bool struck(const Roll& r, int64 s, int64 k) { return on(r.onset, s, k); }
  static bool sounds(const Roll& r, int64 s, int64 k) {
    return on(r.onset, s, k) || on(r.sustain, s, k);
  }
  std::vector<double> chroma(const Roll& r, const Cell& cell, int64 begin, int64 length) const {
    std::vector<double> u(12, 0.0);
    for (int64 s = begin; s < std::min(begin + length, steps()); ++s)
      for (int64 k = 0; k < r.onset.size(1); ++k)
        if (cell(r, s, k)) u[static_cast<std::size_t>((r.lowest + k) % 12)] += 1;
    return u;
  }
  static double cosine(const std::vector<double>& a, const std::vector<double>& b) {
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
      ab += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
    return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
  }
  double cs() const {
    double sum = 0;
    int64 n = 0;
    const int64 half = 2 * grid.steps_per_quarter;
    for (int64 s = 0; s < steps(); s += half, ++n)
      sum += cosine(chroma(p, struck, s, half), chroma(t, struck, s, half));
    return 100 * sum / static_cast<double>(n);
  }
  double ssmd() const {
    const bool code = grid.ssmd == Ssmd::code;
    const int64 length =
        code ? std::max(grid.steps_per_quarter / 8, 1) : 2 * grid.steps_per_quarter;
    const Cell cell = code ? sounds : struck;
    std::vector<std::vector<double>> vp, vt;
    for (int64 s = 0; s < steps(); s += length) {
      vp.push_back(chroma(p, cell, s, length));
      vt.push_back(chroma(t, cell, s, length));
    }
    double sum = 0;
    for (std::size_t i = 0; i < vt.size(); ++i)
      for (std::size_t j = 0; j < vt.size(); ++j)
        sum += std::abs(cosine(vt[i], vt[j]) - cosine(vp[i], vp[j]));
    return grid.ssmd_scale * sum / static_cast<double>(vt.size() * vt.size());
  }
  int64 count(const Roll& r, const Cell& cell, int64 begin, int64 length) const {
    int64 n = 0;
    for (int64 s = begin; s < std::min(begin + length, steps()); ++s)
      for (int64 k = 0; k < r.onset.size(1); ++k) n += cell(r, s, k);
    return n;
  }
  double gs() const {
    double different = 0, n = 0;
    const int64 quarter = grid.steps_per_quarter;
    for (int64 s = 0; s < steps(); s += quarter, ++n)
      different += (count(p, struck, s, quarter) > 0) != (count(t, struck, s, quarter) > 0);
    return 100 * (1 - different / n);
  }
  NoteDensityDistance ndd() const {
    double missing = 0, two_sided = 0, n = 0;
    const int64 sixteenth = grid.steps_per_quarter / 4;
    for (int64 s = 0; s < steps(); s += sixteenth, ++n) {
      const auto np = static_cast<double>(count(p, sounds, s, sixteenth));
      const auto nt = static_cast<double>(count(t, sounds, s, sixteenth));
      if (nt == 0) continue;
      if (np < nt) missing += (nt - np) / nt;
      two_sided += std::abs(nt - np) / nt;
    }
    return {100 * missing / n, 100 * two_sided / n};
  }
};

}  // namespace

TEST_CASE("plain loops give the same numbers on random rolls of every grid and definition") {
  const Rng rng(7);
  int trial = 0;
  for (const int quarter : {4, 8, 16, 24})
    for (const int64 steps : {int64{1}, int64{quarter - 1}, int64{6 * quarter + 1}})
      for (const double density : {0.01, 0.3})
        for (const Ssmd ssmd : {Ssmd::code, Ssmd::text}) {
          const Rng r = rng.stream("trial " + std::to_string(trial++));
          const Roll target = random_roll(r.stream("t"), steps, 14, density, 50);
          const Roll predicted = random_roll(r.stream("p"), steps, 17, density, 45);
          const HarmonyGrid grid{quarter, ssmd, 50};
          const Plain plain{predicted, target, grid};
          CAPTURE(quarter);
          CAPTURE(steps);
          const HarmonyScore s = harmony_score(predicted, target, grid);
          CHECK(s.cs == Approx(plain.cs()));
          CHECK(s.ssmd == Approx(plain.ssmd()));
          CHECK(s.gs == Approx(plain.gs()));
          CHECK(s.ndd.missing == Approx(plain.ndd().missing));
          CHECK(s.ndd.two_sided == Approx(plain.ndd().two_sided));
        }
}

TEST_CASE("a window of 16 bars goes through many blocks of the similarity matrix") {
  const Rng rng(3);
  const Roll target = random_roll(rng.stream("t"), 4 * 65, 5, 0.2, 60);
  const Roll predicted = random_roll(rng.stream("p"), 4 * 65, 5, 0.1, 60);
  CHECK(ssm_distance(predicted, target, kSixteenthGrid) ==
        Approx(Plain{predicted, target, kSixteenthGrid}.ssmd()));
}

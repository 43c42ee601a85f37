// One encoding seen as a kernel: the score of a pair, of all pairs, and the closed form.
#include "pe/kernel_view.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/backward.h"
#include "tensor/elementwise.h"
#include "tests/error_text.h"

using namespace gradus;

namespace {

const std::vector<double> kQ{.5, -1, 2, .25}, kK{1.5, .75, -.5, 1};

KernelView view_of(std::string_view name, std::vector<std::string> set, int64 label_width = 0) {
  return KernelView(find_encoding(name), {.set = std::move(set), .label_width = label_width});
}

double score(const KernelView& v, const std::vector<double>& p_m, const std::vector<double>& p_n) {
  return v.pair(Var(from_values(kQ, {4})), Var(from_values(kK, {4})), p_m, p_n).a.item();
}

}  // namespace

TEST_CASE("the pair of SPEC 4.7") {
  const struct {
    const char* name;
    std::vector<std::string> set;
    double a;
  } cases[] = {{"rope", {"frequencies=1,.1"}, -1.6090828211},
               {"ropepool", {"frequencies=1,.1"}, -0.8429359671},
               {"ropepool", {"frequencies=1,.1", "pool=cross_pair"}, -0.2979161285},
               {"ropepool", {"frequencies=1,.1", "pool=total"}, -1.4903062425},
               {"f_stripe1",
                {"frequencies=1,.5,.1,.01", "parametrisation=free", "pooled=false"},
                -1.5009962544},
               {"f_stripe1", {"frequencies=1,.5,.1,.01", "parametrisation=free"}, 0.5438671498},
               {"none", {}, -0.75}};
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(score(view_of(c.name, c.set), {2}, {5}) == doctest::Approx(c.a).epsilon(1e-9));
  }
}

TEST_CASE("a bias enters as sqrt(d) times what the scaled score gets") {
  const KernelView alibi = view_of("alibi", {});
  CHECK(score(alibi, {5}, {2}) == doctest::Approx(-0.75 - 2 * 3 / 256.0).epsilon(1e-12));
}

TEST_CASE("labels of several numbers, a vector of frequencies a pair") {
  const KernelView v = view_of("rope", {"frequencies=1:.2,.1:-.3"}, 2);
  CHECK(v.label_width() == 2);
  const double d1 = 1 * -1 + .2 * 4, d2 = .1 * -1 - .3 * 4;  // (1, 3) - (2, -1)
  const double a = (.75 - .75) * std::cos(d1) + (.375 + 1.5) * std::sin(d1) +
                   (-1 + .25) * std::cos(d2) + (2 + .125) * std::sin(d2);
  CHECK(score(v, {1, 3}, {2, -1}) == doctest::Approx(a).epsilon(1e-12));
}

TEST_CASE("one pair, all pairs and the closed form agree, for every encoding that has one") {
  int closed_forms = 0;
  for (const EncodingDef* def : encodings()) {
    CAPTURE(def->name);
    const KernelView v(*def, {.head_dim = 4, .set = {}, .seed = 3});
    const std::vector<double> p_m(static_cast<std::size_t>(v.label_width()), 3.0),
        p_n(p_m.size(), 1.0);
    const double a = score(v, p_m, p_n);
    CHECK(std::isfinite(a));
    if (v.encoding().traits().stochastic) continue;
    const int64 n = 4;
    std::vector<double> labels;
    for (int i = 0; i < n; ++i) labels.insert(labels.end(), p_m.size(), double(i));
    const auto rows = [&](const std::vector<double>& x) {
      return contiguous(broadcast_to(from_values(x, {1, 1, 4}), {1, n, 4}));
    };
    const Tensor all =
        v.scores(rows(kQ), rows(kK), from_values(labels, {n, static_cast<int64>(p_m.size())}));
    CHECK(all.shape() == Shape{1, n, n});
    const auto closed = v.interaction(p_m, p_n);
    // Without a closed form, a score may depend on the tokens between.
    if (!closed) continue;
    ++closed_forms;
    CHECK(all.at({0, 3, 1}) == doctest::Approx(a).epsilon(1e-10));
    double sum = closed->gamma.defined() ? closed->gamma.at({0}) : 0;
    for (int i = 0; i < 4; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (closed->alpha.defined()) sum += closed->alpha.at({0, i}) * kQ[at];
      if (closed->beta.defined()) sum += closed->beta.at({0, i}) * kK[at];
      for (int j = 0; j < 4; ++j)
        sum += closed->g.at({0, i, j}) * kQ[at] * kK[static_cast<std::size_t>(j)];
    }
    CHECK(sum == doctest::Approx(a).epsilon(1e-10));
  }
  CHECK(closed_forms >= 12);
}

TEST_CASE("every encoding of frequencies takes one a pair, and differentiates by them") {
  // Not kQ: there q1 k1 + q2 k2 = 0, so that f1 moves nothing where both meet one cosine.
  const Var q(from_values(std::vector<double>{.6, -1, 2, .25}, {4})), k(from_values(kK, {4}));
  std::string without;
  int with = 0;
  for (const EncodingDef* def : encodings()) {
    CAPTURE(def->name);
    try {
      const KernelView v(*def, {.set = {"frequencies=1,.1"}, .label_width = 1, .seed = 3});
      ++with;
      REQUIRE(v.frequencies().shape() == Shape{2, 1});
      const Var f = leaf(v.frequencies());
      v.use_frequencies(f);
      const Var a = v.pair(q, k, {2}, {5}).a;
      const Tensor g = grad(a, {f})[0].value();
      for (int64 i = 0; i < 2; ++i) {
        const auto at = [&](double away) {
          std::vector<double> moved{1, .1};
          moved[static_cast<std::size_t>(i)] += away;
          v.use_frequencies(Var(from_values(moved, {2, 1})));
          return v.pair(q, k, {2}, {5}).a.item();
        };
        const double numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
        CHECK(g.at({i, 0}) == doctest::Approx(numeric).epsilon(1e-6));
        CHECK(std::abs(numeric) > 1e-9);
      }
    } catch (const ConfigError& e) {
      CHECK(std::string(e.what()).find(" has no frequencies f") != std::string::npos);
      without += std::string(def->name) + " ";
    }
  }
  CHECK(with >= 18);
  CHECK(without ==
        "alibi conv_spe cope cosformer deberta fire kerple learned music_transformer none "
        "permuteformer shaw t5 toeplitz ");
}

TEST_CASE("an encoding's own frequencies, put in their place, change nothing") {
  for (const EncodingDef* def : encodings())
    for (const char* method : {"linear", "ntk", "yarn"}) {
      const bool scaled = def->name == "rope_scaled";
      if (!scaled && std::string_view(method) != "ntk") continue;
      CAPTURE(def->name);
      CAPTURE(method);
      std::vector<std::string> set;
      if (scaled) set = {std::string("method=") + method, "scale=3", "original_length=40"};
      const KernelView v(*def, {.set = set, .label_width = 1, .seed = 3});
      if (!v.frequencies().defined()) continue;
      const double before = score(v, {7}, {5});
      v.use_frequencies(Var(v.frequencies()));
      CHECK(score(v, {7}, {5}) == doctest::Approx(before).epsilon(1e-12));
    }
}

TEST_CASE("fewer frequencies than an encoding has are each for as many in turn") {
  const KernelView two = view_of("f_stripe1", {"frequencies=1,.1"}),
                   four = view_of("f_stripe1", {"frequencies=1,1,.1,.1"});
  CHECK(score(two, {2}, {5}) == score(four, {2}, {5}));
  const KernelView both =
      view_of("f_stripe", {"frequencies=1,2,1,2,.1,.2,.1,.2", "sines=2", "gains=false"});
  CHECK(both.frequencies().shape() == Shape{8, 1});
}

TEST_CASE("of several tracks some are enough") {
  for (const char* name : {"s_ape", "s_rpe", "ns_rpe"}) {
    const KernelView v = view_of(name, {}, 1);
    CHECK(v.label_width() == 1);
    CHECK(v.notes()[0].find("--set tracks=... names others") != std::string::npos);
    CHECK(std::isfinite(score(v, {2}, {5})));
  }
  CHECK(view_of("s_ape", {}, 2).encoding().tracks() == std::vector<std::string>{"chord", "tempo"});
}

TEST_CASE("a wrapper takes the options of what it wraps") {
  CHECK(view_of("gated", {"sines=1", "realizations=3"}).encoding().transformed_width(4) == 3);
  CHECK(view_of("randomized", {"wraps=alibi", "range=64"}).frequencies().defined() == false);
}

TEST_CASE("a code that is added has the closed form (q + e(p_m)) . (k + e(p_n))") {
  const KernelView v = view_of("sinusoidal", {"frequencies=1,.1"});
  const auto closed = v.interaction({2}, {5});
  REQUIRE(closed);
  CHECK(closed->alpha.at({0, 0}) == doctest::Approx(std::sin(5)));
  CHECK(closed->beta.at({0, 3}) == doctest::Approx(std::cos(.2)));
  CHECK(closed->gamma.at({0}) == doctest::Approx(std::cos(3) + std::cos(.3)));
}

TEST_CASE("a setting may be a parameter by its name") {
  const KernelView v = view_of("t5", {"table=3"});
  CHECK(score(v, {5}, {2}) == doctest::Approx(-0.75 + 2 * 3).epsilon(1e-12));
}

TEST_CASE("wrong settings and labels are one clear message") {
  const auto text = [](std::string_view name, std::vector<std::string> set, int64 width = 0) {
    return testing::message<ConfigError>([&] { (void)view_of(name, set, width); });
  };
  CHECK(text("rope", {"frequncies=1,.1"}).find("did you mean 'frequencies'?") != std::string::npos);
  CHECK(text("rope", {"frequencies=1,.1,3"}).find("3 numbers") != std::string::npos);
  CHECK(text("rope", {"frequencies"}).find("KEY=VALUE") != std::string::npos);
  CHECK(text("rope", {"frequencies=1:2,.1"}, 2).find("'.1' has 1 number") != std::string::npos);
  CHECK(text("t5", {"table=1,2"}).find("it takes 1 number or 32, got 2") != std::string::npos);
  CHECK(text("toeplitz", {}, 2).find("reads labels of 1 number (time), got 2") !=
        std::string::npos);
  CHECK(testing::message<ConfigError>([] {
          (void)score(view_of("rope", {}), {1, 2}, {3, 4});
        }).find("labels of 1 number, got 2") != std::string::npos);
  for (const char* bad : {"", "x", "1,,2", "nan", "1,inf", "1e999", "1 2"})
    CHECK(testing::message<ConfigError>([&] {
            (void)parse_numbers(bad, "--q");
          }).find("--q takes numbers") != std::string::npos);
  CHECK(parse_numbers(" .5,-1, +2e-1", "--q") == std::vector<double>{.5, -1, .2});
}

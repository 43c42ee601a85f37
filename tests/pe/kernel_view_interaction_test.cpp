// The interaction of content and context: closed form against Monte Carlo, and the anatomy that
// SPEC 4.8 derives for F-StrIPE1, RoPE and RoPEPool.
#include "pe/kernel_view_interaction.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

using namespace gradus;

namespace {

InteractionGrid grid_of(std::string_view name, std::vector<std::string> set, int64 d = 4) {
  const EncodingDef& def = find_encoding(name);
  return interaction_grid(KernelView(def, {.head_dim = d, .set = std::move(set)}), 0, 8);
}

std::set<std::string> products(const InteractionAnatomy& a, Encounter::Depends on) {
  std::set<std::string> all;
  for (const Encounter& e : a.encounters)
    if (e.on == on) all.insert(e.products);
  return all;
}

}  // namespace

TEST_CASE("closed form and Monte Carlo agree, for every encoding that has one") {
  int closed = 0;
  for (const EncodingDef* def : encodings()) {
    CAPTURE(def->name);
    const KernelView view(*def, {.head_dim = 2, .set = {}});
    const InteractionGrid g = interaction_grid(view, 0, 4, 60);
    CHECK(g.measured.shape() == Shape{5, 5, 3, 3});
    if (!g.closed) continue;
    ++closed;
    if (g.standard_error > 0) {
      CHECK(g.codes == 60);
      CHECK(g.apart_in_errors() < 2);
      CHECK(g.apart_in_errors() > 0.1);  // not the codes that were measured
    } else {
      CHECK(g.apart() < 1e-10);
      CHECK(g.not_bilinear < 1e-10);
    }
  }
  CHECK(closed >= 12);
}

TEST_CASE("F-StrIPE1: q_d k_d meets cos f_d D-, no mixed products") {
  const InteractionAnatomy a =
      interaction_anatomy(grid_of("f_stripe1", {"frequencies=1,.5,.2,.1", "pooled=false"}));
  CHECK(a.products == 4);
  CHECK(a.functions == 4);
  CHECK(a.rank == 4);
  CHECK(a.antisymmetric < 1e-20);
  CHECK(a.difference == doctest::Approx(1));
  CHECK(products(a, Encounter::Depends::difference) ==
        std::set<std::string>{"q1 k1", "q2 k2", "q3 k3", "q4 k4"});
  CHECK(a.encounters.size() == 4);
  CHECK(a.encounters[0].values[2] == doctest::Approx(std::cos(2)));
  // One frequency a pair: blind to reflection.
  CHECK(interaction_anatomy(grid_of("f_stripe1", {"frequencies=1,1,.1,.1", "pooled=false"}))
            .reflection < 1e-10);
}

TEST_CASE("RoPE: two functions of D- a pair, and all four products (14)") {
  const InteractionAnatomy a = interaction_anatomy(grid_of("rope", {"frequencies=1,.1"}));
  CHECK(a.products == 8);
  CHECK(a.functions == 4);
  CHECK(a.rank == 4);
  CHECK(a.difference == doctest::Approx(1));
  CHECK(a.antisymmetric > 0.1);
  CHECK(a.reflection < 1e-10);
  CHECK(products(a, Encounter::Depends::difference) ==
        std::set<std::string>{"q1 k1 + q2 k2", "q1 k2 - q2 k1", "q3 k3 + q4 k4", "q3 k4 - q4 k3"});
}

TEST_CASE("RoPEPool: four functions a pair, of D- and D+, rank 1 (23)") {
  const InteractionAnatomy a = interaction_anatomy(grid_of("ropepool", {"frequencies=1,.1"}));
  CHECK(a.products == 8);
  CHECK(a.functions == 8);
  CHECK(a.rank == 2);  // 1 a pair
  CHECK(a.difference < 0.7);
  CHECK(a.sum < 0.7);
  CHECK(a.together == doctest::Approx(1));
  CHECK(a.reflection > 0.5);
  CHECK(products(a, Encounter::Depends::difference) ==
        std::set<std::string>{"q1 k1 + q2 k2", "q1 k2 - q2 k1", "q3 k3 + q4 k4", "q3 k4 - q4 k3"});
  CHECK(products(a, Encounter::Depends::sum) ==
        std::set<std::string>{"q1 k1 - q2 k2", "q1 k2 + q2 k1", "q3 k3 - q4 k4", "q3 k4 + q4 k3"});
}

TEST_CASE("a factor of 1 is not written, however few or far the labels are") {
  const struct { int64 from, to; } grids[] = {{0, 4}, {0, 3}, {-3, 1}, {100, 108}};
  for (const auto& labels : grids) {
    CAPTURE(labels.from);
    CAPTURE(labels.to);
    for (int64 d : {4, 8}) {
      const KernelView view(
          find_encoding("ropepool"),
          {.head_dim = d, .set = {d == 4 ? "frequencies=1,.1" : "frequencies=1,.1,.01,.001"}});
      for (const Encounter& e :
           interaction_anatomy(interaction_grid(view, labels.from, labels.to)).encounters)
        CHECK_MESSAGE(e.products.find(" 1 ") == std::string::npos, e.products);
    }
  }
  // Others are, even those that three digits would write as 1.
  InteractionGrid g;
  g.labels = {0, 1, 2, 3}, g.d = 3;
  std::vector<double> m(4 * 4 * 4 * 4, 0.0);
  for (std::size_t cell = 0; cell < 16; ++cell) {
    const double size[] = {1, -0.5, 1.0008};
    const double lag = static_cast<double>(cell / 4) - static_cast<double>(cell % 4);
    for (std::size_t i = 0; i < 3; ++i) m[cell * 16 + i * 5] = size[i] * std::cos(lag);
  }
  g.closed = from_values(m, {4, 4, 4, 4});
  const InteractionAnatomy a = interaction_anatomy(g);
  REQUIRE(a.encounters.size() == 1);
  CHECK(a.encounters[0].products == "q1 k1 - 0.5 q2 k2 + 1.0008 q3 k3");
}

TEST_CASE("pooled F-StrIPE1 meets all products, with functions of neither difference nor sum") {
  const InteractionAnatomy a =
      interaction_anatomy(grid_of("f_stripe1", {"frequencies=1,.5,.2,.1"}));
  CHECK(a.products == 16);
  CHECK(a.rank == 2);
  CHECK(a.together < 0.9);
  CHECK(products(a, Encounter::Depends::both).size() == 12);
}

TEST_CASE("a bias by lag is a function of D- beside constant products") {
  const InteractionAnatomy a = interaction_anatomy(grid_of("alibi", {}));
  CHECK(a.single);
  CHECK(a.functions == 1);
  CHECK(products(a, Encounter::Depends::constant) ==
        std::set<std::string>{"q1 k1 + q2 k2 + q3 k3 + q4 k4"});
  CHECK(products(a, Encounter::Depends::difference) == std::set<std::string>{"1"});
  CHECK(a.reflection < 1e-10);
}

TEST_CASE("random Fourier features: the closed form is the kernel, which no draw gives") {
  const struct {
    const char* set;
    double at_4;
  } cases[] = {{"kernel=gaussian", std::exp(-0.5)},
               {"kernel=laplace", std::exp(-1)},
               {"kernel=matern", (1 + std::sqrt(3)) * std::exp(-std::sqrt(3))}};
  for (const auto& c : cases) {
    CAPTURE(c.set);
    const InteractionGrid g = grid_of("rff", {c.set, "length=4", "samples=2"});
    REQUIRE(g.closed);
    for (int64 i = 0; i < 4; ++i)
      CHECK(g.closed->at({6, 2, i, i}) == doctest::Approx(c.at_4).epsilon(1e-12));
    CHECK(g.standard_error > 1e-3);
    CHECK(g.apart_in_errors() > 0.1);
    CHECK(g.apart_in_errors() < 2);
    CHECK(interaction_anatomy(g).functions == 1);
  }
  // Lengths far from the labels, where the factors of a smooth kernel leave the range of numbers.
  for (const auto& [length, kappa] : {std::pair<const char*, double>{"1e12", 1}, {"1e-6", 0}}) {
    const InteractionGrid g =
        grid_of("rff", {"kernel=matern", "smoothness=50", std::string("length=") + length});
    CHECK(g.closed->at({4, 4, 0, 0}) == 1);
    CHECK(g.closed->at({8, 0, 0, 0}) == kappa);
  }
  // Frequencies that are given are not drawn, and each coordinate keeps its own.
  const InteractionGrid g = grid_of("rff", {"frequencies=1,.1"});
  CHECK(g.standard_error == 0);
  CHECK(g.apart() < 1e-12);
  CHECK(interaction_anatomy(g).functions == 2);
}

TEST_CASE("contextual scores are not bilinear, and it is seen") {
  CHECK(grid_of("cope", {}).not_bilinear > 0.01);
  CHECK(grid_of("none", {}).not_bilinear < 1e-10);
}

TEST_CASE("scores without position: one constant, odd heads, two labels") {
  const EncodingDef& none = find_encoding("none");
  const InteractionAnatomy a =
      interaction_anatomy(interaction_grid(KernelView(none, {.head_dim = 3, .set = {}}), 4, 5));
  CHECK(a.products == 3);
  CHECK(a.constant == doctest::Approx(1));
  CHECK(std::isnan(a.difference));
  CHECK(a.encounters.size() == 1);
}

// RoPE at labels up to 10^4, with vectors, after the feature map, and what it refuses.
#include <doctest/doctest.h>

#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr int64 kTokens = 7;

Tensor random(std::uint64_t seed, const Shape& shape, DType dtype = DType::f64) {
  Rng rng(seed);
  return normal(rng, shape, 0, 1, dtype);
}

/// Largest |change| of the scores over the sum of their terms, between two sets of labels.
double relative_change(const PositionalEncoding& e, const Tensor& q, const Tensor& k,
                       const Positions& before, const Positions& after) {
  const QueryKey a = transformed(e, q, k, before), b = transformed(e, q, k, after);
  const auto product = [](const QueryKey& t) {
    return matmul(t.q.value(), transpose(t.k.value()));
  };
  const Tensor terms = matmul(abs(a.q.value()), transpose(abs(a.k.value())));
  return max(div(abs(sub(product(a), product(b))), terms)).item();
}

}  // namespace

TEST_CASE("scores depend on label differences only, up to 10^4 and beyond") {
  const Tensor q = random(1, {1, 2, kTokens, 8}), k = random(2, {1, 2, kTokens, 8});
  Rng rng(3);
  for (std::initializer_list<const char*> settings :
       {std::initializer_list<const char*>{}, {"variant=B"}, {"variant=C", "pairing=half"}}) {
    const auto e = encoding("rope", {16, 2}, settings);
    const auto p = uniform(rng, {kTokens}, 0, 100, DType::f64).to_vector<double>();
    for (double shift : {1.0, 123.0, 1e4, -1e4, 1e6}) {
      std::vector<double> moved = p;
      for (double& x : moved) x += shift;
      CAPTURE(shift);
      CHECK(relative_change(*e, q, k, labels(*e, p), labels(*e, moved)) <= 1e-10);
    }
  }
}

TEST_CASE("vector labels: relative in every component") {
  const auto e = encoding("rope", {16, 2}, {"tracks=chroma", "width=12"});
  const Tensor q = random(1, {1, 2, kTokens, 8}), k = random(2, {1, 2, kTokens, 8});
  Rng rng(4);
  const auto p = uniform(rng, {kTokens * 12}, -3, 3, DType::f64).to_vector<double>();
  std::vector<double> moved = p, other = p;
  for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += i % 12 < 6 ? 1e3 : -417;
  CHECK(relative_change(*e, q, k, labels(*e, p, 12), labels(*e, moved, 12)) <= 1e-10);
  // One component of one token counts.
  other[5] += 1;
  CHECK(relative_change(*e, q, k, labels(*e, p, 12), labels(*e, other, 12)) > 1e-3);
}

TEST_CASE("a chroma vector is more than its number of bits") {
  // Two chords of three notes each: a single number for all bits could not tell them apart.
  const auto e = encoding("rope", {8, 1}, {"tracks=chroma", "width=12"});
  std::vector<double> bits(24, 0.0);
  for (std::size_t i : {0u, 4u, 7u, 12u + 2u, 12u + 5u, 12u + 9u}) bits[i] = 1;
  const Tensor q = broadcast_to(random(5, {1, 1, 1, 8}), {1, 1, 2, 8});
  const Tensor t = transformed(*e, q, q, labels(*e, bits, 12)).q.value();
  CHECK(max_difference(slice(t, 2, 0, 1), slice(t, 2, 1, 2)) > 0.1);
}

TEST_CASE("norms are kept, R(0) = 1 and R(a) R(b) = R(a + b)") {
  for (const char* pairing : {"pairing=interleaved", "pairing=half"}) {
    const auto e = encoding("rope", {8, 1}, {pairing});
    const Tensor x = random(6, {1, 1, 3, 8});
    const auto turn = [&](const Tensor& t, double a) {
      return transformed(*e, t, t, labels(*e, {a, 2 * a, -a})).q.value();
    };
    CHECK(same_bits(turn(x, 0), x));
    CHECK(max_difference(turn(turn(x, 2.5), 1e4), turn(x, 1e4 + 2.5)) <= 1e-11);
    CHECK(max_difference(turn(turn(x, 77), -77), x) <= 1e-13);
    CHECK(max_difference(norm(turn(x, 1e4), {-1}), norm(x, {-1})) <= 1e-13);
  }
}

TEST_CASE("the rotation of f32 is that of f64, at any label") {
  const auto narrow = encoding("rope", {8, 1}, {}, 1, DType::f32),
             wide = encoding("rope", {8, 1}, {});
  const Tensor x = random(7, {1, 1, 3, 8}, DType::f32);
  const std::vector<double> p{1e4, 123456.75, 1e6};
  const Tensor a = transformed(*narrow, x, x, labels(*narrow, p)).q.value();
  const Tensor b =
      transformed(*wide, cast(x, DType::f64), cast(x, DType::f64), labels(*wide, p)).q.value();
  CHECK(a.dtype() == DType::f32);
  CHECK(max_difference(cast(a, DType::f64), b) <= 2e-6);
}

TEST_CASE("stage = after turns features, and q and k stay") {
  const auto e = encoding("rope", {8, 2}, {"stage=after", "features=6", "frequencies=1,0.5,0.1"});
  CHECK(e->traits().hooks == unsigned{kTransformFeatures});
  CHECK(e->traits().normaliser == Normaliser::unrotated);
  CHECK(e->transformed_features(6) == 6);
  Pass pass = Pass::eval();
  const Var q(random(8, {1, 2, 3, 4})), f(random(9, {1, 2, 3, 6}));
  const Positions p = labels(*e, {0, 1, 5});
  CHECK(e->transform(q, q, p, pass).q == q);
  const QueryKey turned = e->transform_features(f, f, p, pass);
  CHECK(turned.q.shape() == f.shape());
  CHECK(max_difference(norm(turned.q.value(), {-1}), norm(f.value(), {-1})) <= 1e-14);
  const auto closed = e->interaction(tensor({3}, {1}, DType::f64), tensor({1}, {1}, DType::f64));
  REQUIRE(closed);
  CHECK(closed->space == Interaction::Space::feature);
  CHECK(closed->g.shape() == Shape{2, 6, 6});
  CHECK(closed->g.at({1, 2, 3}) == doctest::Approx(std::sin(0.5 * 2)));
  CHECK(has(message([&] { (void)e->transformed_features(8); }),
            "was built for 6 features, the feature map gives 8; set the option features = 8"));
}

TEST_CASE("what is learned, drawn and derived") {
  CHECK(encoding("rope", {8, 2}, {"variant=B"})->state().empty());
  const auto drawn = encoding("rope", {8, 2}, {"tracks=chroma", "width=12"});
  CHECK(drawn->parameter_count() == 0);
  CHECK(drawn->state().at("pe/frequencies").shape() == Shape{1, 2, 12});
  // Angles need f64: what is drawn stays as it is, so that a state fits before and after.
  const auto narrow = encoding("rope", {8, 2}, {"tracks=chroma", "width=12"}, 1, DType::f32);
  const StateDict before = narrow->state();
  for (DType t : {DType::f32, DType::f64, DType::f32}) {
    narrow->to(t);
    CHECK(same_bits(narrow->state().at("pe/frequencies"), before.at("pe/frequencies")));
    narrow->load(before);
  }
  const auto learned = encoding("rope", {8, 2}, {"variant=C", "tracks=chroma", "width=12"});
  CHECK(learned->parameter_count() == 2 * 2 * 12);
  CHECK(!same_bits(learned->parameters()[0]->value(),
                   encoding("rope", {8, 2}, {"variant=C", "tracks=chroma", "width=12"}, 2)
                       ->parameters()[0]
                       ->value()));
}

TEST_CASE("sizes and labels that do not fit") {
  CHECK(message([] {
          encoding("rope", {10, 2}, {});
        }) ==
        "rope rotates pairs: head size must be even, got 5; make it 4 or 6, or take an encoding "
        "that does not pair (none, alibi, f_stripe1)");
  CHECK(has(message([] { encoding("ropepool", {3, 1}, {}); }), "head size must be even, got 3"));
  CHECK(has(message([] {
              encoding("rope", {8, 2}, {"stage=after", "features=7"});
            }),
            "features must be even, got 7"));
  CHECK(has(message([] { encoding("rope", {8, 2}, {"features=4"}); }), "goes with stage = after"));
  CHECK(has(message([] { encoding("rope", {10, 3}, {}); }), "does not divide into 3 heads"));
  CHECK(has(message([] {
              encoding("rope", {8, 2}, {"frequencies=1,2,3"});
            }),
            "option 'frequencies' has 3 numbers; 2 frequencies of 1 number make 2"));
  CHECK(has(message([] { encoding("rope", {8, 2}, {"width=0"}); }), "'width'"));

  const auto e = encoding("rope", {8, 2}, {"tracks=chroma"});
  const Tensor x = random(1, {1, 2, 3, 4});
  CHECK(message([&] { transformed(*e, x, x, labels(*e, std::vector<double>(36), 12)); }) ==
        "rope was built for labels of 1 number, 'chroma' has 12; set its option width = 12");
  CHECK(has(message([&] { transformed(*e, x, x, time_positions(3)); }),
            "reads the label 'chroma', which these positions do not have; they have time"));
  const auto t = encoding("rope", {8, 2}, {});
  CHECK(has(message([&] { transformed(*t, x, x, time_positions(4)); }), "(1, 2, 4, 4)"));
  CHECK(has(message([&] {
              transformed(*t, random(1, {1, 2, 3, 6}), x, time_positions(3));
            }),
            "the queries are (1, 2, 3, 6)"));
}

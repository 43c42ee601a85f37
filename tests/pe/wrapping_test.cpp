// Encodings around others: whose each option is, wrappers in wrappers, and what cannot stand
// inside.
#include "pe/wrapping.h"

#include <doctest/doctest.h>

#include "pe/kernel_view.h"
#include "pe/suite.h"
#include "tests/error_text.h"
#include "tests/pe/encode.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

Options options(std::initializer_list<const char*> settings) {
  Options o("pe");
  for (const char* s : settings) o.set(s);
  return o;
}

std::vector<std::string> names(const char* def, std::initializer_list<const char*> settings) {
  std::vector<std::string> list;
  for (const NamedOption& o : options_of(find_encoding(def), options(settings)))
    list.push_back(o.name);
  return list;
}

bool holds(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::string refusal(const char* def, std::initializer_list<const char*> settings) {
  return message<ConfigError>([&] { encoding(def, {8, 2}, settings); });
}

/// Of every parameter and buffer.
bool same_state(const PositionalEncoding& a, const PositionalEncoding& b) {
  const StateDict x = a.state(), y = b.state();
  if (x.size() != y.size()) return false;
  for (const auto& [path, value] : x)
    if (y.count(path) == 0 || !same_bits(value, y.at(path))) return false;
  return true;
}

}  // namespace

TEST_CASE("an encoding's options are its own and those of what it wraps") {
  CHECK(names("rope", {}).size() == find_encoding("rope").options.size());
  const auto gated = names("gated", {});
  CHECK(gated.front() == "wraps");
  CHECK(holds(gated, "realizations"));
  CHECK(!holds(gated, "kernel"));
  CHECK(holds(names("gated", {"wraps=conv_spe"}), "kernel"));
  const auto nested = names("randomized", {"wraps=gated", "inside.wraps=conv_spe"});
  for (const char* name : {"wraps", "range", "inside.wraps", "kernel"}) CHECK(holds(nested, name));
  CHECK(!holds(nested, "inside.kernel"));
  CHECK(!holds(nested, "sines"));
  CHECK(holds(names("randomized", {"wraps=randomized"}), "inside.range"));
}

TEST_CASE("randomized around gated around another: each takes its own") {
  const auto e =
      encoding("randomized", {8, 2},
               {"wraps=gated", "inside.wraps=conv_spe", "range=50", "kernel=3", "realizations=5"});
  CHECK(e->transformed_width(4) == 5);
  const StateDict state = e->state();
  CHECK(state.at("pe/inside/inside/query_filter").shape() == Shape{2, 4, 3});
  CHECK(state.at("pe/inside/noise").shape() == Shape{2, 4, 5});
  CHECK(state.count("pe/draw") == 1);
  // Around its default, of one sine.
  const auto sine = encoding("randomized", {8, 2}, {"wraps=gated", "sines=1", "realizations=5"});
  CHECK(sine->state().at("pe/inside/inside/phases").shape() == Shape{2, 1, 4});
}

TEST_CASE("inside.NAME is NAME where the wrapper has no such option") {
  const auto plain = encoding("gated", {8, 2}, {"sines=2", "realizations=3"});
  const auto prefixed = encoding("gated", {8, 2}, {"inside.sines=2", "inside.realizations=3"});
  CHECK(same_state(*plain, *prefixed));
  const auto deep = encoding("randomized", {8, 2}, {"wraps=gated", "inside.inside.sines=2"}),
             half = encoding("randomized", {8, 2}, {"wraps=gated", "inside.sines=2"}),
             flat = encoding("randomized", {8, 2}, {"wraps=gated", "sines=2"});
  CHECK(same_state(*deep, *flat));
  CHECK(same_state(*half, *flat));
}

TEST_CASE("the kernel view takes the options of what is inside") {
  const KernelView view(find_encoding("randomized"),
                        {.head_dim = 4,
                         .set = {"wraps=gated", "inside.wraps=conv_spe", "kernel=3",
                                 "inside.realizations=5", "inside/gate=-100"}});
  CHECK(view.encoding().transformed_width(4) == 5);
  CHECK(view.encoding().state().at("pe/inside/gate").at({0, 0, 3}) == -100);
  CHECK(has(message<ConfigError>(
                [] { KernelView(find_encoding("gated"), {.head_dim = 4, .set = {"kernel=3"}}); }),
            "gated has no option and no parameter 'kernel'"));
}

TEST_CASE("an option that nobody takes, or that is given twice, is refused") {
  CHECK(has(refusal("gated", {"sine=2"}), "pe 'gated': option 'sine' is unknown; it takes "));
  CHECK(has(refusal("gated", {"sine=2"}), "did you mean 'sines'?"));
  CHECK(has(refusal("gated", {"inside.sine=2"}), "did you mean 'sines'?"));
  CHECK(has(refusal("gated", {"wraps=conv_spe", "sines=2"}), "option 'sines' is unknown"));
  CHECK(has(refusal("gated", {"sines=2", "inside.sines=3"}),
            "pe 'gated': option 'sines' is given twice, 'inside.sines' is the same"));
  CHECK(has(refusal("randomized", {"wraps=gated", "inside.sines=2", "inside.inside.sines=2"}),
            "option 'sines' is given twice"));
  // The range is the wrapper's alone.
  CHECK(has(refusal("randomized", {"inside.range=50"}),
            "option 'inside.range' is unknown; it takes "));
  CHECK(has(refusal("rope", {"inside.base=2"}), "option 'inside.base' is unknown"));
  CHECK(has(refusal("randomized", {"wraps=gated", "inside.wraps=rope"}),
            "option 'wraps' is one of sine_spe, conv_spe, f_stripe_sff; got 'rope'"));
}

TEST_CASE("wrappers in wrappers have the traits that they declare") {
  for (const auto& settings : {options({"wraps=gated", "realizations=16", "sines=2", "range=64"}),
                               options({"wraps=gated", "inside.wraps=conv_spe", "kernel=5",
                                        "realizations=16", "range=32"}),
                               options({"wraps=permuteformer", "range=64"}),
                               options({"wraps=permuteformer", "decay=false", "range=64"})}) {
    SuiteSubject subject = subject_of(find_encoding("randomized"), settings);
    const TraitReport report = check_traits(subject);
    CHECK_MESSAGE(report.passed(), report.text());
  }
}

TEST_CASE("randomized around permuteformer: drawn times in training, its own at evaluation") {
  for (const char* decay : {"decay=true", "decay=false"}) {
    CAPTURE(decay);
    const auto e = encoding("randomized", {8, 2}, {"wraps=permuteformer", decay, "range=40"}),
               bare = encoding("permuteformer", {8, 2}, {decay});
    StateDict state = bare->state();
    state.at("pe/permutation") = e->state().at("pe/inside/permutation");
    bare->load(state);
    const auto core = make_core(Build("core", Rng(2), DType::f64), {}, *e, 4),
               plain = make_core(Build("core", Rng(2), DType::f64), {}, *bare, 4);
    Rng rng(5);
    const auto x = [&] { return Var(normal(rng, {1, 2, 7, 4}, 0, 1, DType::f64)); };
    const Var q = x(), k = x(), v = x();
    const Positions p = time_positions(7);
    Pass eval = Pass::eval(), train(Mode::train);
    CHECK(max_difference((*core)(q, k, v, p, eval).value(), (*plain)(q, k, v, p, eval).value()) <=
          1e-14);
    for (int draw = 0; draw < 3; ++draw) {
      e->draw(rng);
      const Tensor y = (*core)(q, k, v, p, train).value();
      CHECK(max_difference(y, matmul(core->weights(q, k, p, train), v).value()) <= 1e-12);
      CHECK(max_difference(y, (*core)(q, k, v, p, eval).value()) > 1e-3);
    }
  }
}

// Every encoding inside a whole small Transformer, in each core that carries it: gradients of the
// input and of every parameter against differences, and linear attention step by step against at
// once, from any first label on.
#include <doctest/doctest.h>

#include <functional>

#include "autograd/gradcheck.h"
#include "nn/loss.h"
#include "nn/transformer.h"
#include "tensor/index.h"
#include "tests/pe/encode.h"

using namespace gradus;

namespace {

struct Case {
  const char* pe;
  std::vector<const char*> settings;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> list{
      {"alibi", {}},
      {"cope", {"places=2"}},
      {"conv_spe", {"kernel=3", "realizations=4"}},
      {"randomized", {"wraps=alibi", "range=9"}},
      {"randomized", {"wraps=learned", "max_length=128", "range=100"}},
      {"cosformer", {}},
      {"deberta", {"clip=3"}},
      {"lrpe", {"lambda=unitary"}},
      {"lrpe", {"stage=after"}},
      {"lrpe", {"lambda=permutation", "stage=after", "basis=odd_even"}},
      {"permuteformer", {}},
      {"rope_scaled", {"method=yarn"}},
      {"xpos", {}},
      {"f_stripe", {"sines=2"}},
      {"f_stripe", {"sines=2", "pooled=false", "tracks=chroma", "width=2"}},
      {"f_stripe_sff", {"tracks=chroma", "width=2", "realizations=5"}},
      {"gated", {"sines=1", "realizations=4"}},
      {"rff", {"kernel=matern", "samples=2"}},
      {"sine_spe", {"sines=2", "realizations=4"}},
      {"f_stripe1", {}},
      {"f_stripe1", {"pooled=false"}},
      {"fire", {"hidden=3", "threshold=2"}},
      {"kerple", {"tracks=chroma", "width=2"}},
      {"kerple", {"kernel=power"}},
      {"learned", {"max_length=128"}},
      {"music_transformer", {"clip=3"}},
      {"none", {}},
      {"ns_rpe", {"tracks=chord"}},
      {"rope", {"variant=C", "tracks=chroma", "width=2"}},
      {"rope", {"stage=after", "pairing=half"}},
      {"ropepool", {}},
      {"ropepool", {"pool=cross_pair"}},
      {"s_ape", {"tracks=chroma", "width=2", "values=128"}},
      {"s_ape", {"tracks=time", "codes=sine"}},
      {"s_rpe", {"tracks=chroma", "width=2", "clips=2"}},
      {"sandwich", {"terms=4"}},
      {"shaw", {"clip=3"}},
      {"shaw", {"clip=1", "tracks=chroma", "width=2"}},
      {"sinusoidal", {}},
      {"t5", {"buckets=8", "distance=9"}},
      {"t5", {"scaled=false", "tracks=chroma", "width=2"}},
      {"transformer_xl", {}}};
  return list;
}

MakeEncoding maker(const Case& c) {
  Options options;
  for (const char* s : c.settings) options.set(s);
  return make_encoding(c.pe, options);
}

TransformerConfig small(CoreKind kind) {
  TransformerConfig c;
  c.inputs = 3, c.outputs = 2, c.d_model = 4, c.heads = 2, c.d_ff = 5;
  c.activation = Activation::gelu;
  c.core.kind = kind;
  return c;
}

/// Two sequences with whole labels of their own, from `first` on; time runs forward. (A frequency
/// moves the angle by the label times its step: differences need small ones.)
Positions positions(const Traits& traits, int64 n, double first) {
  if (traits.uniform_only) return time_positions(n);
  Rng rng(8);
  const Tensor row = reshape(arange(0, static_cast<double>(n), 1, DType::f64), {1, n, 1});
  const Tensor time = mul(row, reshape(tensor({1, 2}, {2}, DType::f64), {2, 1, 1}));
  const Tensor chroma = floor(uniform(rng, {2, n, 2}, 0, 3, DType::f64));
  const Tensor chord = slice(chroma, 2, 0, 1);
  const Tensor parts[] = {time, chord, chroma};
  return labelled_positions(add(concat(parts, -1), first),
                            {{.name = "time", .kind = TrackKind::real},
                             {.name = "chord", .kind = TrackKind::real},
                             {.name = "chroma.0", .kind = TrackKind::real},
                             {.name = "chroma.1", .kind = TrackKind::real}});
}

/// Calls f with every case and core that fit.
void each(const std::function<void(const Case&, CoreKind)>& f) {
  for (const Case& c : cases())
    for (const CoreKind kind : {CoreKind::softmax, CoreKind::linear}) {
      const auto e = maker(c)(Build("pe"), {4, 2});
      if (!core_fits(kind, e->traits().hooks)) continue;
      CAPTURE(std::string(c.pe));
      CAPTURE(name(kind));
      f(c, kind);
    }
}

}  // namespace

TEST_CASE("whole models: the gradients of every parameter and of the input") {
  int models = 0;
  each([&](const Case& c, CoreKind kind) {
    TransformerConfig config = small(kind);
    config.dropout = 0.2;
    config.norm = ++models % 2 ? NormPlacement::post : NormPlacement::pre;
    config.checkpoint = models % 3 == 0;
    const Transformer m(Build("model", Rng(3), DType::f64), config, maker(c));
    const Traits traits = m.encoding().traits();
    Positions p = positions(traits, 4, 0);
    p.key_mask = cast(tensor({1, 1, 1, 1, 1, 1, 1, 0}, {2, 4}), DType::u8);
    p.causal = traits.causal_only || models % 4 != 0;
    Rng rng(6);
    const Tensor target = cast(bernoulli(rng, {2, 4, 2}, 0.5), DType::f64);
    std::vector<Tensor> in{normal(rng, {2, 4, 3}, 0, 1, DType::f64)};
    const std::vector<Parameter*> slots = m.parameters();
    for (const Parameter* slot : slots)  // away from the zeros and ones that they start at
      in.push_back(add(slot->value(), normal(rng, slot->shape(), 0, 0.3, DType::f64)));
    const VarFunction loss = [&](std::span<const Var> v) {
      std::vector<Var> before;
      for (std::size_t i = 0; i < slots.size(); ++i) before.push_back(slots[i]->exchange(v[i + 1]));
      Pass pass(Mode::train, 7);
      // Times 100: a mean over many elements is a weak function of each.
      const Var y = bce_loss(m(v[0], p, pass), Var(target), Var(unsqueeze(p.key_mask, -1)),
                             {.positive_weight = 2, .focal_gamma = 1.5}) *
                    100.0;
      for (std::size_t i = 0; i < slots.size(); ++i) slots[i]->exchange(before[i]);
      return y;
    };
    // A bias of the keys has no influence behind a softmax, by theory: nothing but rounding is
    // there.
    const GradcheckReport report = gradcheck(loss, in, {.weak = Weak::allow});
    INFO(report.text());
    CHECK(report.passed());
    CHECK(report.elements > 300);
  });
  CHECK(models >= 16);
}

TEST_CASE("linear attention step by step is the same as at once, for every encoding") {
  int models = 0;
  each([&](const Case& c, CoreKind kind) {
    if (kind != CoreKind::linear) return;
    ++models;
    const Transformer m(Build("model", Rng(3), DType::f64), small(kind), maker(c));
    const Positions all = positions(m.encoding().traits(), 6, 100);
    Rng rng(6);
    const Tensor x = normal(rng, {2, 6, 3}, 0, 1, DType::f64);
    Pass pass = Pass::eval();
    const Tensor whole = m(Var(x), all, pass).value();
    std::vector<AttentionState> states = m.start();
    for (int64 i = 0; i < 6; ++i) {
      const Positions one = labelled_positions(slice(all.labels, 1, i, i + 1), all.tracks);
      const Tensor y = m.step(Var(slice(x, 1, i, i + 1)), one, states, pass).value();
      CHECK(max_difference(y, slice(whole, 1, i, i + 1)) <= 1e-12);
    }
  });
  CHECK(models >= 8);
}

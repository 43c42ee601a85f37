// Encodings inside attention: a prefix keeps its outputs when the sequence grows; rows asked for
// later are the rows of the whole; padding changes nothing.
#include <doctest/doctest.h>

#include "autograd/backward.h"
#include "nn/attention_core.h"
#include "tensor/index.h"
#include "tests/pe/encode.h"

using namespace gradus;

namespace {

constexpr int64 kHeads = 2, kSize = 4, kValue = 3;

struct Case {
  const char* name;
  std::vector<const char*> settings;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> list{
      {"none", {}},
      {"rope", {}},
      {"rope", {"variant=C", "tracks=chroma", "width=3"}},
      {"rope", {"stage=after"}},
      {"ropepool", {}},
      {"ropepool", {"pool=cross_pair"}},
      {"ropepool", {"pool=total"}},
      {"f_stripe", {}},
      {"f_stripe", {"pooled=false", "sines=2"}},
      {"f_stripe_sff", {"tracks=chroma", "width=3", "realizations=6"}},
      {"gated", {"realizations=5"}},
      {"rff", {}},
      {"sine_spe", {"realizations=6"}},
      {"f_stripe1", {}},
      {"f_stripe1", {"pooled=false"}},
      {"conv_spe", {"kernel=3", "realizations=6"}},
      {"randomized", {"wraps=rope"}},
      {"cosformer", {}},
      {"lrpe", {}},
      {"lrpe", {"lambda=unitary", "stage=after"}},
      {"lrpe", {"lambda=permutation", "stage=after"}},
      {"permuteformer", {}},
      {"permuteformer", {"decay=false"}},
      {"rope_scaled", {"method=yarn"}},
      {"xpos", {}},
      {"alibi", {}},
      {"kerple", {}},
      {"cope", {}},
      {"deberta", {}},
      {"fire", {}},
      {"music_transformer", {}},
      {"sandwich", {}},
      {"shaw", {"clip=4"}},
      {"transformer_xl", {}},
      {"t5", {}},
      {"t5", {"scaled=false"}}};
  return list;
}

std::unique_ptr<PositionalEncoding> built(const Case& c) {
  Options options;
  for (const char* s : c.settings) options.set(s);
  return make_encoding(c.name, options)(Build("pe", Rng(1), DType::f64), {kHeads * kSize, kHeads});
}

struct Sequence {
  Var q, k, v;
  Positions p;
};

Sequence random_sequence(const PositionalEncoding& e, int64 n, bool causal) {
  Rng rng(5);
  const auto x = [&](int64 width) {
    return leaf(normal(rng, {2, kHeads, n, width}, 0, 1, DType::f64));
  };
  const bool for_values = e.traits().hooks & kValueBias;  // vectors of the head's size
  Sequence s{x(kSize), x(kSize), x(for_values ? kSize : kValue), {}};
  const bool vector = !e.tracks().empty() && e.tracks()[0] == "chroma";
  if (vector) {
    std::vector<Track> tracks;
    for (int i = 0; i < 3; ++i)
      tracks.push_back({.name = fmt::format("chroma.{}", i), .kind = TrackKind::real});
    s.p = labelled_positions(uniform(rng, {2, n, 3}, -3, 3, DType::f64), tracks, causal);
  } else {
    s.p = time_positions(n, causal);
  }
  return s;
}

std::unique_ptr<AttentionCore> core(const PositionalEncoding& e, CoreKind kind) {
  CoreConfig config;
  config.kind = kind;
  return make_core(Build("core", Rng(2), DType::f64), config, e, kSize);
}

bool carries(const PositionalEncoding& e, CoreKind kind) {
  return core_fits(kind, e.traits().hooks);
}

Tensor first_rows(const Tensor& t, int64 n) { return contiguous(slice(t, 2, 0, n)); }

}  // namespace

TEST_CASE("causal: a prefix keeps its outputs, and later rows are rows of the whole") {
  for (const Case& c : cases())
    for (CoreKind kind : {CoreKind::softmax, CoreKind::linear}) {
      const auto e = built(c);
      if (!carries(*e, kind)) continue;
      CAPTURE(c.name);
      const auto a = core(*e, kind);
      const Sequence s = random_sequence(*e, 10, true);
      Pass pass = Pass::eval();
      const Tensor all = (*a)(s.q, s.k, s.v, s.p, pass).value();
      Positions head = s.p;
      head.labels = slice(s.p.labels, 1, 0, 6);
      head.query_count = 6;
      const Tensor prefix =
          (*a)(slice(s.q, 2, 0, 6), slice(s.k, 2, 0, 6), slice(s.v, 2, 0, 6), head, pass).value();
      CHECK(max_difference(prefix, first_rows(all, 6)) <= 1e-12);
      const Tensor rows = (*a)(slice(s.q, 2, 7, 9), s.k, s.v, s.p.rows(7, 2), pass).value();
      CHECK(max_difference(rows, contiguous(slice(all, 2, 7, 9))) <= 1e-12);
    }
}

TEST_CASE("padded keys have no influence") {
  for (const Case& c : cases())
    for (CoreKind kind : {CoreKind::softmax, CoreKind::linear}) {
      const auto e = built(c);
      if (!carries(*e, kind)) continue;
      CAPTURE(c.name);
      const auto a = core(*e, kind);
      Sequence s = random_sequence(*e, 6, e->traits().causal_only);
      Pass pass = Pass::eval();
      s.p.key_mask = cast(tensor({1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0}, {2, 6}), DType::u8);
      const Tensor masked = (*a)(s.q, s.k, s.v, s.p, pass).value();
      Positions head = s.p;
      head.labels = slice(s.p.labels, 1, 0, 4);
      head.key_mask = Tensor();
      head.query_count = 4;
      const Tensor alone =
          (*a)(slice(s.q, 2, 0, 4), slice(s.k, 2, 0, 4), slice(s.v, 2, 0, 4), head, pass).value();
      CHECK(max_difference(first_rows(masked, 4), alone) <= 1e-12);
    }
}

TEST_CASE("rope after the feature map is relative with elu1; before it is not, by this much") {
  Rng rng(7);
  const auto change = [&](std::initializer_list<const char*> settings) {
    const auto e = encoding("rope", {kHeads * kSize, kHeads}, settings);
    const auto a = core(*e, CoreKind::linear);
    const Sequence s = random_sequence(*e, 8, true);
    Pass pass = Pass::eval();
    Positions moved = s.p;
    moved.labels = add(s.p.labels, 100);
    return max_difference((*a)(s.q, s.k, s.v, s.p, pass).value(),
                          (*a)(s.q, s.k, s.v, moved, pass).value());
  };
  CHECK(change({"stage=after"}) <= 1e-10);
  CHECK(change({"stage=before"}) > 0.05);
}

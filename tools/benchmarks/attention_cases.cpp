// Attention cores, forward and backward: B 4, H 8, d 32, causal.
#include "autograd/backward.h"
#include "nn/attention_core.h"
#include "pe/table.h"
#include "tensor/random.h"
#include "tools/benchmarks/cases.h"

namespace gradus::bench {
namespace {

constexpr int64 kBatch = 4, kHeads = 8, kHeadDim = 32;

struct Setup {
  std::unique_ptr<PositionalEncoding> encoding;
  std::unique_ptr<AttentionCore> core;
  Tensor q, k, v;
  Positions positions;
};

std::function<void()> attention(CoreKind kind, const char* encoding, int64 n, bool causal,
                                const char* map = "elu1") {
  auto s = std::make_shared<Setup>();
  const Build build("attention", Rng(1));
  s->encoding =
      build_encoding(find_encoding(encoding), build, EncodingShape{kHeads * kHeadDim, kHeads});
  s->core = make_core(build, CoreConfig{.kind = kind, .feature_map = map}, *s->encoding, kHeadDim);
  Rng rng = Rng(2).stream("tokens");
  const Shape shape{kBatch, kHeads, n, kHeadDim};
  s->q = normal(rng, shape, 0, 1), s->k = normal(rng, shape, 0, 1), s->v = normal(rng, shape, 0, 1);
  s->positions = time_positions(n, causal);
  return [s] {
    Pass pass = Pass::eval();
    const Var q = leaf(s->q), k = leaf(s->k), v = leaf(s->v);
    backward(sum((*s->core)(q, k, v, s->positions, pass))).of(q);
  };
}

}  // namespace

std::vector<Case> attention_cases() {
  std::vector<Case> all;
  for (const int64 n : {256, 1024, 4096}) {
    const auto tokens = static_cast<double>(kBatch * kHeads * n);
    const std::string size = std::to_string(n);
    const std::string where = ", B 4, H 8, d 32, N " + size + ", fwd+bwd";
    // Half of the N x N scores, 2 products forward and 5 back, scores formed twice.
    all.push_back({"softmax_" + size,
                   "softmax attention, causal" + where,
                   {tokens * static_cast<double>(n) / 2 * 2 * kHeadDim * 7,
                    tokens * static_cast<double>(n), 0},
                   1,
                   [n] { return attention(CoreKind::softmax, "none", n, true); }});
    // Each token writes to and reads from a state of d x (d + 1): once forward, and back three
    // gradients, two of which need the state again.
    all.push_back({"linear_" + size,
                   "linear attention, elu + 1, causal" + where,
                   {tokens * 2 * kHeadDim * (kHeadDim + 1) * 7, 2 * tokens * kHeadDim, 0},
                   1,
                   [n] { return attention(CoreKind::linear, "none", n, true); }});
  }
  all.push_back({"bidirectional_1024",
                 "linear attention, elu + 1, both directions, N 1024, fwd+bwd",
                 {kBatch * kHeads * 1024.0 * 2 * kHeadDim * (kHeadDim + 1) * 6,
                  2.0 * kBatch * kHeads * 1024 * kHeadDim, 0},
                 1,
                 [] { return attention(CoreKind::linear, "none", 1024, false); }});
  // m features are exponentials of products of q and k with a matrix, formed twice; those products
  // have a gradient (with hedgehog, of the matrix too).
  const double tokens = kBatch * kHeads * 1024.0;
  const auto work = [tokens](double m, double products) {
    return Work{tokens * 2 * m * ((kHeadDim + 1) * 7 + kHeadDim * products), 4 * tokens * m, 0};
  };
  all.push_back({"linear_favor_plus_1024",
                 "linear attention, favor_plus of 128 features, causal, N 1024, fwd+bwd",
                 work(128, 3), 1,
                 [] { return attention(CoreKind::linear, "none", 1024, true, "favor_plus"); }});
  all.push_back({"linear_hedgehog_1024", "linear attention, hedgehog, causal, N 1024, fwd+bwd",
                 work(64, 4), 1,
                 [] { return attention(CoreKind::linear, "none", 1024, true, "hedgehog"); }});
  all.push_back(
      {"alibi_1024",
       "softmax attention with ALiBi, N 1024, fwd+bwd",
       {kBatch * kHeads * 1024.0 * 512 * 2 * kHeadDim * 7, kBatch * kHeads * 1024.0 * 1024, 0},
       1,
       [] { return attention(CoreKind::softmax, "alibi", 1024, true); }});
  return all;
}

}  // namespace gradus::bench

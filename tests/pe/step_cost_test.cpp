// A token costs the same early and late where attention goes step by step, under every encoding of
// linear cost: as many nodes, as much memory on the way, and a state as large.
#include <doctest/doctest.h>

#include "autograd/record.h"
#include "nn/attention_core.h"
#include "pe/table.h"
#include "tensor/index.h"
#include "tensor/memory.h"
#include "tensor/random.h"

using namespace gradus;

namespace {

constexpr int64 kTokens = 400, kHeads = 2, kHeadSize = 8;

Positions sequence(const PositionalEncoding& e) {
  if (e.tracks().empty() || e.tracks() == std::vector<std::string>{"time"})
    return time_positions(kTokens);
  const auto width = static_cast<int64>(e.tracks().size());
  std::vector<Track> tracks;
  for (const std::string& t : e.tracks())
    tracks.push_back({.name = t, .kind = t == "time" ? TrackKind::time : TrackKind::token});
  std::vector<double> labels;
  for (int64 i = 0; i < kTokens * width; ++i) labels.push_back(static_cast<double>(i / width));
  return labelled_positions(from_values(labels, {1, kTokens, width}), tracks);
}

struct Step {
  int64 nodes;
  std::uint64_t bytes, state;
  bool operator==(const Step&) const = default;
};

/// Of every token; with `looks_back`, each reads the outputs of all before it.
std::vector<Step> steps_of(const EncodingDef& def, bool looks_back = false) {
  const auto encoding =
      build_encoding(def, Build("pe", Rng(1), DType::f32), {kHeads * kHeadSize, kHeads});
  CoreConfig config;
  config.kind = CoreKind::linear;
  const auto core = make_core(Build("core", Rng(2), DType::f32), config, *encoding, kHeadSize);
  REQUIRE(core->has_recurrence());
  const NoGrad no_grad;
  const Positions all = sequence(*encoding);
  Rng rng(3);
  const Tensor x = normal(rng, {1, kTokens, kHeads * kHeadSize}, 0, 1);
  Pass pass = Pass::eval();
  AttentionState state;
  std::vector<Step> steps;
  std::vector<Tensor> kept;
  for (int64 i = 0; i < kTokens; ++i) {
    const Positions one = labelled_positions(slice(all.labels, 1, i, i + 1), all.tracks);
    const std::uint64_t before = pool_stats().live_bytes;
    pool_reset_peak();
    const int64 first = Var(scalar(0)).id();
    const Var row = encoding->embed(Var(slice(x, 1, i, i + 1)), one, pass);
    const Var heads = transpose(reshape(row, {1, 1, kHeads, kHeadSize}), 1, 2);
    const Var y = core->step(heads, heads, heads, one, state, pass);
    if (looks_back) kept.push_back(y.value()), (void)concat(kept, 0);
    steps.push_back({Var(scalar(0)).id() - first, pool_stats().peak_live_bytes - before,
                     state.sums.bytes() + state.unrotated.bytes() + state.log_scale.bytes()});
  }
  return steps;
}

}  // namespace

TEST_CASE("a late token costs what an early one does, for every encoding of linear cost") {
  int encodings_seen = 0;
  for (const EncodingDef* def : encodings()) {
    if (def->traits.cost != Cost::linear) continue;
    INFO(std::string(def->name));
    const std::vector<Step> steps = steps_of(*def);
    CHECK(steps[20].nodes > 0);
    CHECK(steps[20].bytes > 0);
    CHECK(steps[20].state > 0);
    for (std::size_t i = 21; i < steps.size(); ++i) REQUIRE(steps[i] == steps[20]);
    ++encodings_seen;
  }
  CHECK(encodings_seen >= 19);
}

TEST_CASE("a step that looks back at all tokens is seen") {
  const std::vector<Step> steps = steps_of(find_encoding("none"), true);
  CHECK(steps.back().bytes > 2 * steps[20].bytes);
}

// Step by step a model says what it says of all steps at once, from a state of constant size; and
// no step hears the piano of that step or of a later one.
#include "train/recurrence.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/reduce.h"
#include "tests/error_text.h"
#include "train/step_times.h"

using namespace gradus;
using testing::has;
using testing::message;

namespace {

Experiment tiny(const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{
      "model.d_model=8", "model.heads=2",
      "model.d_ff=8",    "model.layers=2",
      "data.steps=64",   "data.inputs=melody,beat,chord,past,past-quarter,past-bar"};
  all.insert(all.end(), more.begin(), more.end());
  return Experiment::parse("", "test", all);
}
/// Its outputs see each other, if they are coupled.
Harmonizer drawn(const std::vector<std::string>& more = {}) {
  Harmonizer h(tiny(more));
  Rng rng(3);
  for (Parameter* p : h.model().parameters())
    if (p->path().ends_with("coupling/weight"))
      p->set(uniform(rng, p->value().shape(), -1, 1, DType::f32));
  return h;
}
std::vector<Piece> two_pieces() {
  return {make_piece(bundled_tune("twinkle")), make_piece(bundled_tune("amazing_grace"))};
}
Tensor at_once(const Harmonizer& h, const std::vector<Piece>& pieces,
               std::span<const PieceWindow> windows, int64 steps) {
  const NoGrad no_grad;
  Pass pass = Pass::eval();
  return h.logits(make_batch(pieces, windows, steps, h.format()), pass).value();
}
/// Plays the true piano of the windows; all logits [B,N,outputs].
Tensor step_by_step(const Harmonizer& h, const std::vector<Piece>& pieces,
                    std::span<const PieceWindow> windows) {
  Recurrence model(h, pieces, windows);
  const HarmonyBatch truth = make_batch(pieces, windows, model.length(), h.format());
  std::vector<Tensor> rows;
  std::uint64_t bytes = 0;
  while (!model.done()) {
    const int64 t = model.position();
    rows.push_back(unsqueeze(model.logits(), 1));
    const int64 first = h.piano_columns().onset;
    const auto row = [&](const Tensor& x) {
      const Tensor piano = slice(slice(x, 1, t, t + 1), 2, first, first + model.pitches());
      return cast(contiguous(piano), DType::u8).to_vector<std::uint8_t>();
    };
    model.play(row(truth.onset), row(truth.sustain));
    if (t == 0) bytes = model.state_bytes();
    CHECK(model.state_bytes() == bytes);
  }
  CHECK(bytes > 0);
  Tensor all = concat(rows, 1);
  if (const Coupling* coupling = h.model().coupling()) {
    Pass pass = Pass::eval();
    all = add(all, (*coupling)(Var(h.targets(truth)), pass).value());
  }
  return all;
}

}  // namespace

TEST_CASE("step by step is all at once, padding and windows within a piece included") {
  const auto pieces = two_pieces();  // bars of 16 and of 12 steps
  const std::vector<PieceWindow> windows{{0, 0, 64}, {1, 12, 48}, {0, 32, 32, 2}};
  for (const auto& more : std::vector<std::vector<std::string>>{
           {},
           {"data.onsets=false"},
           {"model.coupled=true", "data.steps=64", "train.seed=2"},
           {"data.targets=melody,piano"},
           {"data.context=time", "pe.name=rope", "model.norm=post"},
           {"pe.name=sine_spe", "data.context=time", "model.feature_map=favor_plus"}}) {
    CAPTURE(more.size());
    const Harmonizer h = drawn(more);
    const Tensor whole = at_once(h, pieces, windows, 64);
    const Tensor steps = step_by_step(h, pieces, windows);
    REQUIRE(whole.shape() == steps.shape());
    for (std::size_t i = 0; i < windows.size(); ++i) {
      const auto row = static_cast<int64>(i);
      const auto heard = [&](const Tensor& x) {
        return slice(select(x, 0, row), 0, 0, windows[i].length);
      };
      CHECK(max(abs(sub(heard(whole), heard(steps)))).item() <= 1e-5);
    }
  }
}

TEST_CASE("no step hears the piano of that step or of a later one") {
  auto pieces = two_pieces();
  const Harmonizer h(tiny());
  const PieceWindow w{0, 0, 64};
  pieces[0].accompaniment = {};
  const Tensor before = at_once(h, pieces, {&w, 1}, 64);
  for (int64 t : {0, 1, 17, 40, 63}) {
    pieces[0].accompaniment = std::vector<Note>{{t, 64, 48}, {t, t + 1, 55}};
    const Tensor change = abs(sub(at_once(h, pieces, {&w, 1}, 64), before));
    CHECK(max(slice(change, 1, 0, t + 1)).item() == 0);
    if (t < 63) CHECK(max(slice(change, 1, t + 1, t + 2)).item() > 1e-4);
    if (t < 40) CHECK(max(slice(change, 1, 63, 64)).item() > 1e-7);
  }
}

TEST_CASE("within a step a coupled output sees those before it alone") {
  auto pieces = two_pieces();
  const Harmonizer h = drawn({"model.coupled=true"});
  const PieceWindow w{0, 0, 64};
  pieces[0].accompaniment = {};
  const Tensor before = at_once(h, pieces, {&w, 1}, 64);
  const int64 t = 20, column = 50 - h.format().target_low;
  pieces[0].accompaniment = std::vector<Note>{{t, t + 1, 50}};
  const Tensor change = abs(sub(at_once(h, pieces, {&w, 1}, 64), before));
  CHECK(max(slice(change, 1, 0, t)).item() == 0);
  const Tensor now = slice(change, 1, t, t + 1);
  CHECK(max(slice(now, 2, 0, column + 1)).item() == 0);
  CHECK(max(slice(now, 2, column + 1, column + 2)).item() > 0.001);
  CHECK(max(slice(now, 2, h.piano_columns().sustain, now.size(2))).item() > 0.001);
  CHECK(has(message([] {
              Harmonizer(tiny({"model.coupled=true", "data.inputs=melody"}));
            }),
            "model.coupled = true is for a model that hears its past"));
  CHECK(has(message([] {
              Harmonizer(tiny({"model.coupled=true", "data.targets=melody,piano"}));
            }),
            "data.targets melody, piano"));
}

TEST_CASE("what cannot go step by step is refused, and so are wrong calls") {
  CHECK(has(message([] {
              Harmonizer(tiny({"model.attention=softmax", "pe.name=rope", "data.context=time"}));
            }),
            "model.attention = \"softmax\""));
  CHECK(has(message([] { Harmonizer(tiny({"model.causal=false"})); }), "model.causal = false"));
  const auto pieces = two_pieces();
  const Harmonizer h(tiny());
  const PieceWindow one{0, 0, 1};
  Recurrence model(h, pieces, {&one, 1});
  const std::vector<std::uint8_t> few(3, 0), cells(static_cast<std::size_t>(model.pitches()), 1);
  CHECK(has(message([&] { model.play(few, cells); }), "got 3 onsets"));
  CHECK(model.played(0).onset.size(0) == 0);
  (void)model.logits();
  model.play(cells, cells);
  CHECK(sum(model.played(0).sustain).item() == static_cast<double>(model.pitches()));
  CHECK(has(message([&] { (void)model.logits(); }), "all 1 steps"));
  CHECK(Recurrence(h, pieces, {}).done());
}

TEST_CASE("times of steps are those of playing, and the state does not grow") {
  for (const auto& more :
       std::vector<std::vector<std::string>>{{}, {"model.coupled=true"}, {"data.inputs=melody"}}) {
    Harmonizer h = drawn(more);
    const StepTimes t = time_steps(h, 512);
    CHECK((t.steps == 512 && t.at_once > 0 && t.first > 0 && t.last > 0));
    CHECK((t.first_state > 0 && t.first_state == t.last_state));
    CHECK(has(to_string(t), "512 steps"));
    CHECK(t.plays == h.hears_past());
    CHECK((t.sounding > 0) == t.plays);
    CHECK(has(to_string(t),
              t.plays ? fmt::format("playing, {} cells", t.sounding) : "one after another"));
    // What plays is asked for finite logits in each step.
    for (Parameter* p : h.model().parameters()) p->set(full(p->value().shape(), NAN, DType::f32));
    const std::string broken = message<NonFiniteError>([&] { time_steps(h, 16); });
    CHECK(has(broken, "logits of step 0 are not finite") == t.plays);
  }
  CHECK(has(message([] { time_steps(Harmonizer(tiny()), 15); }), "got 15"));
  CHECK(has(message([] {
              time_steps(Harmonizer(tiny({"data.inputs=melody", "model.causal=false"})), 64);
            }),
            "model.causal = false"));
}

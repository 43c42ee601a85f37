// The piano's past as an input: each cell stands one lag later, nothing of a step reaches the input
// of that step or of an earlier one, and mistakes are made as often as asked for.
#include "data/harmony_past.h"

#include <doctest/doctest.h>

#include "tensor/elementwise.h"
#include "tensor/reduce.h"

using namespace gradus;

namespace {

HarmonyFormat format(std::vector<std::string> inputs) {
  HarmonyFormat f;
  f.inputs = std::move(inputs);
  f.contexts = {"time"};
  f.target_low = 40, f.target_high = 50;
  return f;
}
/// Two bars of 4/4; the accompaniment given, in steps.
Piece piece(std::vector<Note> accompaniment) {
  Piece p = make_piece("p", {{0, 32, 60}}, 4, 4);
  p.accompaniment = std::move(accompaniment);
  return p;
}
HarmonyBatch batch(const Piece& p, const HarmonyFormat& f, const PieceWindow& w,
                   const PastNoise* noise = nullptr) {
  return make_batch({p}, {&w, 1}, 32, f, noise);
}

}  // namespace

TEST_CASE("each cell of the piano stands in the past one lag later") {
  const HarmonyFormat f =
      format({"past-bar", "melody", "past", "past-half", "past-quarter", "style"});
  const auto columns = past_columns(f, 16);
  REQUIRE(columns.size() == 4);
  CHECK(past_width(f) == 20);
  CHECK((columns[0].lag == 1 && columns[0].first == 120 + 7));
  CHECK((columns[1].lag == 4 && columns[1].first == 120 + 7 + 20));
  CHECK((columns[2].lag == 8 && columns[3].lag == 16));
  CHECK(f.features() == columns[3].first + 20);
  CHECK(past_columns(f, 12)[2].lag == 6);
  CHECK(past_columns(f, 1)[2].lag == 1);  // never 0

  const Piece p = piece({{0, 3, 40}, {3, 40, 49}, {6, 7, 39}, {8, 9, 50}});
  for (const PieceWindow& w : {PieceWindow{0, 0, 32}, {0, 0, 20}, {0, 16, 16}}) {
    CAPTURE(w.begin);
    const HarmonyBatch b = batch(p, f, w);
    for (const PastColumns& c : columns)
      for (int64 t = 0; t < 32; ++t)
        for (int64 j = 0; j < 10; ++j) {
          const bool known = t >= c.lag && t < w.length;
          CHECK(b.input.at({0, t, c.first + j}) == (known ? b.onset.at({0, t - c.lag, j}) : 0));
          CHECK(b.input.at({0, t, c.first + 10 + j}) ==
                (known ? b.sustain.at({0, t - c.lag, j}) : 0));
        }
  }
  // Sounding cells alone.
  HarmonyFormat sounding = format({"melody", "past"});
  sounding.onsets = false;
  const HarmonyBatch s = batch(p, sounding, {0, 0, 32});
  CHECK(past_width(sounding) == 10);
  CHECK(s.input.at({0, 1, 60}) == 1);
  CHECK(sum(slice(s.input, 2, 60, 70)).item() == 3 + 28);  // the last step is nobody's past
}

TEST_CASE("the past moves with the key, and other inputs stay as they are") {
  const Piece p = piece({{4, 6, 41}});
  const HarmonyFormat f = format({"melody", "beat", "past"});
  const HarmonyBatch b = batch(p, f, {0, 0, 32, 3});
  const int64 first = f.first_column("past");
  CHECK(b.input.at({0, 5, first + 4}) == 1);
  CHECK(b.input.at({0, 6, first + 10 + 4}) == 1);
  CHECK(sum(slice(b.input, 2, first, first + 20)).item() == 3);
  const HarmonyFormat without = format({"melody", "beat"});
  const Tensor plain = batch(p, without, {0, 0, 32, 3}).input;
  CHECK(max(abs(sub(slice(b.input, 2, 0, first), plain))).item() == 0);
  CHECK_THROWS_AS(f.first_column("pats"), ConfigError);
}

TEST_CASE("nothing of a step reaches the input of that step or of an earlier one") {
  const HarmonyFormat f = format({"melody", "past", "past-quarter", "past-half", "past-bar"});
  for (int64 t = 0; t < 32; ++t) {
    const Tensor with = batch(piece({{t, 32, 45}}), f, {0, 0, 32}).input;
    const Tensor without = batch(piece({}), f, {0, 0, 32}).input;
    CHECK(max(abs(sub(slice(with, 1, 0, t + 1), slice(without, 1, 0, t + 1)))).item() == 0);
    if (t < 31) CHECK(max(abs(sub(with, without))).item() == 1);
  }
}

TEST_CASE("mistakes of the past: none, all, and as often as asked for; the target has none") {
  const HarmonyFormat f = format({"melody", "past"});
  std::vector<Note> notes;
  for (int64 t = 0; t < 31; ++t) notes.push_back({t, t + 1, 45});
  const Piece p = piece(notes);
  const PieceWindow w{0, 0, 32};
  const int64 first = f.first_column("past");
  const auto kept = [&](const Tensor& input) {
    return sum(slice(slice(input, 1, 1, 32), 2, first + 5, first + 6)).item();
  };
  const HarmonyBatch plain = batch(p, f, w);
  CHECK(kept(plain.input) == 31);
  PastNoise noise{0, Rng(7)};
  CHECK(max(abs(sub(batch(p, f, w, &noise).input, plain.input))).item() == 0);
  noise.share = 1;
  const HarmonyBatch all = batch(p, f, w, &noise);
  CHECK(kept(all.input) == 0);
  CHECK(max(abs(sub(all.sustain, plain.sustain))).item() == 0);
  CHECK(sum(slice(all.input, 2, first, first + 20)).item() > 0);  // wrong ones
  noise.share = 0.3;
  double left = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    noise.rng = Rng(seed);
    left += kept(batch(p, f, w, &noise).input);
  }
  CHECK(left / (40 * 31) == doctest::Approx(0.7).epsilon(0.06));  // 3 standard errors: 0.039
  // A function of its stream, another one in each window of a batch.
  const std::vector<PieceWindow> twice{w, w};
  const Tensor two = make_batch({p}, twice, 32, f, &noise).input;
  CHECK(max(abs(sub(two, make_batch({p}, twice, 32, f, &noise).input))).item() == 0);
  CHECK(max(abs(sub(select(two, 0, 0), select(two, 0, 1)))).item() == 1);
}

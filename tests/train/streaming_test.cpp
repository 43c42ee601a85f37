// Streaming gives what the whole piece gives: no step depends on a later one.
#include <doctest/doctest.h>

#include "tensor/elementwise.h"
#include "tensor/reduce.h"
#include "tests/error_text.h"
#include "train/streaming.h"

using namespace gradus;
using testing::has;
using testing::message;

namespace {

Experiment tiny() {
  Experiment e;
  e.data.steps = 64;
  e.model.d_model = 8;
  e.model.heads = 2;
  e.model.d_ff = 8;
  e.model.layers = 1;
  return e;
}
double difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  return a.numel() == 0 ? 0 : max(abs(sub(a, b))).item();
}

}  // namespace

TEST_CASE("bar by bar is the same as offline, beyond the first window too") {
  for (const char* context : {"bin", "time", "beat"})
    for (const char* tune : {"twinkle", "amazing_grace"}) {  // 12 bars of 16, 17 of 12 steps
      CAPTURE(context);
      CAPTURE(tune);
      Experiment e = tiny();
      e.data.context = {context};
      e.pe = std::string(context) == "bin" ? "ropepool" : "rope";
      const Harmonizer h(e);
      const Piece piece = make_piece(bundled_tune(tune));
      int64 bars = 0;
      const HarmonyProbabilities offline = h.probabilities(piece);
      const HarmonyProbabilities streamed = streamed_probabilities(h, piece, [&] { ++bars; });
      CHECK(bars == piece.bars());
      CHECK(difference(offline.onset, streamed.onset) <= 1e-5);
      CHECK(difference(offline.sustain, streamed.sustain) <= 1e-5);
    }
  // A window shorter than a bar, sounding cells alone, nothing at all.
  Experiment e = tiny();
  e.data.steps = 16;
  e.data.onsets = false;
  const Harmonizer h(e);
  const Piece piece = make_piece("m", {{0, 30, 60}}, 6, 4);
  const HarmonyProbabilities streamed = streamed_probabilities(h, piece);
  CHECK(!streamed.onset.defined());
  CHECK(difference(h.probabilities(piece).sustain, streamed.sustain) <= 1e-5);
  CHECK(streamed_probabilities(h, make_piece("none", {}, 4, 4)).sustain.size(0) == 0);
}

TEST_CASE("what looks ahead is named") {
  const Piece piece = make_piece(bundled_tune("twinkle"));
  CHECK(looks_ahead(Harmonizer(tiny())).empty());
  Experiment e = tiny();
  e.data.context = {"rep"};
  CHECK(looks_ahead(Harmonizer(e)).size() == 1);
  CHECK(has(message([&] { streamed_probabilities(Harmonizer(e), piece); }),
            "context rep looks ahead"));
  e.model.causal = false;
  CHECK(looks_ahead(Harmonizer(e)).size() == 2);
  e.pe = "none";  // the context is not read
  CHECK(looks_ahead(Harmonizer(e)).size() == 1);
}

TEST_CASE("what reads chords is named; songs without any are refused") {
  Experiment e = tiny();
  CHECK(chord_readers(Harmonizer(e)) == std::vector<std::string>{"context bin"});
  HarmonyData bare, tunes;
  bare.pieces = {make_piece("bare", {{0, 4, 60}}, 4, 4)};
  tunes.pieces = {bare.pieces[0], make_piece(bundled_tune("twinkle"))};
  tunes.has_styles = true;
  CHECK(has(message([&] { check_reads(Harmonizer(e), bare); }), "reads chords (context bin)"));
  check_reads(Harmonizer(e), tunes);
  e.data.inputs = {"melody", "root", "chord"};
  e.data.context = {"time"};
  e.pe = "rope";
  CHECK(chord_readers(Harmonizer(e)) == std::vector<std::string>{"input chord", "input root"});
  e.data.inputs = {"melody"};
  check_reads(Harmonizer(e), bare);
  e.data.context = {"bin"};
  e.pe = "none";  // the context is not read
  check_reads(Harmonizer(e), bare);
  e.data.inputs = {"melody", "style"};
  check_reads(Harmonizer(e), tunes);
  CHECK(has(message([&] { check_reads(Harmonizer(e), bare); }), "leave \"style\" out"));
}

// What a model plays by itself: a function of seed, piece and place; never of the piece's own
// accompaniment or of the windows beside it; notes by the rules of [decode].
#include "train/generation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/error_text.h"
#include "tests/train/run_files.h"
#include "train/trainer.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

Experiment tiny(const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{"model.d_model=8",
                               "model.heads=2",
                               "model.d_ff=8",
                               "model.layers=1",
                               "data.steps=64",
                               "train.batch=48",
                               "train.epochs=2",
                               "train.warmup=3",
                               "train.base_rate_bias=true",
                               "data.hop_bars=32",
                               "data.validation_share=0.02",
                               "data.inputs=melody,chord,past,past-bar"};
  all.insert(all.end(), more.begin(), more.end());
  return Experiment::parse("", "test", all);
}
/// A model that says `onset` of every onset and `sounds` of every sounding cell.
Harmonizer saying(double onset, double sounds, const std::vector<std::string>& more = {}) {
  Harmonizer h(tiny(more));
  Linear& out = h.model().output();
  out.weight().set(zeros(out.weight().value().shape()));
  const int64 outputs = out.bias()->value().numel();
  std::vector<float> odds(static_cast<std::size_t>(outputs));
  const OutputColumns c = h.piano_columns();
  for (int64 i = 0; i < outputs; ++i) {
    const double p = i < c.sustain ? onset : sounds;
    odds[static_cast<std::size_t>(i)] = static_cast<float>(std::log(p / (1 - p)));
  }
  out.bias()->set(from_values<float>(odds, {outputs}));
  return h;
}
Sampling sampling(const Harmonizer& h, std::uint64_t seed = 1) {
  return make_sampling(h.experiment(), 0.5, seed);
}

}  // namespace

TEST_CASE("a function of seed, piece and place alone") {
  const Harmonizer h(tiny());
  std::vector<Piece> pieces{make_piece(bundled_tune("twinkle")),
                            make_piece(bundled_tune("amazing_grace"))};
  const std::vector<PieceWindow> windows{{0, 0, 64}, {1, 0, 48}, {0, 64, 16}};
  const auto notes = generate(h, pieces, windows, sampling(h));
  REQUIRE(notes.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(!notes[i].empty());
    CHECK(generate(h, pieces, {&windows[i], 1}, sampling(h))[0] == notes[i]);
    for (const Note& n : notes[i]) {
      CHECK((n.start >= 0 && n.start < n.end && n.end <= windows[i].length));
      CHECK((n.pitch >= 36 && n.pitch <= 72));
    }
  }
  CHECK(generate(h, pieces, windows, sampling(h, 2)) != notes);
  for (Piece& p : pieces) p.accompaniment = {};
  CHECK(generate(h, pieces, windows, sampling(h)) == notes);
  CHECK(generate(h, pieces, {}, sampling(h)).empty());
}

TEST_CASE("coupled: notes that exclude each other, and notes that come together") {
  Harmonizer h = saying(0.2, 0.2, {"model.coupled=true"});
  const auto row = [](const Tensor& t) { return t.to_vector<float>(); };
  Parameter* weight = nullptr;
  for (Parameter* p : h.model().parameters())
    if (p->path().ends_with("coupling/weight")) weight = p;
  REQUIRE(weight);
  const int64 n = weight->value().size(0);
  std::vector<float> w = row(weight->value());
  const auto at = [&](int from, int to) -> float& {
    return w[static_cast<std::size_t>((from - 36) * n + to - 36)];
  };
  at(40, 41) = -100;
  at(40, 52) = 100;
  weight->set(from_values<float>(w, {n, n}));
  const std::vector<Piece> pieces{make_piece("p", {{0, 64, 60}}, 4, 4)};
  const PieceWindow window{0, 0, 64};
  std::vector<bool> plays(64 * 128, false);
  const std::vector<Note> notes = generate(h, pieces, {&window, 1}, sampling(h))[0];
  for (const Note& note : notes)
    plays[static_cast<std::size_t>(note.start * 128 + note.pitch)] = true;
  int both = 0, with_octave = 0, lower = 0, upper = 0;
  for (std::size_t t = 0; t < 64; ++t) {
    lower += plays[t * 128 + 40], upper += plays[t * 128 + 41];
    both += plays[t * 128 + 40] && plays[t * 128 + 41];
    with_octave += plays[t * 128 + 40] && plays[t * 128 + 52];
  }
  CHECK((lower > 2 && upper > 2 && both == 0 && with_octave == lower));
}

TEST_CASE("a piece in overlapping windows; a bare melody; nothing at all") {
  const Harmonizer h(tiny());
  const Piece piece = make_piece(bundled_tune("twinkle"));  // 12 bars, 192 steps
  int64 bars = 0;
  const auto notes = generate(h, piece, sampling(h), [&] { ++bars; });
  CHECK(bars == 12);
  const std::vector<Piece> pieces{piece};
  const PieceWindow first{0, 0, 64};
  const auto begins_in = [](const std::vector<Note>& all, int64 end) {
    std::vector<std::pair<int64, int>> starts;
    for (const Note& n : all)
      if (n.start < end) starts.emplace_back(n.start, n.pitch);
    return starts;
  };
  CHECK(begins_in(notes, 64) == begins_in(generate(h, pieces, {&first, 1}, sampling(h))[0], 64));
  CHECK(begins_in(notes, 192).size() > begins_in(notes, 128).size());
  const Piece bare = make_piece("bare", {{0, 30, 60}}, 4, 4);
  CHECK(!generate(h, bare, sampling(h)).empty());
  CHECK(generate(h, make_piece("none", {}, 4, 4), sampling(h)).empty());
}

TEST_CASE("probabilities, temperature, cut") {
  const std::vector<Piece> pieces{make_piece("p", {{0, 64, 60}}, 4, 4)};
  const PieceWindow w{0, 0, 64};
  const auto play = [&](const Harmonizer& h, const Sampling& s) {
    return generate(h, pieces, {&w, 1}, s)[0];
  };
  const double cells = 64 * 37;
  // P(sounds | no onset) = (0.55 - 0.1) / 0.9 = 0.5: a note lasts 1 / (1 - 0.5 x 0.9) steps.
  const Harmonizer h = saying(0.1, 0.55);
  Sampling s = sampling(h);
  const auto notes = play(h, s);
  const auto count = static_cast<double>(notes.size());
  CHECK(count / cells == doctest::Approx(0.1).epsilon(0.19));  // 3 standard errors: 0.0185
  double length = 0;
  for (const Note& n : notes) length += static_cast<double>(n.end - n.start);
  CHECK(length / count == doctest::Approx(1 / 0.55).epsilon(0.15));
  // A colder model moves away from the threshold, on either side of it.
  s.temperature = 0.5;
  CHECK(static_cast<double>(play(h, s).size()) < 0.5 * count);
  s.pivot = 0.05;
  CHECK(static_cast<double>(play(h, s).size()) > 1.3 * count);
  s.temperature = 0;
  CHECK(static_cast<double>(play(h, s).size()) == cells);  // each cell begins a note
  s.pivot = 0.11;
  CHECK(play(h, s).empty());
  s = sampling(h);
  s.cut = 0.11;
  CHECK(play(h, s).empty());
  // Sounding cells alone.
  const Harmonizer sounding = saying(0.5, 0.5, {"data.onsets=false"});
  double total = 0;
  for (const Note& n : play(sounding, sampling(sounding)))
    total += static_cast<double>(n.end - n.start);
  CHECK(total / cells == doctest::Approx(0.5).epsilon(0.07));
}

TEST_CASE("polyphony, least length, gaps") {
  const std::vector<Piece> pieces{make_piece("p", {{0, 64, 60}}, 4, 4)};
  const PieceWindow w{0, 0, 64};
  const Harmonizer h = saying(0.1, 0.3);
  Sampling s = sampling(h);
  const auto most = [&] {
    std::vector<int> sounding(64, 0);
    const std::vector<Note> notes = generate(h, pieces, {&w, 1}, s)[0];
    for (const Note& n : notes)
      for (int64 t = n.start; t < n.end; ++t) ++sounding[static_cast<std::size_t>(t)];
    return *std::max_element(sounding.begin(), sounding.end());
  };
  CHECK(most() > 4);
  s.polyphony = 4;
  CHECK(most() == 4);
  s.polyphony = 0;
  s.min_length = 3;
  std::vector<Note> notes = generate(h, pieces, {&w, 1}, s)[0];
  const auto next_begins = [&](const Note& n) {  // its pitch begins anew where it ends
    return n.end == 64 || std::any_of(notes.begin(), notes.end(), [&](const Note& o) {
             return o.pitch == n.pitch && o.start == n.end;
           });
  };
  for (const Note& n : notes) CHECK((n.end - n.start >= 3 || next_begins(n)));
  s.min_length = 1;
  s.merge = 64;
  notes = generate(h, pieces, {&w, 1}, s)[0];
  const std::size_t count = notes.size();
  for (const Note& n : notes) {
    const bool is_last = std::none_of(notes.begin(), notes.end(), [&](const Note& o) {
      return o.pitch == n.pitch && o.start > n.start;
    });
    CHECK((is_last || next_begins(n)));
  }
  CHECK(count > 100);
}

TEST_CASE("rules that look at steps to come are refused; parameters that are no numbers too") {
  CHECK(has(message([] { make_sampling(tiny({"decode.expected_counts=true"}), 0.5, 1); }),
            "decode.expected_counts looks at the steps to come"));
  CHECK(has(message([] { Trainer(tiny({"decode.fill_quarters=true"})); }),
            "decode.fill_quarters looks at"));
  Harmonizer h = saying(0.1, 0.5);
  h.model().output().bias()->set(full(h.model().output().bias()->value().shape(), std::nan("")));
  const std::vector<Piece> pieces{make_piece("p", {{0, 16, 60}}, 4, 4)};
  const PieceWindow w{0, 0, 16};
  CHECK(has(message([&] { generate(h, pieces, {&w, 1}, sampling(h)); }), "are not finite"));
  CHECK(to_string(sampling(h)) == "played at temperature 1");
  CHECK(make_sampling(tiny(), 0.3, 1).pivot == 0.3);
  CHECK(make_sampling(tiny({"decode.pivot=0.2"}), 0.3, 1).pivot == 0.2);
}

TEST_CASE("a run that hears its past, with mistakes, goes on bit for bit after a stop") {
  const Experiment e = tiny({"train.past_noise=0.3", "train.accumulate=2", "model.coupled=true"});
  ScratchFolder scratch;
  const auto run = [&](const std::string& name, int64 stop_at) {
    const RunFolder folder = RunFolder::create(scratch.path / name, e);
    {
      Trainer trainer(e);
      trainer.run(folder, true, [&] { return trainer.point().step == stop_at; });
    }
    if (stop_at > 0) Trainer(e).run(folder, true);
    return run_files(folder.path());
  };
  const auto whole = run("whole", 0);
  CHECK(whole.at("metrics.json").find("true past") != std::string::npos);
  check_same(whole, run("stopped", 3));
}

// Every encoding of the table trains: a small model learns what the token before was, with a draw
// before each step where codes are random; losses are finite and fall.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "autograd/backward.h"
#include "nn/loss.h"
#include "nn/transformer.h"
#include "tensor/index.h"
#include "tests/pe/encode.h"

using namespace gradus;

namespace {

constexpr int64 kTokens = 8, kBatch = 6;

/// Every label that an encoding of the table reads by default, whole and forward.
Positions positions(const PositionalEncoding& e) {
  const Tensor time = time_positions(kTokens).labels;
  if (e.tracks().empty() || e.tracks()[0] == "time") return time_positions(kTokens);
  std::vector<Tensor> columns;
  std::vector<Track> tracks;
  for (const std::string& name : e.tracks()) {
    columns.push_back(time);
    tracks.push_back({.name = name, .kind = TrackKind::real});
  }
  return labelled_positions(concat(columns, 2), tracks);
}

/// Root mean squares as in Adam, without momentum: enough for a few steps.
class Descent {
 public:
  explicit Descent(const Transformer& model) : parameters_(model.parameters()) {}
  void step(const Var& loss) {
    const Gradients g = backward(loss);
    for (Parameter* w : parameters_) {
      const Tensor* found = g.find(w->path());
      if (!found) continue;
      const Tensor d = cast(*found, w->dtype());
      Tensor& squares = squares_[w->path()];
      squares = squares.defined() ? add(mul(squares, 0.9), mul(mul(d, d), 0.1)) : mul(d, d);
      w->set(sub(w->value(), mul(div(d, add(sqrt(squares), 1e-8)), 0.01)));
    }
  }

 private:
  std::vector<Parameter*> parameters_;
  std::map<std::string, Tensor> squares_;
};

}  // namespace

TEST_CASE("every encoding trains") {
  Rng rng(70);
  const Tensor bits = cast(bernoulli(rng, {kBatch, kTokens + 1, 2}, 0.5), DType::f32);
  const Tensor x = slice(bits, 1, 1, kTokens + 1), before = slice(bits, 1, 0, kTokens);
  for (const EncodingDef* def : encodings()) {
    CAPTURE(def->name);
    TransformerConfig c;
    c.inputs = 2, c.outputs = 2, c.d_model = 8, c.heads = 2, c.layers = 1, c.d_ff = 16;
    c.dropout = 0;
    c.core.kind =
        core_fits(CoreKind::linear, def->traits.hooks) ? CoreKind::linear : CoreKind::softmax;
    Transformer model(Build("model", Rng(71)), c, make_encoding(def->name));
    const Positions p = positions(model.encoding());
    Descent descent(model);
    std::vector<double> losses;
    for (int step = 0; step < 40; ++step) {
      Rng draw = Rng(72).stream("draw").stream(static_cast<std::uint64_t>(step));
      model.draw(draw);
      Pass pass(Mode::train, 73, step);
      const Var loss = bce_loss(model(Var(x), p, pass), Var(before));
      losses.push_back(loss.item());
      CHECK(std::isfinite(losses.back()));
      descent.step(loss);
    }
    const double first = std::accumulate(losses.begin(), losses.begin() + 10, 0.0),
                 last = std::accumulate(losses.end() - 10, losses.end(), 0.0);
    CAPTURE(first);
    CAPTURE(last);
    CHECK(last < 0.98 * first);
  }
}

// A training step of a small Transformer: pre-norm, 2 layers, d 128, 4 heads, feed-forward 512,
// vocabulary 128, 256 tokens, batch 8, Adam.
#include "autograd/backward.h"
#include "nn/block.h"
#include "nn/embedding.h"
#include "nn/loss.h"
#include "pe/table.h"
#include "tensor/random.h"
#include "tools/benchmarks/cases.h"
#include "train/optimizer.h"

namespace gradus::bench {
namespace {

constexpr int64 kBatch = 8, kTokens = 256, kWidth = 128, kHeads = 4, kFeedForward = 512,
                kVocabulary = 128, kLayers = 2;

class LanguageModel : public Module {
 public:
  LanguageModel(const Build& build, CoreKind core, std::string_view encoding, bool causal)
      : Module(build),
        positions_(time_positions(kTokens, causal)),
        table_(child("tokens"), kVocabulary, kWidth),
        encoding_(build_encoding(find_encoding(encoding), child("encoding"), {kWidth, kHeads},
                                 options_of(encoding))),
        norm_(child("norm"), kWidth),
        head_(child("head"), kWidth, kVocabulary) {
    for (int64 i = 0; i < kLayers; ++i)
      blocks_.push_back(std::make_unique<Block>(
          child("layer" + std::to_string(i)),
          BlockConfig{.attention = {.d_model = kWidth, .heads = kHeads, .core = {.kind = core}},
                      .d_ff = kFeedForward,
                      .norm = NormPlacement::pre,
                      .activation = Activation::gelu},
          *encoding_));
  }

  Var loss(const Tensor& ids, const Tensor& next, Pass& pass) const {
    const ScopeGuard scope = enter(pass);
    Var x = encoding_->embed(table_(Var(ids), pass), positions_, pass);
    for (const auto& block : blocks_) x = (*block)(x, positions_, pass);
    const Var logits = head_(norm_(x, pass), pass);
    return cross_entropy_loss(reshape(logits, {kBatch * kTokens, kVocabulary}), Var(next));
  }

 private:
  static Options options_of(std::string_view encoding) {
    Options options;
    if (encoding == "learned") options.set("max_length", OptionValue(kTokens));
    return options;
  }

  Positions positions_;
  Embedding table_;
  std::unique_ptr<PositionalEncoding> encoding_;
  std::vector<std::unique_ptr<Block>> blocks_;
  LayerNorm norm_;
  Linear head_;
};

std::function<void()> training_step(CoreKind core, const char* encoding, bool causal) {
  struct State {
    State(CoreKind kind, const char* name, bool looks_back)
        : model(Build("model", Rng(1)), kind, name, looks_back) {}
    LanguageModel model;
    Adam adam;
    Tensor ids, next;
    int64 step = 0;
  };
  Rng rng = Rng(2).stream("tokens");
  auto s = std::make_shared<State>(core, encoding, causal);
  s->ids = integers(rng, {kBatch, kTokens}, 0, kVocabulary);
  s->next = integers(rng, {kBatch * kTokens}, 0, kVocabulary);
  return [s] {
    Pass pass(Mode::train, 1, s->step++);
    const Gradients gradients = backward(s->model.loss(s->ids, s->next, pass));
    s->adam.step(s->model.parameters(), gradients, 1e-3);
  };
}

}  // namespace

std::vector<Case> model_cases() {
  // Products of the layers, three times each (forward, and two gradients), and of attention.
  constexpr double kLinear = 6.0 * kBatch * kTokens *
                             (kLayers * (4.0 * kWidth * kWidth + 2.0 * kWidth * kFeedForward) +
                              1.0 * kWidth * kVocabulary);
  constexpr double kScores = kLayers * 7.0 * 2 * kBatch * kTokens * kTokens / 2 * kWidth;
  constexpr double kStates = kLayers * 7.0 * 2 * kBatch * kTokens * kWidth * (kWidth / kHeads + 1);
  const std::string what = ", 2 layers, d 128, 256 tokens, batch 8, Adam";
  return {
      {"step_softmax",
       "training step, softmax attention" + what,
       {kLinear + kScores, 0, 0},
       1,
       [] { return training_step(CoreKind::softmax, "learned", true); }},
      {"step_linear",
       "training step, causal linear attention" + what,
       {kLinear + kStates, 0, 0},
       1,
       [] { return training_step(CoreKind::linear, "learned", true); }},
      {"step_ropepool",
       "training step, RoPEPool, causal linear attention" + what,
       {0, 0, 0},
       1,
       [] { return training_step(CoreKind::linear, "ropepool", true); }},
  };
}

}  // namespace gradus::bench

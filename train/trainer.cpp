#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/harmony_past.h"
#include "tensor/elementwise.h"
#include "train/base_rate.h"
#include "train/generation.h"
#include "train/model_reads.h"
#include "train/run_evaluation.h"
#include "train/threshold.h"

namespace gradus {

namespace {

Rng seeded(const Experiment& e) { return Rng(static_cast<std::uint64_t>(e.train.seed)); }

std::unique_ptr<Optimizer> make_optimizer(const Experiment::Train& t) {
  if (t.optimizer == "sgd") return std::make_unique<Sgd>(SgdConfig{t.momentum});
  AdamConfig c;
  c.weight_decay = t.optimizer == "adamw" ? t.weight_decay : 0;
  return std::make_unique<Adam>(c);
}

}  // namespace

Trainer::Trainer(const Experiment& experiment, const std::filesystem::path& cache)
    : experiment_(experiment),
      cache_(cache),
      data_(read_harmony_data(data_request(experiment, cache))),
      train_(training_windows(data_.pieces, Split::train, experiment)),
      validation_(training_windows(data_.pieces, Split::validation, experiment)),
      harmonizer_(experiment, data_.chords),
      optimizer_(make_optimizer(experiment.train)) {
  point_.best_loss = std::numeric_limits<double>::infinity();
  schedule_.shape = parse_schedule(experiment.train.schedule);
  schedule_.warmup_steps = experiment.train.warmup;
  schedule_.steps_per_epoch = steps_per_epoch();
  schedule_.total_steps = experiment.train.epochs * steps_per_epoch();
  schedule_.decay = experiment.train.decay;
  check<ConfigError>(experiment.train.curriculum_epochs == 0 ||
                         experiment.train.curriculum_steps <= experiment.data.steps,
                     "train.curriculum_steps = {} is longer than the windows: data.steps = {}",
                     experiment.train.curriculum_steps, experiment.data.steps);
  check_reads(harmonizer_, data_);
  try_one_window();
}

void Trainer::try_one_window() {
  const NoGrad no_grad;
  make_decoding(experiment_, experiment_.decode.threshold);  // rules that do not fit the model
  if (harmonizer_.hears_past()) make_sampling(experiment_, experiment_.decode.threshold, 1);
  Rng draw = seeded(experiment_).stream("draw").stream(std::uint64_t{0});
  harmonizer_.model().draw(draw);
  Pass pass = Pass::eval();
  harmonizer_.loss(batch({train_.data(), 1}), pass);
}

int64 Trainer::steps_per_epoch() const {
  const int64 windows = experiment_.train.batch * experiment_.train.accumulate;
  return (static_cast<int64>(train_.size()) + windows - 1) / windows;
}

std::vector<std::vector<PieceWindow>> Trainer::epoch_batches(int64 epoch) const {
  const auto number = static_cast<std::uint64_t>(epoch);
  Rng order = seeded(experiment_).stream("order").stream(number);
  auto batches = shuffled_batches(train_, experiment_.train.batch, order);
  const int64 down = experiment_.data.transpose_down, up = experiment_.data.transpose_up;
  if (experiment_.data.source.empty() || down + up == 0) return batches;
  // The tunes stand in every key among the pieces, arranged anew; other music moves as it is.
  Rng key = seeded(experiment_).stream("key").stream(number);
  for (auto& windows : batches)
    for (PieceWindow& w : windows)
      w.semitones = static_cast<int>(integer_number(key, down + up + 1) - down);
  return batches;
}

HarmonyBatch Trainer::batch(std::span<const PieceWindow> windows) const {
  return make_batch(data_.pieces, windows, experiment_.data.steps, harmonizer_.format());
}

int64 Trainer::window_steps(int64 step) const {
  const Experiment::Train& t = experiment_.train;
  return curriculum_length(step, t.curriculum_epochs * steps_per_epoch(), t.curriculum_steps,
                           experiment_.data.steps);
}

std::vector<HarmonyBatch> Trainer::step_batches(std::span<const std::vector<PieceWindow>> parts,
                                                int64 step) const {
  const int64 steps = window_steps(step);
  std::vector<HarmonyBatch> batches;
  for (std::vector<PieceWindow> windows : parts) {
    // Cut before the batch is made: labels are those of what the model sees.
    for (PieceWindow& w : windows) w.length = std::min(w.length, steps);
    const PastNoise noise{experiment_.train.past_noise,
                          seeded(experiment_)
                              .stream("past")
                              .stream(static_cast<std::uint64_t>(step))
                              .stream(batches.size())};
    HarmonyBatch b =
        make_batch(data_.pieces, windows, experiment_.data.steps, harmonizer_.format(), &noise);
    if (steps < experiment_.data.steps)
      for (Tensor* t : {&b.input, &b.onset, &b.sustain, &b.labels, &b.mask})
        if (t->defined()) *t = contiguous(slice(*t, 1, 0, steps));
    batches.push_back(std::move(b));
  }
  return batches;
}

double Trainer::step(std::span<const std::vector<PieceWindow>> parts) {
  return step(step_batches(parts, point_.step));
}

double Trainer::step(std::span<const HarmonyBatch> parts) {
  Rng draw = seeded(experiment_).stream("draw").stream(static_cast<std::uint64_t>(point_.step));
  harmonizer_.model().draw(draw);
  Gradients total;
  double loss_sum = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Pass pass(Mode::train, static_cast<std::uint64_t>(experiment_.train.seed), point_.step,
              static_cast<int64>(i));
    Var loss = harmonizer_.loss(parts[i], pass);
    loss_sum += loss.item();
    Gradients g = backward(std::move(loss));
    if (i == 0)
      total = std::move(g);
    else
      total += g;
  }
  const double mean = loss_sum / static_cast<double>(parts.size());
  if (!std::isfinite(mean))
    fail<NonFiniteError>(
        "the loss of step {} is {}; lower train.learning_rate (now {}), or find the first bad node "
        "with "
        "`gradus inspect`",
        point_.step, mean, learning_rate());
  if (parts.size() > 1) total *= 1.0 / static_cast<double>(parts.size());
  last_norm_ = experiment_.train.clip > 0 ? clip_global_norm(total, experiment_.train.clip)
                                          : total.global_norm();
  optimizer_->step(harmonizer_.model().parameters(), total, learning_rate());
  ++point_.step;
  return mean;
}

double Trainer::validation_loss() const {
  const NoGrad no_grad;
  double total = 0, weight = 0;
  for (std::size_t i = 0; i < validation_.size();
       i += static_cast<std::size_t>(experiment_.train.batch)) {
    const auto n =
        std::min(validation_.size() - i, static_cast<std::size_t>(experiment_.train.batch));
    const HarmonyBatch b = batch({validation_.data() + i, n});
    Pass pass = Pass::eval();
    const double steps = sum(b.mask).item();
    total += harmonizer_.loss(b, pass).item() * steps;
    weight += steps;
  }
  return total / weight;
}

double Trainer::best_threshold() const {
  constexpr int64 kWindows = 256;  // a second or two for small models on POP909
  return choose_threshold(harmonizer_, data_.pieces, spread_windows(validation_, kWindows),
                          make_decoding(experiment_, 0.5))
      .threshold;
}

const MeanPredictor& Trainer::mean() {
  if (mean_.steps() == 0)
    for (const PieceWindow& w : train_) {
      const HarmonyBatch b = batch({&w, 1});
      mean_.learn(harmonizer_.targets(b), b.mask);
    }
  return mean_;
}

void Trainer::set_base_rates() {
  Parameter* bias = harmonizer_.model().output().bias();
  if (bias) bias->set(cast(log_odds(mean()), bias->dtype()));
}

TrainingReport Trainer::report() {
  TrainingReport r;
  r.validation_loss = validation_loss();
  r.threshold = point_.threshold;
  double total = 0, count = 0;
  for (const PieceWindow& w : validation_) {
    const HarmonyBatch b = batch({&w, 1});
    const MeanPredictor::Loss l = mean().loss(harmonizer_.targets(b), b.mask);
    total += l.total;
    count += static_cast<double>(l.count);
  }
  r.mean_loss = total / count;
  r.weighted = experiment_.train.positive_weight != 1 || experiment_.train.focal_gamma != 0;
  int64 bars = 1;  // of the longest piece
  for (const Piece& piece : data_.pieces) {
    if (piece.split != Split::validation) continue;
    r.held_out.push_back(piece.name);
    bars = std::max(bars, piece.bars());
  }
  const EvaluationWindows windows =
      evaluation_windows(judged_pieces(experiment_, data_.pieces, cache_), Split::validation,
                         std::min(bars, usual_bars(experiment_)), window_kind(experiment_));
  r.table = evaluate_run(windows, experiment_.data.source, harmonizer_, data_.pieces,
                         make_decoding(experiment_, point_.threshold));
  r.parameters = harmonizer_.model().parameter_count();
  r.steps = point_.step;
  r.epochs = point_.epoch;
  return r;
}

}  // namespace gradus

// Trainer::run: the order in which files are written, so that a kill between any two of them is
// repaired by the next call. `last` is what a run goes on from: it is written after all that it
// counts as done (lines of the log, the best checkpoint). What was written after it is written
// again, with the same bytes.
#include <cmath>

#include "tensor/file.h"
#include "tensor/parallel.h"
#include "train/batches_ahead.h"
#include "train/progress.h"
#include "train/run_lock.h"
#include "train/run_vocabulary.h"
#include "train/samples.h"
#include "train/trainer.h"

namespace gradus {

class Trainer::Run {
 public:
  Run(Trainer& trainer, const RunFolder& folder, bool quiet, const std::function<bool()>& stop)
      : t_(trainer),
        folder_(folder),
        lock_(folder.path()),
        stop_(stop),
        seconds_before_(go_on()),
        progress_("step", t_.experiment_.train.epochs * t_.steps_per_epoch(), t_.point_.step,
                  quiet) {}

  TrainingReport operator()() {
    TrainingReport r;
    while (!ended()) {
      if (!steps()) {
        r.ending = TrainingReport::Ending::stopped;
        r.steps = t_.point_.step;
        r.epochs = t_.point_.epoch;
        r.seconds = seconds();
        return r;
      }
      end_epoch();
    }
    return report();
  }

 private:
  /// Sets the trainer to where the folder's last checkpoint stands, or to the beginning; gives the
  /// seconds that the run took so far.
  double go_on() {
    check<ConfigError>(!folder_.complete(), "the run '{}' is complete: {} is its report",
                       folder_.path().string(), folder_.metrics().string());
    const std::filesystem::path last = folder_.checkpoint("last");
    TrainingPoint& point = t_.point_;
    if (std::filesystem::exists(last)) {
      point = load_checkpoint(last, t_.harmonizer_.model(), t_.optimizer_.get());
      check<ConfigError>(
          point.step == point.epoch * t_.steps_per_epoch() + point.epoch_steps &&
              point.epoch_steps <= t_.steps_per_epoch(),
          "'{}' stands at step {}, {} of them in epoch {}, but an epoch of this experiment has {} "
          "steps: its data or its experiment.toml have changed",
          last.string(), point.step, point.epoch_steps, point.epoch + 1, t_.steps_per_epoch());
    } else if (t_.experiment_.train.base_rate_bias && point.step == 0) {
      t_.set_base_rates();
    }
    folder_.remove_leftovers();
    save_vocabulary(folder_, t_.data().chords);
    return folder_.keep_log(point.log_lines);
  }

  bool ended() const {
    const Experiment::Train& e = t_.experiment_.train;
    return t_.point_.epoch >= e.epochs || out_of_patience();
  }
  bool out_of_patience() const {
    const int64 patience = t_.experiment_.train.patience;
    return patience > 0 && t_.point_.epochs_since_best >= patience;
  }
  double seconds() const { return seconds_before_ + progress_.seconds(); }

  void log(const LogLine& line) {
    folder_.log(line);
    ++t_.point_.log_lines;
  }
  void save_last() {
    folder_.sync_log();
    save_checkpoint(folder_.checkpoint("last"), t_.harmonizer_.model(), t_.optimizer_.get(),
                    t_.point_);
  }

  /// The steps of the epoch under way; false where it was stopped among them.
  bool steps() {
    const Experiment::Train& e = t_.experiment_.train;
    TrainingPoint& point = t_.point_;
    const auto batches = t_.epoch_batches(point.epoch);
    const auto per_step = static_cast<std::size_t>(e.accumulate);
    const auto first_step = point.step - point.epoch_steps;  // of this epoch
    BatchesAhead ahead(
        static_cast<std::size_t>(point.epoch_steps), (batches.size() + per_step - 1) / per_step,
        threads() > 1, [&, this](std::size_t step) {
          const std::size_t i = step * per_step;
          return t_.step_batches({batches.data() + i, std::min(per_step, batches.size() - i)},
                                 first_step + static_cast<int64>(step));
        });
    const double begin = progress_.seconds();
    while (!ahead.done()) {
      const double rate = t_.learning_rate();
      const int64 length = t_.window_steps();
      const double loss = t_.step(ahead.next());
      point.epoch_loss += loss;
      ++point.epoch_steps;
      progress_.update(point.step, fmt::format("loss {:.4f}", loss));
      if (point.step % e.log_every == 0) {
        LogLine line{{"step", point.step},
                     {"epoch", point.epoch},
                     {"loss", loss},
                     {"learning_rate", rate},
                     {"gradient_norm", t_.last_norm_}};
        if (e.curriculum_epochs > 0) line.emplace_back("window_steps", length);
        line.emplace_back("seconds", seconds());
        log(line);
      }
      const bool stopped = stop_ && stop_();
      // At the epoch's end one is written in any case.
      const bool due = e.save_every > 0 && point.step % e.save_every == 0 && !ahead.done();
      if (stopped || due) save_last();
      if (stopped) return false;
    }
    input_share_ = ahead.waited() / std::max(progress_.seconds() - begin, 1e-9);
    return true;
  }

  void end_epoch() {
    TrainingPoint& point = t_.point_;
    const double loss = t_.validation_loss();
    check<NonFiniteError>(std::isfinite(loss),
                          "the validation loss of epoch {} is {}; lower train.learning_rate (now "
                          "{}), or find the first bad node with `gradus inspect`",
                          point.epoch + 1, loss, t_.learning_rate());
    const bool best = loss < point.best_loss;
    if (best) {
      point.best_loss = loss;
      // With it a run that is ended early can harmonize.
      const double fixed = t_.experiment_.decode.threshold;
      point.threshold = fixed > 0 ? fixed : t_.best_threshold();
    }
    point.epochs_since_best = best ? 0 : point.epochs_since_best + 1;
    const double train_loss = point.epoch_loss / static_cast<double>(point.epoch_steps);
    ++point.epoch;
    point.epoch_steps = 0;
    point.epoch_loss = 0;
    log({{"epoch", point.epoch},
         {"train_loss", train_loss},
         {"validation_loss", loss},
         {"seconds", seconds()}});
    progress_.line(
        fmt::format("epoch {}: training loss {:.4f}, validation loss {:.4f}{}; waited {:.1f} % of "
                    "the steps' time for input",
                    point.epoch, train_loss, loss, best ? " (best)" : "", 100 * input_share_));
    if (best) save_checkpoint(folder_.checkpoint("best"), t_.harmonizer_.model(), nullptr, point);
    save_last();
  }

  TrainingReport report() {
    load_checkpoint(folder_.checkpoint("best"), t_.harmonizer_.model(), nullptr);
    TrainingReport r = t_.report();
    if (t_.point_.epoch < t_.experiment_.train.epochs) r.ending = TrainingReport::Ending::patience;
    r.seconds = seconds();
    log(report_line(r));
    write_samples(folder_.path() / "samples", t_.harmonizer_, t_.pieces(), r.threshold);
    write_file(folder_.metrics(), metrics_json(r));
    return r;
  }

  Trainer& t_;
  const RunFolder& folder_;
  const RunLock lock_;
  const std::function<bool()>& stop_;
  const double seconds_before_;
  Progress progress_;
  double input_share_ = 0;  // of the last epoch's steps
};

TrainingReport Trainer::run(const RunFolder& folder, bool quiet,
                            const std::function<bool()>& stop) {
  return Run(*this, folder, quiet, stop)();
}

}  // namespace gradus

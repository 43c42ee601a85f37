#include "train/study/cell.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "tensor/file.h"
#include "tensor/level.h"
#include "tensor/machine.h"
#include "tensor/parallel.h"
#include "train/run_evaluation.h"
#include "train/run_lock.h"
#include "train/run_vocabulary.h"
#include "train/trainer.h"

namespace gradus {

namespace fs = std::filesystem;

namespace {

constexpr const char* kNoName = "-";

/// Until nobody trains in the folder; false where it was asked to stop before.
bool wait_for_folder(const fs::path& folder, const std::function<bool()>& stop) {
  for (;;) {
    try {
      const RunLock lock(folder);
      return true;
    } catch (const ConfigError&) {
      if (stop()) return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

/// Seconds of the training, validation within it included, as the log counts them.
double training_seconds(const RunFolder& folder) {
  std::istringstream log(read_file(folder.path() / "log.jsonl"));
  double seconds = 0;
  for (std::string line; std::getline(log, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object() && json.contains("train_loss")) seconds = json.value("seconds", seconds);
  }
  return seconds;
}

std::string digest(const Module& model) {
  TensorFile file;
  for (const auto& [path, value] : model.state()) file.tensors[path] = value;
  return checkpoint_checksum(file);
}

EvaluationWindows windows_of(const CellTask& task, const std::vector<Piece>& judged, int64 bars) {
  try {
    return evaluation_windows(judged, task.split ? *task.split : evaluation_split(judged), bars,
                              window_kind(task.experiment));
  } catch (ConfigError& error) {
    error.add(
        fmt::format("judging a study on {}; --data DIR names other data: POP909's folder, a "
                    "MIDI file or a folder of MIDI files",
                    data_text(task.experiment.data.source)));
    throw;
  }
}

void set_machine(CellRow& row) {
  const Machine m = machine();
  row.version = m.version;
  row.compiler = m.compiler;
  row.level = name(kernel_level());
  row.threads = threads();
  row.blas_core = m.blas_core.empty() ? kNoName : m.blas_core;
  for (std::string* text : {&row.compiler, &row.blas_core})
    for (char& c : *text)
      if (c == ',') c = ';';
}

}  // namespace

void make_cell_folder(const fs::path& folder, const Experiment& experiment) {
  std::error_code error;
  if (!fs::exists(folder / "experiment.toml", error)) {
    RunFolder::create(folder, experiment);
    return;
  }
  const std::string there = configuration_hash(RunFolder::open(folder).experiment());
  check<ConfigError>(there == configuration_hash(experiment),
                     "the cell's folder '{}' holds a run of another configuration, {}; remove it",
                     folder.string(), there);
}

std::optional<CellRow> run_cell(const fs::path& path, const CellTask& task, const CellStop& stop) {
  const RunFolder folder = RunFolder::open(path);
  int64 step = 0, steps = 0;
  const auto stopped = [&] { return stop && stop(step, steps); };
  if (!wait_for_folder(path, stopped)) return std::nullopt;
  if (!folder.complete()) {
    Trainer trainer(task.experiment, task.cache);
    steps = task.experiment.train.epochs * trainer.steps_per_epoch();
    const TrainingReport report = trainer.run(folder, true, [&] {
      step = trainer.point().step;
      return stopped();
    });
    if (report.ending == TrainingReport::Ending::stopped) return std::nullopt;
    // A complete run goes on from nowhere: what would is the larger part of its folder.
    std::error_code ignored;
    fs::remove(folder.checkpoint("last"), ignored);
  }
  // From the files alone: the same whether it trained now or before it was ended.
  const auto metrics = nlohmann::json::parse(read_file(folder.metrics()));
  const HarmonyData data = read_harmony_data(data_request(task.experiment, task.cache));
  Harmonizer harmonizer(task.experiment, load_vocabulary(folder));
  const TrainingPoint point =
      load_checkpoint(folder.checkpoint("best"), harmonizer.model(), nullptr);
  CellRow row;
  row.study = row.preset = kNoName;
  row.hash = configuration_hash(task.experiment);
  row.parameters = harmonizer.model().parameter_count();
  row.epochs = metrics.at("epochs").get<int64>();
  row.steps = metrics.at("steps").get<int64>();
  row.seconds = training_seconds(folder);
  row.threshold = point.threshold;
  row.validation_loss = point.best_loss;
  const Decoding decoding = make_decoding(task.experiment, point.threshold);
  const std::vector<Piece> judged = judged_pieces(task.experiment, data.pieces, task.cache);
  for (const int64 bars : task.bars) {
    if (stopped()) return std::nullopt;
    const EvaluationRow r =
        evaluate_model(windows_of(task, judged, bars), harmonizer, data.pieces, decoding);
    row.tests.push_back(study_measures(r.score, bars));
  }
  row.digest = digest(harmonizer.model());
  set_machine(row);
  return row;
}

void write_cell_row(const fs::path& folder, const CellRow& row) {
  CellTable table;
  for (const StudyMeasures& m : row.tests) table.bars.push_back(m.bars);
  table.rows = {row};
  write_file(folder / "cell.csv", cells_csv(table));
}

std::optional<CellRow> read_cell_row(const fs::path& folder, const std::vector<int64>& bars) {
  std::error_code error;
  if (!fs::exists(folder / "cell.csv", error)) return std::nullopt;
  CellTable table = read_cells(folder / "cell.csv");
  if (table.rows.size() != 1 || table.bars != bars) return std::nullopt;
  return std::move(table.rows.front());
}

void check_windows(const CellTask& task) {
  DataRequest request = data_request(task.experiment, task.cache);
  request.steps_per_quarter = kPopTicks;
  const std::vector<Piece> judged = read_harmony_data(request).pieces;
  for (const int64 bars : task.bars) (void)windows_of(task, judged, bars);
}

std::vector<FloorRow> cell_floors(const CellTask& task, std::span<const Floor> which) {
  const HarmonyData data = read_harmony_data(data_request(task.experiment, task.cache));
  const std::vector<Piece> judged = judged_pieces(task.experiment, data.pieces, task.cache);
  std::vector<FloorRow> rows;
  for (const int64 bars : task.bars) {
    const EvaluationWindows windows = windows_of(task, judged, bars);
    for (const Floor& f : which)
      rows.push_back({kNoName, kNoName, std::string(f.name),
                      static_cast<int64>(windows.windows.size()),
                      study_measures(evaluate_floor(windows, f).score, bars)});
  }
  return rows;
}

CellCost cell_cost(const CellTask& task, bool timed) {
  Trainer trainer(task.experiment, task.cache);
  const Experiment::Train& t = task.experiment.train;
  CellCost cost;
  cost.parameters = trainer.harmonizer().model().parameter_count();
  cost.steps = t.epochs * trainer.steps_per_epoch();
  if (!timed) return cost;
  // At full length, whatever the curriculum; one window stands for a batch where that takes long.
  constexpr double kLong = 0.1, kEnough = 0.5;
  using Clock = std::chrono::steady_clock;
  std::vector<std::vector<PieceWindow>> parts;
  const auto batches = trainer.epoch_batches(0);
  for (std::size_t i = 0; i < std::min(batches.size(), static_cast<std::size_t>(t.accumulate)); ++i)
    parts.push_back(batches[i]);
  const auto timed_step = [&](std::span<const HarmonyBatch> batch) {
    const auto begin = Clock::now();
    trainer.step(batch);
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  const std::vector<HarmonyBatch> one{trainer.batch({parts.front().data(), 1})};
  timed_step(one);  // memory is taken, tables are made
  double windows = 0;
  for (const auto& p : parts) windows += static_cast<double>(p.size());
  double step = timed_step(one) * windows;
  if (step < kLong * windows) {
    std::vector<HarmonyBatch> whole;
    for (const auto& p : parts) whole.push_back(trainer.batch(p));
    step = timed_step(whole);
    for (double spent = step; spent < kEnough;) {
      const double seconds = timed_step(whole);
      spent += seconds;
      step = std::min(step, seconds);
    }
  }
  double length = 0;
  for (int64 i = 0; i < cost.steps; ++i) length += static_cast<double>(trainer.window_steps(i));
  cost.seconds = step * length / static_cast<double>(task.experiment.data.steps);
  return cost;
}

}  // namespace gradus

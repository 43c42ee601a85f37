#include "train/training_report.h"

#include <nlohmann/json.hpp>

namespace gradus {

namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string metrics_json(const TrainingReport& r) {
  const Json all = {{"steps", r.steps},
                    {"epochs", r.epochs},
                    {"ended_early", r.ending == TrainingReport::Ending::patience},
                    {"parameters", r.parameters},
                    {"validation_loss", r.validation_loss},
                    {"mean_loss", r.mean_loss},
                    {"weighted_loss", r.weighted},
                    {"threshold", r.threshold},
                    {"held_out", r.held_out},
                    {"validation", Json::parse(json(r.table))}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

LogLine report_line(const TrainingReport& r) {
  const HarmonyScore& model = r.table.rows.at(0).score;
  return {{"validation_loss", r.validation_loss},
          {"mean_loss", r.mean_loss},
          {"threshold", r.threshold},
          {"cs", model.cs},
          {"onset_f1", model.onset_f1()},
          {"onset_ratio", model.onset_ratio()},
          {"parameters", r.parameters},
          {"steps", r.steps},
          {"seconds", r.seconds}};
}

}  // namespace gradus

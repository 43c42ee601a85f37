#include "train/training_report.h"

#include <nlohmann/json.hpp>

namespace gradus {

namespace {

using Json = nlohmann::ordered_json;

Json onsets(const OnsetScore& s) {
  return {{"onsets", s.predicted},
          {"hits", s.hits},
          {"precision", s.precision()},
          {"recall", s.recall()},
          {"f1", s.f1()}};
}

}  // namespace

std::string metrics_json(const TrainingReport& r) {
  const Json json = {{"steps", r.steps},
                     {"epochs", r.epochs},
                     {"ended_early", r.ending == TrainingReport::Ending::patience},
                     {"parameters", r.parameters},
                     {"validation_loss", r.validation_loss},
                     {"mean_loss", r.mean_loss},
                     {"threshold", r.threshold},
                     {"held_out", r.held_out},
                     {"target_onsets", r.model.target},
                     {"model", onsets(r.model)},
                     {"block_chords", onsets(r.block_chords)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

LogLine report_line(const TrainingReport& r) {
  return {{"validation_loss", r.validation_loss},
          {"mean_loss", r.mean_loss},
          {"threshold", r.threshold},
          {"onset_f1", r.model.f1()},
          {"onsets_predicted", r.model.predicted},
          {"onsets_target", r.model.target},
          {"block_chords_f1", r.block_chords.f1()},
          {"block_chords_onsets", r.block_chords.predicted},
          {"parameters", r.parameters},
          {"steps", r.steps},
          {"seconds", r.seconds}};
}

}  // namespace gradus

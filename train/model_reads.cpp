#include "train/model_reads.h"

#include <algorithm>
#include <set>

#include "tensor/text.h"

namespace gradus {

namespace {

/// The contexts that the encoding sees: "bin" for its tracks "bin.0" to "bin.11".
std::set<std::string> contexts_of(const Harmonizer& h) {
  std::set<std::string> contexts;
  for (const std::string& track : h.model().encoding().tracks())
    contexts.insert(track.substr(0, track.find('.')));
  return contexts;
}

}  // namespace

std::vector<std::string> chord_readers(const Harmonizer& h) {
  std::vector<std::string> words;
  for (const std::string& context : contexts_of(h))
    if (context_reads_chords(context)) words.push_back("context " + context);
  for (const char* input : {"chord", "root"})
    if (h.format().reads(input)) words.push_back(fmt::format("input {}", input));
  return words;
}

std::vector<std::string> looks_ahead(const Harmonizer& h) {
  std::vector<std::string> reasons;
  for (const std::string& context : contexts_of(h))
    if (context_looks_ahead(context))
      reasons.push_back(
          fmt::format("context {} looks ahead: {}", context, context_meaning(context)));
  if (!h.experiment().model.causal)
    reasons.emplace_back("the model looks ahead: model.causal = false, a step hears the window");
  return reasons;
}

bool reads_style(const Harmonizer& h) {
  return h.format().reads("style") || contexts_of(h).count("style") != 0;
}

void check_reads(const Harmonizer& h, const HarmonyData& data) {
  const std::vector<std::string> readers = chord_readers(h);
  const bool known = std::any_of(data.pieces.begin(), data.pieces.end(), [](const Piece& p) {
    return std::any_of(p.steps.begin(), p.steps.end(),
                       [](const StepLabels& s) { return !s.chord.is_none(); });
  });
  check<ConfigError>(readers.empty() || known,
                     "the model reads chords ({}), but no song of the data has any: put them into "
                     "NAME.chords beside NAME.mid, or train with --context time and without such "
                     "inputs",
                     join(readers));
  check<ConfigError>(
      data.has_styles || !reads_style(h),
      "the model reads the style of the accompaniment, which the bundled tunes alone "
      "have: leave \"style\" out of data.inputs and data.context");
}

}  // namespace gradus

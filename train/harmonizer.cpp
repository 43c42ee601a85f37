#include "train/harmonizer.h"

#include <algorithm>

#include "data/harmony_past.h"
#include "nn/loss.h"
#include "pe/wrapping.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/text.h"
#include "train/within_step.h"

namespace gradus {

HarmonyFormat harmony_format(const Experiment& experiment, ChordVocabulary chords) {
  const Experiment::Data& d = experiment.data;
  HarmonyFormat f;
  f.steps_per_quarter = static_cast<int>(d.grid);
  f.inputs = d.inputs;
  f.melody_low = static_cast<int>(d.input_lowest);
  f.melody_high = static_cast<int>(d.input_highest) + 1;
  f.targets = d.targets;
  f.target_low = static_cast<int>(d.target_lowest);
  f.target_high = static_cast<int>(d.target_highest) + 1;
  f.onsets = d.onsets;
  f.contexts = d.context;
  f.chords = std::move(chords);
  return f;
}

namespace {

TransformerConfig transformer_config(const Experiment& e, const HarmonyFormat& format) {
  TransformerConfig c;
  c.inputs = format.features();
  c.outputs = (format.onsets ? 2 : 1) * format.pitches();
  c.d_model = e.model.d_model;
  c.layers = e.model.layers;
  c.heads = e.model.heads;
  c.d_ff = e.model.d_ff;
  c.dropout = e.model.dropout;
  c.coupled = e.model.coupled;
  c.norm = e.model.norm == "pre" ? NormPlacement::pre : NormPlacement::post;
  c.activation = parse_activation(e.model.activation);
  for (Sharing s : {Sharing::all, Sharing::codes, Sharing::inside, Sharing::nothing})
    if (name(s) == e.pe_shared) c.sharing = s;
  c.core.kind = parse_core(e.model.attention);
  c.core.dropout = c.core.kind == CoreKind::softmax ? e.model.dropout : 0;
  c.core.feature_map = e.model.feature_map;
  c.core.feature_options = e.feature_map_options;
  c.core.normaliser = e.model.normaliser == "none" ? Normaliser::none : Normaliser::sum;
  return c;
}

TrackKind track_kind(LabelKind k) {
  switch (k) {
    case LabelKind::time:
      return TrackKind::time;
    case LabelKind::bit:
      return TrackKind::bit;
    default:
      return TrackKind::token;
  }
}

}  // namespace

Harmonizer::Harmonizer(const Experiment& experiment, ChordVocabulary chords)
    : experiment_(experiment), format_(harmony_format(experiment, std::move(chords))) {
  const auto piano = std::find(format_.targets.begin(), format_.targets.end(), "piano");
  check<ConfigError>(piano != format_.targets.end(),
                     "data.targets must hold \"piano\", the accompaniment; got {}",
                     join(format_.targets));
  piano_columns_ = format_.target_high - format_.target_low;
  piano_first_ = (piano - format_.targets.begin()) * piano_columns_;
  check<ConfigError>(
      !hears_past() || (experiment.model.causal && experiment.model.attention == "linear"),
      "a model that hears its past plays step by step, as causal linear attention "
      "can; got model.attention = \"{}\", model.causal = {}",
      experiment.model.attention, experiment.model.causal);
  check<ConfigError>(!experiment.model.coupled || (hears_past() && format_.targets.size() == 1),
                     "model.coupled = true is for a model that hears its past and plays the piano "
                     "alone; data.inputs are {}, data.targets {}",
                     join(format_.inputs), join(format_.targets));
  // The context is what the encoding sees, unless its own options say otherwise.
  Options pe = experiment.pe_options;
  const std::vector<NamedOption> options = options_of(find_encoding(experiment.pe), pe);
  if (find_option(options, "tracks") && !pe.has("tracks")) {
    pe.set("tracks", format_.contexts);
    const auto width = static_cast<int64>(format_.columns().size());
    if (find_option(options, "width") && !pe.has("width")) pe.set("width", width);
  }
  const Build build("model", Rng(static_cast<std::uint64_t>(experiment.train.seed)).stream("init"));
  model_ = std::make_unique<Transformer>(build, transformer_config(experiment, format_),
                                         make_encoding(experiment.pe, pe));
}

bool Harmonizer::hears_past() const {
  return std::any_of(format_.inputs.begin(), format_.inputs.end(), is_past);
}

OutputColumns Harmonizer::piano_columns() const {
  return {piano_first_, (format_.onsets ? format_.pitches() : 0) + piano_first_, piano_columns_};
}

Positions Harmonizer::positions(const HarmonyBatch& batch) const {
  std::vector<Track> tracks;
  for (const LabelColumn& c : format_.columns())
    tracks.push_back({c.name, track_kind(c.kind), c.values});
  Positions p = labelled_positions(batch.labels, std::move(tracks), experiment_.model.causal);
  p.uniform = format_.contexts == std::vector<std::string>{"time"};
  p.key_mask = batch.mask;
  return p;
}

Var Harmonizer::logits(const HarmonyBatch& batch, Pass& pass) const {
  const Var alone = (*model_)(Var(batch.input), positions(batch), pass);
  const Coupling* coupling = model_->coupling();
  return (coupling ? alone + (*coupling)(Var(targets(batch)), pass) : alone).named("logits");
}

Tensor Harmonizer::targets(const HarmonyBatch& batch) const {
  if (!format_.onsets) return batch.sustain;
  const std::vector<Tensor> both{batch.onset, batch.sustain};
  return concat(both, -1);
}

Var Harmonizer::loss(const HarmonyBatch& batch, Pass& pass) const {
  return bce_loss(logits(batch, pass), Var(targets(batch)), Var(unsqueeze(batch.mask, -1)),
                  {experiment_.train.positive_weight, experiment_.train.focal_gamma});
}

HarmonyProbabilities Harmonizer::probabilities(const Piece& piece) const {
  const std::vector<Piece> pieces{piece};
  const int64 bar = piece.steps_per_bar;
  const int64 window = std::max(bar, experiment_.data.steps / bar * bar);
  const int64 hop = std::max(bar, window / bar / 2 * bar);
  std::vector<Tensor> onset, sustain;  // parts that follow each other
  for (int64 begin = 0, done = 0; done < piece.length(); begin += hop) {
    const PieceWindow part{0, begin, std::min(window, piece.length() - begin)};
    const HarmonyProbabilities p = std::move(probabilities(pieces, {&part, 1})[0]);
    // A later window has heard less of the past: it only adds the steps that are new.
    if (p.onset.defined()) onset.push_back(slice(p.onset, 0, done - begin, part.length));
    sustain.push_back(slice(p.sustain, 0, done - begin, part.length));
    done = begin + part.length;
  }
  HarmonyProbabilities all{{}, zeros({0, piano_columns_}), format_.target_low};
  if (!sustain.empty()) all.sustain = concat(sustain, 0);
  if (!onset.empty()) all.onset = concat(onset, 0);
  if (format_.onsets && onset.empty()) all.onset = all.sustain;
  return all;
}

std::vector<HarmonyProbabilities> Harmonizer::probabilities(
    const std::vector<Piece>& pieces, std::span<const PieceWindow> windows) const {
  constexpr int64 kDraws = 16;  // a standard error of 1/8 at most
  const NoGrad no_grad;
  int64 steps = 0;
  for (const PieceWindow& w : windows) steps = std::max(steps, w.length);
  const HarmonyBatch batch = make_batch(pieces, windows, steps, format_);
  Pass pass = Pass::eval();
  const Coupling* coupling = model_->coupling();
  const Tensor p = coupling ? (*model_)(Var(batch.input), positions(batch), pass).value()
                            : sigmoid(logits(batch, pass).value());
  std::vector<HarmonyProbabilities> out;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    Tensor rows = slice(select(p, 0, static_cast<int64>(i)), 0, 0, windows[i].length);
    if (coupling) rows = marginals(rows, *coupling, kDraws, Rng(0));
    const OutputColumns piano = piano_columns();
    const auto part = [&](int64 first) {
      return contiguous(slice(rows, 1, first, first + piano.count));
    };
    out.push_back(
        {format_.onsets ? part(piano.onset) : Tensor{}, part(piano.sustain), format_.target_low});
  }
  return out;
}

}  // namespace gradus

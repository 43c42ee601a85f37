#include "train/harmonizer.h"

#include <algorithm>

#include "nn/loss.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"

namespace gradus {

std::vector<std::string> context_tracks(const std::vector<std::string>& contexts) {
  std::vector<std::string> tracks;
  for (const std::string& c : contexts) tracks.push_back(c == "bin" ? "chroma" : c);
  return tracks;
}

HarmonyFormat harmony_format(const Experiment& experiment) {
  const auto reads = [&](const char* word) {
    const auto& list = experiment.data.inputs;
    return std::find(list.begin(), list.end(), word) != list.end();
  };
  HarmonyFormat f;
  f.beat_input = reads("beat");
  f.chord_input = reads("chord");
  f.style_input = reads("style");
  f.labels = context_tracks(experiment.data.context);
  return f;
}

namespace {

TransformerConfig transformer_config(const Experiment& e, const HarmonyFormat& format) {
  TransformerConfig c;
  c.inputs = format.features();
  c.outputs = 2 * format.pitches();
  c.d_model = e.model.d_model;
  c.layers = e.model.layers;
  c.heads = e.model.heads;
  c.d_ff = e.model.d_ff;
  c.dropout = e.model.dropout;
  c.norm = e.model.norm == "pre" ? NormPlacement::pre : NormPlacement::post;
  c.activation = parse_activation(e.model.activation);
  c.core.kind = e.model.attention == "linear" ? CoreKind::linear : CoreKind::softmax;
  c.core.dropout = c.core.kind == CoreKind::softmax ? e.model.dropout : 0;
  c.core.feature_map = e.model.feature_map;
  return c;
}

bool takes_option(const EncodingDef& e, std::string_view option) {
  return std::any_of(e.options.begin(), e.options.end(),
                     [&](const OptionInfo& o) { return o.name == option; });
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

Harmonizer::Harmonizer(const Experiment& experiment)
    : experiment_(experiment), format_(harmony_format(experiment)) {
  // The context is what the encoding sees, unless its own options say otherwise.
  Options pe = experiment.pe_options;
  const EncodingDef& encoding = find_encoding(experiment.pe);
  if (takes_option(encoding, "tracks") && !pe.has("tracks")) {
    pe.set("tracks", format_.labels);
    const auto width = static_cast<int64>(label_columns(format_.labels).size());
    if (takes_option(encoding, "width") && !pe.has("width")) pe.set("width", width);
  }
  const Build build("model", Rng(static_cast<std::uint64_t>(experiment.train.seed)).stream("init"));
  model_ = std::make_unique<Transformer>(build, transformer_config(experiment, format_),
                                         make_encoding(experiment.pe, pe));
}

Positions Harmonizer::positions(const HarmonyBatch& batch) const {
  std::vector<Track> tracks;
  for (const LabelColumn& c : label_columns(format_.labels))
    tracks.push_back({c.name, track_kind(c.kind), c.values});
  Positions p = labelled_positions(batch.labels, std::move(tracks), experiment_.model.causal);
  p.uniform = format_.labels == std::vector<std::string>{"time"};
  p.key_mask = batch.mask;
  return p;
}

Var Harmonizer::logits(const HarmonyBatch& batch, Pass& pass) const {
  return (*model_)(Var(batch.input), positions(batch), pass).named("logits");
}

Tensor Harmonizer::targets(const HarmonyBatch& batch) {
  const std::vector<Tensor> both{batch.onset, batch.sustain};
  return concat(both, -1);
}

Var Harmonizer::loss(const HarmonyBatch& batch, Pass& pass) const {
  return bce_loss(logits(batch, pass), Var(targets(batch)), Var(unsqueeze(batch.mask, -1)),
                  {experiment_.train.positive_weight, experiment_.train.focal_gamma});
}

HarmonyProbabilities Harmonizer::probabilities(const Piece& piece) const {
  const NoGrad no_grad;
  const std::vector<Piece> pieces{piece};
  const int64 bar = piece.steps_per_bar, pitches = format_.pitches();
  const int64 window = std::max(bar, experiment_.data.steps / bar * bar);
  const int64 hop = std::max(bar, window / bar / 2 * bar);
  Tensor onset = zeros({piece.length(), pitches}), sustain = zeros({piece.length(), pitches});
  float *on = onset.writable<float>(), *sus = sustain.writable<float>();
  for (int64 begin = 0, done = 0; done < piece.length(); begin += hop) {
    const int64 length = std::min(window, piece.length() - begin);
    const PieceWindow part{0, begin, length};
    const HarmonyBatch batch = make_batch(pieces, {&part, 1}, length, format_);
    Pass pass = Pass::eval();
    const Tensor p = contiguous(sigmoid(logits(batch, pass).value()));
    const float* values = p.data<float>();
    // A later window has heard less of the past: it only adds the steps that are new.
    for (int64 t = done - begin; t < length; ++t) {
      std::copy_n(values + t * 2 * pitches, pitches, on + (begin + t) * pitches);
      std::copy_n(values + t * 2 * pitches + pitches, pitches, sus + (begin + t) * pitches);
    }
    done = begin + length;
  }
  return {onset, sustain};
}

std::vector<Note> Harmonizer::decode(const HarmonyProbabilities& p, double threshold) const {
  const Tensor onset = contiguous(p.onset), sustain = contiguous(p.sustain);
  const auto on = onset.values<float>(), held = sustain.values<float>();
  const int64 steps = onset.size(0), pitches = onset.size(1);
  std::vector<Note> notes;
  for (int64 j = 0; j < pitches; ++j) {
    double begun = 0;  // probability of the note that sounds; 0: silence
    for (int64 t = 0; t < steps; ++t) {
      const auto i = static_cast<std::size_t>(t * pitches + j);
      const double o = static_cast<double>(on[i]), s = static_cast<double>(held[i]);
      if (o >= threshold) {
        notes.push_back({t, t + 1, format_.target_low + static_cast<int>(j)});
        begun = std::max(o, s);
      } else if (begun > 0 && s >= experiment_.decode.sustain_threshold * begun) {
        notes.back().end = t + 1;
      } else {
        begun = 0;
      }
    }
  }
  sort_notes(notes);
  return notes;
}

}  // namespace gradus

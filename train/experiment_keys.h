// The keys of an experiment, each once: reader, writer and table visit them.
#pragma once

#include "train/experiment.h"

namespace gradus::detail {

using Words = std::vector<std::string>;

/// Every key once: name, field, what is allowed, help. A visitor reads, writes or lists them.
template <class V>
void visit_keys(V&& v, Experiment& e) {
  v.word("data.source", e.data.source,
         "POP909's folder, a MIDI file or a folder of MIDI files; empty: the bundled tunes");
  v.integer("data.grid", e.data.grid, 4, 16, "steps a quarter: 4 (sixteenths) or 16 (the papers)");
  v.choice("data.align", e.data.align, {"papers", "melody"},
           "POP909: labels begin at the position of startpos.csv, or where melody.txt fits best");
  v.choice("data.windows", e.data.windows, {"bars", "papers"},
           "windows begin on bar lines, or where those of the papers do (POP909, grid 16)");
  v.integer("data.steps", e.data.steps, 16, 65536, "steps in a window");
  v.integer("data.hop_bars", e.data.hop_bars, 0, 4096,
            "bars between the begins of windows; 0: half a window");
  v.real("data.validation_share", e.data.validation_share, 0.001, 0.9,
         "share of the tunes that is held out; one at least");
  v.integer("data.transpose_down", e.data.transpose_down, 0, 11,
            "tunes: training pieces in keys so many semitones lower; other "
            "music: each window at random, anew each epoch");
  v.integer("data.transpose_up", e.data.transpose_up, 0, 11, "and higher");
  v.words("data.inputs", e.data.inputs,
          {"melody", "bridge", "beat", "chord", "root", "style", "past", "past-quarter",
           "past-half", "past-bar"},
          "what the model reads at each step; past: the piano itself one step ago, a quarter, half "
          "a bar or a bar ago; the model plays step by step and hears what it has played");
  v.integer("data.input_lowest", e.data.input_lowest, 0, 116,
            "melody and bridge are moved by octaves to lie between this pitch");
  v.integer("data.input_highest", e.data.input_highest, 11, 127, "and this one");
  v.words("data.context", e.data.context,
          {"time", "rep", "key", "key-mode", "bin", "chord", "root", "phrase", "section", "bar",
           "beat", "melody", "style"},
          "labels that the encoding sees: time, or structure (bin: the chord's 12 chroma bits)");
  v.words("data.targets", e.data.targets, {"melody", "bridge", "piano"},
          "tracks that the model predicts");
  v.integer("data.target_lowest", e.data.target_lowest, 0, 127,
            "pitches below are no part of the target");
  v.integer("data.target_highest", e.data.target_highest, 0, 127, "nor are pitches above");
  v.flag("data.onsets", e.data.onsets,
         "onsets beside sustain in input and output; without, sounding cells alone");
  v.integer("model.d_model", e.model.d_model, 1, 65536, "width");
  v.integer("model.layers", e.model.layers, 1, 256, "blocks");
  v.integer("model.heads", e.model.heads, 1, 4096, "attention heads; they divide d_model");
  v.integer("model.d_ff", e.model.d_ff, 1, 262144, "hidden width of the feed-forward part");
  v.real("model.dropout", e.model.dropout, 0, 0.99, "share of activations dropped in training");
  v.choice("model.norm", e.model.norm, {"pre", "post"}, "layer norm before or after each part");
  v.choice("model.activation", e.model.activation, {"relu", "gelu", "silu"},
           "of the feed-forward part");
  v.choice("model.attention", e.model.attention, {"linear", "softmax", "toeplitz"}, "core");
  v.word("model.feature_map", e.model.feature_map,
         "of linear and toeplitz attention, see nn/README.md; its own options are keys of "
         "[feature_map]");
  v.choice("model.normaliser", e.model.normaliser, {"sum", "none"},
           "of linear and toeplitz attention; none: divides by nothing, for features that can be "
           "negative");
  v.flag("model.causal", e.model.causal, "a step sees only itself and the past");
  v.flag("model.coupled", e.model.coupled,
         "of models that hear their past: within a step each output sees those before it, onsets "
         "from low to high, then sustain");
  v.word(
      "pe.name", e.pe,
      "positional encoding; its own options are further keys of [pe], see `gradus pe show NAME`");
  v.choice("pe.shared", e.pe_shared, {"all", "codes", "inside", "nothing"},
           "what the layers share of the encoding: all; its random codes alone, with parameters of "
           "each layer's own; the encoding inside gated, with gates of each layer's own; nothing");
  v.integer("train.seed", e.train.seed, 0, int64{1} << 53, "of initial values, order, dropout");
  v.integer("train.epochs", e.train.epochs, 1, 100000, "passes over the training windows");
  v.integer("train.batch", e.train.batch, 1, 65536, "windows a forward pass");
  v.integer("train.accumulate", e.train.accumulate, 1, 65536, "forward passes a step");
  v.choice("train.optimizer", e.train.optimizer, {"adam", "adamw", "sgd"},
           "what makes a step of a gradient");
  v.real("train.learning_rate", e.train.learning_rate, 0, 100, "base rate");
  v.real("train.weight_decay", e.train.weight_decay, 0, 10, "adamw only, on matrices");
  v.real("train.momentum", e.train.momentum, 0, 0.9999, "sgd only");
  v.real("train.clip", e.train.clip, 0, 1e9, "largest global norm of the gradient; 0: none");
  v.choice("train.schedule", e.train.schedule, {"constant", "step", "cosine"},
           "of the learning rate, after warm-up");
  v.integer("train.warmup", e.train.warmup, 0, 1000000, "steps of linear warm-up");
  v.real("train.decay", e.train.decay, 0, 1, "factor an epoch, schedule step");
  v.real("train.positive_weight", e.train.positive_weight, 0.001, 1000,
         "how much a sounding cell counts");
  v.real("train.focal_gamma", e.train.focal_gamma, 0, 10, "focal loss; 0: plain");
  v.flag("train.base_rate_bias", e.train.base_rate_bias,
         "the output's bias begins at the log-odds of each output's share in the training windows");
  v.integer("train.curriculum_epochs", e.train.curriculum_epochs, 0, 100000,
            "epochs in which the windows grow to data.steps");
  v.integer("train.curriculum_steps", e.train.curriculum_steps, 1, 65536, "from so many steps");
  v.real("train.past_noise", e.train.past_noise, 0, 1,
         "of the past that training hears: share of its notes left out, and of wrong ones beside");
  v.integer("train.patience", e.train.patience, 0, 100000,
            "epochs without a smaller validation loss after which training ends; 0: never");
  v.integer("train.save_every", e.train.save_every, 0, int64{1} << 53,
            "steps between checkpoints within an epoch; 0: at its end only");
  v.integer("train.log_every", e.train.log_every, 1, 1000000, "steps between lines of the log");
  v.real("decode.threshold", e.decode.threshold, 0, 1,
         "probability of an onset; 0: chosen on the validation windows");
  v.real("decode.sustain_threshold", e.decode.sustain_threshold, 0, 1,
         "probability that a note goes on, given that it began");
  v.flag("decode.expected_counts", e.decode.expected_counts,
         "a pitch begins in each half bar as often as its probabilities expect, at least");
  v.flag("decode.expected_chroma", e.decode.expected_chroma,
         "so does a pitch class, whichever of its pitches it takes");
  v.flag("decode.fill_quarters", e.decode.fill_quarters,
         "a quarter that is expected to sound plays its most probable note");
  v.integer("decode.merge", e.decode.merge, 0, 65536,
            "gaps of at most so many steps between notes of a pitch are closed");
  v.integer("decode.min_length", e.decode.min_length, 1, 65536,
            "steps; shorter notes are left out");
  v.integer("decode.polyphony", e.decode.polyphony, 0, 128,
            "notes that sound at once, the most probable ones; 0: any number");
  v.real("decode.temperature", e.decode.temperature, 0, 10,
         "of models that hear their past: log-odds of an onset move away from those of the pivot "
         "by 1 / temperature; 1: as the model says; 0: the pivot decides");
  v.real("decode.pivot", e.decode.pivot, 0, 1,
         "of models that hear their past: the probability that temperature leaves as it is; 0: the "
         "threshold");
  v.real("decode.cut", e.decode.cut, 0, 1,
         "of models that hear their past: less probable onsets are never played");
}

}  // namespace gradus::detail

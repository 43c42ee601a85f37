// Experiment: everything that a training run depends on, as a TOML file of [data], [model],
// [feature_map], [pe], [train] and [decode]. Every key has a default, a range and a line of help
// (train/README.md is written from them) and can be overridden by --set key=value; an unknown key
// is refused with the nearest spelling.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/settings.h"

namespace gradus {

struct Experiment {
  struct Data {
    std::string source;  ///< a folder or a MIDI file; empty: the bundled tunes
    int64 grid = 4;
    std::string align = "papers", windows = "bars";
    int64 steps = 128;
    int64 hop_bars = 4;
    double validation_share = 0.2;
    int64 transpose_down = 3, transpose_up = 3;
    std::vector<std::string> inputs{"melody", "beat"};
    int64 input_lowest = 43, input_highest = 102;
    std::vector<std::string> context{"bin"};
    std::vector<std::string> targets{"piano"};
    int64 target_lowest = 36, target_highest = 72;
    bool onsets = true;
  } data;
  struct Model {
    int64 d_model = 64, layers = 2, heads = 4, d_ff = 128;
    double dropout = 0.1;
    std::string norm = "pre", activation = "relu";
    std::string attention = "linear", feature_map = "elu1", normaliser = "sum";
    bool causal = true;
    bool coupled = false;
  } model;
  Options feature_map_options{"feature map"};  ///< the keys of [feature_map]
  std::string pe = "ropepool";
  std::string pe_shared = "all";
  Options pe_options{"pe"};  ///< the other keys of [pe]
  struct Train {
    int64 seed = 1, epochs = 10, batch = 8, accumulate = 1;
    std::string optimizer = "adam";
    double learning_rate = 2e-3, weight_decay = 0, momentum = 0.9, clip = 1;
    std::string schedule = "cosine";
    int64 warmup = 50;
    double decay = 0.85;
    double positive_weight = 1, focal_gamma = 0;
    bool base_rate_bias = false;
    int64 curriculum_epochs = 0, curriculum_steps = 16;
    double past_noise = 0;
    int64 patience = 0;
    int64 save_every = 0;
    int64 log_every = 10;
  } train;
  struct Decode {
    double threshold = 0;  ///< 0: chosen on the validation windows after training
    double sustain_threshold = 0.5;
    bool expected_counts = false, expected_chroma = false, fill_quarters = false;
    int64 merge = 0, min_length = 1, polyphony = 0;
    double temperature = 1, pivot = 0, cut = 0;
  } decode;

  /// Reads a file, then the overrides ("train.learning_rate=1e-3"). IoError / ConfigError say file,
  /// line, key.
  static Experiment read(const std::filesystem::path& file,
                         const std::vector<std::string>& overrides = {});
  /// The same from text; `where` stands in messages.
  static Experiment parse(std::string_view text, const std::string& where,
                          const std::vector<std::string>& overrides = {});
  /// The same from settings, of which the last of a key counts; "pe." is open for the encoding's
  /// own options. `where` stands in messages on how keys fit each other.
  static Experiment of(const std::vector<Setting>& settings, const std::string& where);
  /// The whole configuration as TOML: parse(to_toml()) gives the same.
  std::string to_toml() const;
};

/// "data.source", ..., in the order of the table.
std::vector<std::string> experiment_key_names();
/// ConfigError with the nearest spelling for what is no key; those of [pe] that are no key of every
/// encoding are its own and are not known here.
void check_experiment_key(const std::string& key, const std::string& where);
/// The Markdown table of all keys.
std::string experiment_keys_markdown();

}  // namespace gradus

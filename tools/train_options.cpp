#include "tools/train_options.h"

#include <filesystem>

#include "tensor/file.h"
#include "tools/cache_options.h"
#include "train/presets.h"

namespace gradus {

namespace {

namespace fs = std::filesystem;

/// Options that are shorthands of keys.
struct Shorthand {
  const char *flag, *key, *argument, *help;
};
constexpr Shorthand kShorthands[] = {
    {"data", "data.source", "DIR", "POP909's folder, a MIDI file, a folder of MIDI files"},
    {"grid", "data.grid", "N", "steps a quarter: 4 (sixteenths) or 16 (the papers)"},
    {"context", "data.context", "NAME,...", "labels that the encoding sees"},
    {"pe", "pe.name", "NAME", "positional encoding, see `gradus pe`"},
    {"attention", "model.attention", "KIND", "core: linear, softmax or toeplitz"},
    {"seed", "train.seed", "N", "of initial values, order, dropout"},
    {"epochs", "train.epochs", "N", "passes over the training windows"},
};

std::vector<std::string> settings(const CommandLine& line) {
  return line.has("set") ? line.texts("set") : std::vector<std::string>();
}

/// As a TOML string: a comma in a path makes no list.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", c);
    else
      out += c;
  }
  return out + "\"";
}

/// --set, then the shorthands as further settings; both for one key are refused.
std::vector<std::string> overrides(const CommandLine& line) {
  std::vector<std::string> all = settings(line);
  const std::size_t set = all.size();
  for (const Shorthand& s : kShorthands) {
    if (!line.has(s.flag)) continue;
    for (std::size_t i = 0; i < set; ++i)
      check<ConfigError>(trim(all[i].substr(0, all[i].find('='))) != s.key,
                         "--{} and --set {} both set '{}'; give one of them", s.flag, all[i],
                         s.key);
    const std::string value = line.text(s.flag);
    const bool path = std::string_view(s.flag) == "data";
    all.push_back(fmt::format("{}={}", s.key, path ? quoted(value) : value));
  }
  return all;
}

/// Where the experiment's text comes from, and what stands for it in messages.
struct Source {
  std::string text, where;
};
Source source(const CommandLine& line) {
  if (line.has("experiment")) {
    const std::string file = line.text("experiment");
    return {read_file(file, 1 << 20), file};
  }
  if (!line.has("preset")) return {"", "defaults"};
  const std::string name = line.text("preset");
  return {preset(name), fmt::format("preset '{}'", name)};
}

}  // namespace

CommandOptions train_options() {
  CommandOptions options("gradus train",
                         "Trains a model from an experiment file or a preset into a run folder; "
                         "goes on with a run that was ended.");
  options.positional_help("EXPERIMENT.toml");
  CommandOptions::Adder add = options.add_options();
  add("experiment", "experiment file; without one, the defaults", takes_word());
  add("preset", "a built-in experiment instead: " + join(preset_names()), takes_word(), "NAME");
  add("out", "run folder to make (default with --preset: runs/PRESET-CONTEXT-PE)", takes_word(),
      "RUN");
  add("resume", "go on with this run from its last checkpoint", takes_word(), "RUN");
  add("set", "override a key: --set train.epochs=2 (again for more keys)", takes_words(),
      "KEY=VALUE");
  for (const Shorthand& s : kShorthands)
    add(s.flag, fmt::format("{}; --set {}", s.help, s.key), takes_word(), s.argument);
  add_cache_options(add);
  add("keys", "print every key with default, range and meaning");
  add("quiet", "no progress");
  add("help", "this text");
  options.parse_positional({"experiment"});
  return options;
}

Experiment train_experiment(const CommandLine& line) {
  check<ConfigError>(!line.has("experiment") || !line.has("preset"),
                     "gradus train takes one experiment: '{}' or --preset {}",
                     line.has("experiment") ? line.text("experiment") : "",
                     line.has("preset") ? line.text("preset") : "");
  Source from = source(line);
  if (line.has("pe")) {
    // Another encoding's options are none of this one.
    Experiment base = Experiment::parse(from.text, from.where);
    if (base.pe != line.text("pe") && !base.pe_options.values().empty()) {
      base.pe_options = Options();
      from.text = base.to_toml();
    }
  }
  Experiment e = Experiment::parse(from.text, from.where, overrides(line));
  // A run goes on from anywhere.
  if (!e.data.source.empty())
    e.data.source = fs::absolute(e.data.source).lexically_normal().string();
  return e;
}

RunFolder make_run_folder(const CommandLine& line, const Experiment& experiment) {
  if (line.has("out")) return RunFolder::create(line.text("out"), experiment);
  std::string context;
  for (const std::string& c : experiment.data.context) context += (context.empty() ? "" : "+") + c;
  const fs::path stem =
      fs::path("runs") / fmt::format("{}-{}-{}", line.text("preset"), context, experiment.pe);
  std::error_code error;
  fs::create_directories("runs", error);
  fs::path path = stem;
  // A folder is made at once where its name is free, so that two commands never take the same.
  for (int n = 2; !error && !fs::create_directory(path, error) && !error; ++n)
    path = fmt::format("{}-{}", stem.string(), n);
  check<IoError>(!error, "cannot make the run folder '{}': {}", path.string(), error.message());
  return RunFolder::create(path, experiment);
}

void check_resume_alone(const CommandLine& line) {
  std::vector<std::string> others;
  for (const char* flag : {"experiment", "preset", "out", "set"})
    if (line.has(flag))
      others.push_back(std::string_view(flag) == "experiment" ? line.text("experiment")
                                                              : fmt::format("--{}", flag));
  for (const Shorthand& s : kShorthands)
    if (line.has(s.flag)) others.push_back(fmt::format("--{}", s.flag));
  check<ConfigError>(others.empty(),
                     "--resume goes on with a run as it was begun, by the experiment.toml in its "
                     "folder; it takes nothing of another run, but got {}",
                     join(others));
}

}  // namespace gradus

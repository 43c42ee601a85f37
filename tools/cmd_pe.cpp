// gradus pe: the table of positional encodings, and one of them explained. Other words (eval, ...)
// stand in tools/pe_*.cpp.
#include <algorithm>

#include "pe/suite.h"
#include "pe/table.h"
#include "tools/command_line.h"
#include "tools/commands.h"
#include "tools/pe_words.h"
#include "train/experiment.h"
#include "train/presets.h"

namespace gradus {

namespace {

std::string cores_text(unsigned hooks) {
  std::vector<std::string> cores;
  for (CoreKind c : core_kinds())
    if (core_fits(c, hooks)) cores.emplace_back(name(c));
  return join(cores);
}

void list_encodings() {
  std::size_t width = 0, family = 0;
  for (const EncodingDef* d : encodings()) {
    width = std::max(width, d->name.size());
    family = std::max(family, d->family.size());
  }
  fmt::print("{} positional encodings; gradus pe show NAME explains one\n", encodings().size());
  for (const EncodingDef* d : encodings()) {
    fmt::print("\n{:<{}}  {:<{}}  {}\n", d->name, width, d->family, family, d->formula);
    const auto row = [width](std::string_view key, std::string_view text) {
      fmt::print("{:<{}}  {}: {}\n", "", width, key, text);
    };
    row("takes", d->takes);
    row("cost", fmt::format("{}; cores: {}", name(d->traits.cost), cores_text(d->traits.hooks)));
    row("traits", traits_text(*d));
    row("source", d->source);
  }
}

void show_options(const EncodingDef& d) {
  if (d.options.empty()) {
    fmt::print("options: none\n");
    return;
  }
  std::size_t key = 0, allowed = 0, fallback = 0;
  for (const OptionInfo& o : d.options) {
    key = std::max(key, o.name.size());
    allowed = std::max(allowed, o.allowed.size());
    fallback = std::max(fallback, o.fallback.size());
  }
  fmt::print("\noptions (name, default, allowed, meaning):\n");
  for (const OptionInfo& o : d.options)
    fmt::print("  {:<{}}  {:<{}}  {:<{}}  {}\n", o.name, key, o.fallback, fallback, o.allowed,
               allowed, o.meaning);
}

/// An option as TOML, where its default is a value (and not a description of one).
std::string example_value(const OptionInfo& o) {
  const std::string text(o.fallback);
  if (text == "none" || text.find(' ') != std::string::npos) return {};
  const bool number = text.find_first_not_of("0123456789.e-") == std::string::npos;
  return number || text == "true" || text == "false" ? text : fmt::format("\"{}\"", text);
}

/// The part of its experiment file (train/experiments) that concerns it, with its own options.
void show_example(const EncodingDef& d) {
  const Experiment e = Experiment::parse(preset(std::string(d.name)), std::string(d.name));
  fmt::print("\nexample configuration (gradus train --preset {} trains on the bundled tunes):\n",
             d.name);
  fmt::print("  [data]\n  context = [\"{}\"]\n  [model]\n  attention = \"{}\"\n",
             join(e.data.context, "\", \""), e.model.attention);
  if (e.model.attention != "softmax") fmt::print("  feature_map = \"{}\"\n", e.model.feature_map);
  fmt::print("  [pe]\n  name = \"{}\"\n", d.name);
  Options chosen;
  for (const OptionInfo& o : d.options) {
    const std::string value = example_value(o);
    if (value.empty() || o.name == "tracks") continue;
    Options more = chosen;
    more.set(fmt::format("{}={}", o.name, o.fallback));
    try {
      (void)build_encoding(d, Build("pe"), {e.model.d_model, e.model.heads}, more);
    } catch (const ConfigError&) {  // it goes with another choice of an option
      continue;
    }
    chosen = more;
    fmt::print("  {} = {}\n", o.name, value);
  }
}

/// What the suite finds, on the first of its settings.
void show_evidence(const EncodingDef& d) {
  for (const SuiteCase& c : suite_cases()) {
    if (c.name != d.name) continue;
    const TraitReport report = check_traits(subject_of(c));
    fmt::print("\ntraits, measured (gradus pe check {} measures other settings too):\n", d.name);
    const std::string lines = report.table();
    for (std::string_view rest(lines); !rest.empty();) {
      const std::size_t end = rest.find('\n');
      const std::string_view row = rest.substr(0, end);
      if (!row.ends_with("not declared")) fmt::print("  {}\n", row);
      rest.remove_prefix(end + 1);
    }
    return;
  }
}

void show_encoding(const EncodingDef& d) {
  fmt::print("{}: {}\nsource: {}\n\n{}\n", d.name, d.formula, d.source, d.derivation);
  fmt::print("takes: {}\nhooks: {}\ncores: {}\ncost: {}\n", d.takes, hooks_text(d.traits.hooks),
             cores_text(d.traits.hooks), name(d.traits.cost));
  fmt::print("{}\n", traits_text(d));
  show_options(d);
  show_example(d);
  show_evidence(d);
}

struct Word {
  std::string_view name, summary;
  int (*run)(int argc, char** argv);
};

constexpr Word kWords[] = {
    {"eval", "one query and one key: features, score, terms, gradient", pe_eval},
    {"check", "proves what encodings declare, a line for each trait", pe_check},
    {"cost", "time and memory against length", pe_cost},
    {"interaction", "which products meet which function of the labels", pe_interaction},
    {"plot", "a web page that plots encodings side by side", pe_plot},
    {"toy", "the toy study of the paper, from the equations", pe_toy},
};

std::string words_help() {
  std::string s = "List the positional encodings, or explain one (show NAME). Other words:\n";
  for (const Word& w : kWords) s += fmt::format("\n  {:<12} {}", w.name, w.summary);
  return s + "\n\n`gradus pe WORD --help` explains one.\n";
}

}  // namespace

int cmd_pe(int argc, char** argv) {
  if (argc > 1)
    for (const Word& w : kWords)
      if (w.name == argv[1]) return w.run(argc - 1, argv + 1);
  CommandOptions options("gradus pe", words_help());
  options.custom_help("[--markdown]");
  options.positional_help("[show NAME | WORD ...]");
  // clang-format off
  options.add_options()
      ("markdown", "the table as it stands in pe/README.md")
      ("help", "show this text")
      ("words", "show NAME", takes_words());
  // clang-format on
  options.parse_positional({"words"});
  const CommandLine line(options, argc, argv, "gradus pe show ropepool");
  if (line.helped()) return 0;
  const std::vector<std::string> words =
      line.has("words") ? line.texts("words") : std::vector<std::string>{};
  check<ConfigError>(words.empty() || !line.has("markdown"), "gradus pe: --markdown takes no '{}'",
                     words.empty() ? "" : words[0]);
  if (line.has("markdown")) {
    fmt::print("{}", encodings_markdown());
  } else if (words.empty()) {
    list_encodings();
  } else {
    std::vector<std::string> known{"show"};
    for (const Word& w : kWords) known.emplace_back(w.name);
    check<ConfigError>(words[0] == "show", "gradus pe: unknown word '{}'; known: {}{}", words[0],
                       join(known), did_you_mean(words[0], known));
    check<ConfigError>(words.size() == 2,
                       "gradus pe show takes one name, got {}; say, gradus pe "
                       "show rope",
                       words.size() - 1);
    show_encoding(find_encoding(words[1]));
  }
  return 0;
}

}  // namespace gradus

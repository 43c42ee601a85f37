// KernelView's settings: options, parameters by name, and frequencies of any encoding that has
// some.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "pe/frequencies.h"
#include "pe/kernel_view.h"
#include "pe/wrapping.h"
#include "tensor/index.h"
#include "tensor/text.h"

namespace gradus {

std::vector<double> parse_numbers(std::string_view text, std::string_view what) {
  std::vector<double> numbers;
  for (const std::string& piece : split(text, ',')) {
    std::string_view word = trim(piece);
    if (word.starts_with('+')) word.remove_prefix(1);
    double x = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), x);
    check<ConfigError>(error == std::errc() && end == word.data() + word.size() && std::isfinite(x),
                       "{} takes numbers with commas between them, such as .5,-1; got '{}'{}", what,
                       text,
                       piece == text ? std::string() : fmt::format(", where '{}' is none", piece));
    numbers.push_back(x);
  }
  check<ConfigError>(!numbers.empty(), "{} takes numbers with commas between them, got nothing",
                     what);
  return numbers;
}

namespace {

std::string key_of(std::string_view assignment) {
  return std::string(trim(assignment.substr(0, assignment.find('='))));
}

/// Those of the settings that say which encodings are wrapped.
Options wrapping(const std::vector<std::string>& set) {
  Options o("--set");
  for (const std::string& s : set)
    if (const std::string key = key_of(s); key == "wraps" || key.ends_with(".wraps")) o.set(s);
  return o;
}

/// "frequencies=1:.2,.1:-.3" without its groups; they must be of one size, that of the labels.
std::string ungrouped(const std::string& assignment, int64 label_width) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || assignment.find(':', equals) == std::string::npos)
    return assignment;
  std::string flat = assignment.substr(0, equals + 1);
  for (const std::string& group : split(assignment.substr(equals + 1), ',')) {
    const auto count = 1 + std::count(group.begin(), group.end(), ':');
    check<ConfigError>(label_width == 0 || count == label_width,
                       "--set {}: '{}' has {} number{}, the labels have {}", assignment, group,
                       count, count == 1 ? "" : "s", label_width);
    flat += (flat.back() == '=' ? "" : ",") + group;
  }
  std::replace(flat.begin() + static_cast<std::ptrdiff_t>(equals), flat.end(), ':', ',');
  return flat;
}

/// What stands behind the encoding's own path.
std::string short_name(const PositionalEncoding& e, const Parameter& p) {
  return p.path().substr(e.path().size() + 1);
}

void set_parameter(const EncodingDef& def, const std::vector<NamedOption>& takes,
                   PositionalEncoding& e, const std::string& assignment) {
  const std::string key = key_of(assignment);
  std::vector<std::string> known;
  for (const NamedOption& o : takes) known.push_back(o.name);
  const auto* of_angles = dynamic_cast<const HasFrequencies*>(&e);
  if (of_angles && of_angles->own_frequencies().defined() &&
      std::find(known.begin(), known.end(), "frequencies") == known.end())
    known.emplace_back("frequencies");
  for (Parameter* p : e.parameters()) {
    const std::string name = short_name(e, *p);
    if (name == key) {
      const std::vector<double> numbers =
          parse_numbers(assignment.substr(assignment.find('=') + 1), "--set " + key);
      const auto count = static_cast<int64>(numbers.size());
      check<ConfigError>(count == 1 || count == p->value().numel(),
                         "--set {}: the parameter is {}: it takes 1 number or {}, got {}", key,
                         p->shape(), p->value().numel(), count);
      p->set(cast(
          count == 1 ? full(p->shape(), numbers[0], DType::f64) : from_values(numbers, p->shape()),
          p->dtype()));
      return;
    }
    if (std::find(known.begin(), known.end(), name) == known.end()) known.push_back(name);
  }
  fail<ConfigError>("--set {}: {} has no option and no parameter '{}'; {}{}", assignment, def.name,
                    key, known.empty() ? "it has none" : "known: " + join(known),
                    did_you_mean(key, known));
}

/// One sinusoid a coordinate, sinusoids in place of tables, and as many terms as frequencies are
/// given, unless these are set.
void fit_to_frequencies(const std::vector<NamedOption>& takes, int64 rows, Options& options) {
  for (const auto& [key, value] :
       {std::pair<const char*, int64>{"sines", 1}, {"samples", 1}, {"terms", 2 * rows}})
    if (find_option(takes, key) && !options.has(key)) options.set(key, OptionValue(value));
  if (find_option(takes, "codes") && !options.has("codes"))
    options.set("codes", OptionValue(std::string("sine")));
}

/// The numbers of "frequencies=...", [n, L].
Tensor given_frequencies(const EncodingDef& def, const std::string& setting,
                         const std::vector<double>& numbers, int64 width, const Tensor& own) {
  const auto count = static_cast<int64>(numbers.size()), all = own.size(1);
  check<ConfigError>(
      count % width == 0 && all % (count / width) == 0,
      "--set {}: {} number{}; {} has {} frequencies of {} number{}: give {} number{}, "
      "or fewer frequencies, each for as many of these",
      setting, count, count == 1 ? "" : "s", def.name, all, width, width == 1 ? "" : "s",
      all * width, all * width == 1 ? "" : "s");
  return from_values(numbers, {count / width, width});
}

}  // namespace

KernelView::KernelView(const EncodingDef& def, const KernelSettings& settings) : def_(&def) {
  Options options;
  std::vector<std::string> parameters;
  const Options wraps = wrapping(settings.set);
  const std::vector<NamedOption> takes = options_of(def, wraps);
  std::string frequencies;
  std::vector<double> chosen;
  for (const std::string& s : settings.set) {
    const std::string flat = ungrouped(s, settings.label_width);
    check<ConfigError>(flat.find('=') != std::string::npos && !key_of(flat).empty(),
                       "--set {}: write KEY=VALUE", s);
    const std::string name = option_name(def, key_of(flat), wraps);
    if (name == "frequencies") {
      frequencies = s;
      chosen = parse_numbers(flat.substr(flat.find('=') + 1), "--set frequencies");
    } else if (find_option(takes, name)) {
      options.set(name + flat.substr(flat.find('=')));
    } else {
      parameters.push_back(flat);
    }
  }
  const int64 wanted = settings.label_width;
  if (!chosen.empty())
    fit_to_frequencies(takes, static_cast<int64>(chosen.size()) / std::max<int64>(wanted, 1),
                       options);
  // Frequencies of vectors fit labels of that width only; of several tracks some may be enough.
  const OptionInfo* named = find_option(takes, "tracks");
  if (named && wanted > 0 && !options.has("tracks")) {
    std::vector<std::string> names = split(named->fallback, ',');
    for (std::string& n : names) n = trim(n);
    const auto own = static_cast<int64>(names.size());
    if (wanted > own && find_option(takes, "width") && !options.has("width"))
      options.set("width", OptionValue(wanted));
    if (wanted < own) {
      names.resize(static_cast<std::size_t>(wanted));
      options.set("tracks", OptionValue(names));
      notes_.push_back(fmt::format("the label{} {} for {}, of {}; --set tracks=... names others",
                                   wanted == 1 ? " is" : "s are", wanted == 1 ? "that" : "those",
                                   join(names), named->fallback));
    }
  }
  const EncodingShape shape{settings.head_dim, 1};
  encoding_ = build_encoding(def, Build("pe", Rng(settings.seed), DType::f64), shape, options);
  const auto tracks = static_cast<int64>(encoding_->tracks().size());
  label_width_ = std::max(options.integer("width", std::max<int64>(tracks, 1), 1, 4096), tracks);
  if (wanted > 0 && tracks > 0)
    check<ConfigError>(
        wanted == label_width_, "{} reads labels of {} number{} ({}), got {}; give {}: it takes {}",
        def.name, label_width_, label_width_ == 1 ? "" : "s", join(encoding_->tracks()), wanted,
        encoding_->traits().takes_vector ? "as many, or name others with --set tracks=..."
                                         : "one number for each token",
        def.takes);
  if (wanted > 0) label_width_ = wanted;
  for (const std::string& s : parameters) set_parameter(def, takes, *encoding_, s);
  Rng draws = Rng(settings.seed).stream("draw");
  encoding_->draw(draws);
  const auto* of_angles = dynamic_cast<const HasFrequencies*>(encoding_.get());
  const Tensor own = of_angles ? of_angles->own_frequencies() : Tensor{};
  check<ConfigError>(chosen.empty() || own.defined(), "--set {}: {} has no frequencies f",
                     frequencies, def.name);
  if (!own.defined()) return;
  frequencies_ = select(own, 0, 0);
  if (chosen.empty()) return;
  frequencies_ = given_frequencies(def, frequencies, chosen, label_width_, own);
  use_frequencies(Var(frequencies_));
}

void KernelView::use_frequencies(const Var& f) const {
  auto& encoding = dynamic_cast<HasFrequencies&>(*encoding_);
  const int64 all = encoding.own_frequencies().size(1), n = f.size(0), width = f.size(1);
  const Var each = broadcast_to(reshape(f, {n, 1, width}), {n, all / n, width});
  encoding.study_frequencies(reshape(each, {1, all, width}));
}

}  // namespace gradus

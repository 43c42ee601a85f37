#include "pe/kernel_view.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/text.h"

namespace gradus {

// ---- settings -----------------------------------------------------------------------------------

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

const OptionInfo* option_of(const EncodingDef& def, std::string_view key) {
  for (const OptionInfo& o : def.options)
    if (o.name == key) return &o;
  return nullptr;
}

std::string key_of(std::string_view assignment) {
  return std::string(trim(assignment.substr(0, assignment.find('='))));
}

bool is_set(const std::vector<std::string>& set, std::string_view key) {
  return std::any_of(set.begin(), set.end(),
                     [key](const std::string& s) { return key_of(s) == key; });
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

void set_parameter(const EncodingDef& def, PositionalEncoding& e, const std::string& assignment) {
  const std::string key = key_of(assignment);
  std::vector<std::string> known;
  for (const OptionInfo& o : def.options) known.emplace_back(o.name);
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

}  // namespace

std::vector<std::string> with_learned_frequencies(const EncodingDef& def,
                                                  std::vector<std::string> set) {
  const OptionInfo* variant = option_of(def, "variant");
  if (variant && variant->allowed == "A, B, C" && !is_set(set, "variant"))
    set.emplace_back("variant=C");
  if (option_of(def, "parametrisation") && is_set(set, "frequencies") &&
      !is_set(set, "parametrisation"))
    set.emplace_back("parametrisation=free");
  return set;
}

std::string frequency_setting(const EncodingDef& def, const std::vector<double>& by_pair) {
  const OptionInfo* o = option_of(def, "frequencies");
  if (!o) return {};
  const bool coordinates = o->allowed.starts_with("list [d][label]");
  if (!coordinates && !o->allowed.starts_with("list [pair][label]") &&
      !o->allowed.starts_with("list [i][label]"))
    return {};
  std::vector<std::string> numbers;
  for (double f : by_pair) numbers.insert(numbers.end(), coordinates ? 2 : 1, fmt::format("{}", f));
  return "frequencies=" + join(numbers, ",");
}

KernelView::KernelView(const EncodingDef& def, const KernelSettings& settings) : def_(&def) {
  Options options;
  std::vector<std::string> parameters;
  for (const std::string& s : settings.set) {
    const std::string flat = ungrouped(s, settings.label_width);
    check<ConfigError>(flat.find('=') != std::string::npos && !key_of(flat).empty(),
                       "--set {}: write KEY=VALUE", s);
    if (option_of(def, key_of(flat)))
      options.set(flat);
    else
      parameters.push_back(flat);
  }
  const auto build = [&] {
    const EncodingShape shape{settings.head_dim, 1};
    encoding_ = build_encoding(def, Build("pe", Rng(settings.seed), DType::f64), shape, options);
  };
  const int64 wanted = settings.label_width;
  // Frequencies of vectors fit labels of that width only.
  const OptionInfo* tracks_option = option_of(def, "tracks");
  const bool wider =
      tracks_option && wanted > static_cast<int64>(split(tracks_option->fallback, ',').size());
  if (wider && option_of(def, "width") && !options.has("width") && !options.has("tracks"))
    options.set("width", OptionValue(wanted));
  build();
  const auto tracks = static_cast<int64>(encoding_->tracks().size());
  Options read = options;
  label_width_ = std::max(read.integer("width", std::max<int64>(tracks, 1), 1, 4096), tracks);
  if (wanted > 0 && tracks > 0)
    check<ConfigError>(wanted == label_width_,
                       "{} reads labels of {} number{} ({}), got {}; give as many, or name "
                       "others with --set tracks=...: it takes {}",
                       def.name, label_width_, label_width_ == 1 ? "" : "s",
                       join(encoding_->tracks()), wanted, def.takes);
  if (wanted > 0) label_width_ = wanted;
  for (const std::string& s : parameters) set_parameter(def, *encoding_, s);
  Rng draws = Rng(settings.seed).stream("draw");
  encoding_->draw(draws);
}

// ---- scores -------------------------------------------------------------------------------------

KernelView::Placed KernelView::place(const std::vector<double>& labels) const {
  const int64 count = static_cast<int64>(labels.size()) / label_width_;
  Placed placed;
  if (encoding_->traits().uniform_only) {
    double last = 0;
    for (double x : labels) {
      check<ConfigError>(x == std::floor(x) && x >= 0 && x < 4096,
                         "{} takes time in equal steps: labels are whole numbers from 0 to 4095, "
                         "got {}",
                         def_->name, x);
      placed.rows.push_back(static_cast<int64>(x));
      last = std::max(last, x);
    }
    placed.positions = time_positions(static_cast<int64>(last) + 1);
    return placed;
  }
  placed.positions =
      positions_for(*encoding_, from_values(labels, {1, count, label_width_}), def_->name);
  for (int64 i = 0; i < count; ++i) placed.rows.push_back(i);
  return placed;
}

KernelView::Parts KernelView::parts(const Var& q, const Var& k, const Positions& positions) const {
  Pass pass = Pass::eval();
  const PositionalEncoding& e = *encoding_;
  const auto embedded = [&](const Var& x) {
    return unsqueeze(e.embed(squeeze(x, 1), positions, pass), 1);
  };
  const bool adds = e.traits().hooks & kEmbed;
  const Var query = adds ? embedded(q) : q, key = adds ? embedded(k) : k;
  QueryKey t = e.transform(query, key, positions, pass);
  t = with_scales(e.transform_features(t.q, t.k, positions, pass));
  Parts p{t.q, t.k, matmul(t.q, transpose(t.k)), std::nullopt};
  if (e.traits().hooks & kLagBias) {
    const Tensor labels = positions.track_labels(e.tracks(), e.kind());
    if (const auto b = e.lag_bias(sub(labels, transpose(labels)), pass))
      p.bias = transpose(*b, 0, 1);
  }
  if (const auto b = e.score_bias(query, key, positions, pass)) p.bias = p.bias ? *p.bias + *b : *b;
  return p;
}

KernelView::Pair KernelView::pair(const Var& q, const Var& k, const std::vector<double>& p_m,
                                  const std::vector<double>& p_n) const {
  for (const auto* p : {&p_m, &p_n})
    check<ConfigError>(static_cast<int64>(p->size()) == label_width_,
                       "{} reads labels of {} number{}, got {}", def_->name, label_width_,
                       label_width_ == 1 ? "" : "s", p->size());
  const bool query_first = p_m < p_n;
  std::vector<double> labels = query_first ? p_m : p_n;
  const std::vector<double>& later = query_first ? p_n : p_m;
  labels.insert(labels.end(), later.begin(), later.end());
  const Placed placed = place(labels);
  const int64 n = placed.positions.keys();
  const int64 m = placed.rows[query_first ? 0 : 1], at = placed.rows[query_first ? 1 : 0];
  const auto everywhere = [&](const Var& x) {
    return broadcast_to(reshape(x, {1, 1, 1, head_dim()}), {1, 1, n, head_dim()});
  };
  const Parts p = parts(everywhere(q), everywhere(k), placed.positions);
  const auto row = [](const Var& x, int64 i) {
    return select(select(select(x, 0, 0), 0, 0), 0, i);
  };
  Pair out{row(p.q, m), row(p.k, at), select(row(p.product, m), 0, at), 0};
  if (p.bias) {
    const Var b = select(row(*p.bias, m), 0, at) * std::sqrt(static_cast<double>(head_dim()));
    out.bias = b.item();
    out.a = out.a + b;
  }
  return out;
}

Tensor KernelView::scores(const Tensor& q, const Tensor& k, const Tensor& labels) const {
  const Placed placed = place(labels.to_vector<double>());
  const int64 n = placed.positions.keys(), first = placed.rows.empty() ? 0 : placed.rows[0];
  const auto count = static_cast<int64>(placed.rows.size());
  for (int64 i = 0; i < count; ++i)
    check<ConfigError>(placed.rows[static_cast<std::size_t>(i)] == first + i,
                       "{} takes time in equal steps of 1", def_->name);
  // Rows before the first label hold its token too: nobody looks at their scores.
  const auto widened = [&](const Tensor& x) {
    if (n == count) return x;
    const Tensor head = broadcast_to(slice(x, 1, 0, 1), {x.size(0), n - count, x.size(2)});
    return concat(std::vector<Tensor>{contiguous(head), x}, 1);
  };
  const Parts p = parts(unsqueeze(widened(q), 1), unsqueeze(widened(k), 1), placed.positions);
  Tensor a = p.product.value();
  if (p.bias) a = add(a, mul(p.bias->value(), std::sqrt(static_cast<double>(head_dim()))));
  return slice(slice(select(a, 1, 0), 1, first, n), 2, first, n);
}

std::optional<Interaction> KernelView::interaction(const std::vector<double>& p_m,
                                                   const std::vector<double>& p_n) const {
  const Shape shape{label_width_};
  return encoding_->interaction(from_values(p_m, shape), from_values(p_n, shape));
}

std::vector<std::string> KernelView::notes() const {
  const Traits t = encoding_->traits();
  std::vector<std::string> notes;
  if (t.hooks & kEmbed)
    notes.emplace_back(
        "the code is added to the input, before the projections of q and k; here these are 1");
  if (t.hooks & kTransformFeatures)
    notes.emplace_back("works on the features behind the feature map; q and k stand for these");
  if (t.hooks & kValueBias)
    notes.emplace_back("the values have a term of their own, not part of a_mn");
  if (t.causal_only)
    notes.emplace_back("no query looks at later tokens: scores of later keys are never used");
  if (t.stochastic) notes.emplace_back("random: the numbers are those of one draw");
  return notes;
}

}  // namespace gradus

#include "pe/table.h"

#include <algorithm>

#include "pe/wrapping.h"
#include "tensor/text.h"

namespace gradus {

namespace pe {
extern const EncodingDef kAlibi, kConvSpe, kCope, kCosformer, kDeberta, kFStripe, kFStripe1,
    kFStripeSff, kFire, kGated, kKerple, kLearned, kLrpe, kMusicTransformer, kNone, kNsRpe,
    kPermuteformer, kRandomized, kRff, kRope, kRopeScaled, kRopePool, kSApe, kSRpe, kSandwich,
    kShaw, kSineSpe, kSinusoidal, kT5, kToeplitz, kTransformerXl, kXpos;
}  // namespace pe

std::span<const EncodingDef* const> encodings() {
  using namespace pe;
  // Explicit: static self-registration is dropped by linkers.
  static const EncodingDef* const table[] = {&kAlibi,
                                             &kConvSpe,
                                             &kCope,
                                             &kCosformer,
                                             &kDeberta,
                                             &kFStripe,
                                             &kFStripe1,
                                             &kFStripeSff,
                                             &kFire,
                                             &kGated,
                                             &kKerple,
                                             &kLearned,
                                             &kLrpe,
                                             &kMusicTransformer,
                                             &kNone,
                                             &kNsRpe,
                                             &kPermuteformer,
                                             &kRandomized,
                                             &kRff,
                                             &kRope,
                                             &kRopeScaled,
                                             &kRopePool,
                                             &kSApe,
                                             &kSRpe,
                                             &kSandwich,
                                             &kShaw,
                                             &kSineSpe,
                                             &kSinusoidal,
                                             &kT5,
                                             &kToeplitz,
                                             &kTransformerXl,
                                             &kXpos};
  return table;
}

const EncodingDef& find_encoding(std::string_view name) {
  std::vector<std::string> known;
  for (const EncodingDef* def : encodings()) {
    if (def->name == name) return *def;
    known.emplace_back(def->name);
  }
  fail<ConfigError>("unknown positional encoding '{}'; known: {}{}", name, join(known),
                    did_you_mean(name, known));
}

std::unique_ptr<PositionalEncoding> build_encoding(const EncodingDef& def, const Build& build,
                                                   EncodingShape shape, Options options) {
  check<ConfigError>(shape.heads > 0 && shape.d_model > 0 && shape.d_model % shape.heads == 0,
                     "{}: d_model = {} does not divide into {} heads of at least one number",
                     def.name, shape.d_model, shape.heads);
  Options named =
      with_option_names(def, Options(fmt::format("pe '{}'", def.name), options.values()));
  auto encoding = def.make(build, shape, named);
  named.finish();
  encoding->set_kind(def.name, fitting_text);
  return encoding;
}

MakeEncoding make_encoding(std::string_view name, Options options) {
  const EncodingDef* def = &find_encoding(name);
  return [def, options](const Build& build, EncodingShape shape) {
    return build_encoding(*def, build, shape, options);
  };
}

Positions positions_for(const PositionalEncoding& e, const Tensor& labels, std::string_view who) {
  const std::vector<std::string> names =
      e.tracks().empty() ? std::vector<std::string>{"time"} : e.tracks();
  const int64 extra = labels.size(2) - static_cast<int64>(names.size());
  check_shape(extra >= 0, "{}: {} tracks are read, the labels have {} numbers", who, names.size(),
              labels.size(2));
  std::vector<Track> tracks;
  for (const std::string& n : names) {
    const bool wide = tracks.empty() && extra > 0;
    for (int64 i = 0; i <= (wide ? extra : 0); ++i)
      tracks.push_back({.name = wide ? fmt::format("{}.{}", n, i) : n,
                        .kind = n == "time" ? TrackKind::time : TrackKind::real});
  }
  return labelled_positions(labels, std::move(tracks));
}

// ---- cores --------------------------------------------------------------------------------------

bool core_fits(CoreKind core, unsigned hooks) {
  constexpr unsigned before = kEmbed | kTransform;
  switch (core) {
    case CoreKind::softmax:
      return (hooks & ~(before | kLagBias | kScoreBias | kValueBias)) == 0;
    case CoreKind::toeplitz:
      return (hooks & ~(before | kLagBias)) == 0 && (hooks & kLagBias) != 0;
    default:
      return (hooks & ~(before | kTransformFeatures)) == 0;
  }
}

std::string fitting_text(std::string_view encoding, unsigned hooks, CoreKind core) {
  std::vector<std::string> fit, cores;
  for (const EncodingDef* def : encodings())
    if (core_fits(core, def->traits.hooks)) fit.emplace_back(def->name);
  for (CoreKind c : core_kinds())
    if (core_fits(c, hooks)) cores.emplace_back(name(c));
  return fmt::format(
      "attention = {} carries {}; {}", name(core), join(fit),
      cores.empty() ? fmt::format("no core carries '{}'", encoding)
                    : fmt::format("'{}' goes with attention = {}", encoding, join(cores, " or ")));
}

// ---- words --------------------------------------------------------------------------------------

std::string hooks_text(unsigned hooks) {
  constexpr std::string_view names[] = {"embed",    "transform",  "transform_features",
                                        "lag_bias", "score_bias", "value_bias"};
  std::vector<std::string> words;
  for (unsigned i = 0; i < std::size(names); ++i)
    if ((hooks >> i) & 1u) words.emplace_back(names[i]);
  return words.empty() ? "none" : join(words);
}

std::string traits_text(const Traits& t) {
  std::string s = fmt::format("relative: {}", name(t.relative));
  if (t.norm_preserving) s += "; keeps the norm";
  if (t.uniform_only) s += "; equal steps of time only";
  if (t.stochastic) s += "; random";
  if (t.learned) s += "; learned";
  if (t.normaliser == Normaliser::unrotated) s += "; divides by the sum of unrotated features";
  if (t.normaliser == Normaliser::none) s += "; divides by nothing";
  if (t.conditionally_positive) s += "; conditionally positive definite";
  if (t.causal_only) s += "; causal only";
  if (t.whole_labels) s += "; whole labels";
  if (t.labels_below > 0) s += fmt::format(" below {}", t.labels_below);
  if (t.max_length > 0) s += fmt::format("; at most {} tokens", t.max_length);
  return s;
}

std::string traits_text(const EncodingDef& def) {
  std::string s = traits_text(def.traits);
  for (const OwnTrait& t : def.own_traits) s += fmt::format("; {}", t.says);
  return s;
}

std::string encodings_markdown() {
  std::string s =
      "| name | family | formula | takes | cores | cost | traits | source |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (const EncodingDef* d : encodings()) {
    std::string formula;
    for (char c : d->formula) formula += c == '|' ? "\\|" : std::string(1, c);
    std::vector<std::string> cores;
    for (CoreKind c : core_kinds())
      if (core_fits(c, d->traits.hooks)) cores.emplace_back(name(c));
    s += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", d->name, d->family, formula,
                     d->takes, join(cores), name(d->traits.cost), traits_text(*d), d->source);
  }
  return s;
}

}  // namespace gradus

#include "pe/wrapping.h"

#include <algorithm>

namespace gradus {

namespace {

constexpr std::string_view kWraps = "wraps";

bool is_own(const EncodingDef& def, std::string_view name) {
  return std::any_of(def.options.begin(), def.options.end(),
                     [name](const OptionInfo& o) { return o.name == name; });
}

std::vector<std::string> own_names(const EncodingDef& def) {
  std::vector<std::string> names;
  for (const OptionInfo& o : def.options) names.emplace_back(o.name);
  return names;
}

/// What `def` wraps when these are chosen; null where it wraps nothing.
const EncodingDef* wrapped(const EncodingDef& def, Options chosen) {
  for (const OptionInfo& o : def.options)
    if (o.name == kWraps)
      return &find_encoding(chosen.word(std::string(kWraps), std::string(o.fallback)));
  return nullptr;
}

/// An option of the encoding inside, as the wrapper lists it.
std::string outer_name(const EncodingDef& def, const std::string& name) {
  return is_own(def, name) || name.starts_with(kInside) ? std::string(kInside) + name : name;
}

}  // namespace

std::vector<NamedOption> options_of(const EncodingDef& def, const Options& chosen) {
  std::vector<NamedOption> list;
  for (const OptionInfo& o : def.options) list.push_back({std::string(o.name), &o});
  if (const EncodingDef* inside = wrapped(def, chosen))
    for (const NamedOption& o : options_of(*inside, chosen.inside(own_names(def))))
      list.push_back({outer_name(def, o.name), o.info});
  return list;
}

const OptionInfo* find_option(const std::vector<NamedOption>& options, std::string_view name) {
  for (const NamedOption& o : options)
    if (o.name == name) return o.info;
  return nullptr;
}

std::string option_name(const EncodingDef& def, std::string_view key, const Options& chosen) {
  const EncodingDef* inside = key.starts_with(kInside) ? wrapped(def, chosen) : nullptr;
  if (!inside) return std::string(key);
  return outer_name(
      def, option_name(*inside, key.substr(kInside.size()), chosen.inside(own_names(def))));
}

Options with_option_names(const EncodingDef& def, const Options& chosen) {
  Options named(chosen.where());
  for (const auto& [key, value] : chosen.values()) {
    const std::string name = option_name(def, key, chosen);
    check<ConfigError>(!named.has(name) && (name == key || !chosen.has(name)),
                       "{}: option '{}' is given twice, '{}' is the same", chosen.where(), name,
                       key == name ? std::string(kInside) + name : key);
    named.set(name, value);
  }
  return named;
}

std::unique_ptr<PositionalEncoding> make_inside(const EncodingDef& def, const EncodingDef& inside,
                                                const Build& build, EncodingShape shape,
                                                Options& options) {
  const std::vector<std::string> own = own_names(def);
  Options of_inside = options.inside(own);
  auto encoding = inside.make(build, shape, of_inside);
  encoding->set_kind(inside.name);
  options.read_inside(of_inside, own);
  return encoding;
}

}  // namespace gradus

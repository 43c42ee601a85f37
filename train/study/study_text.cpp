// A study's file, read strictly: every key has its place, and every wrong one is told with it.
#include <algorithm>
#include <map>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/text.h"
#include "train/presets.h"
#include "train/study/rows.h"
#include "train/study/study.h"
#include "train/study/study_values.h"

namespace gradus {

using detail::check_name, detail::items, detail::item_name, detail::lengths, detail::unknown,
    detail::word;

namespace {

using Words = std::vector<std::string>;
constexpr const char* kNoPreset = "base";

/// What stands in the file below [base] or a preset.
struct Layer {
  std::optional<Setting> experiment, test_bars, note;
  std::vector<Setting> settings;
  std::vector<StudyAxis> axes;
};

StudyAxis& axis_named(std::vector<StudyAxis>& axes, const std::string& name) {
  for (StudyAxis& a : axes)
    if (a.name == name) return a;
  axes.push_back({name, {}});
  return axes.back();
}

/// The file, before a preset is chosen.
class StudyText {
 public:
  StudyText(std::string_view text, const std::string& where) : where_(where) {
    const SettingsText given = read_settings(text, where);
    for (const SettingsText::Table& t : given.tables) table(t);
    for (const Setting& s : given.settings) setting(s);
    for (auto& [name, axes] : short_axes_) finish(axes);
  }

  Study study(const std::string& preset) const {
    Study s;
    s.where = where_;
    check<ConfigError>(name_.has_value(), "{}: a study has a name: name = \"...\" in [study]",
                       where_);
    s.name = word(*name_);
    check_name(s.name, "the name of a study", name_->where);
    if (split_) s.split = split_of(*split_);
    std::vector<const Layer*> layers{&base_};
    s.preset = kNoPreset;
    const Words names = preset_names();
    if (!preset.empty() || !names.empty()) {
      check<ConfigError>(!preset.empty(),
                         "{}: this study has presets; choose one of them with "
                         "--preset: {}",
                         where_, join(names));
      check<ConfigError>(!names.empty(), "{}: this study has no presets, got '{}'", where_, preset);
      check<ConfigError>(presets_.count(preset), "{}: unknown preset '{}'; known: {}{}", where_,
                         preset, join(names), did_you_mean(preset, names));
      layers.push_back(&presets_.at(preset));
      s.preset = preset;
    }
    const Setting *experiment = nullptr, *test_bars = test_bars_ ? &*test_bars_ : nullptr;
    s.axes = axes_;
    for (const Layer* l : layers) {
      if (l->experiment) experiment = &*l->experiment;
      if (l->test_bars) test_bars = &*l->test_bars;
      if (l->note) s.note = word(*l->note);
      for (const StudyAxis& a : l->axes) axis_named(s.axes, a.name) = a;
    }
    if (experiment) s.base = read_settings(preset_text(*experiment), word(*experiment)).settings;
    for (const Layer* l : layers) lay(s.base, l->settings);
    s.test_bars = test_bars ? lengths(*test_bars) : std::vector<int64>{16};
    check_axes(s.axes);
    for (const auto& [name, settings] : without_) s.without.push_back(without(s.axes, settings));
    return s;
  }

 private:
  using Place = std::pair<std::string, std::string>;  // preset ("": none) and axis

  static std::string preset_text(const Setting& s) {
    try {
      return gradus::preset(word(s));
    } catch (const ConfigError& e) {
      fail<ConfigError>("{}: {}", s.where, e.rule());
    }
  }
  static Split split_of(const Setting& s) {
    try {
      return parse_split(word(s));
    } catch (const ConfigError& e) {
      fail<ConfigError>("{}: {}", s.where, e.rule());
    }
  }
  Words preset_names() const {
    Words names;
    for (const auto& p : presets_) names.push_back(p.first);
    return names;
  }
  Layer& layer(const std::string& preset) { return preset.empty() ? base_ : presets_[preset]; }
  std::vector<StudyAxis>& axes(const std::string& preset) {
    return preset.empty() ? axes_ : presets_[preset].axes;
  }

  /// Empty tables name presets and values without settings.
  void table(const SettingsText::Table& t) {
    static const Words kTables{"study", "base", "presets", "axes", "without"};
    Words parts = split(t.name, '.');
    check<ConfigError>(std::find(kTables.begin(), kTables.end(), parts[0]) != kTables.end(),
                       "{}: unknown table '{}'{}; tables of a study: {}", t.where, parts[0],
                       did_you_mean(parts[0], kTables), join(kTables));
    std::string preset;
    if (parts[0] == "presets" && parts.size() >= 2) {
      preset = parts[1];
      check_name(preset, "the name of a preset", t.where);
      check<ConfigError>(preset != kNoPreset, "{}: no preset is called '{}'", t.where, kNoPreset);
      layer(preset);
      parts.erase(parts.begin(), parts.begin() + 2);
      if (parts.empty()) return;
    }
    if (parts[0] != "axes" || parts.size() < 2) return;
    check_name(parts[1], "the name of an axis", t.where);
    StudyAxis& axis = axis_named(axes(preset), parts[1]);
    if (parts.size() < 3) return;
    check_name(parts[2], "the name of a value", t.where);
    value_named(axis, parts[2]);
  }

  static StudyValue& value_named(StudyAxis& axis, const std::string& name) {
    for (StudyValue& v : axis.values)
      if (v.name == name) return v;
    axis.values.push_back({name, {}});
    return axis.values.back();
  }

  void setting(const Setting& s) {
    const Words parts = split(s.key, '.');
    check<ConfigError>(parts.size() >= 2, "{}: key '{}' stands outside of a table", s.where, s.key);
    if (parts[0] == "study") return study_key(s, parts[1]);
    if (parts[0] == "base") return layer_key("", s, {parts.begin() + 1, parts.end()});
    if (parts[0] == "axes") return axis_key("", s, {parts.begin() + 1, parts.end()});
    if (parts[0] == "without" && parts.size() == 3) {
      without_[parts[1]].push_back({parts[2], s.value, s.where});
      return;
    }
    if (parts[0] == "presets" && parts.size() >= 4 && parts[2] == "axes")
      return axis_key(parts[1], s, {parts.begin() + 3, parts.end()});
    if (parts[0] == "presets" && parts.size() >= 3)
      return layer_key(parts[1], s, {parts.begin() + 2, parts.end()});
    fail<ConfigError>("{}: '{}' stands where a table is expected", s.where, s.key);
  }

  void study_key(const Setting& s, const std::string& key) {
    if (key == "name")
      name_ = s;
    else if (key == "test_bars")
      test_bars_ = s;
    else if (key == "split")
      split_ = s;
    else
      unknown(s, key, {"name", "test_bars", "split"});
  }

  void layer_key(const std::string& preset, const Setting& s, const Words& parts) {
    Layer& l = layer(preset);
    if (parts.size() == 2) return l.settings.push_back(experiment_setting(s, parts));
    if (parts[0] == "experiment")
      l.experiment = s;
    else if (parts[0] == "test_bars")
      l.test_bars = s;
    else if (parts[0] == "note")
      l.note = s;
    else
      unknown(s, parts[0],
              {"experiment", "test_bars", "note", "data.KEY", "model.KEY", "feature_map.KEY",
               "pe.KEY", "train.KEY", "decode.KEY"});
  }

  void axis_key(const std::string& preset, const Setting& s, const Words& parts) {
    StudyAxis& axis = axis_named(axes(preset), parts[0]);
    if (parts.size() == 2) {
      ShortAxis& a = short_axes_[{preset, parts[0]}];
      a.axis = parts[0];
      a.preset = preset;
      if (parts[1] == "key")
        a.key = s;
      else if (parts[1] == "values")
        a.values = s;
      else
        unknown(s, parts[1], {"key", "values", "VALUE.SECTION.KEY"});
      return;
    }
    check<ConfigError>(parts.size() == 4,
                       "{}: '{}' is no setting of an axis: write [axes.AXIS.VALUE.SECTION] and "
                       "below it KEY = ..., or [axes.AXIS] with key and values",
                       s.where, s.key);
    value_named(axis, parts[1])
        .settings.push_back(experiment_setting(s, {parts.begin() + 2, parts.end()}));
  }

  static Setting experiment_setting(const Setting& s, const Words& parts) {
    const std::string key = join(parts, ".");
    check_experiment_key(key, s.where);
    return {key, s.value, s.where};
  }

  /// An axis of one key and its values.
  struct ShortAxis {
    std::string preset, axis;
    std::optional<Setting> key, values;
  };
  void finish(const ShortAxis& a) {
    const std::string& where = (a.key ? a.key : a.values)->where;
    check<ConfigError>(a.key && a.values,
                       "{}: axis '{}' has {} but no {}; it takes both, or a table for each value",
                       where, a.axis, a.key ? "key" : "values", a.key ? "values" : "key");
    StudyAxis& axis = axis_named(axes(a.preset), a.axis);
    check<ConfigError>(axis.values.empty(),
                       "{}: axis '{}' has both a key with values and tables of values", where,
                       a.axis);
    const std::string key = word(*a.key);
    check_experiment_key(key, a.key->where);
    for (const OptionValue& v : items(a.values->value)) {
      const std::string name = item_name(v);
      check_name(name, "the name of a value", a.values->where);
      value_named(axis, name).settings = {{key, v, a.values->where}};
    }
  }

  void check_axes(const std::vector<StudyAxis>& axes) const {
    std::map<std::string, std::pair<std::string, std::string>> set;  // key: axis, where
    for (const StudyAxis& a : axes) {
      check<ConfigError>(!a.values.empty(), "{}: axis '{}' has no values", where_, a.name);
      const auto columns = cell_columns();
      check<ConfigError>(std::find(columns.begin(), columns.end(), a.name) == columns.end(),
                         "{}: an axis cannot be called '{}': it is another column of cells.csv",
                         where_, a.name);
      for (const StudyValue& v : a.values)
        for (const Setting& s : v.settings) {
          const auto it = set.emplace(s.key, std::pair(a.name, s.where)).first;
          check<ConfigError>(it->second.first == a.name,
                             "{}: axis '{}' sets '{}', as does axis '{}' at {}; a key belongs to "
                             "one axis",
                             s.where, a.name, s.key, it->second.first, it->second.second);
        }
    }
  }

  static Study::Without without(const std::vector<StudyAxis>& axes,
                                const std::vector<Setting>& settings) {
    Study::Without w;
    w.values.resize(axes.size());
    Words axis_names;
    for (const StudyAxis& a : axes) axis_names.push_back(a.name);
    for (const Setting& s : settings) {
      const auto at = std::find(axis_names.begin(), axis_names.end(), s.key);
      check<ConfigError>(at != axis_names.end(), "{}: there is no axis '{}'{}; axes: {}", s.where,
                         s.key, did_you_mean(s.key, axis_names), join(axis_names));
      const auto i = static_cast<std::size_t>(at - axis_names.begin());
      Words known;
      for (const StudyValue& v : axes[i].values) known.push_back(v.name);
      for (const OptionValue& v : items(s.value)) {
        const std::string name = item_name(v);
        check<ConfigError>(std::find(known.begin(), known.end(), name) != known.end(),
                           "{}: axis '{}' has no value '{}'{}; values: {}", s.where, s.key, name,
                           did_you_mean(name, known), join(known));
        w.values[i].push_back(name);
      }
    }
    return w;
  }

  std::string where_;
  std::optional<Setting> name_, test_bars_, split_;
  Layer base_;
  std::map<std::string, Layer> presets_;
  std::vector<StudyAxis> axes_;
  std::map<Place, ShortAxis> short_axes_;
  std::map<std::string, std::vector<Setting>> without_;
};

}  // namespace

Study Study::parse(std::string_view text, const std::string& where, const std::string& preset) {
  return StudyText(text, where).study(preset);
}

Study Study::read(const std::filesystem::path& file, const std::string& preset) {
  return parse(read_file(file, 1 << 20), file.string(), preset);
}

}  // namespace gradus

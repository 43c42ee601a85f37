// Settings: the keys of a TOML text, flat ("train.epochs") and in the order in which they stand,
// each with its place, so that whoever refuses one can say where it was.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nn/options.h"

namespace gradus {

struct Setting {
  std::string key;
  OptionValue value;
  std::string where;  ///< "demo.toml:12", "--set train.epochs=2"
};

struct SettingsText {
  struct Table {
    std::string name, where;
  };
  std::vector<Setting> settings;
  std::vector<Table> tables;  ///< [data], [axes.seed]: empty ones as well
};
/// ConfigError with place for what is no TOML, or no number, word, flag or list of them.
SettingsText read_settings(std::string_view text, const std::string& where);

/// "key=value" of --set: a value that begins like a TOML list or string is read as TOML, others as
/// Options do.
Setting parse_setting(const std::string& assignment);
/// The key alone.
std::string setting_key(const std::string& assignment);

}  // namespace gradus

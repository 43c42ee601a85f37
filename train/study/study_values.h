// Values of a study's file: names, words and lists, each refused with its place where it is none.
#pragma once

#include <string>
#include <vector>

#include "train/settings.h"

namespace gradus::detail {

/// Names stand in tables whose fields are split by ',' and '|'. `what`: "the name of an axis".
void check_name(const std::string& name, const std::string& what, const std::string& where);
[[noreturn]] void unknown(const Setting& s, const std::string& key,
                          const std::vector<std::string>& known);
std::string word(const Setting& s);
/// One value or a list of them, each as a value of its own; whole numbers as such.
std::vector<OptionValue> items(const OptionValue& value);
/// "3", "0.0001", "true", "elu1".
std::string item_name(const OptionValue& value);
/// Lengths in bars, no two the same.
std::vector<int64> lengths(const Setting& s);

}  // namespace gradus::detail

// The tables of ops for people: what `gradus ops` prints and what stands in autograd/README.md.
#pragma once

#include <span>
#include <string>

#include "autograd/op.h"

namespace gradus {

/// For each op a name and beside it formula, vjp and source, a line each.
std::string ops_text(std::span<const OpDef* const> ops);
/// A Markdown table, a row an op.
std::string ops_markdown(std::span<const OpDef* const> ops);
/// `document` with the lines between "<!-- ops -->" and "<!-- /ops -->" replaced; ConfigError where
/// it lacks them.
std::string with_ops_table(const std::string& document, const std::string& table);

/// The op of that name; ConfigError with the nearest spelling where there is none.
const OpDef& find_op(std::span<const OpDef* const> ops, std::string_view name);

}  // namespace gradus

#include "autograd/op_table.h"

#include <algorithm>

#include "tensor/text.h"

namespace gradus {

namespace {

/// '|' ends a cell even inside code.
std::string code(std::string_view formula) {
  if (formula.empty()) return {};
  std::string out = "`";
  for (char ch : formula) out += ch == '|' ? std::string("\\|") : std::string(1, ch);
  return out + "`";
}

}  // namespace

std::string ops_text(std::span<const OpDef* const> ops) {
  std::size_t width = 0;
  for (const OpDef* op : ops) width = std::max(width, op->name.size());
  std::string out;
  for (const OpDef* op : ops) {
    out += fmt::format("{:<{}}  {}\n", op->name, width, op->formula);
    for (std::string_view line : {op->vjp_formula, op->source})
      if (!line.empty()) out += fmt::format("{:<{}}  {}\n", "", width, line);
  }
  return out;
}

std::string ops_markdown(std::span<const OpDef* const> ops) {
  std::string out = "| op | formula | vjp | source |\n| --- | --- | --- | --- |\n";
  for (const OpDef* op : ops)
    out += fmt::format("| {} | {} | {} | {} |\n", op->name, code(op->formula),
                       code(op->vjp_formula), op->source);
  return out;
}

std::string with_ops_table(const std::string& document, const std::string& table) {
  const std::string_view open = "<!-- ops -->\n", close = "<!-- /ops -->";
  const std::size_t begin = document.find(open), end = document.find(close);
  check<ConfigError>(begin != std::string::npos && end != std::string::npos && begin < end,
                     "the table goes between a line '<!-- ops -->' and a line '<!-- /ops -->', and "
                     "the document lacks them");
  return document.substr(0, begin) + std::string(open) + table + document.substr(end);
}

const OpDef& find_op(std::span<const OpDef* const> ops, std::string_view name) {
  std::vector<std::string> known;
  for (const OpDef* op : ops) {
    if (op->name == name) return *op;
    known.emplace_back(op->name);
  }
  fail<ConfigError>("there is no op '{}' among {}{}; `gradus ops` lists them", name, ops.size(),
                    did_you_mean(name, known));
}

}  // namespace gradus

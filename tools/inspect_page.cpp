#include "tools/inspect_page.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tensor/array.h"
#include "tensor/machine.h"
#include "tools/pages.h"

namespace gradus {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kBins = 24;            // of a histogram
constexpr int64 kLongestSide = 128;  // of an attention map on the page

Json number(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }

/// Counts of the finite elements between their smallest and largest one; null where all are equal.
Json histogram(const Tensor& t, const Statistics& s) {
  if (!is_float(t.dtype()) || !(s.max / 2 - s.min / 2 > 0)) return nullptr;
  std::vector<int64> counts(kBins);
  dispatch_float(t.dtype(), "histogram", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const double half_range = s.max / 2 - s.min / 2;  // the range itself may overflow
    const Tensor flat = contiguous(t);
    for (const T element : flat.values<T>()) {
      const double x = static_cast<double>(element);
      if (!std::isfinite(x)) continue;
      const double bin = std::min<double>((x / 2 - s.min / 2) / half_range * kBins, kBins - 1);
      ++counts[static_cast<std::size_t>(bin)];
    }
  });
  return counts;
}

/// {id: [of the value, of the gradient]}
Json histograms(const InspectedStep& step) {
  Json all = Json::object();
  for (std::size_t i = 0; i < step.nodes.size(); ++i) {
    const DumpNode& n = step.graph.nodes[i];
    const Var& v = step.nodes[i];
    const Json value = n.value ? histogram(v.value(), *n.value) : Json();
    const Json gradient = n.gradient ? histogram(step.gradients.of(v), *n.gradient) : Json();
    if (!value.is_null() || !gradient.is_null()) all[std::to_string(n.id)] = {value, gradient};
  }
  return all;
}

std::string base64(const std::vector<std::uint8_t>& bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k)
      word = word << 8 | (i + k < bytes.size() ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      out += i + k <= bytes.size() ? kDigits[word >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

/// Means over cells of `cell` x `cell` elements of one head's matrix, row by row.
std::vector<double> cell_means(const std::vector<double>& matrix, int64 rows, int64 columns,
                               int64 cell) {
  std::vector<double> means;
  for (int64 r = 0; r < rows; r += cell)
    for (int64 c = 0; c < columns; c += cell) {
      const int64 bottom = std::min(rows, r + cell), right = std::min(columns, c + cell);
      double total = 0;
      for (int64 i = r; i < bottom; ++i)
        for (int64 k = c; k < right; ++k)
          total += matrix[static_cast<std::size_t>(i * columns + k)];
      means.push_back(total / static_cast<double>((bottom - r) * (right - c)));
    }
  return means;
}

/// The heads of the first window of t [B,H,Nq,Nk], each as base64 of 16-bit integers that count
/// 1/32767 of `max`; -32768 is what is not finite.
Json heads_of(const Tensor& t) {
  const int64 rows = t.size(2), columns = t.size(3);
  const int64 cell =
      std::max<int64>(1, (std::max(rows, columns) + kLongestSide - 1) / kLongestSide);
  std::vector<std::vector<double>> heads;
  double largest = 0;
  for (int64 h = 0; h < t.size(1); ++h) {
    const Tensor head = slice(slice(t, 0, 0, 1), 1, h, h + 1);
    heads.push_back(cell_means(head.to_vector<double>(), rows, columns, cell));
    for (double x : heads.back())
      if (std::isfinite(x)) largest = std::max(largest, std::abs(x));
  }
  Json maps = Json::array();
  for (const auto& head : heads) {
    std::vector<std::uint8_t> bytes;
    for (double x : head) {
      const long level = !std::isfinite(x) ? -32768L
                         : largest > 0     ? std::lround(x / largest * 32767)
                                           : 0L;
      const auto word = static_cast<std::uint16_t>(level & 0xffff);
      bytes.push_back(static_cast<std::uint8_t>(word & 0xff));
      bytes.push_back(static_cast<std::uint8_t>(word >> 8));
    }
    maps.push_back(base64(bytes));
  }
  return {{"rows", (rows + cell - 1) / cell},
          {"columns", (columns + cell - 1) / cell},
          {"cell", cell},
          {"all_rows", rows},
          {"all_columns", columns},
          {"max", largest},
          {"heads", maps}};
}

Json attention(const InspectedStep& step) {
  Json list = Json::array();
  for (const AttentionMap& m : step.attention) {
    if (m.weights.numel() == 0) continue;
    Json entry = {{"label", m.label}, {"in_graph", m.in_graph}, {"weights", heads_of(m.weights)}};
    if (m.gradient.defined()) {
      entry["gradient_label"] = m.gradient_label;
      entry["gradient"] = heads_of(m.gradient);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json meta(const InspectedStep& step) {
  const Machine m = machine();
  return {{"run", step.run},
          {"checkpoint", step.checkpoint},
          {"epoch", step.point.epoch},
          {"step", step.point.step},
          {"batch", step.batch},
          {"windows", step.windows},
          {"loss", number(step.loss.item())},
          {"gradient_norm", number(step.gradients.global_norm())},
          {"parameters", step.parameters},
          {"bytes", step.bytes},
          {"seconds", step.seconds},
          {"gradus", m.version},
          {"pe", step.experiment.pe},
          {"attention", step.experiment.model.attention},
          {"experiment", step.experiment.to_toml()}};
}

/// The ids of nodes whose Inf is a mask.
Json masks(const InspectedStep& step) {
  Json ids = Json::array();
  for (std::size_t i = 0; i < step.nodes.size(); ++i)
    if (is_mask(step.graph.nodes[i], step.nodes[i])) ids.push_back(step.graph.nodes[i].id);
  return ids;
}

/// Paths may hold any bytes; what is no UTF-8 is replaced.
std::string text(const Json& j) { return j.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string inspect_page_data(const InspectedStep& step) {
  return fmt::format(
      "{{\"meta\": {},\n\"masks\": {},\n\"histograms\": {},\n\"attention\": {},\n\"graph\": {}}}\n",
      text(meta(step)), text(masks(step)), text(histograms(step)), text(attention(step)),
      to_json(step.graph));
}

std::string inspect_page(const InspectedStep& step) {
  return page_with("inspect.html", inspect_page_data(step));
}

}  // namespace gradus

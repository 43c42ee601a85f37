#include "tools/pe_cost_svg.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tools/pe_svg.h"

namespace gradus {

namespace {

constexpr double kWide = 330, kTall = 400, kTop = 70, kLeft = 70, kNames = 190;

/// A logarithmic axis from one power of its base to another.
struct Axis {
  double base = 2, from = 0, to = 1;
  double power(double x) const { return std::log2(x) / std::log2(base); }
  double at(double x) const { return (power(x) - from) / (to - from); }
};

Axis axis_over(const std::vector<double>& values, double base) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  Axis a{base};
  a.from = std::floor(a.power(*low)), a.to = std::ceil(a.power(*high));
  if (a.from == a.to) a.to += 1;
  return a;
}

std::string tokens_text(double n) {
  if (n >= 1 << 20) return fmt::format("{:g}M", n / (1 << 20));
  return n >= 1024 ? fmt::format("{:g}k", n / 1024) : fmt::format("{:g}", n);
}

std::string time_text(double seconds) {
  return seconds < 1e-6 ? fmt::format("{:.4g} ns", seconds * 1e9)
                        : fmt::format("{:.4g} us", seconds * 1e6);
}

std::string memory_text(double bytes) {
  return bytes < 1024 ? fmt::format("{:g} B", bytes) : fmt::format("{:g} KiB", bytes / 1024);
}

std::string colour(std::size_t curve, std::size_t of) {
  return fmt::format("hsl({:.0f} 65% {}%)",
                     360.0 * static_cast<double>(curve) / static_cast<double>(of),
                     curve % 2 ? 32 : 45);
}

std::string line(double x1, double y1, double x2, double y2) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n", x1, y1,
      x2, y2);
}

/// One quantity of a token, `values` a run's.
std::string panel(const std::vector<CostCurve>& curves, double x, const std::string& title,
                  const std::vector<double> CostCurve::*values, double base,
                  std::string (*text)(double)) {
  std::vector<double> all_tokens, all_values;
  const auto per_token = [&](const CostCurve& c, std::size_t i) {
    return (c.*values)[i] / static_cast<double>(c.tokens[i]);
  };
  for (const CostCurve& c : curves)
    for (std::size_t i = 0; i < c.tokens.size(); ++i) {
      all_tokens.push_back(static_cast<double>(c.tokens[i]));
      all_values.push_back(per_token(c, i));
    }
  const Axis across = axis_over(all_tokens, 2), up = axis_over(all_values, base);
  const auto to_x = [&](double n) { return x + kWide * across.at(n); };
  const auto to_y = [&](double v) { return kTop + kTall * (1 - up.at(v)); };
  std::string out = text_svg(x, kTop - 16, title, {.size = 14, .bold = true});
  for (double e = across.from; e <= across.to; e += 2) {
    const double n = std::exp2(e);
    out += line(to_x(n), kTop, to_x(n), kTop + kTall);
    out += text_svg(to_x(n), kTop + kTall + 18, tokens_text(n),
                    {.size = 11, .anchor = Anchor::middle});
  }
  for (double e = up.from; e <= up.to; e += 1) {
    const double v = std::pow(base, e);
    out += line(x, to_y(v), x + kWide, to_y(v));
    out += text_svg(x - 6, to_y(v) + 4, text(v), {.size = 11, .anchor = Anchor::end});
  }
  out += text_svg(x + kWide / 2, kTop + kTall + 38, "tokens",
                  {.size = 12, .anchor = Anchor::middle, .soft = true});
  // A dot ends a curve; dots lead to its name, and names are moved apart from the highest down.
  std::vector<std::size_t> order(curves.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto end_y = [&](std::size_t i) {
    return to_y(per_token(curves[i], curves[i].tokens.size() - 1));
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return end_y(a) < end_y(b); });
  const double apart = std::min(13.0, (kTall + 40) / static_cast<double>(curves.size()));
  std::vector<double> name_y(curves.size());
  double least = kTop - 10;
  for (std::size_t i : order) least = name_y[i] = std::max(least + apart, end_y(i));
  double most = kTop + kTall + 30;
  for (auto i = order.rbegin(); i != order.rend(); ++i)
    most = name_y[*i] = std::min(most - apart, name_y[*i]);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const CostCurve& c = curves[i];
    const std::string ink = colour(i, curves.size());
    std::string points;
    for (std::size_t p = 0; p < c.tokens.size(); ++p)
      points += fmt::format("{}{:.1f} {:.1f}", p ? "L" : "M",
                            to_x(static_cast<double>(c.tokens[p])), to_y(per_token(c, p)));
    const double last_x = to_x(static_cast<double>(c.tokens.back()));
    out += fmt::format(
        "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"{}/>\n"
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.2\" fill=\"{}\"/>\n"
        "<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" stroke=\"{}\" stroke-width=\"0.6\" "
        "stroke-dasharray=\"1 3\"/>\n",
        points, ink, c.softmax ? " stroke-dasharray=\"5 3\"" : "", last_x, end_y(i), ink, last_x,
        end_y(i), x + kWide + 12, name_y[i], ink);
    out += fmt::format("<g style=\"fill:{}\">{}</g>\n", ink,
                       text_svg(x + kWide + 15, name_y[i] + 4,
                                c.name + (c.softmax ? " (softmax)" : ""), {.size = 11}));
  }
  return out;
}

}  // namespace

std::string cost_svg(const std::vector<CostCurve>& curves) {
  constexpr double kSecond = kLeft + kWide + kNames + 80;
  std::string body = text_svg(kLeft, 28, "What a token costs against how many there are",
                              {.size = 17, .bold = true});
  body += panel(curves, kLeft, "time of a token", &CostCurve::seconds, 10, time_text);
  body += panel(curves, kSecond, "memory of a token", &CostCurve::bytes, 2, memory_text);
  return svg_document(kSecond + kWide + kNames, kTop + kTall + 60,
                      "Time and memory of a token against the number of tokens", body);
}

}  // namespace gradus

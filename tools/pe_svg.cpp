#include "tools/pe_svg.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <span>

namespace gradus {

namespace {

using Colour = std::array<double, 3>;

/// Between stops at equal distances.
std::string between(std::span<const Colour> stops, double t) {
  const double at = std::clamp(t, 0.0, 1.0) * static_cast<double>(stops.size() - 1);
  const auto low = std::min(static_cast<std::size_t>(at), stops.size() - 2);
  const double share = at - static_cast<double>(low);
  std::string out = "#";
  for (std::size_t i = 0; i < 3; ++i)
    out += fmt::format("{:02x}", static_cast<int>(std::lround(stops[low][i] * (1 - share) +
                                                              stops[low + 1][i] * share)));
  return out;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string heat_colour(double t) {
  static constexpr Colour kStops[] = {{5, 3, 20},      {42, 18, 86},    {97, 28, 124},
                                      {153, 45, 122},  {207, 66, 103},  {242, 107, 88},
                                      {252, 161, 108}, {253, 211, 153}, {251, 250, 206}};
  return between(kStops, t);
}

std::string signed_colour(double t) {
  static constexpr Colour kStops[] = {
      {19, 56, 120}, {84, 140, 196}, {248, 247, 243}, {222, 116, 84}, {130, 22, 40}};
  return between(kStops, (t + 1) / 2);
}

std::string heat_map_svg(const HeatMap& map, std::string (*colour)(double)) {
  std::map<std::string, std::string> paths;
  constexpr double kLevels = 96;
  for (int64 r = 0; r < map.rows; ++r)
    for (int64 c = 0; c < map.columns; ++c) {
      const double v = map.values[static_cast<std::size_t>(r * map.columns + c)];
      if (!std::isfinite(v)) continue;
      paths[colour(std::round(v * kLevels) / kLevels)] += fmt::format("M{} {}h1v1h-1z", c, r);
    }
  std::string s = fmt::format(
      "<g transform=\"translate({:g} {:g}) scale({:g} {:g})\" shape-rendering=\"crispEdges\">\n",
      map.x, map.y, map.width / static_cast<double>(map.columns),
      map.height / static_cast<double>(map.rows));
  for (const auto& [fill, path] : paths)
    s += fmt::format("<path fill=\"{}\" d=\"{}\"/>\n", fill, path);
  return s + "</g>\n";
}

std::string text_svg(double x, double y, std::string_view text, TextStyle style) {
  constexpr std::string_view kAnchors[] = {"start", "middle", "end"};
  return fmt::format(
      "<text x=\"{:g}\" y=\"{:g}\" font-size=\"{:g}\" text-anchor=\"{}\"{}{}{}>{}</text>\n", x, y,
      style.size, kAnchors[static_cast<int>(style.anchor)],
      style.bold ? " font-weight=\"600\"" : "", style.soft ? " fill=\"#555\"" : "",
      style.turned ? fmt::format(" transform=\"rotate(-90 {:g} {:g})\"", x, y) : std::string(),
      escaped(text));
}

std::string svg_document(double width, double height, std::string_view title,
                         std::string_view body) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:g} {1:g}\" width=\"{0:g}\" "
      "height=\"{1:g}\" role=\"img\" font-family=\"system-ui, 'DejaVu Sans', sans-serif\" "
      "fill=\"#111\">\n<title>{2}</title>\n<rect width=\"{0:g}\" height=\"{1:g}\" "
      "fill=\"#fff\"/>\n{3}</svg>\n",
      width, height, escaped(title), body);
}

}  // namespace gradus

// gradus pe toy: Figures 2 and 3 of "Of All StrIPEs" from the equations, for any encodings.
#include <algorithm>

#include "pe/kernel_view_toy.h"
#include "tensor/file.h"
#include "tensor/index.h"
#include "tensor/npy.h"
#include "tools/command_line.h"
#include "tools/pe_svg.h"
#include "tools/pe_words.h"

namespace gradus {

namespace {

constexpr double kPanel = 225, kTall = 246, kStep = 275, kLeft = 62, kTop = 84, kRowStep = 330;

struct Study {
  std::string name, settings;
  Tensor scores;
};

std::string panel(const Study& s, double x, double y, bool labelled) {
  std::vector<double> v;  // row 0 at the top: f = 1
  for (int64 row = kToyFrequencies - 1; row >= 0; --row)
    for (double a : select(s.scores, 0, row).to_vector<double>()) v.push_back(a);
  const auto [low, high] = std::minmax_element(v.begin(), v.end());
  const double least = *low, range = *high - *low;
  for (double& a : v) a = range > 0 ? (a - least) / range : 0;
  std::string out = text_svg(x, y - 22, s.name, {.size = 15, .bold = true});
  out += text_svg(x, y - 7, s.settings, {.size = 11, .soft = true});
  out +=
      heat_map_svg({x, y, kPanel, kTall, kToyFrequencies, kToyPoints, std::move(v)}, heat_colour);
  for (int i = 0; i <= 4; ++i) {
    const double at = y + kTall * (1 - i / 4.0);
    out +=
        text_svg(x - 7, at + 4, fmt::format("{:g}", i / 4.0), {.size = 11, .anchor = Anchor::end});
    out += fmt::format("<path d=\"M{:g} {:g}h-4\" stroke=\"#111\"/>\n", x, at);
  }
  for (int c = 0; c < kToyContexts; ++c) {
    const double middle = x + kPanel * (c + 0.5) / kToyContexts;
    out += text_svg(middle, y + kTall + 17, fmt::format("{}°", 30 * (c + 1)),
                    {.size = 11, .anchor = Anchor::middle, .bold = c == 2});
    if (c > 0)
      out += fmt::format("<path d=\"M{:g} {:g}v5\" stroke=\"#111\"/>\n",
                         x + kPanel * c / kToyContexts, y + kTall);
  }
  out += text_svg(x + kPanel / 2, y + kTall + 34, "points, by their context (query: 90°)",
                  {.size = 11, .anchor = Anchor::middle, .soft = true});
  if (labelled)
    out += text_svg(x - 40, y + kTall / 2, "frequency f",
                    {.size = 12, .anchor = Anchor::middle, .turned = true});
  return out;
}

std::string picture(const std::vector<Study>& studies, const std::string& points) {
  const std::size_t columns = std::min<std::size_t>(studies.size(), 3);
  const auto rows = static_cast<double>((studies.size() + columns - 1) / columns);
  const double width = std::max(kLeft + kStep * static_cast<double>(columns) + 40, 640.0);
  std::string body =
      text_svg(20, 30, "Content and context in one score", {.size = 18, .bold = true});
  for (std::size_t i = 0; i < studies.size(); ++i)
    body += panel(studies[i], kLeft + kStep * static_cast<double>(i % columns),
                  kTop + kRowStep * static_cast<double>(i / columns), i % columns == 0);
  const double bar = kLeft + kStep * static_cast<double>(columns) - 18;
  std::vector<double> steps;
  for (int i = 96; i >= 0; --i) steps.push_back(i / 96.0);
  body += heat_map_svg({bar, kTop, 12, kTall, 97, 1, std::move(steps)}, heat_colour);
  body += text_svg(bar + 17, kTop + 9, "1", {.size = 11});
  body += text_svg(bar + 17, kTop + kTall, "0", {.size = 11});
  double y = kTop + kRowStep * rows - 14;
  std::vector<std::string> caption{
      "Scores of one query with 25 points, by frequency: " + points + ".",
      "Drawn from the equations; each panel runs from its least score (0) to its largest (1).",
      "f grows upwards from 0. The tick labels of the published figure run the other way: its "
      "panels are these",
      "upside down, and what it shows at f is here at 1 - f."};
  for (const std::string& line : caption) {
    body += text_svg(20, y, line, {.size = 12, .soft = true});
    y += 17;
  }
  return svg_document(width, y + 6,
                      "Scores of positional encodings by content, context and frequency", body);
}

std::vector<const EncodingDef*> asked_for(const std::string& text) {
  if (trim(text) == "all") return {encodings().begin(), encodings().end()};
  std::vector<const EncodingDef*> all;
  for (const std::string& word : split(text, ',')) {
    const EncodingDef* def = &find_encoding(trim(word));
    check<ConfigError>(std::find(all.begin(), all.end(), def) == all.end(),
                       "--encodings names '{}' twice; each is drawn once", def->name);
    all.push_back(def);
  }
  check<ConfigError>(!all.empty(), "--encodings takes names with commas between them, got none");
  return all;
}

/// "pooled, gains = false": what is other than by default, but for f itself, short enough to stand
/// above a panel; "mean" of random codes, whose mean over draws it shows.
std::string shown_settings(const EncodingDef& def) {
  std::string shown = def.traits.stochastic ? "mean" : "", last;
  for (const std::string& s : toy_settings(def)) {
    if (s.starts_with("frequencies")) continue;
    const std::size_t equals = s.find('=');
    const std::string value = " = " + s.substr(equals + 1);
    if (value == last) shown.resize(shown.size() - last.size());
    shown += (shown.empty() ? "" : ", ") + s.substr(0, equals) + value;
    last = value;
  }
  return shown;
}

}  // namespace

int pe_toy(int argc, char** argv) {
  CommandOptions options("gradus pe toy",
                         "The toy study of \"Of All StrIPEs\" from the equations: the score of a "
                         "query with points in five contexts, by frequency.");
  options.custom_help("[--encodings NAMES] [--seed S] [--svg FILE] [--npy FILE]");
  // clang-format off
  options.add_options()
      ("encodings", "names with commas between them, or all",
       takes_word("rope,f_stripe1,ropepool"), "NAMES")
      ("seed", "draw the points (default: the paper's)", takes_word(), "S")
      ("svg", "draw the panels", takes_word(), "FILE")
      ("npy", "write the scores, f64 [encodings, 41 frequencies, 25 points]",
       takes_word(), "FILE")
      ("help", "show this text");
  // clang-format on
  const CommandLine line(options, argc, argv, "gradus pe toy --svg toy.svg");
  if (line.helped()) return 0;
  const ToyPoints points =
      line.has("seed")
          ? random_toy_points(static_cast<std::uint64_t>(line.integer("seed", 0, int64{1} << 62)))
          : paper_toy_points();
  std::vector<Study> studies;
  std::vector<std::string> left_out;
  for (const EncodingDef* def : asked_for(line.text("encodings"))) {
    try {
      studies.push_back({std::string(def->name), shown_settings(*def), toy_scores(*def, points)});
    } catch (const ConfigError& e) {
      left_out.emplace_back(e.what());
    }
  }
  check<ConfigError>(!studies.empty(), "the toy study can draw none of these: {}",
                     join(left_out, "; "));
  fmt::print("mean score in the query's context minus in the others, at f = 0, 0.5, 1\n");
  for (const Study& s : studies)
    fmt::print("  {:<16} {:>7.3f} {:>7.3f} {:>7.3f}{}\n", s.name, toy_gap(s.scores, points, 0),
               toy_gap(s.scores, points, kToyFrequencies / 2),
               toy_gap(s.scores, points, kToyFrequencies - 1),
               s.settings.empty() ? "" : "  " + s.settings);
  if (!left_out.empty()) fmt::print("left out\n  {}\n", join(left_out, "\n  "));
  const std::string about = line.has("seed")
                                ? fmt::format("points drawn with seed {}", line.text("seed"))
                                : "the points of the paper";
  if (line.has("svg")) write_file(line.text("svg"), picture(studies, about));
  if (line.has("npy")) {
    std::vector<Tensor> all;
    for (const Study& s : studies) all.push_back(s.scores);
    write_npy(line.text("npy"), stack(all, 0));
  }
  return 0;
}

}  // namespace gradus

#include "tools/study_report_figure.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>

#include "train/study/report_paper.h"

namespace gradus {

namespace {

constexpr double kPanelWidth = 380, kPanelHeight = 250, kLeft = 44, kRight = 12, kTop = 44,
                 kBottom = 34, kGapX = 24, kGapY = 22, kLegend = 80;

struct Panel {
  const char *measure, *title;
  std::size_t paper;  ///< index among the paper's measures
  double top;         ///< the most that it can be
};
constexpr Panel kPanels[] = {{"cs", "CS, higher is better", 0, 100},
                             {"gs", "GS, higher is better", 2, 100},
                             {"ssmd", "SSMD (to 50), lower is better", 1, 50},
                             {"ndd_missing", "NDD missing, lower is better", 3, 100}};

/// The looks of an encoding: a shape, and a class for its colour.
enum class Look : std::uint8_t { none, rope, f_stripe, unpooled, ropepool, other };
constexpr const char* kLookNames[] = {"none", "rope", "fstripe", "fstripe", "ropepool", "other"};
constexpr const char* kLookTitles[] = {"no encoding",         "RoPE",     "F-StrIPE1",
                                       "F-StrIPE1, unpooled", "RoPEPool", "others"};

Look look_of(const std::string& encoding) {
  const std::string plain = plain_name(encoding);
  if (plain == "none") return Look::none;
  if (plain.starts_with("ropepool")) return Look::ropepool;
  if (plain.starts_with("rope")) return Look::rope;
  if (encoding_family(encoding) == EncodingFamily::unpooled) return Look::unpooled;
  if (plain.starts_with("fstripe")) return Look::f_stripe;
  return Look::other;
}

std::string shape(Look look, double x, double y, bool hollow) {
  const std::string name = fmt::format("fig-{}{}", kLookNames[static_cast<std::size_t>(look)],
                                       hollow ? " fig-hollow" : "");
  const double r = 4.5;
  switch (look) {
    case Look::rope:
      return fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"8\" height=\"8\"/>",
                         name, x - 4, y - 4);
    case Look::f_stripe:
      return fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}l5 9h-10z\"/>", name, x, y - 5.5);
    case Look::unpooled:
      return fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}l5 -9h-10z\"/>", name, x, y + 5.5);
    case Look::ropepool:
      return fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"/>", name, x, y,
                         r);
    case Look::none:
      return fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z\"/>",
                         name, x, y - 5.5);
    case Look::other:
      return fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}h3v3h3v3h-3v3h-3v-3h-3v-3h3z\"/>",
                         name, x - 1.5, y - 4.5);
  }
  return "";
}

std::string label(double x, double y, const std::string& text, const char* anchor = "start",
                  const char* name = "fig-soft") {
  return fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n",
                     name, x, y, anchor, html_text(text));
}

/// Where a panel stands, and how its numbers become places.
struct Frame {
  double x0, y0, low, high, bottom_value, top;
  double x(double nats) const {
    return x0 + (std::log10(nats) - low) / (high - low) * (kPanelWidth - kLeft - kRight);
  }
  double y(double value) const {
    const double share = (value - bottom_value) / (top - bottom_value);
    return y0 + (1 - std::clamp(share, 0.0, 1.0)) * (kPanelHeight - kTop - kBottom);
  }
  double right() const { return x0 + kPanelWidth - kLeft - kRight; }
  double bottom() const { return y0 + kPanelHeight - kTop - kBottom; }
};

constexpr const char* kStyle = R"(<style>
.fig { font: 12px system-ui, 'DejaVu Sans', sans-serif; --ink: #1b1b1a; --soft: #5d5d58; --line: #d5d5cf; --paper: #fff;
  --none: #6b6b66; --rope: #1458a8; --fstripe: #b3431d; --ropepool: #1d6b32; --other: #7a3d9a; }
@media (prefers-color-scheme: dark) {
  .fig { --ink: #ececea; --soft: #a7aaa5; --line: #3c3f3c; --paper: #161716;
    --none: #b0b3ae; --rope: #7ab4f5; --fstripe: #f39a6f; --ropepool: #79cf8f; --other: #cfa0ea; }
}
.fig-back { fill: var(--paper); } .fig-ink { fill: var(--ink); font-weight: 600; } .fig-soft { fill: var(--soft); paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
.fig-axis { stroke: var(--line); fill: none; } .fig-floor { stroke: var(--soft); stroke-dasharray: 5 4; }
.fig-none { fill: var(--none); stroke: var(--none); } .fig-rope { fill: var(--rope); stroke: var(--rope); }
.fig-fstripe { fill: var(--fstripe); stroke: var(--fstripe); } .fig-ropepool { fill: var(--ropepool); stroke: var(--ropepool); }
.fig-other { fill: var(--other); stroke: var(--other); } .fig-hollow { fill: var(--paper); }
</style>
)";

double nice_top(double largest, double most) {
  for (double top : {20.0, 40.0, 60.0, 80.0})
    if (largest <= top && top < most) return top;
  return most;
}

/// Values of one panel, so that its axis can hold them all.
struct Dot {
  Look look;
  double nats, mean, deviation;
  bool paper;
  std::string words;
};

std::vector<Dot> dots(const Panel& panel, const StudyResults& results,
                      const InformationTable* table, int64 bars) {
  std::vector<Dot> all;
  const std::size_t length = static_cast<std::size_t>(
      std::find(kPaperBars.begin(), kPaperBars.end(), bars) - kPaperBars.begin());
  for (const std::string& context : contexts_of(results)) {
    const auto nats = context_nats(context, table), paper_nats = context_nats(context, nullptr);
    if (length < kPaperBars.size() && paper_nats)
      for (const PaperRow& p : paper_rows(PaperTable::encodings)) {
        if (plain_name(p.context) != plain_name(context)) continue;
        const PaperNumber& n = p.numbers[length * kPaperMeasures.size() + panel.paper];
        all.push_back({look_of(std::string(p.encoding)), *paper_nats, n.mean, n.deviation, true,
                       fmt::format("{}, {}, paper", p.encoding, context)});
      }
    if (!nats) continue;
    for (const SeedGroup* g : table_groups(results, context)) {
      SampleSummary s = summarise(g->sample(panel.measure, bars));
      if (std::string_view(panel.measure) == "ssmd")
        s.mean = shown_ssmd(s.mean), s.deviation = shown_ssmd(s.deviation);
      if (std::isfinite(s.mean))
        all.push_back({look_of(g->encoding), *nats, s.mean, s.deviation, false,
                       fmt::format("{}, {}", g->label(), context)});
    }
  }
  return all;
}

/// The floors that a panel shows, and their values.
std::vector<std::pair<std::string, double>> floor_values(const Panel& panel,
                                                         const StudyResults& results, int64 bars) {
  std::vector<std::pair<std::string, double>> all;
  for (const FloorRow& floor : results.floors) {
    if (floor.measures.bars != bars || (floor.floor != "silent" && floor.floor != "block-chords"))
      continue;
    for (const StudyMeasure& m : study_measure_table()) {
      const double value = floor.measures.*m.value;
      if (m.name == panel.measure)
        all.emplace_back(floor.floor, m.name == "ssmd" ? shown_ssmd(value) : value);
    }
  }
  return all;
}

std::string floor_lines(const Frame& f, const Panel& panel, const StudyResults& results,
                        int64 bars) {
  std::string out;
  std::vector<std::pair<std::string, double>> floors = floor_values(panel, results, bars);
  std::sort(floors.begin(), floors.end(),
            [](const auto& a, const auto& b) { return a.second > b.second; });
  double above = f.y0 - 100;  // the line above, whose name stands above it
  for (const auto& [name, value] : floors) {
    const double y = f.y(value);
    const bool below = y - above < 16 || y < f.y0 + 14;
    above = y;
    out += fmt::format("<path class=\"fig-floor\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>\n", f.x0, y,
                       f.right());
    // Right of REP and KEY, left of BIN.
    out += label(f.x0 + 0.68 * (f.right() - f.x0), below ? y + 13 : y - 4, name, "middle");
  }
  return out;
}

/// The frame of panel i: an axis that holds all its dots and floors.
Frame frame_of(std::size_t i, const std::vector<Dot>& all,
               const std::vector<std::pair<std::string, double>>& floors, double low, double high) {
  double largest = 0, least = kPanels[i].top;
  const auto hold = [&](double value) {
    largest = std::max(largest, value);
    least = std::min(least, value);
  };
  for (const Dot& d : all) {
    const double deviation = std::isfinite(d.deviation) ? d.deviation : 0;
    hold(d.mean + deviation);
    hold(d.mean - deviation);
  }
  for (const auto& floor : floors) hold(floor.second);
  const double top = nice_top(largest, kPanels[i].top);
  return {kLeft + static_cast<double>(i % 2) * (kPanelWidth + kGapX),
          kTop + static_cast<double>(i / 2) * (kPanelHeight + kGapY),
          low,
          high,
          least > top / 2 ? top / 2 : 0,
          top};
}

std::string panel_svg(const Frame& f, const Panel& panel, const std::vector<Dot>& all,
                      const StudyResults& results, const InformationTable* table, int64 bars) {
  std::string out = label(f.x0, f.y0 - 26, panel.title, "start", "fig-ink");
  out += fmt::format("<path class=\"fig-axis\" d=\"M{0:.1f} {1:.1f}V{2:.1f}H{3:.1f}\"/>\n", f.x0,
                     f.y0, f.bottom(), f.right());
  for (int i = 0; i <= 4; ++i) {
    const double value = f.bottom_value + (f.top - f.bottom_value) * i / 4;
    out += fmt::format("<path class=\"fig-axis\" d=\"M{:.1f} {:.1f}h-4\"/>\n", f.x0, f.y(value));
    out += label(f.x0 - 7, f.y(value) + 4, fmt::format("{:g}", value), "end");
  }
  for (double nats : {0.001, 0.01, 0.1, 1.0, 10.0})
    if (std::log10(nats) >= f.low && std::log10(nats) <= f.high) {
      out +=
          fmt::format("<path class=\"fig-axis\" d=\"M{:.1f} {:.1f}v4\"/>\n", f.x(nats), f.bottom());
      out += label(f.x(nats), f.bottom() + 17, fmt::format("{:g}", nats), "middle");
    }
  double last = -1e9;
  for (const std::string& context : contexts_of(results))
    if (const auto nats = context_nats(context, table)) {
      const double x = f.x(*nats);
      const double level = std::abs(x - last) < 34 ? f.y0 - 12 : f.y0 - 1;
      last = x;
      out += fmt::format(
          "<path class=\"fig-axis\" stroke-dasharray=\"1 4\" d=\"M{:.1f} "
          "{:.1f}V{:.1f}\"/>\n",
          x, f.y0 + 3, f.bottom());
      out += label(x, level, context, "middle");
    }
  out += floor_lines(f, panel, results, bars);
  for (const Dot& d : all) {
    // Encodings of one context stand side by side.
    const double x = f.x(d.nats) + 6 * (static_cast<double>(d.look) - 2) * (d.paper ? 0.5 : 1);
    out += fmt::format("<g><title>{}: {:.2f}{}</title>", html_text(d.words), d.mean,
                       std::isfinite(d.deviation) ? fmt::format(" ± {:.2f}", d.deviation) : "");
    if (std::isfinite(d.deviation))
      out += fmt::format("<path class=\"fig-{}\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>",
                         kLookNames[static_cast<std::size_t>(d.look)], x, f.y(d.mean - d.deviation),
                         f.y(d.mean + d.deviation));
    out += shape(d.look, x, f.y(d.mean), d.paper) + "</g>\n";
  }
  return out;
}

}  // namespace

std::optional<double> context_nats(const std::string& context, const InformationTable* table) {
  const std::string plain = plain_name(context);
  if (table == nullptr) {
    if (plain == "time") return 0.0085;
    if (plain == "rep") return 0.0436;
    if (plain == "key" || plain == "keymode") return 0.0476;
    if (plain == "bin") return 1.0075;
    return std::nullopt;
  }
  // Rows in small letters are the contexts that models are trained on; KEY's tokens hold the mode.
  const std::string wanted = plain == "key" ? "keymode" : plain;
  for (const ContextInformation& c : table->rows) {
    const bool ours = c.context == context || (c.context[0] >= 'a' && c.context[0] <= 'z');
    if (ours && plain_name(c.context) == wanted && c.nats > 0) return c.nats;
  }
  return std::nullopt;
}

std::string information_figure(const StudyResults& results, const InformationTable* table) {
  if (results.bars.empty()) return "";
  const int64 bars = *std::min_element(results.bars.begin(), results.bars.end());
  double low = 1e9, high = -1e9;
  for (const std::string& context : contexts_of(results))
    for (const InformationTable* t : {table, static_cast<const InformationTable*>(nullptr)})
      if (const auto nats = context_nats(context, t)) {
        low = std::min(low, std::log10(*nats) - 0.25);
        high = std::max(high, std::log10(*nats) + 0.25);
      }
  if (low > high) return "";
  const double width = 2 * kPanelWidth + kGapX + 8, height = 2 * kPanelHeight + kGapY + kLegend;
  std::string body;
  std::set<Look> looks;
  for (std::size_t i = 0; i < 4; ++i) {
    const Panel& panel = kPanels[i];
    const std::vector<Dot> all = dots(panel, results, table, bars);
    const Frame frame = frame_of(i, all, floor_values(panel, results, bars), low, high);
    for (const Dot& d : all) looks.insert(d.look);
    body += panel_svg(frame, panel, all, results, table, bars);
  }
  double x = kLeft + 5;
  const double y = height - 50;
  for (Look look :
       {Look::rope, Look::f_stripe, Look::unpooled, Look::ropepool, Look::none, Look::other}) {
    if (!looks.count(look)) continue;
    body += shape(look, x, y, false);
    const std::string title = kLookTitles[static_cast<std::size_t>(look)];
    body += label(x + 10, y + 4, title);
    x += 36 + 6.6 * static_cast<double>(title.size());
  }
  body += label(kLeft, height - 26,
                "Across: mutual information of context and pitch, nats; encodings side by side. "
                "Bars: one standard deviation over seeds.");
  body += label(kLeft, height - 9,
                "Filled: measured here. Hollow: the paper's. Dashed: what needs no learning.");
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"fig\" viewBox=\"0 0 {0:g} {1:g}\" "
      "role=\"img\">\n<title>{3} windows of {2} bars: measures against mutual information</title>\n"
      "{4}<rect class=\"fig-back\" width=\"{0:g}\" height=\"{1:g}\"/>\n{5}</svg>\n",
      width, height, bars, html_text(results.preset), kStyle, body);
}

}  // namespace gradus

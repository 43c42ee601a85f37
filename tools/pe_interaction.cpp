// gradus pe interaction: which products of content meet which function of context, for one encoding
// over a grid of labels, and one line an encoding for all of them.
#include <algorithm>
#include <cmath>

#include "pe/kernel_view_interaction.h"
#include "tensor/file.h"
#include "tensor/index.h"
#include "tensor/npy.h"
#include "tools/command_line.h"
#include "tools/pe_svg.h"
#include "tools/pe_words.h"

namespace gradus {

namespace {

constexpr int64 kMostLabels = 65;
constexpr double kBilinear = 1e-6;

std::string percent(double share) {
  if (std::isnan(share)) return "-";
  const double x = 100 * share;
  return x > 0 && x < 0.5 ? fmt::format("{:.1g} %", x) : fmt::format("{:.0f} %", x);
}

std::string label_of(int64 i) { return i < 0 ? std::string("1") : fmt::format("{}", i + 1); }

/// Frequencies 1, 0.1, 0.01, ... a pair, so that encodings can be compared, unless some are set:
/// where an option takes one a pair, or one a coordinate.
std::vector<std::string> with_frequencies(const EncodingDef& def, std::vector<std::string> set,
                                          int64 d) {
  const bool given = std::any_of(set.begin(), set.end(),
                                 [](const std::string& s) { return s.starts_with("frequencies"); });
  const bool one_each =
      std::any_of(def.options.begin(), def.options.end(), [](const OptionInfo& o) {
        return o.name == "frequencies" && o.allowed.find("[w]") == std::string_view::npos;
      });
  if (given || !one_each || d % 2 != 0) return set;
  std::vector<std::string> f;
  for (int64 i = 0; i < d / 2; ++i)
    f.push_back(fmt::format("{}", std::pow(10.0, -static_cast<double>(i))));
  set.push_back("frequencies=" + join(f, ","));
  return set;
}

/// The closed form is exact, and so is a regression where the score is bilinear and not random.
bool exact(const InteractionGrid& g) {
  return g.closed || (g.standard_error == 0 && g.not_bilinear < kBilinear);
}

// ---- one encoding -------------------------------------------------------------------------------

void print_encounters(const InteractionAnatomy& a) {
  fmt::print("\nproducts of content, and the function of context that they meet\n");
  for (const Encounter& e : a.encounters) {
    constexpr std::string_view kOf[] = {"constant", "of D-", "of D+", "of both labels"};
    std::string values;
    for (double v : e.values) values += fmt::format("{}{:.4f}", values.empty() ? "" : ", ", v);
    fmt::print("  ({})\n      {}{}: {}{}\n", e.products, kOf[static_cast<int>(e.on)],
               e.up_to_a_constant ? ", less its mean" : "", values,
               e.values.size() > 1 ? ", ..." : "");
  }
  fmt::print(
      "  values: p_n at the first label, p_m from there on; D- = p_m - p_n, D+ = p_m + p_n\n");
}

void print_one(const KernelView& view, const InteractionGrid& g,
               const std::vector<std::string>& set) {
  fmt::print("{}: {}\nlabels {:g} to {:g}, one head of {}{}\n", view.def().name, view.def().formula,
             g.labels.front(), g.labels.back(), g.d,
             set.empty() ? std::string() : "; " + join(set));
  for (const std::string& s : view.notes()) fmt::print("({})\n", s);
  if (g.standard_error > 0)
    fmt::print("(random: {}Monte Carlo averages {} draws)\n",
               g.closed ? "the closed form is the mean over all codes, " : "", g.codes);
  if (g.closed)
    fmt::print("closed form and Monte Carlo are {:.1e} apart{}\n", g.apart(),
               g.standard_error > 0
                   ? fmt::format(" at most; RMS {:.2f} standard errors", g.apart_in_errors())
                   : std::string());
  else
    fmt::print("no closed form: what follows was measured\n");
  if (g.not_bilinear >= kBilinear)
    fmt::print("scores are not bilinear in q and k: {} of their size is left by the regression\n",
               percent(g.not_bilinear));
  if (!exact(g)) {
    fmt::print("so the measured numbers are approximate, and are not taken apart\n");
    return;
  }
  const InteractionAnatomy a = interaction_anatomy(g);
  print_encounters(a);
  fmt::print("\nproducts q_i k_j that are met    {} of {}{}\n", a.products, g.d * g.d,
             a.single ? ", and terms in q, k or neither" : "");
  fmt::print("independent functions of labels  {}\nrank of G at one pair            {}\n",
             a.functions, a.rank);
  fmt::print("symmetric, antisymmetric part    {}, {}\n", percent(a.symmetric),
             percent(a.antisymmetric));
  fmt::print("constant part                    {}\n", percent(a.constant));
  fmt::print("of the rest D-, D+, both added   {}, {}, {}\n", percent(a.difference), percent(a.sum),
             percent(a.together));
  fmt::print("reflection asymmetry             {}\n", percent(a.reflection));
}

void write_csv(const std::string& path, const InteractionGrid& g) {
  std::string out = "p_m,p_n,row,column,closed,monte_carlo\n";
  const std::vector<double> measured = g.measured.to_vector<double>(),
                            closed =
                                g.closed ? g.closed->to_vector<double>() : std::vector<double>();
  const auto n = static_cast<int64>(g.labels.size()), side = g.d + 1;
  for (int64 at = 0; at < n * n * side * side; ++at) {
    const int64 cell = at / (side * side), i = at / side % side, j = at % side;
    const auto here = static_cast<std::size_t>(at);
    out += fmt::format(
        "{:g},{:g},{},{},{},{:.17g}\n", g.labels[static_cast<std::size_t>(cell / n)],
        g.labels[static_cast<std::size_t>(cell % n)], i == g.d ? "1" : fmt::format("q{}", i + 1),
        j == g.d ? "1" : fmt::format("k{}", j + 1),
        closed.empty() ? std::string() : fmt::format("{:.17g}", closed[here]), measured[here]);
  }
  write_file(path, out);
}

std::string picture(const KernelView& view, const InteractionGrid& g) {
  const std::vector<double> m = g.best().to_vector<double>();
  const auto n = static_cast<int64>(g.labels.size()), side = g.d + 1;
  double largest = 0;
  bool single = false;
  for (std::size_t at = 0; at < m.size(); ++at) {
    const auto e = static_cast<int64>(at);
    if (e / side % side == g.d || e % side == g.d) single |= std::abs(m[at]) > 1e-12;
    largest = std::max(largest, std::abs(m[at]));
  }
  const int64 panels = single ? side : g.d;
  const double size = std::clamp(460.0 / static_cast<double>(panels), 40.0, 110.0), gap = 10,
               left = 46, top = 92;
  std::string body =
      text_svg(16, 28, fmt::format("{}: interaction of content and context", view.def().name),
               {.size = 16, .bold = true});
  body += text_svg(16, 48, "row q_i, column k_j: the factor of q_i k_j in a_mn",
                   {.size = 12, .soft = true});
  for (int64 i = 0; i < panels; ++i)
    for (int64 j = 0; j < panels; ++j) {
      const double x = left + static_cast<double>(j) * (size + gap),
                   y = top + static_cast<double>(i) * (size + gap);
      std::vector<double> v;
      for (int64 cell = n * n; cell-- > 0;) {  // p_m grows upwards, p_n to the right
        const int64 row = cell / n, column = n - 1 - cell % n;
        const double value =
            m[static_cast<std::size_t>(((row * n + column) * side + i) * side + j)];
        v.push_back(!g.later_keys && column > row ? std::nan("")
                    : largest > 0                 ? value / largest
                                                  : 0);
      }
      if (i == 0)
        body += text_svg(x + size / 2, y - 7, j == g.d ? "1" : "k" + label_of(j),
                         {.size = 12, .anchor = Anchor::middle});
      if (j == 0)
        body += text_svg(x - 8, y + size / 2 + 4, i == g.d ? "1" : "q" + label_of(i),
                         {.size = 12, .anchor = Anchor::end});
      body += heat_map_svg({x, y, size, size, n, n, std::move(v)}, signed_colour);
      body += fmt::format(
          "<rect x=\"{:g}\" y=\"{:g}\" width=\"{:g}\" height=\"{:g}\" fill=\"none\" "
          "stroke=\"#bbb\"/>\n",
          x, y, size, size);
    }
  const double tall = static_cast<double>(panels) * (size + gap), bar = left + tall + 8;
  std::vector<double> steps;
  for (int i = 48; i >= -48; --i) steps.push_back(i / 48.0);
  body += heat_map_svg({bar, top, 12, tall - gap, 97, 1, std::move(steps)}, signed_colour);
  body += text_svg(bar + 17, top + 9, fmt::format("{:.3g}", largest), {.size = 11});
  body += text_svg(bar + 17, top + (tall - gap) / 2 + 4, "0", {.size = 11});
  body += text_svg(bar + 17, top + tall - gap, fmt::format("{:.3g}", -largest), {.size = 11});
  body += text_svg(
      16, top + tall + 14,
      fmt::format("in each panel p_n from {0:g} to {1:g} to the right, p_m from {0:g} to {1:g} "
                  "upwards; {2}",
                  g.labels.front(), g.labels.back(), g.closed ? "closed form" : "measured"),
      {.size = 11, .soft = true});
  return svg_document(std::max(bar + 66, 520.0), top + tall + 28,
                      fmt::format("Interaction of {}", view.def().name), body);
}

// ---- all encodings ------------------------------------------------------------------------------

void print_all(int64 d, int64 from, int64 to) {
  fmt::print(
      "labels {} to {}, one head of {}, frequencies 1, 0.1, ... a pair where they can be set\n"
      "products: of q_i k_j that are met (+: terms in q, k or neither too); functions: of the "
      "labels, linearly independent;\nrank: of G at one pair; antisym: share that changes sign "
      "when "
      "the labels are swapped; const: share that no label changes;\nD-, D+, both: shares of the "
      "rest "
      "that functions of p_m - p_n, of p_m + p_n, or a sum of these explain;\nreflection: change "
      "of "
      "a when the key is reflected about the query; MC: largest difference of closed form and "
      "Monte "
      "Carlo\n(random codes: RMS difference of the closed form of their mean and an average of 100 "
      "draws, in\nstandard errors); ~: measured, not taken apart\n\n",
      from, to, d);
  fmt::print("{:<18}{:>9} {:>9} {:>4} {:>8} {:>7} {:>7} {:>7} {:>7} {:>10}  {}\n", "encoding",
             "products", "functions", "rank", "antisym", "const", "D-", "D+", "both", "reflection",
             "MC");
  for (const EncodingDef* def : encodings()) {
    try {
      const std::vector<std::string> set = with_frequencies(*def, {}, d);
      const KernelView view(*def, {.head_dim = d, .set = set});
      const InteractionGrid g = interaction_grid(view, from, to);
      std::string compared = "no closed form";
      if (g.closed && g.standard_error > 0)
        compared = fmt::format("{:.2f} s.e.", g.apart_in_errors());
      else if (g.closed)
        compared = fmt::format("{:.0e}", g.apart());
      if (g.not_bilinear >= kBilinear)
        compared += fmt::format("; {} not bilinear", percent(g.not_bilinear));
      if (!exact(g)) {
        fmt::print("{:<18}{:>9} {:>9} {:>4} {:>8} {:>7} {:>7} {:>7} {:>7} {:>10}  {}\n", def->name,
                   "~", "~", "~", "~", "~", "~", "~", "~", "~", compared);
        continue;
      }
      const InteractionAnatomy a = interaction_anatomy(g);
      fmt::print("{:<18}{:>9} {:>9} {:>4} {:>8} {:>7} {:>7} {:>7} {:>7} {:>10}  {}\n", def->name,
                 fmt::format("{}{}", a.products, a.single ? "+" : ""), a.functions, a.rank,
                 percent(a.antisymmetric), percent(a.constant), percent(a.difference),
                 percent(a.sum), percent(a.together), percent(a.reflection), compared);
    } catch (const ConfigError& e) {
      fmt::print("{:<18}  {}\n", def->name, e.what());
    }
  }
}

}  // namespace

int pe_interaction(int argc, char** argv) {
  CommandOptions options("gradus pe interaction",
                         "Which products of content meet which function of context: closed form "
                         "and Monte Carlo over a grid of labels.");
  options.custom_help(
      "[--from P] [--to P] [--size D] [--set KEY=VALUE ...] [--npy FILE] [--csv FILE] [--svg "
      "FILE]");
  options.positional_help("NAME | --all");
  // clang-format off
  options.add_options()
      ("all", "one line for each encoding")
      ("from", "first label", takes_word("0"), "P")
      ("to", "last label", takes_word("16"), "P")
      ("size", "of the head", takes_word("4"), "D")
      ("set", "an option of the encoding, or a parameter by name",
       takes_words(), "KEY=VALUE")
      ("npy", "f64 [2, labels m, labels n, D+1, D+1]: closed form (not-a-number where there is "
              "none), Monte Carlo", takes_word(), "FILE")
      ("csv", "the same as text", takes_word(), "FILE")
      ("svg", "a heat map for each product", takes_word(), "FILE")
      ("help", "show this text")
      ("name", "the encoding", takes_word());
  // clang-format on
  options.parse_positional({"name"});
  const CommandLine line(options, argc, argv, "gradus pe interaction ropepool --from 0 --to 8");
  if (line.helped()) return 0;
  const int64 from = line.integer("from", -4096, 4095), to = line.integer("to", -4096, 4095),
              d = line.integer("size", 1, 12);
  check<ConfigError>(from < to && to - from < kMostLabels,
                     "--from {} --to {}: labels run upwards, 2 to {} of them", from, to,
                     kMostLabels);
  if (line.has("all")) {
    for (const char* other : {"name", "set", "npy", "csv", "svg"})
      check<ConfigError>(!line.has(other), "gradus pe interaction --all takes no {}; give one NAME",
                         std::string_view(other) == "name" ? "name" : fmt::format("--{}", other));
    print_all(d, from, to);
    return 0;
  }
  const EncodingDef& def =
      find_encoding(line.required("name", "the name of an encoding, or --all; see gradus pe"));
  std::vector<std::string> set;
  if (line.has("set")) set = line.texts("set");
  set = with_frequencies(def, std::move(set), d);
  const KernelView view(def, {.head_dim = d, .set = set});
  const InteractionGrid g = interaction_grid(view, from, to);
  print_one(view, g, set);
  if (line.has("npy")) {
    const Tensor none = full(g.measured.shape(), std::nan(""), DType::f64);
    write_npy(line.text("npy"),
              stack(std::vector<Tensor>{g.closed ? *g.closed : none, g.measured}, 0));
  }
  if (line.has("csv")) write_csv(line.text("csv"), g);
  if (line.has("svg")) write_file(line.text("svg"), picture(view, g));
  return 0;
}

}  // namespace gradus

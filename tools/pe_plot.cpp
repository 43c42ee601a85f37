// gradus pe plot: one self-contained page that computes encodings side by side, and holds its own
// numbers against those of the library that wrote it.
#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "pe/kernel_view.h"
#include "tensor/file.h"
#include "tools/command_line.h"
#include "tools/pages.h"
#include "tools/pe_words.h"

namespace gradus {

namespace {

using Json = nlohmann::ordered_json;

struct Checked {
  const char *page, *encoding;
  std::vector<std::string> set;
};

/// One token pair of the page's encoding: what the library makes of it.
Json check_of(const Checked& c, int64 d, double f1, double ratio, std::uint64_t seed) {
  const EncodingDef& def = find_encoding(c.encoding);
  std::vector<double> f;
  for (int64 i = 0; i < d / 2; ++i) f.push_back(f1 * std::pow(ratio, static_cast<double>(i)));
  std::vector<std::string> set = c.set;
  if (KernelView(def, {.head_dim = d, .set = set}).frequencies().defined())
    set.push_back(fmt::format("frequencies={}", fmt::join(f, ",")));
  const KernelView view(def, {.head_dim = d, .set = set});
  Rng rng = Rng(seed).stream("page");
  const Tensor q = normal(rng, {d}, 0, 1, DType::f64), k = normal(rng, {d}, 0, 1, DType::f64);
  const double p_m = 16 * uniform_number(rng) - 4, p_n = 12 * uniform_number(rng);
  const KernelView::Pair pair = view.pair(Var(q), Var(k), {p_m}, {p_n});
  Json j{{"name", c.page},
         {"q", q.to_vector<double>()},
         {"k", k.to_vector<double>()},
         {"pm", p_m},
         {"pn", p_n},
         {"f", f},
         {"slope", std::exp2(-8.0)},  // of ALiBi's only head
         {"features_q", pair.q.value().to_vector<double>()},
         {"features_k", pair.k.value().to_vector<double>()},
         {"a", pair.a.item()}};
  if (const auto closed = view.interaction({p_m}, {p_n})) {
    std::vector<double> m;
    const auto at = [](const Tensor& t, std::initializer_list<int64> index) {
      return t.defined() ? t.at(index) : 0.0;
    };
    for (int64 i = 0; i <= d; ++i)
      for (int64 l = 0; l <= d; ++l)
        m.push_back(i < d && l < d ? closed->g.at({0, i, l})
                    : i < d        ? at(closed->alpha, {0, i})
                    : l < d        ? at(closed->beta, {0, l})
                                   : at(closed->gamma, {0}));
    j["m"] = m;
  }
  return j;
}

Json page_data() {
  const Checked all[] = {{"none", "none", {}},
                         {"rope", "rope", {}},
                         {"f_stripe1", "f_stripe1", {"pooled=false"}},
                         {"f_stripe1_pooled", "f_stripe1", {"pooled=true"}},
                         {"ropepool", "ropepool", {}},
                         {"alibi", "alibi", {}},
                         {"sinusoidal", "sinusoidal", {}}};
  Json checks = Json::array();
  std::uint64_t seed = 0;
  for (const Checked& c : all)
    for (const auto& [d, f1, ratio] :
         {std::tuple<int64, double, double>{2, 1.0, 1.0}, {4, 1.0, 0.01}, {8, 1.0, 0.1}})
      checks.push_back(check_of(c, d, f1, ratio, ++seed));
  return Json{{"checks", checks}};
}

}  // namespace

int pe_plot(int argc, char** argv) {
  CommandOptions options("gradus pe plot",
                         "Write a web page, self-contained, that plots encodings side by side: "
                         "rotation, features, kernel, attention, interaction.");
  options.custom_help("--html FILE");
  // clang-format off
  options.add_options()
      ("html", "the page to write", takes_word(), "FILE")
      ("help", "show this text");
  // clang-format on
  const CommandLine line(options, argc, argv, "gradus pe plot --html encodings.html");
  if (line.helped()) return 0;
  const std::string path = line.required("html", "a page to write: --html encodings.html");
  write_file(path, page_with("pe_view.html", page_data().dump()));
  fmt::print("wrote {}\n", path);
  return 0;
}

}  // namespace gradus

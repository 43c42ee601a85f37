// gradus pe plot: one self-contained page that computes encodings side by side, and holds its own
// numbers against those of the library that wrote it.
#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "autograd/ops.h"
#include "nn/ops.h"
#include "pe/kernel_view.h"
#include "tensor/elementwise.h"
#include "tensor/file.h"
#include "tools/command_line.h"
#include "tools/pages.h"
#include "tools/pe_words.h"

namespace gradus {

namespace {

using Json = nlohmann::ordered_json;

enum class Feeds { frequencies, columns, harmonics, nothing };

/// An encoding of tools/pages/pe_*.js, and what makes the library's one the same: options, the
/// page's frequencies, the values of the page's sliders, and the numbers that the page gets by
/// another name. Codes whose closed form is a mean over draws have a check of their own for it.
struct Panel {
  const char *page, *encoding;
  Feeds feeds = Feeds::nothing;
  std::vector<const char*> set{};
  std::vector<std::pair<const char*, double>> sliders{};
  std::vector<std::pair<const char*, const char*>> numbers{};
  enum class Codes { fixed, drawn, mean_only } codes = Codes::fixed;
  bool whole = false, causal = false, behind = false;
};

const std::vector<Panel>& panels() {
  using F = Feeds;
  using C = Panel::Codes;
  static const std::vector<Panel> all{
      {"none", "none"},
      {"rope", "rope", F::frequencies},
      {"rope_scaled_linear", "rope_scaled", F::frequencies, {"scale=4"}, {{"scale", 4}}},
      {"rope_scaled_ntk", "rope_scaled", F::frequencies, {"method=ntk", "scale=4"}, {{"scale", 4}}},
      {"rope_scaled_yarn",
       "rope_scaled",
       F::frequencies,
       {"method=yarn", "scale=4", "original_length=128"},
       {{"scale", 4}, {"original", 128}}},
      {.page = "xpos",
       .encoding = "xpos",
       .feeds = F::frequencies,
       .set = {"scale=16"},
       .sliders = {{"reach", 16}},
       .causal = true},
      {"lrpe_rotation", "lrpe", F::frequencies, {}, {}, {{"reflection", "reflection"}}},
      {"lrpe_unitary",
       "lrpe",
       F::frequencies,
       {"lambda=unitary"},
       {},
       {{"reflection", "reflection"}}},
      {.page = "lrpe_permutation",
       .encoding = "lrpe",
       .set = {"lambda=permutation", "basis=identity"},
       .numbers = {{"permutation", "permutation"}},
       .whole = true},
      {.page = "permuteformer",
       .encoding = "permuteformer",
       .numbers = {{"permutation", "permutation"}},
       .whole = true,
       .causal = true,
       .behind = true},
      {"ropepool", "ropepool", F::frequencies},
      {"ropepool_cross_pair", "ropepool", F::frequencies, {"pool=cross_pair"}},
      {"ropepool_total", "ropepool", F::frequencies, {"pool=total"}},
      {"f_stripe1", "f_stripe1", F::frequencies, {"pooled=false"}},
      {"f_stripe1_pooled", "f_stripe1", F::frequencies},
      {"f_stripe",
       "f_stripe",
       F::harmonics,
       {"pooled=false", "sines=2"},
       {},
       {{"phases", "phases"}, {"gains", "gains"}}},
      {"f_stripe_pooled",
       "f_stripe",
       F::harmonics,
       {"sines=2"},
       {},
       {{"phases", "phases"}, {"gains", "gains"}}},
      {.page = "rff",
       .encoding = "rff",
       .set = {"length=4"},
       .sliders = {{"length", 4}},
       .numbers = {{"frequencies", "frequencies"}}},
      {.page = "sine_spe",
       .encoding = "sine_spe",
       .feeds = F::frequencies,
       .set = {"realizations=16"},
       .numbers = {{"phases", "phases"}, {"gains", "gains"}, {"noise", "noise"}},
       .codes = C::drawn},
      {.page = "gated",
       .encoding = "gated",
       .feeds = F::frequencies,
       .set = {"realizations=16", "gate=0"},
       .sliders = {{"gate", 0.5}},
       .numbers = {{"phases", "inside/phases"},
                   {"gains", "inside/gains"},
                   {"noise", "inside/noise"},
                   {"shared", "noise"}},
       .codes = C::drawn},
      {.page = "conv_spe",
       .encoding = "conv_spe",
       .set = {"kernel=8"},
       .numbers = {{"query_filter", "query_filter"}, {"key_filter", "key_filter"}},
       .codes = C::mean_only,
       .whole = true},
      {.page = "cosformer",
       .encoding = "cosformer",
       .set = {"max_length=32"},
       .sliders = {{"longest", 32}},
       .behind = true},
      {.page = "alibi", .encoding = "alibi", .sliders = {{"slope", 1 / 256.0}}},
      {.page = "kerple_log",
       .encoding = "kerple",
       .set = {"r1=.5", "r2=.7"},
       .sliders = {{"r1", .5}, {"r2", .7}}},
      {.page = "kerple_power",
       .encoding = "kerple",
       .set = {"kernel=power", "r1=.5", "r2=.7"},
       .sliders = {{"r1", .5}, {"r2", .7}}},
      {"sandwich", "sandwich", F::frequencies},
      {.page = "t5",
       .encoding = "t5",
       .set = {"direction=both", "buckets=16", "distance=12"},
       .sliders = {{"buckets", 16}, {"distance", 12}},
       .numbers = {{"table", "table"}},
       .whole = true},
      {.page = "toeplitz",
       .encoding = "toeplitz",
       .set = {"max_length=40"},
       .numbers = {{"table", "table"}},
       .whole = true},
      {.page = "fire",
       .encoding = "fire",
       .set = {"hidden=8", "threshold=8"},
       .sliders = {{"threshold", 8}},
       .numbers = {{"curvature", "curvature"},
                   {"weight", "weight"},
                   {"bias_1", "bias"},
                   {"out_weight", "out_weight"},
                   {"out_bias", "out_bias"}},
       .causal = true},
      {.page = "shaw",
       .encoding = "shaw",
       .set = {"clip=8"},
       .numbers = {{"keys", "keys"}},
       .whole = true},
      {.page = "music_transformer",
       .encoding = "music_transformer",
       .set = {"clip=8"},
       .numbers = {{"keys", "keys"}},
       .whole = true},
      {.page = "deberta",
       .encoding = "deberta",
       .set = {"clip=8"},
       .numbers = {{"table", "table"},
                   {"key_weight", "key/weight"},
                   {"query_weight", "query/weight"}},
       .whole = true},
      {"transformer_xl",
       "transformer_xl",
       F::frequencies,
       {},
       {},
       {{"u", "u"}, {"v", "v"}, {"weight", "lag0/weight"}}},
      {"s_rpe",
       "s_rpe",
       F::columns,
       {"codes=sine"},
       {},
       {{"structure_weight", "structure0/weight"},
        {"structure_bias", "structure0/bias"},
        {"layer_weight", "layer/weight"},
        {"layer_bias", "layer/bias"}}},
      {"sinusoidal", "sinusoidal", F::frequencies},
      {.page = "learned",
       .encoding = "learned",
       .set = {"max_length=40"},
       .numbers = {{"table", "table"}},
       .whole = true},
      {"s_ape", "s_ape", F::columns, {"codes=sine"}},
  };
  return all;
}

struct LeftOut {
  const char *encoding, *why;
};
constexpr LeftOut kLeftOut[] = {
    {"cope", "the score of a pair depends on the tokens between"},
    {"ns_rpe", "the score of a pair depends on where the segments of both tokens began"},
    {"f_stripe_sff", "it is sine_spe where a label is one number, as here"},
    {"randomized", "it is the encoding inside, at other times in training"},
};

// ---- checks -------------------------------------------------------------------------------------

/// f_1, f_1 ratio, f_1 ratio^2, ...: one more than there are pairs.
std::vector<double> page_frequencies(int64 d, double f1, double ratio) {
  std::vector<double> f;
  for (int64 i = 0; i <= d / 2; ++i) f.push_back(f1 * std::pow(ratio, static_cast<double>(i)));
  return f;
}

std::string frequency_setting(Feeds feeds, const std::vector<double>& f, int64 d) {
  std::vector<double> list;
  for (int64 c = 0; c < d; ++c) {
    const double pair = f[static_cast<std::size_t>(c / 2)];
    if (feeds == Feeds::columns) list.push_back(f[static_cast<std::size_t>((c + 1) / 2)]);
    if (feeds == Feeds::harmonics) list.push_back(pair), list.push_back(2 * pair);
    if (feeds == Feeds::frequencies && c % 2 == 0) list.push_back(pair);
  }
  return fmt::format("frequencies={}", fmt::join(list, ","));
}

/// Parameters and buffers, by what stands behind the encoding's own path.
Json numbers_of(const PositionalEncoding& e, const Panel& p) {
  const StateDict state = e.state();
  Json all = Json::object();
  for (const auto& [page, name] : p.numbers)
    all[page] = cast(state.at(e.path() + "/" + name), DType::f64).to_vector<double>();
  return all;
}

/// [d + 1, d + 1] of a closed form.
std::vector<double> matrix(const Interaction& closed, int64 d) {
  const auto at = [](const Tensor& t, std::initializer_list<int64> index) {
    return t.defined() ? t.at(index) : 0.0;
  };
  std::vector<double> m;
  for (int64 i = 0; i <= d; ++i)
    for (int64 l = 0; l <= d; ++l)
      m.push_back(i < d && l < d ? closed.g.at({0, i, l})
                  : i < d        ? at(closed.alpha, {0, i})
                  : l < d        ? at(closed.beta, {0, l})
                                 : at(closed.gamma, {0}));
  return m;
}

Json rows_of(const Tensor& x) {
  Json rows = Json::array();
  for (int64 i = 0; i < x.size(0); ++i) rows.push_back(select(x, 0, i).to_vector<double>());
  return rows;
}

/// Causal attention of 6 tokens; features elu(x) + 1 where the encoding works behind a feature map.
void add_attention(Json& j, const KernelView& view, const Panel& p, Rng& rng) {
  const int64 n = 6, d = view.head_dim();
  const Tensor q = normal(rng, {n, d}, 0, 1, DType::f64), k = normal(rng, {n, d}, 0, 1, DType::f64);
  const auto row = [&](const Tensor& x) {
    return unsqueeze(p.behind ? elu1(Var(x)).value() : x, 0);
  };
  const Tensor labels = reshape(arange(0, static_cast<double>(n), 1, DType::f64), {n, 1});
  const Var a(select(view.scores(row(q), row(k), labels), 0, 0));
  const Var seen = tril(a);
  j["queries"] = rows_of(q), j["keys"] = rows_of(k);
  j["attention"] =
      (p.behind ? seen / sum(seen, {-1}, Keep::yes)
                : squeeze(masked_softmax(
                              reshape(a * (1 / std::sqrt(static_cast<double>(d))), {1, 1, n, n}),
                              true, 0, {}),
                          0))
          .value()
          .to_vector<double>();
}

/// One token pair, a curve over lags, the closed form and attention: what the library makes of
/// them.
Json check_of(const Panel& p, int64 d, double f1, double ratio, std::uint64_t seed) {
  const EncodingDef& def = find_encoding(p.encoding);
  const std::vector<double> f = page_frequencies(d, f1, ratio);
  std::vector<std::string> set(p.set.begin(), p.set.end());
  if (p.feeds != Feeds::nothing) set.push_back(frequency_setting(p.feeds, f, d));
  const KernelView view(def, {.head_dim = d, .set = set, .label_width = 1, .seed = seed});
  Rng rng = Rng(seed).stream("page");
  const Tensor q = normal(rng, {d}, 0, 1, DType::f64), k = normal(rng, {d}, 0, 1, DType::f64);
  const auto label = [&](double x) { return p.whole ? std::round(x) : x; };
  const double p_n = label(11 * uniform_number(rng)), p_m = label(p_n + 9 * uniform_number(rng));
  Json s{{"f", f}};
  for (const auto& [id, value] : p.sliders) s[id] = value;
  s.update(numbers_of(view.encoding(), p));
  Json j{{"name", p.page}, {"s", s},   {"q", q.to_vector<double>()}, {"k", k.to_vector<double>()},
         {"pm", p_m},      {"pn", p_n}};
  const auto closed = view.interaction({p_m}, {p_n});
  if (p.codes != Panel::Codes::fixed) {
    std::vector<double> diagonal;
    for (int64 i = 0; i < d; ++i) diagonal.push_back(closed->g.at({0, i, i}));
    j["mean"] = diagonal;
  }
  if (p.codes == Panel::Codes::mean_only) {
    j["m"] = matrix(*closed, d);
    return j;
  }
  const KernelView::Pair pair = view.pair(Var(q), Var(k), {p_m}, {p_n});
  j["features_q"] = pair.q.value().to_vector<double>();
  j["features_k"] = pair.k.value().to_vector<double>();
  j["a"] = pair.a.item();
  std::vector<double> lags, curve;
  for (double x : {-9.0, -2.5, 0.0, 1.0, 4.5, 10.0}) {
    const double lag = label(x);
    if (p_n + lag < 0 || (p.causal && lag < 0)) continue;
    lags.push_back(lag);
    curve.push_back(view.pair(Var(q), Var(k), {p_n + lag}, {p_n}).a.item());
  }
  j["lags"] = lags, j["curve"] = curve;
  if (p.codes == Panel::Codes::fixed && closed) j["m"] = matrix(*closed, d);
  add_attention(j, view, p, rng);
  return j;
}

Json page_data() {
  Json sources = Json::object(), checks = Json::array(), left_out = Json::array();
  std::uint64_t seed = 0;
  for (const Panel& p : panels()) {
    const EncodingDef& def = find_encoding(p.encoding);
    sources[p.page] = {{"encoding", def.name}, {"source", def.source}, {"takes", def.takes}};
    for (const auto& [d, f1, ratio] :
         {std::tuple<int64, double, double>{2, 1.0, 1.0}, {4, 1.0, 0.01}, {8, 1.2, 0.1}})
      if (d > 2 || std::string_view(p.page) != "rope_scaled_ntk")
        checks.push_back(check_of(p, d, f1, ratio, ++seed));
  }
  for (const LeftOut& l : kLeftOut) left_out.push_back({{"name", l.encoding}, {"why", l.why}});
  return Json{{"encodings", sources}, {"left_out", left_out}, {"checks", checks}};
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

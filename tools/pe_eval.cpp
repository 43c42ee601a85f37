// gradus pe eval: one pair of tokens through one encoding, as one writes it on a board: features,
// a_mn and its terms, and every derivative beside a central difference.
#include <cmath>

#include "autograd/backward.h"
#include "pe/kernel_view.h"
#include "tensor/elementwise.h"
#include "tools/command_line.h"
#include "tools/pe_words.h"

namespace gradus {

namespace {

constexpr std::size_t kMostTerms = 64, kMostParameters = 24;

std::string list_of(const Tensor& t) {
  std::string s;
  for (double x : t.to_vector<double>()) s += fmt::format("{}{:.10g}", s.empty() ? "" : ", ", x);
  return s;
}

struct Tokens {
  std::vector<double> q, k, p_m, p_n;
};

double value_at(const KernelView& view, const Tokens& t) {
  const Shape d{view.head_dim()};
  return view.pair(Var(from_values(t.q, d)), Var(from_values(t.k, d)), t.p_m, t.p_n).a.item();
}

// ---- terms --------------------------------------------------------------------------------------

void print_terms(const KernelView& view, const Tokens& t, double a) {
  const auto closed = view.interaction(t.p_m, t.p_n);
  if (!closed) {
    fmt::print("\nterms: {} has no closed form in the two tokens and their labels alone\n",
               view.def().name);
    return;
  }
  struct Term {
    std::string name;
    double content, context;
  };
  std::vector<Term> terms;
  const auto d = static_cast<std::size_t>(view.head_dim());
  const std::vector<double> g = closed->g.to_vector<double>();
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j)
      if (g[i * d + j] != 0)
        terms.push_back({fmt::format("q{} k{}", i + 1, j + 1), t.q[i] * t.k[j], g[i * d + j]});
  const auto linear = [&](const Tensor& factors, const char* who, const std::vector<double>& x) {
    if (!factors.defined()) return;
    const std::vector<double> f = factors.to_vector<double>();
    for (std::size_t i = 0; i < d; ++i)
      if (f[i] != 0) terms.push_back({fmt::format("{}{}", who, i + 1), x[i], f[i]});
  };
  linear(closed->alpha, "q", t.q);
  linear(closed->beta, "k", t.k);
  if (closed->gamma.defined() && closed->gamma.to_vector<double>()[0] != 0)
    terms.push_back({"1", 1, closed->gamma.to_vector<double>()[0]});
  fmt::print("\nterms of a_mn: content x context, from the closed form\n");
  double sum = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const Term& x = terms[i];
    sum += x.content * x.context;
    if (i < kMostTerms)
      fmt::print("  {:<8} {:>16.10f}  x {:>16.10f}  = {:>16.10f}\n", x.name, x.content, x.context,
                 x.content * x.context);
  }
  if (terms.size() > kMostTerms) fmt::print("  and {} more\n", terms.size() - kMostTerms);
  fmt::print("  sum of {} term{}: {:.10f}, {:.1e} from a_mn{}\n", terms.size(),
             terms.size() == 1 ? "" : "s", sum, std::abs(sum - a),
             view.encoding().traits().relative == Relative::in_the_mean
                 ? " of this draw; the closed form is the mean"
                 : "");
}

// ---- gradient -----------------------------------------------------------------------------------

void print_row(const std::string& name, double exact, double numeric) {
  fmt::print("  {:<24} {:>18.10g} {:>18.10g} {:>9.1e}\n", name, exact, numeric,
             std::abs(exact - numeric));
}

/// `longest`: steps beyond it are no small ones.
template <class Move>
double difference(double at, Move value, double longest = HUGE_VAL) {
  const double h = std::min(1e-5 * std::max(1.0, std::abs(at)), longest);
  return (value(at + h) - value(at - h)) / (2 * h);
}

/// "[1, 0]" for element 4 of (3, 4).
std::string index_text(const Shape& shape, int64 element) {
  std::vector<std::string> words(static_cast<std::size_t>(shape.rank()));
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    words[static_cast<std::size_t>(axis)] = fmt::format("{}", element % shape[axis]);
    element /= shape[axis];
  }
  return words.empty() ? "" : "[" + join(words) + "]";
}

void print_parameter(const KernelView& view, const Tokens& t, Parameter& p, const Tensor& exact) {
  const std::string name = p.path().substr(view.encoding().path().size() + 1);
  const std::vector<double> g = exact.to_vector<double>();
  const Tensor before = p.value();
  const std::vector<double> numbers = before.to_vector<double>();
  std::size_t shown = 0, nonzero = 0;
  for (std::size_t i = 0; i < g.size(); ++i) {
    if (g.size() > kMostParameters && g[i] == 0) continue;
    ++nonzero;
    if (shown == kMostParameters) continue;
    ++shown;
    const double numeric = difference(numbers[i], [&](double x) {
      std::vector<double> moved = numbers;
      moved[i] = x;
      p.set(from_values(moved, before.shape()));
      const double a = value_at(view, t);
      p.set(before);
      return a;
    });
    print_row(name + index_text(before.shape(), static_cast<int64>(i)), g[i], numeric);
  }
  if (nonzero > shown) fmt::print("  {}: {} more that are not 0\n", name, nonzero - shown);
  if (g.size() > kMostParameters)
    fmt::print("  {}: 0 for {} of its {} numbers\n", name, g.size() - nonzero, g.size());
}

/// By the frequencies: by f_i, or of vectors by each of their numbers.
void print_frequencies(const KernelView& view, const Tokens& t, const Tensor& exact) {
  const Tensor before = view.frequencies();
  const std::vector<double> f = before.to_vector<double>(), g = exact.to_vector<double>();
  const auto width = static_cast<std::size_t>(before.size(1));
  double label = 1;
  for (const auto& p : {t.p_m, t.p_n})
    for (double x : p) label = std::max(label, std::abs(x));
  for (std::size_t i = 0; i < f.size() && i < kMostParameters; ++i) {
    const double numeric = difference(
        f[i],
        [&](double x) {
          std::vector<double> moved = f;
          moved[i] = x;
          view.use_frequencies(Var(from_values(moved, before.shape())));
          return value_at(view, t);
        },
        1e-3 / label);  // f p moves by a thousandth at most
    print_row(fmt::format("f{}{}", i / width + 1,
                          width == 1 ? "" : fmt::format(" of label {}", i % width + 1)),
              g[i], numeric);
  }
  view.use_frequencies(Var(before));
  if (f.size() > kMostParameters)
    fmt::print("  f: {} more numbers; --set frequencies=... gives fewer\n",
               f.size() - kMostParameters);
}

void print_gradient(const KernelView& view, const Tokens& t, const Var& a, const Var& q,
                    const Var& k, const Var& f) {
  std::vector<Var> inputs{q, k};
  std::vector<Parameter*> parameters;
  for (Parameter* p : view.encoding().parameters())
    if (p->name() != "frequencies") parameters.push_back(p), inputs.push_back(**p);
  if (f.defined()) inputs.push_back(f);
  const std::vector<Var> g = grad(a, inputs, {.allow_unused = true});
  fmt::print("\n  {:<24} {:>18} {:>18} {:>9}\n", "gradient of a_mn by", "exact",
             "finite difference", "apart");
  for (int who = 0; who < 2; ++who) {
    const std::vector<double> exact = g[static_cast<std::size_t>(who)].value().to_vector<double>();
    for (std::size_t i = 0; i < exact.size(); ++i) {
      Tokens moved = t;
      double& x = (who == 0 ? moved.q : moved.k)[i];
      const double numeric = difference(x, [&](double to) {
        x = to;
        return value_at(view, moved);
      });
      print_row(fmt::format("{}{}", who == 0 ? 'q' : 'k', i + 1), exact[i], numeric);
    }
  }
  if (f.defined())
    print_frequencies(view, t, g.back().value());
  else
    fmt::print("  f: {} has no frequencies\n", view.def().name);
  for (std::size_t i = 0; i < parameters.size(); ++i)
    print_parameter(view, t, *parameters[i], g[i + 2].value());
}

}  // namespace

int pe_eval(int argc, char** argv) {
  // The parser knows long options of two letters and more.
  std::vector<std::string> words(argv, argv + argc);
  for (std::string& w : words)
    for (const auto& [from, to] : {std::pair{"--q", "--query"}, {"--k", "--key"}})
      if (w == from || w.starts_with(std::string(from) + "=")) w.replace(0, 3, to);
  std::vector<char*> arguments;
  for (std::string& w : words) arguments.push_back(w.data());
  CommandOptions options("gradus pe eval",
                         "One query and one key through an encoding: features, a_mn and its "
                         "terms, and the gradient by q, k and f beside finite differences.");
  options.custom_help("--q NUMBERS --k NUMBERS --pm LABEL --pn LABEL [--set KEY=VALUE ...]");
  options.positional_help("NAME");
  // clang-format off
  options.add_options()
      ("q,query", "the query, one head (also --q)", takes_word(), "NUMBERS")
      ("k,key", "the key (also --k)", takes_word(), "NUMBERS")
      ("pm", "the query's label; several numbers for a vector", takes_word(), "LABEL")
      ("pn", "the key's label", takes_word(), "LABEL")
      ("set", "an option of the encoding, a parameter by name, or frequencies=1,.1 (one a pair; "
              "of vectors 1:.2,.1:-.3)", takes_words(), "KEY=VALUE")
      ("seed", "of what is drawn", takes_word("1"), "S")
      ("help", "show this text")
      ("name", "the encoding", takes_word());
  // clang-format on
  options.parse_positional({"name"});
  const CommandLine line(options, argc, arguments.data(),
                         "gradus pe eval ropepool --q .5,-1,2,.25 --k 1.5,.75,-.5,1 --pm 2 --pn 5 "
                         "--set frequencies=1,.1");
  if (line.helped()) return 0;
  const EncodingDef& def =
      find_encoding(line.required("name", "the name of an encoding; see gradus pe"));
  Tokens t;
  for (const auto& [name, numbers] :
       {std::pair{"query", &t.q}, {"key", &t.k}, {"pm", &t.p_m}, {"pn", &t.p_n}})
    *numbers = parse_numbers(line.required(name, fmt::format("--{} NUMBERS", name)),
                             fmt::format("--{}", name));
  // Products of larger numbers, and the steps of finite differences, leave the range of f64.
  constexpr double kMost = 1e100;
  for (const auto* vector : {&t.q, &t.k})
    for (double x : *vector)
      check<ConfigError>(std::abs(x) <= kMost,
                         "--{} takes numbers of at most {:g} in size, got {:g}",
                         vector == &t.q ? 'q' : 'k', kMost, x);
  check<ConfigError>(t.q.size() == t.k.size(),
                     "--q has {} numbers, --k has {}; both are of one head", t.q.size(),
                     t.k.size());
  check<ConfigError>(t.p_m.size() == t.p_n.size(),
                     "--pm has {} numbers, --pn has {}; both are labels of one kind", t.p_m.size(),
                     t.p_n.size());
  KernelSettings settings;
  settings.head_dim = static_cast<int64>(t.q.size());
  settings.label_width = static_cast<int64>(t.p_m.size());
  settings.seed = static_cast<std::uint64_t>(line.integer("seed", 0, int64{1} << 62));
  if (line.has("set")) settings.set = line.texts("set");
  const KernelView view(def, settings);

  const Shape d{view.head_dim()};
  const Var q = leaf(from_values(t.q, d)), k = leaf(from_values(t.k, d));
  Var f;
  if (view.frequencies().defined()) {
    f = leaf(view.frequencies());
    view.use_frequencies(f);
  }
  const KernelView::Pair pair = view.pair(q, k, t.p_m, t.p_n);
  const double a = pair.a.item();
  fmt::print("{}: {}\n", def.name, def.formula);
  for (const std::string& s : view.notes()) fmt::print("({})\n", s);
  if (view.encoding().traits().stochastic)
    fmt::print("(random: the numbers are those of one draw)\n");
  fmt::print("\nfeatures of q   {}\nfeatures of k   {}\n", list_of(pair.q.value()),
             list_of(pair.k.value()));
  if (pair.bias != 0) fmt::print("sqrt(d) bias    {:.10f}\n", pair.bias);
  fmt::print("a_mn            {:.10f}\na_mn / sqrt(d)  {:.10f}\n", a,
             a / std::sqrt(static_cast<double>(view.head_dim())));
  print_terms(view, t, a);
  print_gradient(view, t, pair.a, q, k, f);
  return 0;
}

}  // namespace gradus

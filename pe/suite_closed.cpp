// The checks against golden numbers and closed forms, of one draw or of the mean over draws, and of
// what is drawn.
#include <algorithm>
#include <array>
#include <cmath>

#include "pe/suite_parts.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/reduce.h"
#include "tensor/text.h"

namespace gradus::suite {

namespace {

/// a_mn of one pair of labels (f64 [L]) over a basis, [H, d+1, d+1]: rows and columns e_1 .. e_d
/// and 0, the queries' label p_m, the keys' p_n.
Tensor basis_scores(const SuiteSubject& s, const PositionalEncoding& e, const Tensor& p_m,
                    const Tensor& p_n) {
  const int64 h = s.shape.heads, d = s.shape.head_dim(), n = d + 1, width = s.label_width;
  const Tensor parts[] = {broadcast_to(reshape(p_n, {1, 1, width}), {1, n, width}),
                          broadcast_to(reshape(p_m, {1, 1, width}), {1, n, width})};
  const Positions p = positions_of(s, e, concat(parts, 1));
  const Tensor basis =
      concat(std::vector<Tensor>{eye(d, DType::f64), zeros({1, d}, DType::f64)}, 0);
  const Tensor both = broadcast_to(concat(std::vector<Tensor>{basis, basis}, 0), {1, h, 2 * n, d});
  const Tensor all = mul(scores(e, {{}, both, both}, p).value, std::sqrt(static_cast<double>(d)));
  return select(slice(slice(all, 2, n, 2 * n), 3, 0, n), 0, 0);
}

/// What the closed form says of them.
Tensor closed_scores(const SuiteSubject& s, const Interaction& closed) {
  const int64 h = s.shape.heads, d = s.shape.head_dim();
  const Tensor none = zeros({h}, DType::f64), no_row = zeros({h, d}, DType::f64);
  const Tensor gamma = closed.gamma.defined() ? closed.gamma : none;
  const Tensor alpha = closed.alpha.defined() ? closed.alpha : no_row;
  const Tensor beta = closed.beta.defined() ? closed.beta : no_row;
  const Tensor c = reshape(gamma, {h, 1, 1});
  const Tensor row = add(reshape(alpha, {h, d, 1}), c), column = add(reshape(beta, {h, 1, d}), c);
  const Tensor inner = add(closed.g, add(row, reshape(beta, {h, 1, d})));
  const Tensor top = concat(std::vector<Tensor>{inner, row}, 2);
  const Tensor bottom = concat(std::vector<Tensor>{column, c}, 2);
  return concat(std::vector<Tensor>{top, bottom}, 1);
}

/// Two random labels, f64 [2][L].
std::array<Tensor, 2> label_pair(const SuiteSubject& s, const PositionalEncoding& e,
                                 std::uint64_t seed) {
  const Tensor pair = random_labels(s, e, seed, 1, 2);
  return {reshape(slice(pair, 1, 1, 2), {s.label_width}),
          reshape(slice(pair, 1, 0, 1), {s.label_width})};
}

/// The closed form against scores over a basis.
Finding check_interaction(const SuiteSubject& s) {
  const auto e = build(s);
  const Traits t = e->traits();
  if (t.uniform_only || (t.hooks & kEmbed) || t.relative == Relative::in_the_mean)
    return not_declared();
  double error = 0;
  for (std::uint64_t seed : {8u, 9u}) {
    const auto [p_m, p_n] = label_pair(s, *e, seed);
    const auto closed = e->interaction(p_m, p_n);
    if (!closed) return not_declared();
    const Tensor a = basis_scores(s, *e, p_m, p_n), expected = closed_scores(s, *closed);
    if (!(error_of(a, expected) <= 1e-11))
      return broken(fmt::format("differs from the scores over a basis by {:.3g}",
                                max_difference(a, expected)));
    error = std::max(error, error_of(a, expected));
  }
  return holds_within(error);
}

/// 0.6 sin(first + i) for i = 0, 1, ...
Tensor wave(double first, const Shape& shape) {
  std::vector<double> v;
  for (int64 i = 0; i < shape.numel(); ++i)
    v.push_back(0.6 * std::sin(first + static_cast<double>(i)));
  return from_values(v, shape);
}

/// Waves in the place of all that is learned or drawn; permutations take each feature from the
/// next.
void fill(PositionalEncoding& e) {
  StateDict state = e.state();
  for (auto& [path, value] : state) {
    if (is_float(value.dtype())) {
      value = cast(wave(1, value.shape()), value.dtype());
    } else if (path.ends_with("/permutation")) {
      std::vector<int64> next;
      for (int64 i = 0; i < value.numel(); ++i) next.push_back((i + 1) % value.size(1));
      value = from_values(next, value.shape());
    }
  }
  e.load(state);
}

/// Scores against those of the paper's formula.
Finding check_golden(const SuiteSubject& s) {
  constexpr int64 n = 6, size = 4;
  double error = 0;
  std::size_t count = 0;
  for (const Golden& g : golden_scores()) {
    if (g.encoding != s.row) continue;
    Options options;
    for (const std::string& setting : split(g.settings, ' '))
      if (!setting.empty()) options.set(setting);
    const auto e = s.with(options)(Build("pe", Rng(1), DType::f64), {size * g.heads, g.heads});
    fill(*e);
    std::vector<Track> tracks;
    for (std::string_view name : g.tracks)
      tracks.push_back(
          {.name = std::string(name), .kind = name == "time" ? TrackKind::time : TrackKind::real});
    const auto width = static_cast<int64>(tracks.size());
    const Positions p = e->traits().uniform_only
                            ? time_positions(n)
                            : labelled_positions(from_values(g.labels, {1, n, width}), tracks);
    const Shape shape{1, g.heads, n, size};
    const Tensor got = scores(*e, {{}, wave(1, shape), wave(100, shape)}, p).value;
    const Tensor last = contiguous(select(select(got, 2, n - 1), 0, 0)),
                 expected = from_values(g.scores, {g.heads, n});
    if (!(error_of(last, expected) <= 1e-9))
      return broken(fmt::format("with {} they differ by {:.3g}",
                                g.settings.empty() ? "the defaults" : g.settings,
                                max_difference(last, expected)));
    error = std::max(error, error_of(last, expected));
    count += g.scores.size();
  }
  if (count == 0) return not_declared();
  return holds(fmt::format("{} scores of the paper's formula, max error {:.1g}", count, error));
}

/// Random numbers come from draw() and nothing else: a stream gives its codes each time, another
/// stream gives others; between draws, in training and at evaluation, nothing changes.
Finding check_stochastic(const SuiteSubject& s) {
  const auto e = build(s);
  const Inputs in = random_inputs(s, 32, 1, 4);
  const Positions p = positions_of(s, *e, random_labels(s, *e, 32, 1, 4));
  const auto run = [&](std::uint64_t seed, Mode mode) {
    Rng rng = Rng(seed).stream("draw");
    e->draw(rng);
    return run_hooks(*e, in, p, mode);
  };
  for (Mode mode : {Mode::train, Mode::eval}) {
    const std::string_view when = mode == Mode::train ? "in training" : "at evaluation";
    const auto first = run(1, mode);
    const Comparison again = compare(run_hooks(*e, in, p, mode), first, 0);
    if (!again.same()) return again.finding(fmt::format("{}, without a draw: ", when));
    const auto other = run(2, mode);
    const Comparison repeated = compare(run(1, mode), first, 0);
    if (!repeated.same()) return repeated.finding(fmt::format("{}, two equal draws: ", when));
    const bool changes = !compare(other, first, 1e-6).same();
    if (mode == Mode::train ? changes != e->traits().stochastic
                            : changes && !e->traits().stochastic)
      return broken(fmt::format("declared {}random; another draw changes {} {}",
                                e->traits().stochastic ? "" : "not ",
                                changes ? "the codes" : "nothing", when));
  }
  return holds(e->traits().stochastic ? "a draw changes the codes, its stream gives them again"
                                      : "a draw changes nothing");
}

/// Scores over 200 draws: their mean is the closed form within 5 standard errors, at the labels and
/// at shifted ones; the closed form depends on the difference of labels; one draw alone does not
/// give it.
Finding check_mean(const SuiteSubject& s) {
  const auto e = build(s);
  if (e->traits().relative != Relative::in_the_mean) return not_declared();
  constexpr int kDraws = 200;
  const auto [p_m, p_n] = label_pair(s, *e, 33);
  const auto closed = e->interaction(p_m, p_n);
  if (!closed) return broken("declared relative in the mean; it has no closed form of the mean");
  const Tensor expected = closed_scores(s, *closed);
  double furthest = 0;
  for (const double shift : {0.0, 1000.0}) {
    const Tensor m = add(p_m, shift), n = add(p_n, shift);
    const Tensor moved = closed_scores(s, *e->interaction(m, n));
    if (!(error_of(moved, expected) <= 1e-9))
      return broken(fmt::format("labels shifted by {} change the closed form by {:.3g}", shift,
                                max_difference(moved, expected)));
    Rng rng = Rng(34).stream("draw");
    Tensor total = zeros_like(expected), squares = zeros_like(expected);
    double alone = 0;
    for (int i = 0; i < kDraws; ++i) {
      e->draw(rng);
      const Tensor error = sub(basis_scores(s, *e, m, n), expected);
      total = add(total, error), squares = add(squares, mul(error, error));
      alone = max(abs(error)).item();
    }
    const Tensor mean = div(total, full({}, kDraws, DType::f64));
    const Tensor variance = sub(div(squares, full({}, kDraws, DType::f64)), mul(mean, mean));
    const Tensor standard =
        sqrt(div(maximum(variance, zeros_like(variance)), full({}, kDraws, DType::f64)));
    const double size = max(abs(expected)).item(), noise = max(standard).item();
    if (!(alone > 1e-6 * size)) return broken("one draw gives the closed form: it is no mean");
    if (!(noise <= 0.2 * size))
      return broken(
          fmt::format("{} draws leave an error of {:.3g} in scores of {:.3g}: too noisy "
                      "to tell",
                      kDraws, noise, size));
    const double worst = max(div(abs(mean), add(standard, 1e-12 * (1 + size)))).item();
    if (!(worst <= 5))
      return broken(
          fmt::format("labels shifted by {}: the mean of {} draws is {:.3g} standard "
                      "errors from the closed form",
                      shift, kDraws, worst));
    furthest = std::max(furthest, worst);
  }
  return holds(
      fmt::format("the mean of {} draws lies within {:.1f} standard errors", kDraws, furthest));
}

}  // namespace

std::vector<Check> closed_checks() {
  return {{"golden", check_golden},
          {"interaction", check_interaction},
          {"stochastic", check_stochastic},
          {"mean", check_mean}};
}

}  // namespace gradus::suite

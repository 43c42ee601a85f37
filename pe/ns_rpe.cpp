#include <algorithm>

#include "pe/structure.h"
#include "pe/suite_own.h"
#include "pe/table.h"
#include "tensor/elementwise.h"
#include "tensor/text.h"

namespace gradus::pe {

namespace {

constexpr std::string_view kDerivation =
    R"(NS-RPE (StructurePE, SPEC 3): s_rpe with sinusoids, and two terms in the time t since the current
segment began, for the segments of one of the labels. Non-stationary: the same lag scores otherwise
at another place in a segment.

    score_mn = (q_m . k_n + sum_s q_m . E_s(D_s)
                + [label_m = label_n] q_m . (F_1(t_m - t_n) + F_2(t_m))) / sqrt(d)

t counts steps from 0 and begins anew where the label changes. F_i = layer(linear_i(sinusoid)), with
the base 9919 for chords, 24149 for sections. Two places of one label in different segments count as
equal: as in the authors' code, the terms are zero between different labels. That code differs from
its description in two points, which are not taken over: a segment's first step is counted to the
segment before, and for chords F_1 is added twice in the place of F_2.

    layout   label  C C C G G C        t  0 1 2 0 1 0
    closed form   none: t depends on the tokens before
)";

constexpr Traits kTraits{.hooks = kScoreBias,
                         .takes_vector = true,
                         .cost = Cost::quadratic,
                         .learned = true,
                         .whole_labels = true};

struct NsRpeConfig {
  StructuralConfig structures;
  int64 segment = 0;  // number of the track whose segments count
  double base = 9919;

  static NsRpeConfig read(Options& o) {
    NsRpeConfig c;
    LabelConfig& labels = c.structures.labels;
    labels.tracks = o.words("tracks", {"chord", "section"});
    labels.width = static_cast<int64>(labels.tracks.size());
    check<ConfigError>(labels.width > 0, "{}: option 'tracks' is empty; name at least one label",
                       o.where());
    c.structures.bases = per_structure(o, "bases", labels, structural_base, 1, 1e12);
    const std::string segment = o.choice("segment", labels.tracks[0], labels.tracks);
    c.segment =
        std::find(labels.tracks.begin(), labels.tracks.end(), segment) - labels.tracks.begin();
    c.base = o.real("segment_base", segment == "section" ? 24149 : c.base, 1, 1e12);
    return c;
  }
};

class NsRpe : public StructuralScores {
 public:
  NsRpe(const Build& build, EncodingShape shape, const NsRpeConfig& config)
      : StructuralScores(build, shape, config.structures, LabelValues::whole),
        segment_(config.segment),
        base_(config.base),
        between_(child("between"), shape.d_model, shape.d_model),
        since_(child("since"), shape.d_model, shape.d_model) {}
  Traits traits() const override { return kTraits; }

  std::optional<Var> score_bias(const Var& q, const Var&, const Positions& positions,
                                Pass& pass) const override {
    const ScopeGuard scope = enter(pass);
    const Tensor labels = checked_labels(positions);
    const Var query = scaled_queries(q);
    const Tensor time = segment_time(labels);  // [B|1, Nk, 1]
    const DistinctLags lag = distinct_lags(sub(query_rows(time, positions), transpose(time))),
                       own = distinct_lags(query_rows(time, positions));
    const Var terms = row_scores(query, rows(between_, lag.lags, pass), lag.index) +
                      row_scores(query, rows(since_, own.lags, pass), own.index);  // [B,H,Nq,1]
    const Tensor label = slice(labels, 2, segment_, segment_ + 1);
    const Tensor same = unsqueeze(equal(query_rows(label, positions), transpose(label)), 1);
    return (structure_scores(query, labels, positions, pass) + terms * Var(cast(same, dtype())))
        .named("score_bias");
  }

 private:
  Var rows(const Linear& part, const Tensor& values, Pass& pass) const {
    const Var code = structural_code(values, Var(structural_frequencies(shape().d_model, base_)));
    return project(part, cast(code, dtype()).named("code"), pass);
  }

  /// Steps since the label last changed, f64 [B|1, Nk, 1].
  Tensor segment_time(const Tensor& labels) const {
    const std::vector<double> v = select(labels, 2, segment_).to_vector<double>();
    const auto n = static_cast<std::size_t>(labels.size(1));
    std::vector<double> t(v.size(), 0.0);
    for (std::size_t i = 0; i < v.size(); ++i)
      if (i % n != 0 && v[i] == v[i - 1]) t[i] = t[i - 1] + 1;
    return from_values(t, {labels.size(0), labels.size(1), 1});
  }

  int64 segment_;
  double base_;
  Linear between_, since_;
};

// ---- its own traits
// ------------------------------------------------------------------------------

/// Across segments nothing is added to s_rpe; within one something is.
suite::Finding prove_segments(const SuiteSubject& s) {
  const auto e = suite::build(s);
  Options same = suite::with_settings({}, {"codes=sine"});
  same.set("tracks", OptionValue(e->tracks()));
  if (s.options.has("bases")) same.set("bases", s.options.values().at("bases"));
  const auto plain = suite::build_other("s_rpe", same, s.shape);
  suite::copy_state(*plain, *e);
  Options read = s.options;
  const std::string segment = read.word("segment", e->tracks()[0]);
  const auto column =
      std::find(e->tracks().begin(), e->tracks().end(), segment) - e->tracks().begin();
  constexpr int64 n = 12;
  const Tensor labels = suite::random_labels(s, *e, 49, 1, n);
  const suite::Inputs in = suite::random_inputs(s, 49, 1, n);
  const Tensor a = suite::score_biases(*e, in.q, in.k, suite::positions_of(s, *e, labels)),
               b = suite::score_biases(*plain, in.q, in.k, suite::positions_of(s, *plain, labels));
  suite::Worst across;
  double within = 0;
  for (int64 i = 0; i < n; ++i)
    for (int64 j = 0; j < n; ++j)
      for (int64 h = 0; h < s.shape.heads; ++h) {
        const double got = a.at({0, h, i, j}), expected = b.at({0, h, i, j});
        if (labels.at({0, i, column}) == labels.at({0, j, column}))
          within = std::max(within, std::abs(got - expected));
        else
          across.include(got, expected, fmt::format("tokens {} and {}", i, j));
      }
  const suite::Finding found = across.within(1e-13);
  if (found.outcome == suite::Finding::Outcome::broken) return found;
  return within > 1e-3
             ? suite::holds(fmt::format("{}; within a segment {:.1g}", found.text, within))
             : suite::broken("a segment adds nothing");
}

}  // namespace

extern const EncodingDef kNsRpe{
    .name = "ns_rpe",
    .family = "non-stationary, structural",
    .formula =
        "s_rpe + [label_m = label_n] q_m . (F_1(t_m - t_n) + F_2(t_m)), t since the segment "
        "began",
    .takes = "whole numbers of any tracks: the sum of a term each, and the segments of one",
    .source = "Agarwal et al. 2024 (arXiv 2402.13301)",
    .derivation = kDerivation,
    .traits = kTraits,
    .own_traits = {{"segments", "across segments it is s_rpe", prove_segments}},
    .options = {{"tracks", "chord, section", "tracks", "the labels whose lags are coded"},
                {"segment", "the first of the tracks", "one of the tracks", "whose segments count"},
                {"bases", "by track", "1 to 1e12; one, or one a track",
                 "of the sinusoids: 7920 melody, 9919 tempo, 10001 chord, 11339 section, else "
                 "10000"},
                {"segment_base", "9919; 24149 for section", "1 to 1e12",
                 "of the time in a segment"}},
    .make = [](const Build& build, EncodingShape shape,
               Options& options) -> std::unique_ptr<PositionalEncoding> {
      return std::make_unique<NsRpe>(build, shape, NsRpeConfig::read(options));
    }};

}  // namespace gradus::pe

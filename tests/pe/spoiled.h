// An encoding with one fault around a true one inside: each fault is one of behaviour, in the way
// of the traits that it belongs to; what is declared stays as it is.
#pragma once

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "pe/suite.h"
#include "tensor/elementwise.h"
#include "tensor/index.h"
#include "tensor/reduce.h"
#include "tests/pe/square_once.h"

namespace gradus::testing {

inline int instances_made = 0;

class Spoiled : public PositionalEncoding {
  /// The inner hook, with the positions and in the mode that it is told.
  template <class F>
  auto called(const Positions& p, Pass& pass, F&& f) const {
    if (is("evaluation") && !pass.training()) {
      Pass other(Mode::train);
      return f(told(p), other);
    }
    if (is("order") && pass.training()) {
      Pass other = Pass::eval();
      return f(told(p), other);
    }
    return f(told(p), pass);
  }

 public:
  Spoiled(const Build& build, EncodingShape shape, const MakeEncoding& make,
          std::vector<std::string> tracks, int64 width, std::string fault)
      : PositionalEncoding(build, shape, std::move(tracks)),
        fault_(std::move(fault)),
        width_(width),
        inner_(make(child("inner"), shape)),
        number_(instances_made++) {
    Rng random = rng("hidden");
    hidden_ = uniform_number(random);
    if (is("a parameter of its own")) own_ = &parameter("own", full({1}, 1.5, dtype()));
    set_kind(inner_->kind());
  }

  Traits traits() const override { return inner_->traits(); }

  void draw(Rng& rng) override {
    if (is("draws are ignored")) return;
    if (is("draws noise")) drawn_ = uniform_number(rng);
    Rng other = rng.stream(static_cast<std::uint64_t>(++calls_));
    inner_->draw(is("draws are not repeated") ? other : rng);
  }
  int64 transformed_width(int64 d) const override { return inner_->transformed_width(d); }
  int64 transformed_features(int64 m) const override { return inner_->transformed_features(m); }

  Var embed(const Var& x, const Positions& p, Pass& pass) const override {
    if (is("sees no labels")) return x;
    if (is("hooks") && (traits().hooks & kEmbed)) return x;
    const Frozen frozen(*this);
    const Var y =
        called(p, pass, [&](const Positions& q, Pass& in) { return inner_->embed(x, q, in); });
    if (is("hooks")) return y * 1.01;
    return spoils(kEmbed) ? spoiled(y, p, pass) : y;
  }

  QueryKey transform(const Var& q, const Var& k, const Positions& p, Pass& pass) const override {
    if (is("sees no labels") || is("reflection")) return {q, k};
    const Frozen frozen(*this);
    QueryKey t = called(p, pass, [&](const Positions& told, Pass& in) {
      return inner_->transform(q, k, told, in);
    });
    if (is("works on pairs")) t.q = t.q + sum(matmul(t.q, transpose(t.k)), {-1}, Keep::yes) * 0.0;
    if (is("leaks labels")) t.q = t.q * by_label(p, t.q, 5, 1e-3);
    if (is("leaks labels far away")) t.q = t.q * by_label(p, t.q, 100, 2);
    if (is("widths")) t = {wider(t.q), wider(t.k)};
    if (is("gradients of many queries") && p.query_count > 1)
      t.q = t.q + (t.q - stop_gradient(t.q)) * 0.01;
    if (is("codes in common")) t = {t.q + 1.0, t.k + 1.0};
    if (is("scores scaled")) t.q = t.q * 1.5;
    if (spoils(kTransform)) t.q = spoiled(t.q, p, pass);
    return t;
  }

  QueryKey transform_features(const Var& q, const Var& k, const Positions& p,
                              Pass& pass) const override {
    if (is("sees no labels")) return {q, k};
    const Frozen frozen(*this);
    QueryKey t = called(p, pass, [&](const Positions& told, Pass& in) {
      return inner_->transform_features(q, k, told, in);
    });
    if (is("powers as numbers")) t = with_scales(t);
    if (is("non-negative")) t.q = t.q - 0.5;
    if (spoils(kTransformFeatures)) t.q = spoiled(t.q, p, pass);
    return t;
  }

  std::optional<Var> lag_bias(const Tensor& given, Pass& pass) const override {
    const Frozen frozen(*this);
    Tensor delta = given;
    if (is("whole_labels")) delta = floor(delta);
    if (is("takes more tokens")) delta = clamp(delta, 1.0 - longest(), longest() - 1.0);
    if (is("far lags are near")) delta = clamp(delta, -100, 100);
    auto b = inner_->lag_bias(delta, pass);
    if (b && is("works on triples")) work_on_triples(delta.size(-1));
    if (b && is("sees no labels")) b = *b * 0.0;
    if (b && is("conditionally_positive")) b = -*b;
    if (b && is("bias scaled")) b = *b * 1.01;
    if (b && is("bias of all lags")) b = *b * (1 + 1e-3 * static_cast<double>(delta.numel()));
    if (b && is("bias by rank")) b = *b * (1 + 1e-3 * static_cast<double>(delta.rank()));
    if (b && is("a parameter of its own")) b = *b * **own_;
    if (b && is("nan")) b = *b * std::numeric_limits<double>::quiet_NaN();
    return b;
  }

  std::optional<Var> score_bias(const Var& q, const Var& k, const Positions& p,
                                Pass& pass) const override {
    const Frozen frozen(*this);
    auto b = called(p, pass, [&](const Positions& told, Pass& in) {
      return inner_->score_bias(q, k, told, in);
    });
    if (!b) return b;
    if (is("works on triples")) work_on_triples(p.keys());
    if (is("numbers of each pair")) {
      const Var pairs = unsqueeze(q, 3) * unsqueeze(k, 2);  // [B,H,Nq,Nk,d]
      b = *b + sum(square(pairs), {-1}) * 0.0;
    }
    if (is("sees no labels")) b = *b * 0.0;
    if (is("bias scaled")) b = *b * 1.01;
    if (is("bias of all lags")) b = *b * (1 + 1e-3 * static_cast<double>(p.keys()));
    if (is("bounded")) b = *b + 10 * max(p.labels).item();
    if (is("segments")) b = *b + 0.01 * static_cast<double>(p.keys());
    if (spoils(kScoreBias)) b = spoiled(*b, p, pass);
    return b;
  }

  std::optional<Var> value_bias(const Var& weights, const Positions& p, Pass& pass) const override {
    const Frozen frozen(*this);
    return inner_->value_bias(weights, told(p), pass);
  }
  std::optional<Interaction> interaction(const Tensor& p_m, const Tensor& p_n) const override {
    return inner_->interaction(p_m, p_n);
  }

 private:
  bool is(std::string_view fault) const { return fault_ == fault; }
  double longest() const { return static_cast<double>(traits().max_length); }

  /// The last parameter as a constant, until it goes: an influence without a gradient.
  class Frozen {
   public:
    explicit Frozen(const Spoiled& e) {
      if (!e.is("a parameter is ignored")) return;
      frozen_ = e.inner_->parameters().back();
      before_ = frozen_->exchange(Var(frozen_->value()));
    }
    ~Frozen() {
      if (frozen_) (void)frozen_->exchange(before_);
    }
    Frozen(const Frozen&) = delete;
    Frozen& operator=(const Frozen&) = delete;

   private:
    Parameter* frozen_ = nullptr;
    Var before_;
  };

  /// The hook whose result is spoilt: one that the encoding uses, or the input, where it uses none
  /// that sees positions.
  bool spoils(unsigned hook) const {
    unsigned used = traits().hooks;
    // Kept by what the core calls; and a bias of no parameter has no gradient to spoil.
    if (is("norm") || is("composition") || is("number of queries") || is("recurrence") ||
        is("rows") || (is("nan") && used == 0))
      used |= kTransform;
    if ((is("gradient") || is("second_gradient")) && !traits().learned)
      used &= ~unsigned{kScoreBias};
    for (unsigned h : {kScoreBias, kTransform, kTransformFeatures})
      if (used & h) return h == hook;
    return hook == kEmbed;
  }

  Var spoiled(const Var& y, const Positions& p, const Pass& pass) const {
    if (is("norm") || (is("f32") && dtype() == DType::f32)) return y * 1.001;
    if (is("interaction") || is("distorted")) return y * 1.01;
    if (is("composition") || is("conditionally_positive")) return -y;
    if (is("gradient")) return y + (y - stop_gradient(y));
    if (is("second_gradient")) return y + apply(kSquareOnce, {y}) - square(y);
    if (is("a parameter of its own")) return y * **own_;
    if (is("nan")) return y * std::numeric_limits<double>::quiet_NaN();
    if (is("rows")) return y * row_numbers(y, p);
    if (is("lag only")) return y * by_label(p, y, 5, 0.1);
    if (is("random at evaluation") && !pass.training()) return y + 0.01 * ++calls_;
    const double by = 0.01 * intruder(p);
    return by == 0 ? y : y + by;
  }

  /// What no result may depend on.
  double intruder(const Positions& p) const {
    if (is("query_offset")) return static_cast<double>(p.query_begin);
    if (is("prefix") || is("recurrence")) return static_cast<double>(p.keys());
    if (is("number of queries")) return static_cast<double>(p.query_count);
    if (is("default_positions")) return calls_++;
    if (is("padding")) return p.key_mask.defined() ? 1 : 0;
    if (is("batch")) return static_cast<double>(p.labels.size(0));
    if (is("state")) return hidden_;
    if (is("seed")) return number_;
    if (is("instances")) return instances_made;
    if (is("draws noise")) return drawn_;
    return 0;
  }

  /// 1 + size tanh(label / scale) of the query rows, as far as y has axes.
  static Var by_label(const Positions& p, const Var& y, double scale, double size) {
    const Tensor label =
        slice(slice(p.labels, 2, 0, 1), 1, p.query_begin, p.query_begin + p.query_count);
    const Tensor t = cast(add(mul(tanh(mul(label, 1 / scale)), size), 1), y.dtype());
    return Var(y.rank() == 4 ? unsqueeze(t, 1) : t);
  }
  /// 1 + 0.01 times the number of the row.
  static Var row_numbers(const Var& y, const Positions& p) {
    const auto n = static_cast<double>(p.query_count);
    const Tensor t = add(mul(arange(0, n, 1, y.dtype()), 0.01), 1);
    return Var(unsqueeze(t, 1));
  }
  static Var wider(const Var& y) {
    Shape one = y.shape();
    one[y.rank() - 1] = 1;
    const std::array<Var, 2> parts{y, Var(zeros(one, y.dtype()))};
    return concat(parts, -1);
  }
  void work_on_triples(int64 n) const { triples_ = zeros({n, n, n}, DType::f64); }

  /// What the inner encoding hears instead of what it would refuse, or hears right.
  Positions told(Positions p) const {
    if (is("smallest")) check<ConfigError>(p.keys() > 1, "one token is too few");
    if (is("refuses tokens"))
      check<ConfigError>(p.keys() < traits().max_length, "{} tokens are too many", p.keys());
    if (is("takes more tokens")) p.labels = clamp(p.labels, 0, longest() - 1);
    if (is("whole_labels")) p.labels = floor(p.labels);
    if (is("label_range"))
      p.labels = clamp(p.labels, 0, static_cast<double>(traits().labels_below - 1));
    if (is("causal_only")) p.causal = true;
    if (is("uniform")) p.uniform = true;
    if (is("time_only")) p.labels = time_positions(p.keys()).labels;
    if (is("later times")) p.labels = add(p.labels, 1);
    if ((is("missing_label") || is("label_width")) && !tracks().empty()) {
      const bool wide = width_ > static_cast<int64>(tracks().size());
      p.labels = slice(p.labels, 2, 0, width_);
      p.tracks.clear();
      for (int64 i = 0; i < width_; ++i)
        p.tracks.push_back({.name = wide ? fmt::format("{}.{}", tracks()[0], i)
                                         : tracks()[static_cast<std::size_t>(i)],
                            .kind = TrackKind::real});
    }
    return p;
  }

  std::string fault_;
  int64 width_;
  std::unique_ptr<PositionalEncoding> inner_;
  int number_;
  double hidden_ = 0, drawn_ = 0;
  Parameter* own_ = nullptr;
  mutable int calls_ = 0;
  mutable Tensor triples_;
};

/// The same subject, whatever its options, with a fault.
inline SuiteSubject with_fault(const SuiteSubject& sound, const std::string& fault) {
  SuiteSubject s = sound;
  s.other = {};
  const auto spoil = [width = sound.label_width, fault](const MakeEncoding& make) -> MakeEncoding {
    return [make, width, fault](const Build& b, EncodingShape shape) {
      const auto tracks = make(Build("probe", Rng(1)), shape)->tracks();
      return std::make_unique<Spoiled>(b, shape, make, tracks, width, fault);
    };
  };
  s.make = spoil(sound.make);
  if (sound.with)
    s.with = [with = sound.with, spoil, fault](const Options& options) {
      Options heard;
      for (const auto& [key, value] : options.values())
        if (fault != "exponent" || key != "r2") heard.set(key, value);
      return spoil(with(heard));
    };
  return s;
}

}  // namespace gradus::testing

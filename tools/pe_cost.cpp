// gradus pe cost: time and memory of attention under an encoding against length, forward and
// backward, and how they grow: the slope of log time and of log memory by log length. Memory is
// that of a first run. Time is that of a step among steps like it, as in training: a run before it,
// which is not timed, brings its pages and caches back, and lengths take turns, so that a machine
// that slows down is no slope.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "autograd/backward.h"
#include "pe/kernel_view.h"
#include "tensor/file.h"
#include "tensor/memory.h"
#include "tools/command_line.h"
#include "tools/pe_cost_svg.h"
#include "tools/pe_words.h"

namespace gradus {

namespace {

const char* const kLongLengths = "2048,4096,8192,16384";
const char* const kSoftmaxLengths = "256,512,1024,2048";
constexpr double kTurn = 0.02;  // seconds that are timed at least, by several short runs

struct Setup {
  int64 d_model, heads;
  int64 runs;
  int64 most_seconds = 0;  // of a run; 0: any
};

/// Of a run, where --most-seconds leaves long ones out: beyond, the system might swap.
double most_bytes() {
  return 0.7 * static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<double>(sysconf(_SC_PAGESIZE));
}

struct Subject {
  const EncodingDef* def;
  std::string core;  // "": the cheapest that carries the encoding
};

/// NAME or NAME:CORE.
Subject parse_subject(const std::string& word, const std::string& core) {
  const std::size_t colon = word.find(':');
  if (colon == std::string::npos) return {&find_encoding(word), core};
  const std::string own = word.substr(colon + 1);
  (void)parse_core(own);
  return {&find_encoding(word.substr(0, colon)), own};
}

CoreKind core_of(const PositionalEncoding& e, const std::string& wanted) {
  if (!wanted.empty()) return parse_core(wanted);
  for (CoreKind core : {CoreKind::linear, CoreKind::toeplitz})
    if (core_fits(core, e.traits().hooks)) return core;
  return CoreKind::softmax;
}

/// Time in steps; other labels last 16 steps each.
Positions sequence(const PositionalEncoding& e, int64 n) {
  if (e.tracks().empty() || e.tracks() == std::vector<std::string>{"time"})
    return time_positions(n);
  const auto width = static_cast<int64>(e.tracks().size());
  const int64 below = e.traits().labels_below > 0 ? e.traits().labels_below : 64;
  std::vector<double> labels;
  std::vector<Track> tracks;
  for (const std::string& t : e.tracks())
    tracks.push_back({.name = t, .kind = t == "time" ? TrackKind::time : TrackKind::token});
  for (int64 i = 0; i < n; ++i)
    for (int64 c = 0; c < width; ++c)
      labels.push_back(static_cast<double>(
          e.tracks()[static_cast<std::size_t>(c)] == "time" ? i : (i / 16 + c) % below));
  return labelled_positions(from_values(labels, {1, n, width}), tracks);
}

struct Measured {
  double seconds, bytes;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// One length of one encoding: built once, run as often as wanted.
class Case {
 public:
  Case(const Subject& subject, const Setup& setup, int64 n) : n_(n) {
    Options options;
    for (const OptionInfo& o : subject.def->options)
      if (o.name == "max_length") options.set("max_length", OptionValue(std::max<int64>(n, 1)));
    const Build build("cost", Rng(1), DType::f32);
    const EncodingShape shape{setup.d_model, setup.heads};
    encoding_ = build_encoding(*subject.def, build, shape, options);
    Rng codes = Rng(2).stream("draw");
    encoding_->draw(codes);
    core_ = make_core(build, CoreConfig{.kind = core_of(*encoding_, subject.core)}, *encoding_,
                      shape.head_dim());
    Rng rng = Rng(3).stream("tokens");
    x_ = normal(rng, {1, n, setup.d_model}, 0, 1);
    positions_ = sequence(*encoding_, n);
  }

  /// From a pool without a page; its time counts the system's pages in.
  Measured first_run() const {
    pool_trim();
    pool_reset_peak();
    const std::uint64_t before = pool_stats().live_bytes;
    const auto start = std::chrono::steady_clock::now();
    run();
    const double seconds = seconds_since(start);
    return {seconds, static_cast<double>(pool_stats().peak_live_bytes - before)};
  }

  /// Of a run after one of the same length.
  double seconds() const {
    run();
    const auto start = std::chrono::steady_clock::now();
    for (int64 count = 1;; ++count) {
      run();
      if (const double passed = seconds_since(start); passed >= kTurn)
        return passed / static_cast<double>(count);
    }
  }

 private:
  void run() const {
    Pass pass = Pass::eval();
    const int64 h = encoding_->shape().heads, d = encoding_->shape().head_dim();
    const Var x = leaf(x_);
    const Var heads =
        transpose(reshape(encoding_->embed(x, positions_, pass), {1, n_, h, d}), 1, 2);
    Var total = sum((*core_)(heads, heads, heads, positions_, pass));
    const Gradients g = backward(std::move(total));
    check<NonFiniteError>(g.has(x), "no gradient");
  }

  int64 n_;
  std::unique_ptr<PositionalEncoding> encoding_;
  std::unique_ptr<AttentionCore> core_;
  Tensor x_;
  Positions positions_;
};

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  const std::size_t half = x.size() / 2;
  return x.size() % 2 ? x[half] : (x[half - 1] + x[half]) / 2;
}

/// Of log y by log n, by least squares.
double slope(const std::vector<int64>& n, const std::vector<double>& y) {
  double mx = 0, my = 0, xy = 0, xx = 0;
  const auto count = static_cast<double>(n.size());
  for (std::size_t i = 0; i < n.size(); ++i)
    mx += std::log(static_cast<double>(n[i])) / count, my += std::log(y[i]) / count;
  for (std::size_t i = 0; i < n.size(); ++i) {
    const double x = std::log(static_cast<double>(n[i])) - mx;
    xy += x * (std::log(y[i]) - my), xx += x * x;
  }
  return xy / xx;
}

std::vector<int64> parse_lengths(const std::string& text) {
  std::vector<int64> lengths;
  for (double x : parse_numbers(text, "--lengths")) {
    check<ConfigError>(x == std::floor(x) && x >= 1 && x <= 1 << 20,
                       "--lengths takes whole numbers from 1 to {}, got {}", 1 << 20, x);
    check<ConfigError>(lengths.empty() || x > static_cast<double>(lengths.back()),
                       "--lengths {}: each is longer than the one before", text);
    lengths.push_back(static_cast<int64>(x));
  }
  return lengths;
}

CostCurve measure(const Subject& subject, const Setup& setup, const std::string& wanted) {
  const std::string_view encoding = subject.def->name;
  const auto probe =
      build_encoding(*subject.def, Build("cost", Rng(1), DType::f32), {setup.d_model, setup.heads});
  const CoreKind kind = core_of(*probe, subject.core);
  CostCurve curve;
  curve.name = encoding, curve.softmax = kind == CoreKind::softmax;
  const std::vector<int64> lengths = parse_lengths(!wanted.empty() ? wanted
                                                   : curve.softmax ? kSoftmaxLengths
                                                                   : kLongLengths);
  std::vector<std::unique_ptr<Case>> cases;
  for (int64 n : lengths) {
    cases.push_back(std::make_unique<Case>(subject, setup, n));
    const Measured first = cases.back()->first_run();
    curve.tokens.push_back(n), curve.bytes.push_back(first.bytes);
    if (cases.size() == lengths.size() || setup.most_seconds == 0) continue;
    // What the next length takes at most: its square, where the cost is quadratic.
    const double growth = static_cast<double>(lengths[cases.size()]) / static_cast<double>(n);
    const double more = curve.softmax ? growth * growth : growth;
    if (first.seconds * more > static_cast<double>(setup.most_seconds) ||
        first.bytes * more > most_bytes())
      break;
  }
  std::vector<std::vector<double>> seconds(cases.size());
  for (int64 run = 0; run < setup.runs; ++run)
    for (std::size_t i = 0; i < cases.size(); ++i) seconds[i].push_back(cases[i]->seconds());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    curve.seconds.push_back(median(seconds[i]));
    fmt::print("{:<18}{:<9}{:>8}{:>12.2f}{:>12.3f}{:>12}\n", i == 0 ? encoding : "",
               i == 0 ? name(kind) : "", curve.tokens[i], 1000 * curve.seconds[i],
               1e6 * curve.seconds[i] / static_cast<double>(curve.tokens[i]),
               bytes_text(static_cast<std::uint64_t>(curve.bytes[i])));
  }
  if (cases.size() > 1)
    fmt::print("{:<18}slope of log time {:.2f}, of log memory {:.2f}\n", "",
               slope(curve.tokens, curve.seconds), slope(curve.tokens, curve.bytes));
  std::fflush(stdout);
  return curve;
}

}  // namespace

int pe_cost(int argc, char** argv) {
  CommandOptions options("gradus pe cost",
                         "Time and memory of attention against length, forward and backward, "
                         "batch 1. Memory is that of a first run, what the pool hands out at most "
                         "beside the tokens. Time is the median of runs for which the pool has its "
                         "pages: lengths take turns, and each turn starts with a run that is not "
                         "timed; runs shorter than 20 ms are timed together.");
  options.custom_help(
      "[--core CORE] [--lengths NUMBERS] [--runs N] [--most-seconds S] "
      "[--d-model D] [--heads H] [--svg FILE]");
  options.positional_help("[NAME[:CORE] ...]");
  // clang-format off
  options.add_options()
      ("core", "linear, toeplitz or softmax (default: the first of these that carries the encoding)",
       takes_word(), "CORE")
      ("lengths", std::string("numbers of tokens (default: ") + kLongLengths +
                      "; softmax " + kSoftmaxLengths + ")", takes_word(), "NUMBERS")
      ("runs", "timed turns of each length", takes_word("5"), "N")
      ("most-seconds", "leaves out the lengths of which a run would take longer, or more than 70 % of "
                       "the machine's memory", takes_word(), "S")
      ("d-model", "width of the model", takes_word("64"), "D")
      ("heads", "of attention", takes_word("4"), "H")
      ("svg", "draws time and memory of a token against the number of tokens", takes_word(), "FILE")
      ("help", "show this text")
      ("names", "encodings, none:softmax for softmax attention without one; without a name all, and "
                "none:softmax", takes_words());
  // clang-format on
  options.parse_positional({"names"});
  const CommandLine line(options, argc, argv,
                         "gradus pe cost rope --lengths 256,512,1024 --runs 3");
  if (line.helped()) return 0;
  Setup setup;
  setup.d_model = line.integer("d-model", 1, 8192);
  setup.heads = line.integer("heads", 1, 256);
  setup.runs = line.integer("runs", 1, 1000);
  if (line.has("most-seconds")) setup.most_seconds = line.integer("most-seconds", 1, 86400);
  const std::string core = line.has("core") ? line.text("core") : "";
  if (line.has("core")) (void)parse_core(core);
  const std::string lengths = line.has("lengths") ? line.text("lengths") : "";
  if (line.has("lengths")) (void)parse_lengths(lengths);
  std::vector<Subject> chosen;
  if (line.has("names")) {
    for (const std::string& word : line.texts("names")) chosen.push_back(parse_subject(word, core));
  } else {
    for (const EncodingDef* def : encodings()) chosen.push_back({def, core});
    if (core.empty()) chosen.push_back(parse_subject("none:softmax", core));
  }
  fmt::print("{:<18}{:<9}{:>8}{:>12}{:>12}{:>12}\n", "encoding", "core", "tokens", "ms",
             "us a token", "memory");
  std::vector<CostCurve> curves;
  for (const Subject& subject : chosen) {
    if (chosen.size() == 1) {
      curves.push_back(measure(subject, setup, lengths));
      continue;
    }
    try {
      curves.push_back(measure(subject, setup, lengths));
    } catch (const ConfigError& e) {
      fmt::print("{:<18}{}\n", subject.def->name, e.what());
    }
  }
  if (line.has("svg") && !curves.empty()) {
    write_file(line.text("svg"), cost_svg(curves));
    fmt::print("written: {}\n", line.text("svg"));
  }
  return 0;
}

}  // namespace gradus

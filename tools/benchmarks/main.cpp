// The program behind `tools/bench`: it waits for requests on its standard input, so that the script
// can alternate between it and its peers, and answers each with one line of JSON.
//
//   list                     the cases: name, what, flops, exps, bytes, held
//   run NAME THREADS SECONDS  mean time of one run, over about SECONDS
//   limits THREADS            what the machine reaches
//   triad THREADS BYTES       bytes a second over a working set of that size
//   machine                   versions, kernel level, OpenBLAS core
//   repeat NAME COUNT         so many runs, untimed: the script times the whole process
//                            or counts its instructions
//   base                     the peak memory so far
//   long TOKENS SHORTER       one sequence through a model, forward and backward, and its first
//                            SHORTER outputs beside those of a run of only so many
//   steps TOKENS              the same model as a recurrence
//   quit
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tensor/level.h"
#include "tensor/machine.h"
#include "tensor/parallel.h"
#include "tools/benchmarks/cases.h"
#include "tools/benchmarks/long_sequence.h"

namespace {

using gradus::bench::Case;
using Json = nlohmann::ordered_json;

std::vector<Case> all_cases() {
  std::vector<Case> all = gradus::bench::op_cases();
  for (Case& c : gradus::bench::attention_cases()) all.push_back(std::move(c));
  for (Case& c : gradus::bench::model_cases()) all.push_back(std::move(c));
  return all;
}

/// Keeps the numbers that Google Benchmark would print.
class Keep : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& r : runs)
      seconds = r.real_accumulated_time / static_cast<double>(r.iterations), count = r.iterations;
  }
  double seconds = 0;
  std::int64_t count = 0;
};

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

Json run(const Case& c, int threads, double seconds) {
  gradus::set_threads(threads);
  const std::function<void()> once = c.prepare();
  once();  // the pool fills, pages are touched
  benchmark::ClearRegisteredBenchmarks();
  benchmark::RegisterBenchmark(c.name.c_str(),
                               [&once](benchmark::State& state) {
                                 for (auto _ : state) once();
                               })
      ->MinTime(seconds)
      ->UseRealTime();
  Keep keep;
  benchmark::RunSpecifiedBenchmarks(&keep);
  return {{"case", c.name},
          {"threads", threads},
          {"seconds", keep.seconds / c.ops},
          {"runs", keep.count},
          {"peak_mib", peak_mib()}};
}

Json repeat(const Case& c, int count) {
  const std::function<void()> once = c.prepare();
  for (int i = 0; i < count; ++i) once();
  return {{"case", c.name}, {"peak_mib", peak_mib()}};
}

Json list_of(const std::vector<Case>& cases) {
  Json all = Json::array();
  for (const Case& c : cases)
    all.push_back({{"case", c.name},
                   {"what", c.what},
                   {"flops", c.work.flops},
                   {"exps", c.work.exps},
                   {"bytes", c.work.bytes},
                   {"held", c.work.held},
                   {"ops", c.ops}});
  return all;
}

Json limits_at(int threads) {
  gradus::set_threads(threads);
  const gradus::bench::Limits l = gradus::bench::measure_limits();
  return {{"threads", threads},
          {"flops", l.flops},
          {"triad_small", l.triad_small},
          {"triad_large", l.triad_large},
          {"exps", l.exps}};
}

Json triad_at(int threads, double bytes) {
  gradus::set_threads(threads);
  return {{"threads", threads}, {"rate", gradus::bench::triad_rate(bytes)}};
}

Json long_sequence(gradus::int64 tokens, gradus::int64 shorter) {
  const gradus::bench::LongRun r = gradus::bench::run_long_sequence(tokens, shorter);
  return {{"tokens", tokens},
          {"forward_seconds", r.forward_seconds},
          {"backward_seconds", r.backward_seconds},
          {"loss", r.loss},
          {"gradient_norm", r.gradient_norm},
          {"compared", r.compared},
          {"largest_difference", r.largest_difference},
          {"peak_mib", peak_mib()}};
}

Json step_by_step(gradus::int64 tokens) {
  const gradus::bench::StepTimes s = gradus::bench::run_step_by_step(tokens);
  return {{"tokens", tokens},
          {"first_seconds", s.first_seconds},
          {"last_seconds", s.last_seconds},
          {"first_bytes", s.first_bytes},
          {"last_bytes", s.last_bytes}};
}

Json machine_line() {
  const gradus::Machine m = gradus::machine();
  return {{"gradus", m.version},
          {"compiler", m.compiler},
          {"level", std::string(gradus::name(gradus::kernel_level()))},
          {"openblas", m.blas},
          {"core", m.blas_core},
          {"warnings", m.warnings}};
}

}  // namespace

int main() {
  const std::vector<Case> cases = all_cases();
  std::map<std::string, const Case*> by_name;
  for (const Case& c : cases) by_name[c.name] = &c;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string verb, name;
    int threads = 1;
    double seconds = 0.1, bytes = 0;
    gradus::int64 tokens = 0, shorter = 0;
    words >> verb;
    Json answer;
    try {
      if (verb == "quit") return 0;
      if (verb == "list")
        answer = list_of(cases);
      else if (verb == "machine")
        answer = machine_line();
      else if (verb == "base")
        answer = {{"peak_mib", peak_mib()}};
      else if (verb == "limits" && words >> threads)
        answer = limits_at(threads);
      else if (verb == "triad" && words >> threads >> bytes)
        answer = triad_at(threads, bytes);
      else if (verb == "long" && words >> tokens >> shorter && tokens > 0 && shorter > 0)
        answer = long_sequence(tokens, shorter);
      else if (verb == "steps" && words >> tokens && tokens >= 8)
        answer = step_by_step(tokens);
      else if (verb == "repeat" && words >> name >> threads && by_name.count(name))
        answer = repeat(*by_name[name], threads);
      else if (verb == "run" && words >> name >> threads >> seconds && by_name.count(name))
        answer = run(*by_name[name], threads, seconds);
      else
        answer = {{"error", "not understood: " + line}};
    } catch (const std::exception& e) {
      answer = {{"error", e.what()}};
    }
    std::cout << answer.dump() << std::endl;
  }
}

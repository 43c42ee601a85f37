// gradus gradcheck: every op through check_op, a line an op, and the planted bugs counted.
#include <fmt/core.h>

#include <cxxopts.hpp>

#include "autograd/check_op.h"
#include "autograd/op_table.h"
#include "tools/commands.h"

namespace gradus {

namespace {

constexpr std::string_view kExample = R"(
For every op: the gradient against differences of its values (order 1), the gradient of the
gradient by inputs and cotangent (order 2), further rules (linear in the cotangent, any layout,
sizes 0 and 1, f32 near f64, errors), and planted bugs, which must all be caught.

Example:
  gradus gradcheck --op softmax --sample 1 --order 2
)";

void print_line(const CheckReport& r) {
  fmt::print("{:<24} {:>7} {:>8} {:>8} {:>8} {:>13}  {}\n", r.op, r.samples, r.first_order,
             r.second_order, r.others, fmt::format("{} / {}", r.caught, r.planted),
             r.passed() ? "ok" : "FAILED");
  for (const std::string& f : r.failures) fmt::print("{}\n", f);
}

}  // namespace

int cmd_gradcheck(int argc, char** argv) {
  cxxopts::Options options("gradus gradcheck", "Check the gradients of the ops.");
  CheckOptions wanted;
  std::string only;
  // clang-format off
  options.add_options()
      ("op", "one op; all of them where it is not given", cxxopts::value<std::string>(), "NAME")
      ("sample", "one of the op's samples, from 0", cxxopts::value<int>(), "N")
      ("order", "1 or 2: gradcheck of that order alone", cxxopts::value<int>(), "N")
      ("help", "show this text");
  // clang-format on
  try {
    const cxxopts::ParseResult given = options.parse(argc, argv);
    if (given.count("help")) {
      fmt::print("{}{}", options.help(), kExample);
      return 0;
    }
    if (!given.unmatched().empty())
      fail<ConfigError>("gradcheck takes no argument '{}'; an op is named with --op",
                        given.unmatched()[0]);
    if (given.count("op")) only = given["op"].as<std::string>();
    if (given.count("sample")) {
      wanted.sample = given["sample"].as<int>();
      check<ConfigError>(!only.empty(), "--sample needs --op: each op has its own samples");
      check<ConfigError>(wanted.sample >= 0, "--sample counts from 0, got {}", wanted.sample);
    }
    if (given.count("order")) {
      wanted.order = given["order"].as<int>();
      check<ConfigError>(wanted.order == 1 || wanted.order == 2, "--order must be 1 or 2, got {}",
                         wanted.order);
    }
  } catch (const cxxopts::exceptions::exception& e) {
    fail<ConfigError>("{}; see gradus gradcheck --help", e.what());
  }

  std::vector<const OpDef*> ops = all_ops();
  if (!only.empty()) ops = {&find_op(ops, only)};
  fmt::print("{:<24} {:>7} {:>8} {:>8} {:>8} {:>13}\n", "op", "samples", "order 1", "order 2",
             "others", "bugs caught");
  CheckReport total;
  int failed = 0;
  for (const OpDef* op : ops) {
    const CheckReport r = check_op(*op, wanted);
    print_line(r);
    failed += !r.passed();
    total.samples += r.samples;
    total.first_order += r.first_order;
    total.second_order += r.second_order;
    total.others += r.others;
    total.planted += r.planted;
    total.caught += r.caught;
  }
  fmt::print(
      "{} ops, {} samples: {} elements at order 1, {} at order 2, {} further checks; planted bugs "
      "caught / planted: {} / {}; {}\n",
      ops.size(), total.samples, total.first_order, total.second_order, total.others, total.caught,
      total.planted, failed ? fmt::format("{} ops FAILED", failed) : std::string("all passed"));
  return failed ? 1 : 0;
}

}  // namespace gradus

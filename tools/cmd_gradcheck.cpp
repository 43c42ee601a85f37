// gradus gradcheck: every op through check_op, a line an op, and the planted bugs counted.
#include <fmt/core.h>

#include "autograd/check_op.h"
#include "autograd/op_table.h"
#include "tools/command_line.h"
#include "tools/commands.h"

namespace gradus {

namespace {

void print_line(const CheckReport& r) {
  fmt::print("{:<24} {:>7} {:>8} {:>8} {:>8} {:>13}  {}\n", r.op, r.samples, r.first_order,
             r.second_order, r.others, fmt::format("{} / {}", r.caught, r.planted),
             r.passed() ? "ok" : "FAILED");
  for (const std::string& f : r.failures) fmt::print("{}\n", f);
}

}  // namespace

int cmd_gradcheck(int argc, char** argv) {
  CommandOptions options(
      "gradus gradcheck",
      "For every op: the gradient against differences of its values (order 1), the gradient of "
      "the\n"
      "gradient by inputs and cotangent (order 2), further rules (linear in the cotangent, any\n"
      "layout, sizes 0 and 1, f32 near f64, errors), and planted bugs, which must all be caught.");
  // clang-format off
  options.add_options()
      ("op", "one op; all of them where it is not given", takes_word(), "NAME")
      ("sample", "one of the op's samples, from 0", takes_word(), "N")
      ("order", "1 or 2: gradcheck of that order alone", takes_word(), "N")
      ("help", "this text");
  // clang-format on
  const CommandLine line(options, argc, argv, "gradus gradcheck --op softmax --sample 1 --order 2");
  if (line.helped()) return 0;
  CheckOptions wanted;
  std::vector<const OpDef*> ops = all_ops();
  if (line.has("op")) ops = {&find_op(ops, line.text("op"))};
  if (line.has("sample")) {
    wanted.sample = static_cast<int>(line.integer("sample", 0, 1 << 20));
    check<ConfigError>(line.has("op"), "--sample needs --op: each op has its own samples");
  }
  if (line.has("order")) {
    wanted.order = static_cast<int>(line.integer("order", 1, 2));
  }
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

// Every op of nn/ through the generic suite.
#include <doctest/doctest.h>

#include "autograd/check_op.h"
#include "nn/ops.h"

using namespace gradus;

TEST_CASE("every op passes the suite, and every planted bug is caught") {
  int64 planted = 0;
  for (const OpDef* op : nn_ops()) {
    const CheckReport r = check_op(*op);
    INFO(r.text());
    CHECK(r.passed());
    CHECK(r.first_order > 0);
    CHECK(r.second_order > r.first_order);
    CHECK(r.planted > 0);
    planted += r.planted;
  }
  CHECK(planted > 100);
}

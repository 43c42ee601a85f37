// Every op of nn/ through the generic suite.
#include <doctest/doctest.h>

#include "autograd/check_op.h"
#include "autograd/op_table.h"
#include "nn/ops.h"
#include "tensor/file.h"

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

TEST_CASE("README.md holds the table that `gradus ops --markdown` writes") {
  const std::string page = read_file(GRADUS_SOURCE_DIR "/nn/README.md");
  INFO("run: gradus ops --markdown nn/README.md");
  CHECK(with_ops_table(page, ops_markdown(nn_ops())) == page);
}

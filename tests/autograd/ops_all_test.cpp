// Every op of the table through the whole generic suite, and the table itself.
#include <doctest/doctest.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "autograd/check_op.h"
#include "autograd/op_table.h"

using namespace gradus;

TEST_CASE("every op passes the suite, and every planted bug is caught") {
  int64 planted = 0, caught = 0, elements = 0, others = 0;
  for (const OpDef* op : autograd_ops()) {
    const CheckReport r = check_op(*op);
    INFO(r.text());
    CHECK(r.passed());
    if (!op->stops_gradient) {
      CHECK(r.first_order > 0);
      CHECK(r.second_order > r.first_order);
      CHECK(r.planted > 0);
    }
    planted += r.planted;
    caught += r.caught;
    elements += r.first_order + r.second_order;
    others += r.others;
  }
  std::cout << autograd_ops().size() << " ops, " << elements << " elements, " << others
            << " further checks, planted bugs caught " << caught << " of " << planted << "\n";
  CHECK(caught == planted);
  CHECK(planted > 500);
}

TEST_CASE("the table is sorted, and no name stands twice") {
  const auto ops = autograd_ops();
  for (std::size_t i = 1; i < ops.size(); ++i) CHECK(ops[i - 1]->name < ops[i]->name);
}

TEST_CASE("an unknown op is answered with the nearest spelling") {
  CHECK(&find_op(autograd_ops(), "tanh") ==
        *std::find_if(autograd_ops().begin(), autograd_ops().end(),
                      [](const OpDef* op) { return op->name == "tanh"; }));
  try {
    find_op(autograd_ops(), "tahn");
    FAIL("accepted");
  } catch (const ConfigError& e) {
    CHECK(std::string(e.what()).find("did you mean 'tanh'?") != std::string::npos);
  }
}

TEST_CASE("README.md holds the table that `gradus ops --markdown` writes") {
  std::ifstream file(std::string(GRADUS_SOURCE_DIR) + "/autograd/README.md");
  REQUIRE(file.good());
  std::ostringstream all;
  all << file.rdbuf();
  INFO("run: gradus ops --markdown autograd/README.md");
  CHECK(with_ops_table(all.str(), ops_markdown(autograd_ops())) == all.str());
  CHECK_THROWS_AS(with_ops_table("no markers", ""), ConfigError);
}

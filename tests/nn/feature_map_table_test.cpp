// The table of feature maps in nn/README.md is the one that the code writes.
#include <doctest/doctest.h>

#include "nn/feature_map.h"
#include "tensor/file.h"

using namespace gradus;

TEST_CASE("nn/README.md holds the table of feature maps") {
  const std::string text = read_file(std::string(GRADUS_SOURCE_DIR) + "/nn/README.md");
  const std::string table = feature_maps_markdown();
  CHECK_MESSAGE(text.find("<!-- feature maps -->\n" + table + "<!-- /feature maps -->\n") !=
                    std::string::npos,
                "expected between <!-- feature maps --> and <!-- /feature maps -->:\n", table);
}

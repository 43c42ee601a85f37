// The table of keys in train/README.md is the one that the code prints.
#include <doctest/doctest.h>

#include "tensor/file.h"
#include "train/experiment.h"

using namespace gradus;

TEST_CASE("train/README.md holds the keys as `gradus train --keys` prints them") {
  const std::string text = read_file(std::string(GRADUS_SOURCE_DIR) + "/train/README.md");
  const std::string table = experiment_keys_markdown();
  CHECK_MESSAGE(text.find("<!-- keys -->\n" + table + "<!-- /keys -->\n") != std::string::npos,
                "expected between <!-- keys --> and <!-- /keys -->:\n", table);
}

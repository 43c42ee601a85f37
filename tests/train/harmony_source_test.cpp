// From an experiment to a request for data, and to the windows of a split.
#include <doctest/doctest.h>

#include "tests/error_text.h"
#include "train/harmony_source.h"

using namespace gradus;
using testing::has;
using testing::message;

TEST_CASE("a request says what the experiment says") {
  Experiment e;
  e.data.source = "music";
  e.data.grid = 16;
  e.data.align = "melody";
  e.data.windows = "papers";
  e.data.transpose_down = 2;
  e.data.validation_share = 0.25;
  const DataRequest r = data_request(e, "cache");
  CHECK(r.source == "music");
  CHECK(r.cache == "cache");
  CHECK(r.steps_per_quarter == 16);
  CHECK(r.alignment == PopAlignment::melody);
  CHECK(r.begin == PopBegin::first_note);
  CHECK(r.tunes.lowest_shift == -2);
  CHECK(r.tunes.validation_share == 0.25);
  CHECK(data_request(Experiment()).cache.empty());
  e.train.seed = 2;
  CHECK(!(data_request(e).split.state() == r.split.state()));
}

TEST_CASE("a split without windows is refused: one song cannot be held out from itself") {
  const std::vector<Piece> one = {make_piece("one", {{0, 40, 60}}, 4, 4)};
  Experiment e;
  CHECK(training_windows(one, Split::train, e).size() == 1);
  const std::string text = message([&] { training_windows(one, Split::validation, e); });
  CHECK(has(text, "no window of split validation: 0 of its 1 pieces"));
  CHECK(has(message([&] { training_windows({}, Split::train, e); }), "0 of its 0 pieces"));
}

// gradus data mi, run as a user runs it, on the bundled tunes.
#include "tests/tools/command.h"

using namespace gradus;

TEST_CASE(
    "the table of the bundled tunes, printed and written; the seed decides the shuffles alone") {
  const std::string file = scratch() / "mi.csv", again = scratch() / "mi2.csv",
                    other = scratch() / "mi3.csv";
  const std::string arguments =
      "data mi --no-cache --context bin --context bar+beat --shuffles 1 --steps 128 --csv ";
  const CommandResult r = gradus_command(arguments + file);
  CHECK_MESSAGE(r.code == 0, r.out);
  CHECK(r.has("pieces of split train; one every half window"));
  CHECK(r.has("\nbin "));
  CHECK(r.has("\nbar+beat "));
  CHECK(read_file(file).starts_with("context,labels,nats,shuffled,paper,"));
  CHECK(gradus_command(arguments + again).code == 0);
  CHECK(read_file(again) == read_file(file));
  CHECK(gradus_command(arguments + other + " --seed 2").code == 0);
  CHECK(read_file(other) != read_file(file));
}

TEST_CASE("wrong words are one clear message and exit code 2") {
  check_refused("data mi --context bun", {"unknown context 'bun'", "did you mean 'bin'?"});
  check_refused("data mi --shuffles 0", {"--shuffles takes a whole number from 1"});
  check_refused("data mi --data /nowhere", {"/nowhere"});
  check_refused("data mu", {"unknown action 'mu'", "info, export, mi"});
}

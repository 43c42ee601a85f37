// The words of gradus pe: each has a help that ends in an example, and the example runs.
#include "tensor/text.h"
#include "tests/tools/command.h"

using namespace gradus;

TEST_CASE("the help of every word ends in an example that runs") {
  const CommandResult all = gradus_command("pe --help");
  CHECK(all.code == 0);
  for (const std::string word : {"cost", "eval", "interaction", "plot", "toy"}) {
    CAPTURE(word);
    CHECK(all.has("\n  " + word + " "));
    const CommandResult help = gradus_command("pe " + word + " --help");
    CHECK(help.code == 0);
    const std::string mark = "\nexample: gradus ";
    const std::size_t at = help.out.rfind(mark);
    REQUIRE_MESSAGE(at != std::string::npos, help.out);
    const std::string example(trim(std::string_view(help.out).substr(at + mark.size())));
    CHECK(example.starts_with("pe " + word + " "));
    CHECK(help.out.ends_with(example + "\n"));
    // Run where what it writes goes away with the test.
    const CommandResult r = gradus_command(example, "cd '" + (scratch() / "") + "' &&");
    CHECK_MESSAGE(r.code == 0, r.out);
  }
}

// The command as a whole: version, help whose examples run, wrong words.
#include "tests/tools/command.h"

#include <cstdlib>

#include "tensor/text.h"

using namespace gradus;

namespace {

/// What stands behind the last "example: gradus ".
std::string example_of(const std::string& help) {
  const std::string mark = "\nexample: gradus ";
  const std::size_t at = help.rfind(mark);
  REQUIRE_MESSAGE(at != std::string::npos, help);
  return std::string(trim(std::string_view(help).substr(at + mark.size())));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

}  // namespace

TEST_CASE("--version says version, compiler, OpenBLAS, core, threads, instruction sets") {
  const CommandResult r = gradus_command("--version");
  CHECK(r.code == 0);
  for (const char* line : {"gradus 0.", "\ncompiler: ", "\nOpenBLAS: OpenBLAS ",
                           "\nOpenBLAS core: ", "\nthreads: ", "\ninstruction sets: "})
    CHECK_MESSAGE(r.has(line), line, " in ", r.out);
  CHECK(gradus_command("--threads 3 --version").has("\nthreads: 3\n"));
  CHECK(gradus_command("--deterministic --threads 2 --version").has("\nthreads: 2\n"));
  CHECK(gradus_command("--version", "GRADUS_THREADS=2").has("\nthreads: 2\n"));
}

TEST_CASE("every help ends in an example that runs") {
  const CommandResult all = gradus_command("--help");
  CHECK(all.code == 0);
  std::vector<std::string> examples{example_of(all.out)};
  for (const std::string command :
       {"train", "harmonize", "evaluate", "inspect", "gradcheck", "ops", "pe"}) {
    CHECK(all.has("\n  " + command));
    const CommandResult help = gradus_command(command + " --help");
    CHECK(help.code == 0);
    examples.push_back(example_of(help.out));
    CHECK(examples.back().starts_with(command));
    CHECK(help.out.ends_with(examples.back() + "\n"));
  }
  // Where an example writes stands a place of this test.
  const std::string table = scratch().file(
      "README.md", read_file(std::string(GRADUS_SOURCE_DIR) + "/autograd/README.md"));
  for (std::string e : examples) {
    if (e.starts_with("train")) e = replaced(e, "runs/demo", scratch() / "example") + kTiny;
    e = replaced(e, "runs/demo/inspect.html", scratch() / "inspect.html");
    e = replaced(e, "runs/demo", scratch().run());
    e = replaced(e, "-o jingle_bells.mid", "-o " + (scratch() / "out.mid"));
    e = replaced(e, "autograd/README.md", table);
    const CommandResult r = gradus_command(e, "cd '" + std::string(GRADUS_SOURCE_DIR) + "' &&");
    CAPTURE(e);
    CHECK_MESSAGE(r.code == 0, r.out);
  }
}

TEST_CASE("no word is a help text and exit code 2") {
  const CommandResult r = gradus_command("");
  CHECK(r.code == 2);
  CHECK(r.has("usage: gradus "));
}

TEST_CASE("wrong commands and options are one clear message and exit code 2") {
  check_refused("tarin", {"unknown command 'tarin'", "did you mean 'train'?"});
  check_refused("''", {"unknown command ''"});
  check_refused("--frobnicate ops", {"unknown option '--frobnicate'", "--threads N"});
  for (const std::string command :
       {"train", "harmonize", "evaluate", "inspect", "gradcheck", "ops", "pe"}) {
    check_refused(command + " --hlep",
                  {"gradus " + command + ": unknown option '--hlep'", "did you mean '--help'?"});
    check_refused(command + " -q", {"unknown option '-q'", "--help"});
  }
  check_refused("train a.toml b.toml --out x", {"'b.toml' is one word too many"});
  check_refused("train --out", {"'out' is missing an argument"});
  check_refused("train", {"needs a run folder to make: --out runs/NAME"});
  check_refused("harmonize --tune twinkle -o x.mid", {"needs the run folder"});
  check_refused("harmonize --tune twinkle --run " + scratch().run(),
                {"needs a MIDI file to write: -o out.mid"});
  check_refused("harmonize -o x.mid --run " + scratch().run(),
                {"SONG.mid, --data DIR --song NAME, or --tune NAME"});
  check_refused("gradcheck --op softmx", {"no op 'softmx'", "did you mean 'softmax'?"});
  check_refused("gradcheck --op softmax --order 3", {"--order takes a whole number from 1 to 2"});
  check_refused("gradcheck --op softmax --sample x", {"--sample takes a whole number", "'x'"});
  check_refused("gradcheck --sample 1", {"--sample needs --op"});
  check_refused("pe show alibbi", {"unknown positional encoding", "did you mean 'alibi'?"});
}

TEST_CASE("wrong numbers of threads are one clear message and exit code 2") {
  check_refused("--threads 0 ops", {"threads is 0", "1 to 1024"});
  check_refused("--threads=0 ops", {"threads is 0", "1 to 1024"});
  check_refused("--threads -1 ops", {"threads is -1", "1 to 1024"});
  check_refused("--threads x ops", {"--threads takes a whole number", "'x'"});
  check_refused("--threads 2x ops", {"--threads takes a whole number", "'2x'"});
  check_refused("--threads '' ops", {"--threads takes a whole number", "''"});
  check_refused("--threads 99999999999999999999 ops", {"--threads takes a whole number"});
  check_refused("--threads 100000 ops", {"threads is 100000", "1 to 1024"});
  check_refused("--threads", {"--threads takes a whole number", "none was given"});
  check_refused("--version", {"GRADUS_THREADS is 'x'", "1 to 1024"}, "GRADUS_THREADS=x");
}

TEST_CASE("an output that cannot be written is no success") {
  if (!std::filesystem::exists("/dev/full")) return;
  const std::string command = "'" + std::string(GRADUS_COMMAND) + "' ";
  for (const char* rest : {"ops > /dev/full 2> /dev/null", "--version > /dev/full 2> /dev/null",
                           "ops > /dev/full 2>&1"})
    CHECK(WEXITSTATUS(std::system((command + rest).c_str())) == 2);
}

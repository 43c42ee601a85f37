// gradus: one command, its subcommands in cmd_*.cpp. Exit codes: 0 done, 1 a check failed, 2 the
// user's error.
#include <fmt/core.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include "tensor/machine.h"
#include "tensor/parallel.h"
#include "tensor/text.h"
#include "tools/commands.h"

namespace gradus {
namespace {

struct Command {
  std::string_view name, summary;
  int (*run)(int argc, char** argv);
};

constexpr Command kCommands[] = {
    {"train", "train a model from an experiment file into a run folder", cmd_train},
    {"study", "train and judge a grid of experiments, and report on it", cmd_study},
    {"harmonize", "add an accompaniment to a melody in a MIDI file", cmd_harmonize},
    {"evaluate", "measure a run, or a floor, over the windows of a data set", cmd_evaluate},
    {"data", "show what a data folder holds, and write parts of it for NumPy", cmd_data},
    {"inspect", "write the graph of one training step as a web page", cmd_inspect},
    {"gradcheck", "check every op's gradient against finite differences", cmd_gradcheck},
    {"ops", "list the differentiable ops with formula and derivative", cmd_ops},
    {"pe", "list and explain the positional encodings", cmd_pe},
};

void print_version() {
  const Machine m = machine();
  std::string sets;
  for (const std::string& s : m.instruction_sets) sets += (sets.empty() ? "" : " ") + s;
  fmt::print(
      "gradus {}\ncompiler: {}, {}\nOpenBLAS: {}\nOpenBLAS core: {}\nthreads: {}\ninstruction "
      "sets: {}\n",
      m.version, m.compiler, m.build_type, m.blas, m.blas_core, m.threads, sets);
  for (const std::string& w : m.warnings) fmt::print("warning: {}\n", w);
}

void print_help() {
  fmt::print(
      "gradus: tensors, autodiff, positional encodings, melody harmonization\n\n"
      "usage: gradus [--threads N] [--deterministic] COMMAND [OPTIONS]\n\n");
  for (const Command& c : kCommands) fmt::print("  {:<10} {}\n", c.name, c.summary);
  fmt::print(
      "\n  --version    version, compiler, OpenBLAS build and core, threads, instruction sets\n"
      "  --threads N  threads to use (default: GRADUS_THREADS, else all cores)\n"
      "  --deterministic  the same bits at any number of threads; every command keeps to it\n"
      "               without this word too\n"
      "  --help       this text; `gradus COMMAND --help` explains one command\n\n"
      "example: gradus gradcheck --op softmax\n");
}

int parse_threads(const std::string& text) {
  std::size_t used = 0;
  int n = 0;
  try {
    n = std::stoi(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  check<ConfigError>(used > 0 && used == text.size(),
                     "--threads takes a whole number of 1 or more, got '{}'", text);
  return n;
}

int run(int argc, char** argv) {
  int i = 1;
  for (; i < argc && argv[i][0] == '-'; ++i) {
    const std::string word = argv[i];
    if (word == "--help" || word == "-h") return print_help(), 0;
    if (word == "--version") return print_version(), 0;
    if (word == "--threads") {
      check<ConfigError>(i + 1 < argc,
                         "--threads takes a whole number of 1 or more; none was given");
      set_threads(parse_threads(argv[++i]));
    } else if (word.starts_with("--threads=")) {
      set_threads(parse_threads(word.substr(10)));
    } else if (word != "--deterministic") {  // nothing to switch on: no result hangs on threads
      fail<ConfigError>(
          "unknown option '{}' before the command; known: --threads N, --deterministic, --version, "
          "--help",
          word);
    }
  }
  if (i == argc) {
    print_help();
    return 2;
  }
  std::vector<std::string> names;
  for (const Command& c : kCommands) {
    if (c.name == argv[i]) return c.run(argc - i, argv + i);
    names.emplace_back(c.name);
  }
  fail<ConfigError>("unknown command '{}'; known: {}{}", argv[i], join(names),
                    did_you_mean(argv[i], names));
}

/// Never throws: where it writes to may be full as well.
void complain(const char* what) {
  std::fputs("gradus: ", stderr);
  std::fputs(what, stderr);
  std::fputc('\n', stderr);
}

}  // namespace
}  // namespace gradus

int main(int argc, char** argv) {
  // A file that grows past a limit is an error to report, not a reason to die.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    const int code = gradus::run(argc, argv);
    // What was printed may still wait for a full disk.
    gradus::check<gradus::IoError>(std::fflush(stdout) == 0 && !std::ferror(stdout),
                                   "cannot write the output: {}", std::strerror(errno));
    return code;
  } catch (const gradus::InternalError& e) {
    gradus::complain(e.what());
    return 70;
  } catch (const gradus::Error& e) {
    gradus::complain(e.what());
    return 2;
  } catch (const std::bad_alloc&) {
    gradus::complain("out of memory");
    return 2;
  } catch (const std::exception& e) {
    gradus::complain(e.what());
    return 2;
  }
}

// gradus data mi: how much each context says about the notes that sound in it.
#include <fmt/core.h>

#include <optional>

#include "tensor/file.h"
#include "tools/cache_options.h"
#include "tools/commands.h"
#include "train/mutual_information.h"

namespace gradus {

namespace {

constexpr int64 kMostSteps = 65536, kMostShuffles = 1000, kMostSeed = 9007199254740992;

}  // namespace

int data_mi(int argc, char** argv) {
  CommandOptions options(
      "gradus data mi",
      "The mutual information of pitch and label, in nats, for each context: Table I of the paper "
      "on RoPEPool.\nCells that sound in the windows of the training split are counted, at 16 "
      "ticks a quarter, POP909 in the papers' windows.\n");
  CommandOptions::Adder add = options.add_options();
  add("data", "POP909's folder, a MIDI file or a folder of MIDI files (default: the bundled tunes)",
      takes_word());
  add("align", "POP909: where labels begin, papers or melody", takes_word("papers"));
  add("context",
      "a context, or several at once as in bin+beat; give the option once for each (default: "
      "twelve)",
      takes_words());
  add("steps", "ticks in a window", takes_word("1024"));
  add("shuffles", "how often the labels are dealt out at random", takes_word("3"));
  add("seed", "of the shuffles", takes_word("1"));
  add("csv", "file to write the table to", takes_word());
  add_cache_options(add);
  add("help", "this text");
  const CommandLine line(options, argc, argv, "gradus data mi --data DIR");
  if (line.helped()) return 0;
  DataRequest request;
  if (line.has("data")) request.source = line.text("data");
  const bool papers = line.has("data") && is_pop909(request.source);
  request.cache = cache_folder(line);
  request.steps_per_quarter = kPopTicks;
  request.alignment = parse_pop_alignment(line.text("align"));
  request.begin = PopBegin::first_note;
  const int64 steps = line.integer("steps", 1, kMostSteps),
              shuffles = line.integer("shuffles", 1, kMostShuffles);
  const Rng rng(static_cast<std::uint64_t>(line.integer("seed", 0, kMostSeed)));
  std::vector<std::string> contexts = information_contexts();
  if (line.has("context")) contexts = line.texts("context");
  const HarmonyData data = read_harmony_data(request);
  std::optional<PopSet> set;
  if (papers) set = read_pop909(request.source, request.alignment);
  const InformationTable table =
      information_table(data, set ? &*set : nullptr, steps, contexts, shuffles, rng);
  fmt::print("{}", text(table));
  if (line.has("csv")) write_file(line.text("csv"), csv(table));
  return 0;
}

}  // namespace gradus

// Checkpoints: the same bits back, and that what is damaged or does not fit changes nothing.
#include "train/checkpoint.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "nn/mlp.h"
#include "tensor/file.h"
#include "tests/error_text.h"
#include "tests/train/scratch_folder.h"

using namespace gradus;
using namespace gradus::testing;
namespace fs = std::filesystem;

namespace {

void steps(const Module& m, Optimizer& o, int count, std::uint64_t seed) {
  Rng rng(seed);
  for (int t = 0; t < count; ++t) {
    Gradients g;
    for (const Parameter* p : m.parameters())
      g.add({.label = p->path(), .value = normal(rng, p->shape()), .parameter = true});
    o.step(m.parameters(), g, 0.01);
  }
}

Mlp small(std::uint64_t seed, int64 width = 4) {
  return Mlp(Build("model", Rng(seed)), width, 8, Activation::relu);
}

}  // namespace

TEST_CASE("a checkpoint gives back model, optimizer and point, bit for bit") {
  const ScratchFolder s;
  Mlp a = small(1), b = small(2);
  Adam x, y;
  steps(a, x, 3, 5);
  const fs::path file = s.path / "c.safetensors";
  const TrainingPoint point{.epoch = 2,
                            .step = 3,
                            .best_loss = std::numeric_limits<double>::infinity(),
                            .threshold = 0.3,
                            .epoch_steps = 1,
                            .epoch_loss = 0.7,
                            .epochs_since_best = 4,
                            .log_lines = 9};
  save_checkpoint(file, a, &x, point);
  const TrainingPoint back = load_checkpoint(file, b, &y);
  CHECK(back == point);
  CHECK(same_state(a.state(), b.state()));
  steps(a, x, 2, 6);
  steps(b, y, 2, 6);
  CHECK(same_state(a.state(), b.state()));
  CHECK(same_state(x.state(), y.state()));
  // Only the model, as harmonizing needs it.
  Mlp c = small(3);
  load_checkpoint(file, c, nullptr);
  CHECK_FALSE(same_state(c.state(), a.state()));
  save_checkpoint(file, a, nullptr, point);
  load_checkpoint(file, c, nullptr);
  CHECK(same_state(c.state(), a.state()));
}

TEST_CASE("a checkpoint that does not fit is refused, and nothing is changed") {
  const ScratchFolder s;
  const fs::path file = s.path / "c.safetensors";
  Mlp model = small(1);
  Adam adam;
  steps(model, adam, 2, 5);
  StateDict before = model.state(), moments = adam.state();
  const auto refused = [&](std::string_view part) {
    const std::string text = message([&] { load_checkpoint(file, model, &adam); });
    CHECK(has(text, part));
    CHECK(has(text, file.string()));
    CHECK(same_state(model.state(), before));
    CHECK(same_state(adam.state(), moments));
  };
  {
    Mlp wide = small(1, 6);
    Adam o;
    steps(wide, o, 1, 5);
    save_checkpoint(file, wide, &o, {});
    refused("'model/up/weight' is (8, 4) in the model, (8, 6) in the state");
  }
  save_checkpoint(file, model, nullptr, {});
  refused("has no 'steps'");

  save_checkpoint(file, model, &adam, {});
  const TensorFile good = read_safetensors(file);
  const auto change = [&](const std::string& name, const Tensor& value) {
    TensorFile bad = good;
    if (value.defined())
      bad.tensors[name] = value;
    else
      bad.tensors.erase(name);
    bad.metadata["checksum"] = checkpoint_checksum(bad);
    write_safetensors(file, bad);
  };
  change("optimizer:model/up/bias/first", ones({9}));
  refused("the optimizer's 'model/up/bias/first' is f32 (9), its parameter f32 (8)");
  change("optimizer:model/up/bias/first", ones({8}, DType::f64));
  refused("is f64 (8), its parameter f32 (8)");
  change("optimizer:model/other/first", ones({8}));
  refused("belongs to no parameter");
  change("model:model/up/bias", Tensor());
  refused("belongs to no parameter");
  change("model:model/up/bios", ones({8}));
  refused("'model/up/bios' (8) is not in the model; did you mean 'model/up/bias'?");
  change("point", Tensor());
  refused("has no training point");
  const auto change_point = [&](std::size_t i, double x) {
    std::vector<double> values(8, 0.0);
    values[i] = x;
    change("point", from_values<double>(values, {8}));
  };
  change("point", zeros({4}, DType::f64));
  refused("has no training point");
  for (std::size_t count : {0U, 1U, 4U, 6U, 7U}) {
    change_point(count, std::nan(""));
    refused("counts nan epochs, steps or lines");
    change_point(count, -1);
    refused("counts -1 epochs, steps or lines");
    change_point(count, 0.5);
    refused("counts 0.5 epochs, steps or lines");
  }
  change_point(2, std::nan(""));
  refused("the losses nan and 0 and the threshold 0");
  change_point(3, 1.5);
  refused("the threshold 1.5");
  change_point(5, std::numeric_limits<double>::infinity());
  refused("the losses 0 and inf");
  TensorFile other = good;
  other.metadata["version"] = "1";
  write_safetensors(file, other);
  refused("no checkpoint of this version of Gradus (format 'gradus-checkpoint', version '1')");
  write_file(file, "no tensors");
  refused("");
  fs::remove(file);
  refused("");
}

TEST_CASE("one changed bit anywhere, and every shorter file, is refused") {
  const ScratchFolder s;
  const fs::path file = s.path / "c.safetensors";
  Mlp model = small(1);
  Adam adam;
  steps(model, adam, 1, 5);
  save_checkpoint(file, model, &adam, {.step = 1});
  const std::string good = read_file(file);
  const StateDict before = model.state();
  const auto refused = [&](const std::string& bytes) {
    write_file(file, bytes);
    const std::string text = message([&] { load_checkpoint(file, model, &adam); });
    CHECK(same_state(model.state(), before));
    return has(text, file.string());
  };
  Rng rng(7);
  for (int i = 0; i < 200; ++i) {
    std::string bytes = good;
    const auto draw = [&](std::size_t n) {
      return static_cast<std::size_t>(uniform_number(rng) * static_cast<double>(n));
    };
    const std::size_t at = draw(bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << draw(8)));
    CHECK_MESSAGE(refused(bytes), "byte ", at);
  }
  for (std::size_t size = 0; size < good.size(); size += 37)
    CHECK_MESSAGE(refused(good.substr(0, size)), size, " bytes");
  CHECK(refused(good + "x"));
  write_file(file, good);
  CHECK(load_checkpoint(file, model, &adam).step == 1);
}

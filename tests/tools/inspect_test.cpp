// gradus inspect, run as a user runs it, on a tiny run in a temporary folder.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "tensor/elementwise.h"
#include "tensor/file.h"
#include "tensor/reduce.h"
#include "tensor/safetensors.h"
#include "train/checkpoint.h"

using namespace gradus;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

struct Result {
  int code;
  std::string out;  // both streams
};
Result gradus_command(const std::string& arguments) {
  const std::string command = std::string(GRADUS_COMMAND) + " " + arguments + " 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  Result r;
  char part[4096];
  while (const std::size_t n = std::fread(part, 1, sizeof part, pipe)) r.out.append(part, n);
  r.code = WEXITSTATUS(pclose(pipe));
  return r;
}

/// A temporary folder with a run of each core; made once, removed at the end.
class Runs {
 public:
  Runs() : folder_(fs::temp_directory_path() / fmt::format("gradus-inspect-{}", getpid())) {
    fs::create_directories(folder_);
    train("linear", "--set model.attention=linear");
    train("softmax", "--set model.attention=softmax --set pe.name=alibi --set data.context=time");
  }
  ~Runs() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  fs::path operator/(const std::string& name) const { return folder_ / name; }
  std::string run(const std::string& name) const { return (folder_ / name).string(); }

 private:
  void train(const std::string& name, const std::string& more) const {
    const Result r = gradus_command(
        "train --quiet --set data.steps=18 --set train.batch=32 --set data.transpose_down=0 "
        "--set data.transpose_up=0 --set train.epochs=1 --set model.d_model=8 --set model.heads=2 "
        "--set model.d_ff=8 --set model.layers=2 " +
        more + " --out " + run(name));
    REQUIRE_MESSAGE(r.code == 0, r.out);
  }
  fs::path folder_;
};
const Runs& runs() {
  static const Runs all;
  return all;
}

/// The JSON inside a page.
json page_data(const std::string& page) {
  const std::string open = "<script id=\"data\" type=\"application/json\">";
  const std::size_t begin = page.find(open);
  REQUIRE(begin != std::string::npos);
  const std::size_t end = page.find("</script>", begin);
  const std::string text = page.substr(begin + open.size(), end - begin - open.size());
  CHECK(text.find('<') == std::string::npos);
  return json::parse(text);
}

std::string inspect(const std::string& run, const std::string& more) {
  const Result r = gradus_command("inspect --run " + runs().run(run) + " " + more);
  REQUIRE_MESSAGE(r.code == 0, r.out);
  return r.out;
}

}  // namespace

TEST_CASE("the page holds every node with its numbers, and asks for nothing from outside") {
  for (const std::string core : {"linear", "softmax"}) {
    CAPTURE(core);
    const fs::path html = runs() / (core + ".html"), graph = runs() / (core + ".json");
    inspect(core, fmt::format("--html {} --json {} --dot {}.dot", html.string(), graph.string(),
                              graph.string()));
    const std::string page = read_file(html);
    for (const char* outside : {"http://", "https://", "src=", "<link", "@import"}) {
      // The name space of SVG is a name, not an address.
      const std::size_t at = page.find(outside);
      CHECK_MESSAGE((at == std::string::npos || page.compare(at, 19, "http://www.w3.org/2") == 0),
                    outside);
    }
    CHECK(page.find("content=\"default-src 'none';") != std::string::npos);
    CHECK(page.find("<!-- include") == std::string::npos);
    CHECK(page.find("<!-- data") == std::string::npos);

    const json data = page_data(page);
    const json whole = json::parse(read_file(graph));
    CHECK(data["graph"] == whole);
    CHECK(whole["nodes"].size() > 100);
    std::set<std::int64_t> ids;
    std::size_t parameters = 0;
    for (const json& n : whole["nodes"]) {
      for (const json& i : n["inputs"]) CHECK(ids.count(i.get<std::int64_t>()) == 1);
      ids.insert(n["id"].get<std::int64_t>());
      CHECK(n["value"].is_object());  // everything is kept
      const std::string op = n["op"];
      if (op == "parameter" || whole["ops"].contains(op)) {
        if (n["requires_grad"])
          CHECK(n["gradient"].is_object());
        else
          CHECK(n["gradient"].is_string());
      }
      if (op == "parameter") ++parameters;
    }
    CHECK(ids.count(whole["root"].get<std::int64_t>()) == 1);
    CHECK(parameters > 20);
    CHECK(std::isfinite(data["meta"]["loss"].get<double>()));

    // Two layers of two heads, 18 x 18 cells of two bytes in base64.
    REQUIRE(data["attention"].size() == 2);
    for (const json& layer : data["attention"]) {
      CHECK(layer["in_graph"] == (core == "softmax"));
      for (const char* kind : {"weights", "gradient"}) {
        const json& map = layer[kind];
        CHECK(map["rows"] == 18);
        CHECK(map["columns"] == 18);
        CHECK(map["cell"] == 1);
        CHECK(map["max"].get<double>() > 0);
        REQUIRE(map["heads"].size() == 2);
        CHECK(map["heads"][0].get<std::string>().size() == 18 * 18 * 2 / 3 * 4);
      }
    }
    // The mask of -inf is no fault.
    CHECK(data["masks"].empty() == (core == "linear"));
  }
}

TEST_CASE("attention weights of both cores are rows of sum 1 that look back only") {
  for (const std::string core : {"linear", "softmax"}) {
    CAPTURE(core);
    const fs::path file = runs() / (core + ".safetensors");
    inspect(core, "--export " + file.string() + " --names '*/core/weights'");
    const TensorFile read = read_safetensors(file);
    std::size_t maps = 0;
    for (const auto& [name, t] : read.tensors) {
      if (!name.starts_with("value/")) continue;
      ++maps;
      REQUIRE(t.rank() == 4);
      CHECK(t.size(1) == 2);
      CHECK(t.at({0, 0, 0, 0}) == doctest::Approx(1).epsilon(1e-3));
      CHECK(t.at({0, 0, 3, 4}) == 0);
      CHECK(sum(slice(slice(slice(t, 0, 0, 1), 1, 1, 2), 2, 7, 8)).item() ==
            doctest::Approx(1).epsilon(1e-3));
    }
    CHECK(maps == 2);
  }
}

TEST_CASE("the export holds values and gradients of named nodes, in their shapes") {
  const fs::path file = runs() / "named.safetensors";
  inspect("linear", "--export " + file.string());
  TensorFile read = read_safetensors(file);
  CHECK(read.metadata["format"] == "gradus-inspect");
  const auto& t = read.tensors;
  for (const char* kind : {"value/", "gradient/"}) {
    const auto shape_of = [&](const std::string& label) {
      REQUIRE_MESSAGE(t.count(kind + label) == 1, label);
      return t.at(kind + label).shape();
    };
    CHECK(shape_of("model/layer0/attention/query/weight") == Shape{8, 8});
    CHECK(shape_of("model/layer1/attention/q") == Shape{2, 2, 18, 4});
    CHECK(shape_of("model/layer0/attention/core/scores") == Shape{2, 2, 18, 18});
    CHECK(shape_of("model/layer1/output") == Shape{2, 18, 8});
    CHECK(shape_of("model/output/logits").rank() == 3);
  }
  CHECK(norm(t.at("gradient/model/layer0/attention/query/weight")).item() > 0);

  // A parameter is what stands in the checkpoint: the run's numbers, not fresh ones.
  const TensorFile saved = read_safetensors(runs() / "linear/checkpoints/best.safetensors");
  const std::string path = "model/layer1/feed_forward/up/weight";
  CHECK(all(equal(saved.tensors.at("model:" + path), t.at("value/" + path))).item() == 1);

  inspect("linear", "--export " + file.string() + " --names 'model/layer0/*/weight'");
  for (const auto& entry : read_safetensors(file).tensors) {
    CHECK(entry.first.find("/model/layer0/") != std::string::npos);
    CHECK(entry.first.ends_with("/weight"));
  }
}

TEST_CASE("the same step gives the same numbers; another batch gives others") {
  const std::string once = inspect("linear", "--node model/output/logits"),
                    again = inspect("linear", "--node model/output/logits");
  CHECK(once == again);
  CHECK(once.find("formula:") != std::string::npos);
  CHECK(inspect("linear", "--node model/output/logits --batch 1") != once);
}

TEST_CASE("without outputs a summary") {
  const std::string out = inspect("softmax", "--detect-anomaly --checkpoint last --windows 1");
  CHECK(out.find("checkpoint last") != std::string::npos);
  CHECK(out.find("that is not finite: 0") != std::string::npos);
  CHECK(out.find("every value and every gradient of the step is finite") != std::string::npos);
  CHECK(out.find("model/output/weight") != std::string::npos);
}

TEST_CASE("a NaN in the checkpoint is shown, and found with --detect-anomaly") {
  const fs::path broken = runs() / "broken";
  if (!fs::exists(broken)) fs::copy(runs() / "linear", broken, fs::copy_options::recursive);
  const fs::path file = broken / "checkpoints/best.safetensors";
  TensorFile checkpoint = read_safetensors(file);
  Tensor& bias = checkpoint.tensors.at("model:model/layer1/attention/value/bias");
  bias = full(bias.shape(), std::numeric_limits<double>::quiet_NaN(), bias.dtype());
  checkpoint.metadata["checksum"] = checkpoint_checksum(checkpoint);
  write_safetensors(file, checkpoint);

  CHECK(inspect("broken", "").find("that is not finite: 0") == std::string::npos);
  inspect("broken", "--html " + (runs() / "broken.html").string());
  CHECK(page_data(read_file(runs() / "broken.html"))["meta"]["loss"].is_null());

  const Result r = gradus_command("inspect --detect-anomaly --run " + broken.string());
  CHECK(r.code == 1);
  CHECK(r.out.find("first non-finite value: forward of 'model/layer1/attention/value/add#") !=
        std::string::npos);
  CHECK(r.out.find("'model/layer1/attention/value/bias' (8), none finite") != std::string::npos);
  CHECK(r.out.find("at: linear.h:") != std::string::npos);
}

TEST_CASE("wrong words are one clear message and exit code 2") {
  const struct {
    std::string arguments, text;
  } cases[] = {
      {"", "gradus inspect needs the run folder"},
      {"--run " + runs().run("nowhere"), "there is no run folder"},
      {"--run " + runs().run("linear") + " --batch 100000", "batches, got 100000"},
      {"--run " + runs().run("linear") + " --batch -1", "--batch takes a whole number from 0"},
      {"--run " + runs().run("linear") + " --windows 0", "--windows takes a whole number from 1"},
      {"--run " + runs().run("linear") + " --checkpoint bset", "it has: best, last"},
      {"--run " + runs().run("linear") + " --node model/layer0/attention/core/score",
       "did you mean 'model/layer0/attention/core/scores'?"},
      {"--run " + runs().run("linear") + " --export x.safetensors --names 'nothing*'",
       "--names 'nothing*' matches no node"},
      {"--run " + runs().run("linear") + " --names 'model*'", "give both"},
      {"--run " + runs().run("linear") + " --htlm x", "did you mean '--html'?"},
      {"--run " + runs().run("linear") + " --html /nowhere/at/all.html", "/nowhere/at/all.html"},
  };
  for (const auto& c : cases) {
    const Result r = gradus_command("inspect " + c.arguments);
    CAPTURE(c.arguments);
    CAPTURE(r.out);
    CHECK(r.code == 2);
    CHECK(r.out.starts_with("gradus: "));
    CHECK(r.out.find(c.text) != std::string::npos);
  }
}

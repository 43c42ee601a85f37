// One training step of a run, recorded whole: every value kept (Retain::all), fused ops recorded as
// their references (Fusion::off), every gradient kept. What `gradus inspect` prints, exports and
// shows.
#pragma once

#include <string>
#include <vector>

#include "autograd/inspect.h"
#include "train/run_folder.h"

namespace gradus {

struct InspectOptions {
  std::string checkpoint;       ///< name in checkpoints/; "": best, or last where there is no best
  int64 batch = 0;              ///< which batch of the epoch that would come next
  int64 windows = 2;            ///< at most so many of its windows
  bool detect_anomaly = false;  ///< AnomalyError at the first value that is not finite
};

/// Attention of one layer as a matrix, [B,H,Nq,Nk].
struct AttentionMap {
  std::string label;           ///< "model/layer0/attention/core/weights"
  Tensor weights;              ///< what multiplies v
  bool in_graph = true;        ///< false: the core never forms it, computed from the same q and k
  std::string gradient_label;  ///< the node whose gradient follows, or ""
  Tensor gradient;             ///< d loss / d that node, or undefined
};

struct InspectedStep {
  std::string run, checkpoint;
  Experiment experiment;
  TrainingPoint point;
  int64 batch = 0;
  std::vector<std::string> windows;  ///< "amazing_grace, steps 0 to 96"
  Var loss;
  Gradients gradients;
  GraphDump graph;
  std::vector<Var> nodes;  ///< beside graph.nodes
  std::vector<AttentionMap> attention;
  int64 parameters = 0;     ///< numbers in all parameters
  std::uint64_t bytes = 0;  ///< held by values and gradients
  double seconds = 0;
};

/// Inf without NaN where it belongs: a constant, or an op that may put it out (a mask of -inf).
bool is_mask(const DumpNode& node, const Var& v);
/// The node's value or gradient holds what is not finite and is no mask.
bool is_bad(const DumpNode& node, const Var& v);

InspectedStep inspect_step(const RunFolder& folder, const InspectOptions& options);

/// What --export writes: "value/LABEL" and "gradient/LABEL" of the nodes whose label matches the
/// glob; "" stands for every node with a name. A label that several nodes bear gets "#2", "#3".
/// ConfigError where nothing matches.
std::map<std::string, Tensor> named_tensors(const InspectedStep& step, const std::string& glob);

}  // namespace gradus

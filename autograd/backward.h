// Reverse mode. Gradients are returned, not stored: there is no zero_grad and there are no stale
// sums. The pass runs each needed node's vjp once, in falling order of creation ids, in a loop.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "autograd/var.h"

namespace gradus {

/// Which cotangents a backward pass keeps, besides those of the leaves.
enum class KeepGrads { leaves, named, all };

/// Numbers, no nodes: the gradients of one backward pass, by Var, by name, by parameter path.
class Gradients {
 public:
  struct Entry {
    std::string label;  ///< path of a parameter, name of a node
    Tensor value;
    int64 id = 0;
    bool parameter = false;
  };
  /// GraphError where there is none: see why_no_gradient.
  const Tensor& of(const Var& v) const;
  bool has(const Var& v) const;
  /// By full label, "model/layer0/attention/q"; GraphError where it is unknown (nearest spelling)
  /// or not unique.
  const Tensor& by_name(const std::string& label) const;
  /// By label, or null; a parameter before a node of the same label.
  const Tensor* find(const std::string& label) const;
  std::span<const Entry> entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }

  void add(Entry e);
  /// Sums: parameters by path, others by node.
  Gradients& operator+=(const Gradients& o);
  /// Every gradient times a number.
  Gradients& operator*=(double factor);
  /// sqrt of the sum of squares of the parameters' gradients (of all where there are no
  /// parameters).
  double global_norm() const;

 private:
  std::vector<Entry> entries_;
  std::unordered_map<int64, std::size_t> by_id_;
  std::unordered_map<std::string, std::size_t> by_path_;  // parameters
  std::map<std::string, std::vector<std::size_t>> by_label_;
};

struct BackwardOptions {
  KeepGrads keep = KeepGrads::leaves;
};
/// d loss / d everything it depends on. `loss` has one element (or pass `cotangent` of its shape).
/// Taken by value: after backward(std::move(loss)) each node is freed as soon as its vjp has run;
/// while another handle lives nothing is freed and backward may be repeated.
Gradients backward(Var loss, BackwardOptions options = {});
Gradients backward(Var output, Tensor cotangent, BackwardOptions options = {});

struct GradOptions {
  bool create_graph = false;  ///< the results are part of the graph and can be differentiated again
  bool allow_unused = false;  ///< zeros instead of an error for an x that y does not depend on
};
/// dy/dx for each x (interior nodes too); y has one element, or `cotangent` has y's shape.
std::vector<Var> grad(const Var& y, std::span<const Var> x, GradOptions options = {},
                      const Var& cotangent = {});
inline std::vector<Var> grad(const Var& y, std::initializer_list<Var> x, GradOptions options = {},
                             const Var& cotangent = {}) {
  return grad(y, std::span<const Var>(x.begin(), x.size()), options, cotangent);
}

/// One sentence: why `loss` gives no gradient for `w` (or that it does).
std::string why_no_gradient(const Var& loss, const Var& w);

}  // namespace gradus

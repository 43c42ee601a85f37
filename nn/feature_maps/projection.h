// Random projections W [r, columns] for feature maps that estimate a kernel: each column is
// Gaussian, N(0, I), and those of a block of r are orthogonal, which makes the estimate vary less
// and leaves its mean (Yu et al. 2016; Choromanski et al. 2021, theorem 2).
#pragma once

#include "nn/feature_maps/common.h"

namespace gradus::detail {

/// A map of x W, with W [width, columns] drawn anew on request.
class ProjectedMap : public FeatureMap {
 public:
  int64 features(int64) const override { return m_; }
  void draw(Rng& rng) override;
  bool stochastic() const override { return true; }

 protected:
  ProjectedMap(const Build& build, std::string_view kind, int64 width, int64 features,
               int64 columns);
  /// W factor, for inputs like x; ShapeError where x is not `width` wide.
  Var scaled_projection(const Var& x, double factor) const;
  /// x W; ShapeError where x is not `width` wide.
  Var projected(const Var& x) const;
  int64 count() const { return m_; }

 private:
  void check_width(const Var& x) const;

  std::string_view kind_;
  int64 width_, m_;
  Buffer& projection_;
};

inline constexpr OptionInfo kPairedFeaturesOption{"features", "128", "even, 2 to 8192", "m"};

/// The options of maps whose features come in pairs and stand for a kernel of sqrt(tau) x.
struct PairedOptions {
  int64 features = 128;    ///< m, even
  double temperature = 1;  ///< tau, 1/sqrt(head_dim) where nothing is said
  static PairedOptions read(Options& o, int64 head_dim);
};

}  // namespace gradus::detail

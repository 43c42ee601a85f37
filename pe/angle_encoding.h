// AngleEncoding: what the encodings of angles theta = f . p share: the labels that they read, their
// frequencies (derived, drawn once, or learned; one set for all layers, for the model owns the
// encoding) and the tables of cos and sin, worked out once a call for keys and queries together.
#pragma once

#include <string>
#include <vector>

#include "pe/angles.h"
#include "pe/rotation.h"

namespace gradus {

/// derived: follow from the options. drawn: random, saved with the model, not trained. learned:
/// trained.
enum class Frequencies { derived, drawn, learned };

struct TurnPair {
  Turn q, k;
};
/// The same in one piece, [cos | sin], [B|1, H|1, N, 2F].
struct TablePair {
  Var q, k;
};

class AngleEncoding : public PositionalEncoding, public HasFrequencies {
 public:
  /// Numbers per label.
  int64 label_width() const { return labels_.width; }
  Tensor own_frequencies() const override;

 protected:
  AngleEncoding(const Build& build, EncodingShape shape, LabelConfig labels);
  /// f64 [H|1, F, L]; once, in the constructor.
  void set_frequencies(Tensor initial, Frequencies kind);
  /// What set_frequencies stored, [H|1, F, L]; angular frequencies unless an encoding maps them.
  Var stored_frequencies() const;
  /// Angular frequencies [H|1, F, L].
  virtual Var frequencies() const { return stored_frequencies(); }
  /// Those that turn, for frequencies that a study chose: an encoding may scale them.
  virtual Var scaled(const Var& f) const { return f; }
  /// Tables for the key rows and the query rows. q and k are [B,H,N,width]; ShapeError where they
  /// are not, ConfigError where the labels have another width.
  TablePair tables(const Var& q, const Var& k, const Positions& positions, int64 width) const;
  TurnPair turns(const Var& q, const Var& k, const Positions& positions, int64 width) const;
  /// theta of one label (f64 [L]) for closed forms, [H][F].
  std::vector<double> angles_at(const Tensor& label) const;

 private:
  /// frequencies(), or what a study puts in their place.
  Var turning() const { return studied().defined() ? scaled(studied()) : frequencies(); }

  LabelConfig labels_;
  Tensor derived_;
  const Buffer* drawn_ = nullptr;
  const Parameter* learned_ = nullptr;
};

}  // namespace gradus

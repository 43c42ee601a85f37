#include "train/recurrence.h"

#include <algorithm>

#include "tensor/index.h"

namespace gradus {

namespace {

int64 longest(std::span<const PieceWindow> windows) {
  int64 steps = 0;
  for (const PieceWindow& w : windows) steps = std::max(steps, w.length);
  return steps;
}

}  // namespace

Recurrence::Recurrence(const Harmonizer& h, const std::vector<Piece>& pieces,
                       std::span<const PieceWindow> windows)
    : harmonizer_(h),
      columns_(h.piano_columns()),
      batch_(make_batch(pieces, windows, longest(windows), h.format())),
      positions_(h.positions(batch_)),
      states_(h.model().start()) {
  for (const PieceWindow& w : windows)
    past_.push_back(past_columns(h.format(), pieces[w.piece].steps_per_bar));
  onset_.assign(cell(this->windows(), 0), 0);
  sustain_.assign(onset_.size(), 0);
}

Tensor Recurrence::input() const {
  Tensor row = copy(slice(batch_.input, 1, position_, position_ + 1));
  const int64 features = row.size(2), width = past_width(harmonizer_.format());
  auto* x = row.writable<float>();
  for (int64 i = 0; i < windows(); ++i)
    for (const PastColumns& c : past_[static_cast<std::size_t>(i)]) {
      float* out = x + i * features + c.first;
      const int64 heard = position_ - c.lag;
      std::fill_n(out, width, 0.0f);
      if (heard < 0) continue;
      const auto first = static_cast<std::ptrdiff_t>(cell(i, heard));
      if (harmonizer_.format().onsets) out = std::copy_n(onset_.begin() + first, pitches(), out);
      std::copy_n(sustain_.begin() + first, pitches(), out);
    }
  return row;
}

Tensor Recurrence::logits() {
  check<IndexError>(!done(), "all {} steps of these windows were heard", length());
  const NoGrad no_grad;
  const int64 t = position_;
  Positions one =
      labelled_positions(slice(positions_.labels, 1, t, t + 1), positions_.tracks, true);
  one.key_mask = contiguous(slice(positions_.key_mask, 1, t, t + 1));
  Pass pass = Pass::eval();
  const Var y = harmonizer_.model().step(Var(input()), one, states_, pass);
  return contiguous(select(y.value(), 1, 0));
}

void Recurrence::play(std::span<const std::uint8_t> onset, std::span<const std::uint8_t> sustain) {
  const auto cells = static_cast<std::size_t>(windows() * pitches());
  check_shape(onset.size() == cells && sustain.size() == cells,
              "a step of {} windows has {} cells, got {} onsets and {} of sustain", windows(),
              cells, onset.size(), sustain.size());
  const auto put = [&](std::span<const std::uint8_t> from, std::vector<std::uint8_t>& to) {
    for (int64 i = 0; i < windows(); ++i)
      std::copy_n(from.begin() + i * pitches(), pitches(),
                  to.begin() + static_cast<std::ptrdiff_t>(cell(i, position_)));
  };
  put(onset, onset_), put(sustain, sustain_);
  ++position_;
}

Roll Recurrence::played(int64 window) const {
  const auto cells = [&](const std::vector<std::uint8_t>& from) {
    Tensor t = zeros({position_, pitches()}, DType::u8);
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(cell(window, 0)), position_ * pitches(),
                t.writable<std::uint8_t>());
    return t;
  };
  return {cells(onset_), cells(sustain_), harmonizer_.format().target_low};
}

std::uint64_t Recurrence::state_bytes() const {
  std::uint64_t bytes = 0;
  for (const AttentionState& s : states_)
    for (const Tensor* t : {&s.sums, &s.unrotated, &s.log_scale})
      if (t->defined()) bytes += static_cast<std::uint64_t>(t->numel()) * size_of(t->dtype());
  return bytes;
}

}  // namespace gradus

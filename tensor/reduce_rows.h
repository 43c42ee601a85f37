// The engine behind the reductions. A policy says what is accumulated:
//   In, Acc, Out; identity(); step(Acc, In); merge(Acc, Acc); finish(Acc)
// and, where a kernel does what Reduction::add_rows does, that kernel: sum_rows.
// Every sum is a fixed tree: leaves of fixed size, merged pairwise; long reductions are cut into
// parts of fixed size that are merged pairwise in order. So the bits depend on the shape and the
// strides, never on the threads.
#pragma once

#include "tensor/kernels/sum_rows.h"
#include "tensor/reduce.h"
#include "tensor/strided.h"

namespace gradus::detail {

/// Merges values pairwise as they come: a tree of equal halves, without recursion.
template <class P>
class Cascade {
 public:
  using Acc = typename P::Acc;
  void push(Acc value) {
    for (std::uint64_t c = count_++; c & 1; c >>= 1) value = P::merge(stack_[--depth_], value);
    stack_[depth_++] = value;
  }
  Acc total() {
    if (depth_ == 0) return P::identity();
    Acc value = stack_[--depth_];
    while (depth_ > 0) value = P::merge(stack_[--depth_], value);
    return value;
  }

 private:
  Acc stack_[64];
  int depth_ = 0;
  std::uint64_t count_ = 0;
};

/// All of p[0], p[step], ...: sixteen running values, which the compiler keeps in vectors.
template <class P>
typename P::Acc reduce_leaf(const typename P::In* p, int64 step, int64 count) {
  constexpr int kLanes = 16;
  typename P::Acc total = P::identity();
  int64 i = 0;
  if (step == 1 && count >= kLanes) {
    typename P::Acc lane[kLanes];
    for (auto& l : lane) l = P::identity();
    for (; i + kLanes <= count; i += kLanes)
      for (int j = 0; j < kLanes; ++j) lane[j] = P::step(lane[j], p[i + j]);
    for (int half = kLanes / 2; half > 0; half /= 2)
      for (int j = 0; j < half; ++j) lane[j] = P::merge(lane[j], lane[j + half]);
    total = lane[0];
  }
  for (; i < count; ++i) total = P::step(total, p[i * step]);
  return total;
}

template <class P>
class Reduction {
 public:
  using In = typename P::In;
  using Acc = typename P::Acc;
  using Out = typename P::Out;

  Reduction(const Tensor& x, const std::vector<bool>& reduced)
      : kept_(axes_of(x, reduced, false)),
        reduced_(axes_of(x, reduced, true)),
        elements_(x.data<In>()) {}

  void run(Out* out) const {
    if (kept_.numel() == 0) return;
    // Along the kept axis where that is the one of nearby elements and wide enough for vectors.
    if (kept_.inner_size() >= 4 && kept_.inner_stride(0) < reduced_.inner_stride(0))
      run_columns(out);
    else
      run_rows(out);
  }

 private:
  static constexpr int64 kPart = 65536;  // elements of one part
  static constexpr int64 kLeaf = 512;
  static constexpr int64 kTile = 256;         // columns accumulated side by side
  static constexpr int64 kBlock = kSumBlock;  // rows summed one after the other

  static Walk<1> axes_of(const Tensor& x, const std::vector<bool>& reduced, bool wanted) {
    Shape shape;
    Strides strides;
    for (int axis = 0; axis < x.rank(); ++axis)
      if (reduced[static_cast<std::size_t>(axis)] == wanted)
        shape.push_back(x.shape()[axis]), strides.push_back(x.strides()[axis]);
    return {shape, strides};
  }

  Acc reduce_part(const In* base, int64 begin, int64 end) const {
    Cascade<P> cascade;
    const int64 step = reduced_.inner_stride(0);
    reduced_.run(begin, end, [&](const int64(&at)[1], int64, int64 count) {
      for (int64 i = 0; i < count; i += kLeaf)
        cascade.push(reduce_leaf<P>(base + at[0] + i * step, step, std::min(kLeaf, count - i)));
    });
    return cascade.total();
  }

  /// One output after the other.
  void run_rows(Out* out) const {
    const int64 length = reduced_.numel(), step = kept_.inner_stride(0);
    if (length <= kPart) {
      const int64 grain = 1 + kGrain / (length + 1);
      return kept_.run_parallel(
          [&](const int64(&at)[1], int64 first, int64 count) {
            for (int64 i = 0; i < count; ++i)
              out[first + i] = P::finish(reduce_part(elements_ + at[0] + i * step, 0, length));
          },
          grain);
    }
    const int64 parts = (length + kPart - 1) / kPart;
    std::vector<Acc> partial(static_cast<std::size_t>(kept_.numel() * parts));
    gradus::parallel_for(0, kept_.numel() * parts, 1, [&](int64 begin, int64 end) {
      for (int64 task = begin; task < end; ++task) {
        const int64 k = task / parts, r = task % parts * kPart;
        kept_.run(k, k + 1, [&](const int64(&at)[1], int64, int64) {
          partial[static_cast<std::size_t>(task)] =
              reduce_part(elements_ + at[0], r, std::min(r + kPart, length));
        });
      }
    });
    merge_parts(partial.data(), parts, 1, parts, out);
  }

  /// Tiles of outputs side by side, each row of the input added to all of them.
  void run_columns(Out* out) const {
    const int64 length = reduced_.numel(), width = kept_.inner_size();
    const int64 tile = std::min(kTile, width), tiles = (width + tile - 1) / tile;
    const int64 part = std::max(kBlock, kPart / tile);
    const int64 parts = std::max<int64>(1, (length + part - 1) / part);
    const int64 kept = kept_.numel(), tasks = kept / width * tiles * parts;
    std::vector<Acc> partial(parts > 1 ? static_cast<std::size_t>(kept * parts) : 0);
    const int64 grain = 1 + kGrain / (tile * std::min(length, part) + 1);
    gradus::parallel_for(0, tasks, grain, [&](int64 begin, int64 end) {
      for (int64 task = begin; task < end; ++task) {
        const int64 r = task % parts * part, t = task / parts;
        const int64 first = t / tiles * width + t % tiles * tile;
        const int64 count = std::min(tile, width - t % tiles * tile);
        Acc total[kTile];
        kept_.run(first, first + count, [&](const int64(&at)[1], int64, int64) {
          add_rows(elements_ + at[0], count, r, std::min(r + part, length), total);
        });
        for (int64 c = 0; c < count; ++c)
          if (parts > 1)
            partial[static_cast<std::size_t>((task % parts) * kept + first + c)] = total[c];
          else
            out[first + c] = P::finish(total[c]);
      }
    });
    if (parts > 1) merge_parts(partial.data(), 1, kept, parts, out);
  }

  void add_rows(const In* base, int64 count, int64 begin, int64 end, Acc* total) const {
    const int64 column_step = kept_.inner_stride(0), row_step = reduced_.inner_stride(0);
    if constexpr (requires { P::sum_rows; })
      if (column_step == 1 && reduced_.inner_size() == reduced_.numel())
        return P::sum_rows(base + begin * row_step, row_step, end - begin, count, total);
    Acc block[kTile];
    std::fill(total, total + count, P::identity());
    std::fill(block, block + count, P::identity());
    int64 rows = 0;
    const auto flush = [&] {
      for (int64 c = 0; c < count; ++c) total[c] = P::merge(total[c], block[c]);
      std::fill(block, block + count, P::identity());
      rows = 0;
    };
    reduced_.run(begin, end, [&](const int64(&at)[1], int64, int64 n) {
      for (int64 i = 0; i < n; ++i) {
        const In* p = base + at[0] + i * row_step;
        if (column_step == 1)
          for (int64 c = 0; c < count; ++c) block[c] = P::step(block[c], p[c]);
        else
          for (int64 c = 0; c < count; ++c) block[c] = P::step(block[c], p[c * column_step]);
        if (++rows == kBlock) flush();
      }
    });
    flush();
  }

  void merge_parts(const Acc* partial, int64 kept_step, int64 part_step, int64 parts,
                   Out* out) const {
    for (int64 k = 0; k < kept_.numel(); ++k) {
      Cascade<P> cascade;
      for (int64 p = 0; p < parts; ++p) cascade.push(partial[k * kept_step + p * part_step]);
      out[k] = P::finish(cascade.total());
    }
  }

  Walk<1> kept_, reduced_;
  const In* elements_;
};

/// x reduced by P into a fresh tensor.
template <class P>
Tensor reduce(const Tensor& x, const Axes& axes, Keep keep) {
  const std::vector<bool> reduced = reduced_axes(axes, x.rank());
  Tensor out = Tensor::empty(reduced_shape(x.shape(), axes, keep), dtype_of<typename P::Out>());
  Reduction<P>(x, reduced).run(out.template writable<typename P::Out>());
  return out;
}

}  // namespace gradus::detail

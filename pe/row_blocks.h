// The rows of tables [B|1, H|1, N, ..] that sequences and heads share, in blocks, and the rows of
// [B,H,N,W] that meet them: how the fused ops of angles go through memory.
#pragma once

#include <algorithm>
#include <vector>

#include "pe/kernels/pair_rows.h"
#include "tensor/array.h"

namespace gradus {

/// Rows of one line of the table, and the sequences and heads that share it.
struct RowBlock {
  int64 line = 0, token = 0, rows = 0;
  int64 batch_begin = 0, batch_end = 0, head_begin = 0, head_end = 0;
};

struct SharedRows {
  SharedRows(const Shape& table, int64 b, int64 h)
      : batch(b), heads(h), tokens(table[2]), table_batch(table[0]), table_heads(table[1]) {}
  int64 lines() const { return table_batch * table_heads; }
  int64 rows() const { return lines() * tokens; }
  /// How many sequences and heads meet a row of the table.
  int64 sharers() const { return batch * heads / std::max<int64>(1, lines()); }
  /// From that row of all lines on, `most` rows or up to the end of the line.
  RowBlock block(int64 row, int64 most) const {
    RowBlock b;
    b.line = row / tokens;
    b.token = row % tokens;
    b.rows = std::min(most, tokens - b.token);
    const int64 tb = b.line / table_heads, th = b.line % table_heads;
    b.batch_begin = table_batch == 1 ? 0 : tb;
    b.batch_end = table_batch == 1 ? batch : tb + 1;
    b.head_begin = table_heads == 1 ? 0 : th;
    b.head_end = table_heads == 1 ? heads : th + 1;
    return b;
  }

  int64 batch, heads, tokens, table_batch, table_heads;
};

/// A tensor [B,H,N,W] of any strides as rows; what stands apart is gathered a block at a time.
template <class T>
class RowsOf {
 public:
  explicit RowsOf(const Tensor& t)
      : at_(t.data<T>()), strides_(t.strides()), width_(t.size(3)), dense_(t.size(3) == 1) {
    dense_ = dense_ || strides_[3] == 1;
  }
  PairRows<T> block(int64 batch, int64 head, const RowBlock& b, std::vector<T>& room) const {
    const T* from = at_ + batch * strides_[0] + head * strides_[1] + b.token * strides_[2];
    if (dense_) return {from, strides_[2]};
    // One number everywhere, as in the cotangent of a sum, makes one row.
    const bool one_row = strides_[2] == 0;
    room.resize(static_cast<std::size_t>((one_row ? 1 : b.rows) * width_));
    for (int64 r = 0; r < (one_row ? 1 : b.rows); ++r)
      for (int64 i = 0; i < width_; ++i)
        room[static_cast<std::size_t>(r * width_ + i)] = from[r * strides_[2] + i * strides_[3]];
    return {room.data(), one_row ? 0 : width_};
  }

 private:
  const T* at_;
  Strides strides_;
  int64 width_;
  bool dense_;
};

}  // namespace gradus

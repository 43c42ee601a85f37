// Rows of linear attention on their way into a chunk's scratch memory and back: copied, mapped,
// turned ([f c, f s], two numbers c, s a row), and their gradients; for .cpp files in a kernels
// folder.
#pragma once

#include "nn/kernels/blocks.h"
#include "nn/kernels/element_map.h"
#include "tensor/kernels/vec_rows.h"

namespace gradus {
namespace GRADUS_LEVEL {

using Count = std::int64_t;
constexpr Count kChunk = 32;

template <class T>
struct Chunk {
  Count first, count, rows;  // rows: count rounded up
  Count next, next_count;    // how far away the chunk is that comes next, and its rows
};
template <class T>
Chunk<T> chunk_at(Count first, Count all, Count next = kChunk) {
  const auto count_at = [all](Count at) {
    const Count left = at < 0 ? 0 : all - at;
    return left < 0 ? 0 : left < kChunk ? left : kChunk;
  };
  return {first, count_at(first), padded<T>(count_at(first)), next, count_at(first + next)};
}

template <class T>
void clear(T* at, Count n) {
  for (Count i = 0; i < n; ++i) at[i] = 0;
}

/// Copies a chunk of rows, mapped, and asks for the rows of the chunk that comes next (`next` rows
/// on): heads that lie side by side are read in pieces that no hardware foresees.
template <class T, ElementMap kMap>
void pack(T* to, Count lead, RowsAt<const T> from, Chunk<T> c, Count width, Count columns) {
  constexpr Count n = kLanes<T>, kLine = 64 / static_cast<Count>(sizeof(T));
  for (Count i = 0; i < c.count; ++i) {
    const T* row = from.first + (c.first + i) * from.lead;
    T* out = to + i * lead;
    if (i < c.next_count)
      for (Count j = 0; j < width; j += kLine) __builtin_prefetch(row + c.next * from.lead + j);
    Count j = 0;
    for (; j + n <= width; j += n) store(out + j, mapped<T, kMap>(load(row + j)));
    if (j < width) {
      const Vec<T> rest = mapped<T, kMap>(load_part(row + j, width - j, T(0)));
      store_part(out + j, rest, width - j);
      j = width;
    }
    for (; j < columns; ++j) out[j] = 0;
  }
  for (Count i = c.count; i < c.rows; ++i) clear(to + i * lead, columns);
}
/// x -> [x c, x s] in each row.
template <class T>
void turn_rows(T* rows, Count lead, RowsAt<const T> turn, Chunk<T> c, Count width) {
  constexpr Count n = kLanes<T>;
  for (Count i = 0; i < c.count; ++i) {
    const T* by = turn.first + (c.first + i) * turn.lead;
    T *first = rows + i * lead, *second = first + width;
    Count j = 0;
    for (; j + n <= width; j += n) {
      const Vec<T> x = load(first + j);
      store(first + j, x * by[0]);
      store(second + j, x * by[1]);
    }
    if (j < width) {
      const Vec<T> x = load_part(first + j, width - j, T(0));
      store_part(first + j, x * by[0], width - j);
      store_part(second + j, x * by[1], width - j);
    }
  }
}
template <class T>
void pack_features(T* to, const LinearHead<T>& h, RowsAt<const T> from, RowsAt<const T> turn,
                   Chunk<T> c, Count columns) {
  with_map(h.map, [&](auto map) { pack<T, map()>(to, columns, from, c, h.features, columns); });
  if (turn.first) turn_rows(to, columns, turn, c, h.features);
}
template <class T>
void pack_plain(T* to, Count lead, RowsAt<const T> from, Chunk<T> c, Count width) {
  pack<T, ElementMap::identity>(to, lead, from, c, width, lead);
}

/// Rows that are not kept become 0; kept null: all are.
template <class T>
void clear_others(T* rows, Count lead, RowsAt<const std::uint8_t> kept, Chunk<T> c) {
  if (!kept.first) return;
  for (Count i = 0; i < c.count; ++i)
    if (!kept.first[(c.first + i) * kept.lead]) clear(rows + i * lead, lead);
}

/// The first `width` numbers of each row, times factors[i] (null: 1).
template <class T>
void write_rows(RowsAt<T> to, const T* from, Count lead, Chunk<T> c, Count width,
                const T* factors) {
  for (Count i = 0; i < c.count; ++i)
    scale_row(to.first + (c.first + i) * to.lead, from + i * lead, width,
              factors ? factors[i] : T(1));
}

template <class T, ElementMap kMap>
void write_gradients(RowsAt<T> to, const T* from, Count lead, RowsAt<const T> x, Chunk<T> c,
                     Count width) {
  constexpr Count n = kLanes<T>;
  for (Count i = 0; i < c.count; ++i) {
    T* row = to.first + (c.first + i) * to.lead;
    const T *g = from + i * lead, *at = x.first + (c.first + i) * x.lead;
    Count j = 0;
    for (; j + n <= width; j += n) store(row + j, times_slope<T, kMap>(load(g + j), load(at + j)));
    if (j < width)
      store_part(row + j, times_slope<T, kMap>(load(g + j), load_part(at + j, width - j, T(0))),
                 width - j);
  }
}
/// Of both halves a, b of turned rows: c a + s b through the map; f . a and f . b by c and s.
template <class T, ElementMap kMap>
void write_turned(RowsAt<T> to, RowsAt<T> to_turn, const T* from, Count lead, RowsAt<const T> x,
                  RowsAt<const T> turn, Chunk<T> c, Count width) {
  constexpr Count n = kLanes<T>;
  for (Count i = 0; i < c.count; ++i) {
    T* row = to.first + (c.first + i) * to.lead;
    const T *a = from + i * lead, *b = a + width, *at = x.first + (c.first + i) * x.lead,
            *by = turn.first + (c.first + i) * turn.lead;
    Vec<T> by_c{}, by_s{};
    const auto through = [&](Vec<T> ga, Vec<T> gb, Vec<T> in) {
      const Vec<T> f = mapped<T, kMap>(in);
      by_c += f * ga, by_s += f * gb;
      return times_slope<T, kMap>(ga * by[0] + gb * by[1], in);
    };
    Count j = 0;
    for (; j + n <= width; j += n) store(row + j, through(load(a + j), load(b + j), load(at + j)));
    if (const Count left = width - j)
      store_part(row + j,
                 through(load_part(a + j, left, T(0)), load_part(b + j, left, T(0)),
                         load_part(at + j, left, T(0))),
                 left);
    if (!to_turn.first) continue;
    T* sums = to_turn.first + (c.first + i) * to_turn.lead;
    sums[0] = sum_lanes<T>(by_c), sums[1] = sum_lanes<T>(by_s);
  }
}
template <class T>
void write_through_turn(const LinearHead<T>& h, RowsAt<T> to, RowsAt<T> to_turn, const T* from,
                        Count lead, RowsAt<const T> x, RowsAt<const T> turn, Chunk<T> c) {
  with_map(h.map, [&](auto map) {
    write_turned<T, map()>(to, to_turn, from, lead, x, turn, c, h.features);
  });
}
/// The same inside a chunk's own memory: the gradients g of both halves become those of the
/// features f themselves.
template <class T>
void turn_back(T* g, const T* f, Count lead, RowsAt<const T> turn, RowsAt<T> to_turn, Chunk<T> c,
               Count width) {
  turn.first += c.first * turn.lead;
  if (to_turn.first) to_turn.first += c.first * to_turn.lead;
  c.first = 0;
  write_turned<T, ElementMap::identity>({g, lead}, to_turn, g, lead, {f, lead}, turn, c, width);
}
/// Through the map: times its slope at x.
template <class T>
void write_through(const LinearHead<T>& h, RowsAt<T> to, const T* from, Count lead,
                   RowsAt<const T> x, Chunk<T> c) {
  if (h.map == ElementMap::identity) return write_rows<T>(to, from, lead, c, h.features, nullptr);
  with_map(h.map, [&](auto map) { write_gradients<T, map()>(to, from, lead, x, c, h.features); });
}

}  // namespace GRADUS_LEVEL
}  // namespace gradus

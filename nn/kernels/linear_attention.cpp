// A head runs through its rows in chunks: inside a chunk the masked square form, the rows before it
// through the running sums S and z (SPEC 2). The gradients need two runs, S and z growing from the
// front for dq, R and t from the back for dk and dv; with e = g / total and u = -(g . y) / total:
//
//   D = tril(e v^T + u)    dq = (D h + e S^T + u z^T) map'     S += h^T v,  z += sum h
//   P = tril(f h^T)        dv = P^T e + h R                    R += f^T e,  t += sum u f
//                          dk = (D^T f + v R^T + t^T) map'
//
// The terms in u, z and t are one more column of e and of v: [e, u] and [v, 1]. Turned features are
// made in a chunk from those of the map, and their gradients go back through both halves. Features
// that are no functions of one number each: nn/kernels/feature_stage.h. Scales weigh P and D, and
// rows that go into a sum or are multiplied by one (nn/kernels/token_scales.h): v and e on the way
// into S and R, f, e, v and h on the way out.
#include "nn/kernels/linear_attention.h"

#include "nn/kernels/feature_stage.h"
#include "nn/kernels/linear_scratch.h"
#include "nn/kernels/token_scales.h"

namespace gradus {
namespace GRADUS_LEVEL {
namespace {

/// One head and its memory.
template <class T>
class Head {
 public:
  Head(const LinearHead<T>& head, T* scratch)
      : h_(head),
        r_(head.features * (head.q_turn.first ? 2 : 1)),
        w_(head.width),
        causal_(head.keys_seen == Keys::earlier),
        divided_(head.eps.first != nullptr),
        scaled_(head.q_scale.first != nullptr) {
    const Count used = Scratch<T>::place(&x_, scratch, r_, w_);
    Stage<T>::place(&stage_, scratch + used, h_.stage.inputs, h_.stage.columns);
    clear_sums();
  }

  void forward(const LinearForward<T>& f) {
    if (!causal_)
      for (Count at = 0; at < h_.keys; at += kChunk) {
        const auto c = chunk_at<T>(at, h_.keys);
        load_keys(c);
        add_to_sums(c);
      }
    for (Count at = 0; at < h_.queries; at += kChunk) {
      const auto c = chunk_at<T>(at, h_.queries);
      pack_queries(c);
      const Factors<T> before{x_.q, x_.features, 1, x_.s, x_.columns, r_};
      if (causal_) {
        load_keys(c);
        load_scales(c);
        multiply_queries_by_keys(c);
        meet_sums(Side::query, x_.q, x_.features);
        product(x_.out, x_.columns, c.rows, x_.columns, Part::lower, Store::over,
                {x_.p, kChunk, 1, x_.v, x_.lead, c.rows}, before);
      } else {
        product(x_.out, x_.columns, c.rows, x_.columns, Part::all, Store::over, before);
      }
      if (divided_) sum_totals(c, f.totals);
      write_rows<T>(f.y, x_.out, x_.columns, c, w_, divided_ ? x_.rows : nullptr);
      if (causal_ && at + kChunk < h_.queries) add_to_sums(c);
    }
  }

  void backward(const LinearBackward<T>& b) {
    const bool sums_wanted = b.dk.first || b.dv.first;
    if (causal_) {
      if (b.dq.first || divided_) gradients_of_queries(b);
      if (!sums_wanted) return;
      clear_sums();
      for (Count at = (h_.keys - 1) / kChunk * kChunk; at >= 0; at -= kChunk) {
        const auto c = chunk_at<T>(at, h_.keys, -kChunk);
        load_queries(c, b);
        gradients_of_keys(c, b);
        add_to_query_sums(c);
      }
      return;
    }
    if (b.dq.first)
      for (Count at = 0; at < h_.keys; at += kChunk) {
        const auto c = chunk_at<T>(at, h_.keys);
        load_keys(c);
        add_to_transposed_sums(c);
      }
    if (b.dq.first || divided_) gradients_of_queries(b);
    if (!sums_wanted) return;
    clear_sums();
    for (Count at = 0; at < h_.queries; at += kChunk) {
      const auto c = chunk_at<T>(at, h_.queries);
      load_queries(c, b);
      add_to_query_sums(c);
    }
    for (Count at = 0; at < h_.keys; at += kChunk) gradients_of_keys(chunk_at<T>(at, h_.keys), b);
  }

 private:
  using Side = typename TokenScales<T>::Side;

  void clear_sums() {
    if (scaled_) scales_.begin(x_.weights);
    clear(x_.s, x_.features * x_.lead);
    clear(x_.st, x_.lead * x_.features);
    clear(x_.z, x_.features);
  }
  /// What features are made of.
  struct Features {
    RowsAt<const T> rows, turn, shift;
  };
  void pack_features_of(const Features& from, Chunk<T> c, T* to, bool turned) {
    if (h_.stage.inputs == 0) return pack_features(to, h_, from.rows, from.turn, c, x_.features);
    stage_.make(h_.stage, h_.map, from.rows, from.shift, c, to, x_.features);
    if (turned && from.turn.first) turn_rows(to, x_.features, from.turn, c, h_.features);
  }
  void pack_queries(Chunk<T> c) {
    pack_features_of({h_.q, h_.q_turn, h_.stage.q_shift}, c, x_.q, true);
  }
  void pack_keys(Chunk<T> c) {
    pack_features_of({h_.k, h_.k_turn, h_.stage.k_shift}, c, x_.k, true);
    clear_others(x_.k, x_.features, h_.kept, c);
  }
  /// From x_.out, the gradients of a chunk's features, to those of what they are made of. A stage
  /// needs the features before any turn: `packed`, where they are those of this chunk.
  void write_back(const Features& of, Chunk<T> c, T* features, bool packed, RowsAt<T> to_turn,
                  const StageGradients<T>& to) {
    if (h_.stage.inputs != 0) {
      if (!packed || of.turn.first) pack_features_of(of, c, features, false);
      if (of.turn.first) turn_back(x_.out, features, x_.features, of.turn, to_turn, c, h_.features);
      stage_.back(h_.stage, h_.map, features, x_.out, x_.features, c, to);
    } else if (of.turn.first) {
      write_through_turn(h_, to.dx, to_turn, x_.out, x_.features, of.rows, of.turn, c);
    } else {
      write_through(h_, to.dx, x_.out, x_.features, of.rows, c);
    }
  }

  void load_keys(Chunk<T> c) {
    pack_keys(c);
    pack_plain(x_.v, x_.lead, h_.v, c, w_);
    transpose(x_.kt, kChunk, x_.k, x_.features, c.rows, x_.features);
  }
  void load_scales(Chunk<T> c) {
    if (scaled_) scales_.load_chunk(h_, c);
  }
  /// Rows on their way to a product with the sums.
  void meet_sums(Side side, T* rows, Count lead) {
    if (scaled_) scales_.meet(side, rows, lead);
  }
  /// Rows on their way into `sums`, which are r_ by w_ rounded up, as z.
  void join_sums(Side side, T* rows, T* sums) {
    if (!scaled_) return;
    const T factor = scales_.join(side, rows, x_.lead);
    if (factor == 1) return;
    scale(sums, x_.features * x_.columns, factor);
    scale(x_.z, x_.features, factor);
  }
  void add_to_key_sum(Chunk<T> c) {
    if (divided_)
      add_rows(x_.z, x_.k, x_.features, c.rows, x_.features, scaled_ ? scales_.factors() : nullptr,
               1);
  }
  void add_to_sums(Chunk<T> c) {
    join_sums(Side::key, x_.v, x_.s);
    product(x_.s, x_.columns, x_.features, x_.columns, Part::all, Store::add,
            {x_.kt, kChunk, 1, x_.v, x_.lead, c.rows});
    add_to_key_sum(c);
  }
  void multiply_queries_by_keys(Chunk<T> c) {
    product(x_.p, kChunk, c.rows, c.rows, Part::lower_result, Store::over,
            {x_.q, x_.features, 1, x_.kt, kChunk, r_});
    if (scaled_) scales_.weigh(x_.p);
    mask<T>(x_.p, c.rows);
  }
  /// totals = eps + row sums of P + q . z; x_.rows = 1 / totals.
  void sum_totals(Chunk<T> c, T* totals) {
    for (Count i = 0; i < c.rows; ++i)
      x_.rows[i] = i < c.count ? h_.eps.first[(c.first + i) * h_.eps.lead] : T(1);
    if (causal_) add_row_dots<T>(x_.rows, x_.p, kChunk, x_.p, kChunk, c.rows, c.rows, true);
    add_row_dots<T>(x_.rows, x_.q, x_.features, x_.z, 0, c.rows, x_.features, false);
    for (Count i = 0; i < c.count; ++i) {
      totals[c.first + i] = x_.rows[i];
      x_.rows[i] = 1 / x_.rows[i];
    }
  }

  /// e = [g / total, u]; u from g and y where it is not known yet.
  void load_cotangent(Chunk<T> c, const LinearBackward<T>& b, bool first_time) {
    pack_plain(x_.e, x_.lead, b.g, c, w_);
    if (!divided_) return;
    T* u = b.deps + c.first;
    if (first_time) {
      pack_plain(x_.v, x_.lead, b.y, c, w_);
      clear(x_.rows, c.rows);
      add_row_dots<T>(x_.rows, x_.e, x_.lead, x_.v, x_.lead, c.rows, x_.columns, false);
      for (Count i = 0; i < c.count; ++i) u[i] = -x_.rows[i] / b.totals[c.first + i];
    }
    for (Count i = 0; i < c.count; ++i) {
      const T factor = 1 / b.totals[c.first + i];
      T* row = x_.e + i * x_.lead;
      for (Count j = 0; j < x_.columns; j += kLanes<T>) store(row + j, load(row + j) * factor);
      row[w_] = u[i];
    }
  }
  /// D = tril(e v^T + u), or tril(g v^T)
  void multiply_cotangents_by_values(Chunk<T> c) {
    transpose(x_.vt, kChunk, x_.v, x_.lead, c.rows, x_.columns);
    if (divided_)
      for (Count i = 0; i < c.rows; ++i) x_.vt[w_ * kChunk + i] = 1;
    product(x_.d, kChunk, c.rows, c.rows, Part::lower_result, Store::over,
            {x_.e, x_.lead, 1, x_.vt, kChunk, width_and_one()});
    if (scaled_) scales_.weigh(x_.d);
    mask<T>(x_.d, c.rows);
  }
  Count width_and_one() const { return w_ + (divided_ ? 1 : 0); }
  /// Row `width` of st = z.
  void place_last_row() {
    if (!divided_) return;
    T* to = x_.st + w_ * x_.features;
    for (Count j = 0; j < x_.features; ++j) to[j] = x_.z[j];
  }
  void add_to_transposed_sums(Chunk<T> c) {
    join_sums(Side::key, x_.v, x_.st);
    product(x_.st, x_.features, x_.columns, x_.features, Part::all, Store::add,
            {x_.v, 1, x_.lead, x_.k, x_.features, c.rows});
    add_to_key_sum(c);
  }

  void gradients_of_queries(const LinearBackward<T>& b) {
    for (Count at = 0; at < h_.queries; at += kChunk) {
      const auto c = chunk_at<T>(at, h_.queries);
      load_cotangent(c, b, true);
      if (!b.dq.first) continue;
      place_last_row();
      const Factors<T> before{x_.e, x_.lead, 1, x_.st, x_.features, width_and_one()};
      if (causal_) {
        pack_keys(c);
        pack_plain(x_.v, x_.lead, h_.v, c, w_);
        load_scales(c);
        multiply_cotangents_by_values(c);
        meet_sums(Side::query, x_.e, x_.lead);
        product(x_.out, x_.features, c.rows, x_.features, Part::lower, Store::over,
                {x_.d, kChunk, 1, x_.k, x_.features, c.rows}, before);
        if (at + kChunk < h_.queries) add_to_transposed_sums(c);
      } else {
        product(x_.out, x_.features, c.rows, x_.features, Part::all, Store::over, before);
      }
      if (b.dq_scale.first) {
        pack_queries(c);
        write_row_dots(b.dq_scale, x_.q, c);
      }
      const Features to{h_.q, h_.q_turn, h_.stage.q_shift};
      write_back(to, c, x_.q, false, b.dq_turn, {b.dq, b.dweight, b.dbias, b.dq_shift});
    }
  }

  void load_queries(Chunk<T> c, const LinearBackward<T>& b) {
    pack_queries(c);
    load_cotangent(c, b, false);
    load_scales(c);
  }
  void add_to_query_sums(Chunk<T> c) {
    join_sums(Side::query, x_.e, x_.s);
    product(x_.s, x_.columns, x_.features, x_.columns, Part::all, Store::add,
            {x_.q, 1, x_.features, x_.e, x_.lead, c.rows});
    if (divided_) add_rows(x_.z, x_.q, x_.features, c.rows, x_.features, x_.e + w_, x_.lead);
  }
  void gradients_of_keys(Chunk<T> c, const LinearBackward<T>& b) {
    load_keys(c);
    if (b.dv.first) {
      const Factors<T> after{x_.k, x_.features, 1, x_.s, x_.columns, r_};
      if (causal_) {
        multiply_queries_by_keys(c);
        meet_sums(Side::key, x_.k, x_.features);
        product(x_.out, x_.columns, c.rows, x_.columns, Part::upper, Store::over,
                {x_.p, 1, kChunk, x_.e, x_.lead, c.rows}, after);
      } else {
        product(x_.out, x_.columns, c.rows, x_.columns, Part::all, Store::over, after);
      }
      write_rows<T>(b.dv, x_.out, x_.columns, c, w_, nullptr);
    }
    if (!b.dk.first) return;
    transpose(x_.st, x_.features, x_.s, x_.columns, x_.features, x_.columns);
    place_last_row();
    if (causal_) multiply_cotangents_by_values(c);
    if (divided_)
      for (Count i = 0; i < c.rows; ++i) x_.v[i * x_.lead + w_] = 1;
    meet_sums(Side::key, x_.v, x_.lead);
    const Factors<T> after{x_.v, x_.lead, 1, x_.st, x_.features, width_and_one()};
    if (causal_)
      product(x_.out, x_.features, c.rows, x_.features, Part::upper, Store::over,
              {x_.d, 1, kChunk, x_.q, x_.features, c.rows}, after);
    else
      product(x_.out, x_.features, c.rows, x_.features, Part::all, Store::over, after);
    clear_others(x_.out, x_.features, h_.kept, c);
    if (scaled_ && (h_.stage.inputs || b.dk_scale.first)) pack_keys(c);  // scaled ones until here
    if (b.dk_scale.first) write_row_dots(b.dk_scale, x_.k, c);
    const Features to{h_.k, h_.k_turn, h_.stage.k_shift};
    write_back(to, c, x_.k, true, b.dk_turn, {b.dk, b.dweight, b.dbias, b.dk_shift});
  }

  /// What features times their gradients in x_.out sum to, row by row.
  void write_row_dots(RowsAt<double> to, const T* features, Chunk<T> c) {
    clear(x_.rows, c.rows);
    add_row_dots<T>(x_.rows, features, x_.features, x_.out, x_.features, c.rows, x_.features,
                    false);
    for (Count i = 0; i < c.count; ++i) to.first[(c.first + i) * to.lead] = x_.rows[i];
  }

  const LinearHead<T>& h_;
  Count r_, w_;
  bool causal_, divided_, scaled_;
  TokenScales<T> scales_;
  Scratch<T> x_;
  Stage<T> stage_;
};

template <class T>
void largest_exponents(const LargestExponents<T>& l, T* scratch) {
  Stage<T> stage;
  Stage<T>::place(&stage, scratch, l.stage.inputs, l.stage.columns);
  for (Count at = 0; at < l.rows; at += kChunk) stage.largest(l, chunk_at<T>(at, l.rows));
}

template <class T>
constexpr LinearKernelsOf<T> kernels{
    .scratch =
        [](Count r, Count w, Count inputs, Count columns) {
          return Scratch<T>::place(nullptr, nullptr, r, w) +
                 Stage<T>::place(nullptr, nullptr, inputs, columns);
        },
    .forward = [](const LinearForward<T>& f, T* scratch) { Head<T>(f.head, scratch).forward(f); },
    .backward = [](const LinearBackward<T>& b,
                   T* scratch) { Head<T>(b.head, scratch).backward(b); },
    .largest = largest_exponents<T>};

}  // namespace

extern const LinearKernels kLinearAttention{kernels<float>, kernels<double>};

}  // namespace GRADUS_LEVEL
}  // namespace gradus

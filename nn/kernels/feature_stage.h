// The stage of features that are no functions of one number each (FeatureStage of
// nn/kernels/linear_attention.h), a chunk of rows x at a time: u = x W + b, features f of u, and
// going back, with g the gradient of f,
//
//   du = g f (e^u) | g1 f1 - g2 f2 (e^u, e^-u) | g2 f1 - g1 f2 (cos u, sin u) | g map'(u),
//   dx = du W^T - c x sum f g,   dW += x^T du,   db += sum du,   ds = -sum f g
//
// For .cpp files in a kernels folder.
#pragma once

#include "nn/kernels/linear_rows.h"
#include "tensor/kernels/vec_trig.h"

namespace gradus {
namespace GRADUS_LEVEL {

/// Where the gradients of a stage go.
template <class T>
struct StageGradients {
  RowsAt<T> dx, dweight;
  T* dbias;
  RowsAt<T> dshift;  ///< lead 0: one number, added to
};

template <class T>
class Stage {
 public:
  /// Places the memory of a stage where `to` is given: how many numbers.
  static Count place(Stage* to, T* base, Count inputs, Count columns) {
    if (inputs == 0) return 0;
    Stage s;
    // Beyond a row of x stand zeros for products of numbers that lie side by side.
    s.x_lead_ = x_padded(inputs);
    s.u_lead_ = padded<T>(columns > inputs ? columns : inputs) + kBlockPad<T>;
    Count used = 0;
    const auto take = [&](T*& part, Count n) {
      part = base ? base + used : nullptr;
      used += (n + 15) / 16 * 16;
    };
    take(s.x_, kChunk * s.x_lead_);
    take(s.u_, kChunk * s.u_lead_);
    take(s.dx_, kChunk * s.x_lead_);
    take(s.sums_, kChunk);
    if (to) *to = s;
    return used;
  }

  /// to = the features of a chunk of rows, zeros beyond.
  void make(const FeatureStage<T>& s, ElementMap map, RowsAt<const T> x, RowsAt<const T> shift,
            Chunk<T> c, T* to, Count lead) {
    load_rows(s, x, c);
    const Count n = features_of(map, s.columns);
    for (Count i = 0; i < c.count; ++i) {
      T* row = to + i * lead;
      if (map == ElementMap::quadratic)
        make_products(s, x_ + i * x_lead_, row);
      else
        map_row(s, map, numbers() + i * numbers_lead(), constant(s, shift, c, i), row);
      clear(row + n, lead - n);
    }
    for (Count i = c.count; i < c.rows; ++i) clear(to + i * lead, lead);
  }

  /// The gradients of the rows made last, of their features f and the gradient g of those (which
  /// is used up).
  void back(const FeatureStage<T>& s, ElementMap map, const T* f, T* g, Count lead, Chunk<T> c,
            const StageGradients<T>& to) {
    T* const du = s.weight.first ? u_ : dx_;
    const Count du_lead = s.weight.first ? u_lead_ : x_lead_;
    for (Count i = 0; i < c.count; ++i) {
      T *g_row = g + i * lead, *out = du + i * du_lead;
      if (map == ElementMap::quadratic)
        back_through_products(s, x_ + i * x_lead_, g_row, out);
      else
        sums_[i] =
            back_through_map(s, map, numbers() + i * numbers_lead(), f + i * lead, g_row, out);
    }
    for (Count i = c.count; i < c.rows; ++i) clear(du + i * du_lead, du_lead);
    if (s.weight.first) back_through_weight(s, c, to);
    for (Count i = 0; i < c.count; ++i) {
      T* row = to.dx.first + (c.first + i) * to.dx.lead;
      const T *from = dx_ + i * x_lead_, *x = x_ + i * x_lead_, factor = s.norm * sums_[i];
      if (s.norm != 0)
        each_vector<T>(s.inputs, [&](Count j, auto size) {
          put(row + j, load(from + j) - load(x + j) * factor, size);
        });
      else
        each_vector<T>(s.inputs, [&](Count j, auto size) { put(row + j, load(from + j), size); });
      if (!to.dshift.first) continue;
      T& ds = to.dshift.first[(c.first + i) * to.dshift.lead];
      ds = (to.dshift.lead == 0 ? ds : T(0)) - sums_[i];
    }
  }

  /// The largest exponents of a chunk of rows.
  void largest(const LargestExponents<T>& l, Chunk<T> c) {
    load_rows(l.stage, l.x, c);
    for (Count i = 0; i < c.count; ++i) {
      const T* u = numbers() + i * numbers_lead();
      Vec<T> most = all_of<T>(-MathOf<T>::kInfinity);
      each_vector<T>(l.stage.columns, [&](Count j, auto size) {
        const Vec<T> x = get(u + j, size, -MathOf<T>::kInfinity);
        most = select<T>(x > most, x, most);
        if (!l.both_signs) return;
        const Vec<T> other = -get(u + j, size, MathOf<T>::kInfinity);
        most = select<T>(other > most, other, most);
      });
      const T found = max_lane<T>(most) - constant(l.stage, {}, c, i);
      l.to[c.first + i] = found == found ? found : -MathOf<T>::kInfinity;
    }
  }

 private:
  static Count x_padded(Count inputs) { return padded<T>(inputs + kLanes<T>); }
  /// u, or x where that is u.
  const T* numbers() const { return weighted_ ? u_ : x_; }
  Count numbers_lead() const { return weighted_ ? u_lead_ : x_lead_; }

  void load_rows(const FeatureStage<T>& s, RowsAt<const T> x, Chunk<T> c) {
    pack<T, ElementMap::identity>(x_, x_lead_, x, c, s.inputs, x_lead_);
    weighted_ = s.weight.first != nullptr;
    if (!weighted_) return;
    const Count columns = padded<T>(s.columns);
    product(u_, u_lead_, c.rows, columns, Part::all, Store::over,
            {x_, x_lead_, 1, s.weight.first, s.weight.lead, s.inputs});
    if (!s.bias) return;
    for (Count i = 0; i < c.count; ++i)
      for (Count j = 0; j < columns; j += kLanes<T>)
        store(u_ + i * u_lead_ + j, load(u_ + i * u_lead_ + j) + load(s.bias + j));
  }

  /// s + c |x|^2 / 2 of row i.
  T constant(const FeatureStage<T>& s, RowsAt<const T> shift, Chunk<T> c, Count i) const {
    const T taken = shift.first ? shift.first[(c.first + i) * shift.lead] : T(0);
    if (s.norm == 0) return taken;
    const T* x = x_ + i * x_lead_;
    Vec<T> sum{};
    for (Count j = 0; j < x_lead_; j += kLanes<T>) sum += load(x + j) * load(x + j);
    return taken + s.norm / 2 * sum_lanes<T>(sum);
  }

  static void map_row(const FeatureStage<T>& s, ElementMap map, const T* u, T taken, T* to) {
    const Count n = s.columns;
    T* const second = to + n;
    if (map == ElementMap::exp)
      each_vector<T>(
          n, [&](Count j, auto size) { put(to + j, vec_exp<T>(load(u + j) - taken), size); });
    else if (map == ElementMap::exp_pair)
      each_vector<T>(n, [&](Count j, auto size) {
        const Vec<T> x = load(u + j);
        put(to + j, vec_exp<T>(x - taken), size);
        put(second + j, vec_exp<T>(-x - taken), size);
      });
    else if (map == ElementMap::cos_sin)
      each_vector<T>(n, [&](Count j, auto size) {
        const Vec<T> x = load(u + j);
        put(to + j, vec_cos<T>(x) * s.scale, size);
        put(second + j, vec_sin<T>(x) * s.scale, size);
      });
    else
      with_map(map, [&](auto m) {
        constexpr ElementMap kMap = m();
        each_vector<T>(
            n, [&](Count j, auto size) { put(to + j, mapped<T, kMap>(load(u + j)), size); });
      });
  }
  /// The sum of f g, of exponentials.
  static T back_through_map(const FeatureStage<T>& s, ElementMap map, const T* u, const T* f,
                            const T* g, T* du) {
    const Count n = s.columns;
    Vec<T> sum{};
    if (map == ElementMap::exp)
      each_vector<T>(n, [&](Count j, auto size) {
        const Vec<T> d = get(g + j, size) * get(f + j, size);
        store(du + j, d);
        sum += d;
      });
    else if (map == ElementMap::exp_pair)
      each_vector<T>(n, [&](Count j, auto size) {
        const Vec<T> a = get(g + j, size) * get(f + j, size),
                     b = get(g + n + j, size) * get(f + n + j, size);
        store(du + j, a - b);
        sum += a + b;
      });
    else if (map == ElementMap::cos_sin)
      each_vector<T>(n, [&](Count j, auto size) {
        store(du + j,
              get(g + n + j, size) * get(f + j, size) - get(g + j, size) * get(f + n + j, size));
      });
    else
      with_map(map, [&](auto m) {
        constexpr ElementMap kMap = m();
        each_vector<T>(n, [&](Count j, auto size) {
          store(du + j, times_slope<T, kMap>(get(g + j, size), load(u + j)));
        });
      });
    return sum_lanes<T>(sum);
  }

  void back_through_weight(const FeatureStage<T>& s, Chunk<T> c, const StageGradients<T>& to) {
    const Count inputs = padded<T>(s.inputs), columns = padded<T>(s.columns);
    product(dx_, x_lead_, c.rows, inputs, Part::all, Store::over,
            {u_, u_lead_, 1, s.transposed.first, s.transposed.lead, s.columns});
    if (to.dweight.first)
      product(to.dweight.first, to.dweight.lead, inputs, columns, Part::all, Store::add,
              {x_, 1, x_lead_, u_, u_lead_, c.count});
    if (!to.dbias) return;
    for (Count j = 0; j < columns; j += kLanes<T>) {
      Vec<T> sum = load(to.dbias + j);
      for (Count i = 0; i < c.count; ++i) sum += load(u_ + i * u_lead_ + j);
      store(to.dbias + j, sum);
    }
  }

  /// [1, x', x'_i x'_j], i by i those of j >= i. Vectors reach over into the numbers of the next i,
  /// which come later, and into the zeros beyond a row x.
  static void make_products(const FeatureStage<T>& s, const T* x, T* to) {
    const Count r = s.columns;
    T* const end = to + features_of(ElementMap::quadratic, r);
    const auto place = [end](T* at, Vec<T> v) {
      if (end - at >= kLanes<T>)
        store(at, v);
      else
        store_part(at, v, end - at);
    };
    *to++ = 1;
    for (Count j = 0; j < r; j += kLanes<T>) place(to + j, load(x + j) * s.scale);
    to += r;
    for (Count i = 0; i < r; to += r - i, ++i) {
      const T by = s.scale * s.scale * x[i];
      for (Count j = 0; j < r - i; j += kLanes<T>) place(to + j, load(x + i + j) * by);
      *to *= kRootOfHalf;
    }
  }
  static void back_through_products(const FeatureStage<T>& s, const T* x, T* g, T* dx) {
    constexpr int n = kLanes<T>;
    const Count r = s.columns;
    const T square = s.scale * s.scale;
    const T* const end = g + features_of(ElementMap::quadratic, r);
    const auto at = [end](const T* p) {
      return end - p >= n ? load(p) : load_part(p, end - p, T(0));
    };
    ++g;
    for (Count j = 0; j < x_padded(r); j += n)
      store(dx + j, j < r ? at(g + j) * s.scale : Vec<T>{});
    g += r;
    for (Count first = 0; first < r; first += n) {
      Vec<T> sums[n] = {};
      for (int l = 0; l < n && first + l < r; ++l) {
        const Count i = first + l;
        const T by = square * x[i];
        *g *= kRootOfHalf;
        for (Count j = 0; j < r - i; j += n) {
          const Vec<T> of = at(g + j);
          sums[l] += of * load(x + i + j);
          store(dx + i + j, load(dx + i + j) + of * by);
        }
        g += r - i;
      }
      store(dx + first, load(dx + first) + sums_of<T>(sums) * square);
    }
  }

  Count x_lead_ = 0, u_lead_ = 0;
  bool weighted_ = false;
  static constexpr T kRootOfHalf = static_cast<T>(0.70710678118654752440);
  T *x_ = nullptr, *u_ = nullptr, *dx_ = nullptr;  // [chunk, lead]
  T* sums_ = nullptr;                              // [chunk]
};

}  // namespace GRADUS_LEVEL
}  // namespace gradus

// A product with a Toeplitz matrix is a convolution, and the sum over its diagonals a correlation.
// Two columns of c at once, as real and imaginary part. In f64 for f32 too: the rounding of an FFT
// is a share of the largest number in it, for each row alike.
#include "nn/ops/toeplitz_fft.h"

#include <cmath>
#include <complex>
#include <vector>

#include <kissfft/kissfft.hh>

#include "tensor/elementwise.h"
#include "tensor/parallel.h"

namespace gradus::ops {

namespace {

using Complex = std::complex<double>;
using Line = std::vector<Complex>;

/// Both directions of a size that is a power of two, `least` or more.
class Fft {
 public:
  explicit Fft(int64 least) : size_(power(least)), forward_(size_, false), inverse_(size_, true) {}
  std::size_t size() const { return size_; }
  void forward(const Line& from, Line& to) const { forward_.transform(from.data(), to.data()); }
  /// Without the factor 1 / size.
  void inverse(const Line& from, Line& to) const { inverse_.transform(from.data(), to.data()); }

 private:
  static std::size_t power(int64 least) {
    std::size_t size = 2;  // KissFFT writes to a buffer of its own for size 1: not for threads
    while (static_cast<int64>(size) < least) size *= 2;
    return size;
  }
  std::size_t size_;
  kissfft<double> forward_, inverse_;
};

/// to[n] = b_ni (c_nj + i c_n,j+1), zeros behind; the second column counts only where there is one.
template <class T>
void fill(Line& to, const T* b, int64 m, int64 i, const T* c, int64 v, int64 j, int64 rows) {
  const bool two = j + 1 < v;
  for (int64 n = 0; n < rows; ++n) {
    const auto x = static_cast<double>(b[n * m + i]);
    to[static_cast<std::size_t>(n)] = {x * static_cast<double>(c[n * v + j]),
                                       two ? x * static_cast<double>(c[n * v + j + 1]) : 0.0};
  }
  std::fill(to.begin() + rows, to.end(), Complex(0, 0));
}

template <class T>
Tensor product_of(const Tensor& in_a, const Tensor& in_b, const Tensor& in_c, const Tensor& in_w) {
  const Tensor a = contiguous(in_a), b = contiguous(in_b), c = contiguous(in_c),
               w = contiguous(in_w);
  const Sizes s(a.shape(), c.shape());
  Shape shape = a.shape();
  shape[shape.rank() - 1] = s.width;
  if (s.empty()) return zeros(shape, a.dtype());
  Tensor y = Tensor::empty(shape, a.dtype());
  T* to = y.writable<T>();
  const Fft fft(s.lags());
  const double factor = 1 / static_cast<double>(fft.size());
  const int64 pairs = (s.width + 1) / 2;
  parallel_for(0, s.heads * pairs, 1, [&](int64 begin, int64 end) {
    Line line(fft.size()), spectrum(fft.size()), weights(fft.size()), sums;
    for (int64 task = begin; task < end; ++task) {
      const int64 head = task / pairs, j = task % pairs * 2;
      if (task == begin || j == 0) {
        std::fill(line.begin(), line.end(), Complex(0, 0));
        const T* of = w.data<T>() + head * s.lags();
        for (int64 l = 0; l < s.lags(); ++l)
          line[static_cast<std::size_t>(l)] = static_cast<double>(of[l]) * factor;
        fft.forward(line, weights);
      }
      const T* pa = a.data<T>() + head * s.queries * s.features;
      const T* pb = b.data<T>() + head * s.keys * s.features;
      const T* pc = c.data<T>() + head * s.keys * s.width;
      sums.assign(static_cast<std::size_t>(s.queries), Complex(0, 0));
      for (int64 i = 0; i < s.features; ++i) {
        fill(line, pb, s.features, i, pc, s.width, j, s.keys);
        fft.forward(line, spectrum);
        for (std::size_t f = 0; f < fft.size(); ++f) spectrum[f] *= weights[f];
        fft.inverse(spectrum, line);
        for (int64 m = 0; m < s.queries; ++m)
          sums[static_cast<std::size_t>(m)] += static_cast<double>(pa[m * s.features + i]) *
                                               line[static_cast<std::size_t>(m + s.keys - 1)];
      }
      T* py = to + head * s.queries * s.width;
      for (int64 m = 0; m < s.queries; ++m) {
        const Complex sum = sums[static_cast<std::size_t>(m)];
        py[m * s.width + j] = static_cast<T>(sum.real());
        if (j + 1 < s.width) py[m * s.width + j + 1] = static_cast<T>(sum.imag());
      }
    }
  });
  return y;
}

template <class T>
Tensor lags_of(const Tensor& in_a, const Tensor& in_b, const Tensor& in_c, const Tensor& in_g) {
  const Tensor a = contiguous(in_a), b = contiguous(in_b), c = contiguous(in_c),
               g = contiguous(in_g);
  const Sizes s(a.shape(), c.shape());
  Shape shape = Shape::of_rank(a.rank() - 1, s.lags());
  for (int i = 0; i + 2 < a.rank(); ++i) shape[i] = a.shape()[i];
  if (s.empty()) return zeros(shape, a.dtype());
  Tensor y = Tensor::empty(shape, a.dtype());
  T* to = y.writable<T>();
  const Fft fft(s.lags());
  const auto size = static_cast<int64>(fft.size());
  parallel_for(0, s.heads, 1, [&](int64 begin, int64 end) {
    Line line(fft.size()), keys(fft.size()), queries(fft.size()), sum;
    for (int64 head = begin; head < end; ++head) {
      const T* pa = a.data<T>() + head * s.queries * s.features;
      const T* pb = b.data<T>() + head * s.keys * s.features;
      const T* pc = c.data<T>() + head * s.keys * s.width;
      const T* pg = g.data<T>() + head * s.queries * s.width;
      sum.assign(fft.size(), Complex(0, 0));
      // The real part of a correlation of two pairs is the sum of the two real ones.
      for (int64 j = 0; j < s.width; j += 2)
        for (int64 i = 0; i < s.features; ++i) {
          fill(line, pb, s.features, i, pc, s.width, j, s.keys);
          fft.forward(line, keys);
          fill(line, pa, s.features, i, pg, s.width, j, s.queries);
          fft.forward(line, queries);
          for (std::size_t f = 0; f < fft.size(); ++f) sum[f] += queries[f] * std::conj(keys[f]);
        }
      fft.inverse(sum, line);
      for (int64 l = 0; l < s.lags(); ++l) {
        const int64 lag = l - (s.keys - 1);
        const double total = line[static_cast<std::size_t>(lag < 0 ? lag + size : lag)].real();
        to[head * s.lags() + l] = static_cast<T>(total / static_cast<double>(size));
      }
    }
  });
  return y;
}

}  // namespace

Tensor toeplitz_sums(const Tensor& a, const Tensor& b, const Tensor& c, const Tensor& w) {
  return dispatch_float(a.dtype(), "toeplitz_product", [&](auto tag) {
    return product_of<typename decltype(tag)::type>(a, b, c, w);
  });
}

Tensor lag_sums(const Tensor& a, const Tensor& b, const Tensor& c, const Tensor& g) {
  return dispatch_float(a.dtype(), "lag_product", [&](auto tag) {
    return lags_of<typename decltype(tag)::type>(a, b, c, g);
  });
}

}  // namespace gradus::ops

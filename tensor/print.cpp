#include <fmt/format.h>

#include <cmath>

#include "tensor/array.h"

namespace gradus {
namespace {

constexpr std::size_t kLineWidth = 96;

/// How the floats of one tensor are written, so that its columns look alike.
struct NumberStyle {
  bool scientific = false;
  int decimals = 0;
};

/// Chosen from the largest and smallest magnitudes: enough decimals for `digits` significant digits
/// of the largest and two of the smallest; powers of ten where the range is too wide for that.
NumberStyle choose_style(const std::vector<double>& values, int digits) {
  double largest = 0, smallest = std::numeric_limits<double>::infinity();
  bool whole = true;
  for (double v : values) {
    const double size = std::abs(v);
    if (!std::isfinite(v) || size == 0) continue;
    largest = std::max(largest, size);
    smallest = std::min(smallest, size);
    whole = whole && size == std::floor(size);
  }
  if (largest == 0 || (whole && largest < 1e7)) return {};
  if (largest >= 1e6 || smallest < 1e-5 || largest / smallest > 1e5) return {true, digits - 1};
  const auto power = [](double v) { return static_cast<int>(std::floor(std::log10(v))); };
  const int needed = std::max(0, digits - 1 - power(largest));
  const int most = std::clamp(1 - power(smallest), needed, needed + 2);
  // Zeros at the end of every number are dropped.
  int used = 0;
  for (double v : values) {
    if (!std::isfinite(v)) continue;
    const std::string full = fmt::format("{:.{}f}", v, most);
    const auto last = full.find_last_not_of('0');
    const auto point = full.find('.');
    if (point != std::string::npos && last > point)
      used = std::max(used, static_cast<int>(last - point));
  }
  return {false, used};
}

std::string number_text(double v, const NumberStyle& style) {
  if (std::isnan(v)) return "nan";
  if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
  return style.scientific ? fmt::format("{:.{}e}", v, style.decimals)
                          : fmt::format("{:.{}f}", v, style.decimals);
}

class Printer {
 public:
  Printer(const Tensor& t, const PrintOptions& options) : t_(t) {
    if (t.numel() > options.threshold) {
      edge_ = std::max<int64>(1, options.edge_items);
      while (edge_ > 1 && shown_count() > std::max<int64>(1, options.threshold)) --edge_;
    }
    dispatch_all(t.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      std::vector<T> shown;
      collect(t.data<T>(), 0, shown);
      if constexpr (std::is_floating_point_v<T>) {
        const std::vector<double> values(shown.begin(), shown.end());
        const NumberStyle style = choose_style(values, std::max(1, options.digits));
        for (double v : values) words_.push_back(number_text(v, style));
      } else {
        for (T v : shown) words_.push_back(fmt::format("{}", v));
      }
    });
    for (const auto& word : words_) width_ = std::max(width_, word.size());
  }

  std::string print() {
    write(0);
    return std::move(out_);
  }

 private:
  bool abridged(int axis) const { return edge_ > 0 && t_.shape()[axis] > 2 * edge_; }
  int64 shown_count() const {
    int64 n = 1;
    for (int64 size : t_.shape()) n *= std::min(size, 2 * edge_);
    return n;
  }
  /// f(index, is the first after the gap) for each shown index of an axis.
  template <class F>
  void for_each_shown(int axis, F f) const {
    const int64 n = t_.shape()[axis];
    for (int64 i = 0; i < n; ++i) {
      const bool after_gap = abridged(axis) && i == edge_;
      if (after_gap) i = n - edge_;
      f(i, after_gap);
    }
  }
  template <class T>
  void collect(const T* at, int axis, std::vector<T>& shown) const {
    if (axis == t_.rank()) return shown.push_back(*at);
    for_each_shown(axis,
                   [&](int64 i, bool) { collect(at + i * t_.strides()[axis], axis + 1, shown); });
  }

  void write(int axis) {
    if (axis == t_.rank()) {
      out_.append(width_ - words_[next_].size(), ' ');
      out_ += words_[next_++];
      return;
    }
    const bool row = axis == t_.rank() - 1;
    out_ += '[';
    for_each_shown(axis, [&](int64 i, bool after_gap) {
      if (i > 0) separate(axis, row, width_);
      if (after_gap) {
        out_ += "...";
        separate(axis, row, width_);
      }
      write(axis + 1);
    });
    out_ += ']';
  }
  /// Inside a row a blank, or a new line where the next word would pass the margin; between rows a
  /// new line, between matrices an empty one too.
  void separate(int axis, bool row, std::size_t next_word) {
    out_ += ',';
    const auto indent = static_cast<std::size_t>(axis + 1);
    if (row) {
      const auto line_start = out_.rfind('\n');
      const auto column = out_.size() - (line_start == std::string::npos ? 0 : line_start + 1);
      if (column + 2 + next_word <= kLineWidth) {
        out_ += ' ';
        return;
      }
      out_ += '\n';
    } else {
      out_.append(static_cast<std::size_t>(t_.rank() - 1 - axis), '\n');
    }
    out_.append(indent, ' ');
  }

  const Tensor& t_;
  int64 edge_ = 0;  // 0: all elements are shown
  std::vector<std::string> words_;
  std::size_t width_ = 0, next_ = 0;
  std::string out_;
};

}  // namespace

std::string describe(const Tensor& t) {
  if (!t.defined()) return "undefined tensor";
  return fmt::format("{} {}", name(t.dtype()), text(t.shape()));
}

std::string to_string(const Tensor& t, const PrintOptions& options) {
  if (!t.defined()) return describe(t);
  return describe(t) + '\n' + (t.numel() == 0 ? "[]" : Printer(t, options).print());
}

}  // namespace gradus

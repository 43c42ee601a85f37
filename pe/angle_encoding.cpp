#include "pe/angle_encoding.h"

#include "pe/ops.h"
#include "tensor/elementwise.h"
#include "tensor/text.h"

namespace gradus {

AngleEncoding::AngleEncoding(const Build& build, EncodingShape shape, LabelConfig labels)
    : PositionalEncoding(build, shape, labels.tracks), labels_(std::move(labels)) {}

void AngleEncoding::set_frequencies(Tensor initial, Frequencies kind) {
  if (kind == Frequencies::derived)
    derived_ = std::move(initial);
  else if (kind == Frequencies::drawn)
    drawn_ = &buffer("frequencies", std::move(initial), BufferDType::fixed);
  else
    learned_ = &parameter("frequencies", std::move(initial));
}

Var AngleEncoding::stored_frequencies() const {
  if (learned_) return **learned_;
  return drawn_ ? Var(drawn_->value()) : Var(derived_);
}

Tensor AngleEncoding::own_frequencies() const {
  if (!learned_ && !drawn_ && !derived_.defined()) return {};
  return cast(frequencies().value(), DType::f64);
}

TablePair AngleEncoding::tables(const Var& q, const Var& k, const Positions& positions,
                                int64 width) const {
  const Tensor labels = key_labels(positions);
  check<ConfigError>(
      labels.size(2) == label_width(), "{} was built for labels of {} number{}, '{}' has {}; {}",
      kind(), label_width(), label_width() == 1 ? "" : "s", join(tracks()), labels.size(2),
      traits().takes_vector ? fmt::format("set its option width = {}", labels.size(2))
                            : fmt::format("name one of them, '{}.0' say", tracks()[0]));
  const auto check_rows = [&](const Var& x, const char* what, int64 rows) {
    check_shape(x.rank() == 4 && x.size(1) == shape().heads && x.size(2) == rows &&
                    x.size(3) == width && (labels.size(0) == 1 || labels.size(0) == x.size(0)),
                "{}: the {} are {}; labels {} of {} heads of {} ask for ({}, {}, {}, {})", kind(),
                what, x.shape(), labels.shape(), shape().heads, width,
                labels.size(0) == 1 ? x.size(0) : labels.size(0), shape().heads, rows, width);
  };
  check_rows(q, "queries", positions.query_count);
  check_rows(k, "keys", positions.keys());
  const Var table = turn_table(turning(), labels, k.dtype()).named("turns");
  if (positions.square()) return {table, table};
  const int64 begin = positions.query_begin;
  return {slice(table, -2, begin, begin + positions.query_count), table};
}

TurnPair AngleEncoding::turns(const Var& q, const Var& k, const Positions& positions,
                              int64 width) const {
  const Var table = tables(q, k, positions, width).k;
  const int64 count = table.size(-1) / 2;
  const Turn keys{slice(table, -1, 0, count), slice(table, -1, count, 2 * count)};
  if (positions.square()) return {keys, keys};
  const int64 begin = positions.query_begin, end = begin + positions.query_count;
  return {{slice(keys.cos, -2, begin, end), slice(keys.sin, -2, begin, end)}, keys};
}

std::vector<double> AngleEncoding::angles_at(const Tensor& label) const {
  check_shape(label.shape() == Shape{label_width()}, "{}: a label is {}, got {}", kind(),
              Shape{label_width()}, label.shape());
  const Var f = turning();
  const std::vector<double> numbers = f.value().to_vector<double>(), p = label.to_vector<double>();
  const std::size_t count = static_cast<std::size_t>(f.size(1)),
                    heads = static_cast<std::size_t>(shape().heads),
                    sets = static_cast<std::size_t>(f.size(0));
  std::vector<double> theta(heads * count, 0.0);
  for (std::size_t h = 0; h < heads; ++h)
    for (std::size_t d = 0; d < count; ++d)
      for (std::size_t l = 0; l < p.size(); ++l)
        theta[h * count + d] += numbers[((sets == 1 ? 0 : h) * count + d) * p.size() + l] * p[l];
  return theta;
}

}  // namespace gradus

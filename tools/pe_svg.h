// Heat maps as SVG: self-contained, white paper, one path a colour.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace gradus {

/// Dark violet over red to cream, lighter all the way; t in [0, 1].
std::string heat_colour(double t);
/// Blue (-1) over white (0) to red (1).
std::string signed_colour(double t);

struct HeatMap {
  double x = 0, y = 0, width = 0, height = 0;
  int64 rows = 0, columns = 0;
  std::vector<double> values;  ///< row 0 at the top
};
/// `colour` of values that were brought to its range; not-a-number stays blank.
std::string heat_map_svg(const HeatMap& map, std::string (*colour)(double));

enum class Anchor { start, middle, end };
struct TextStyle {
  double size = 12;
  Anchor anchor = Anchor::start;
  bool bold = false, soft = false, turned = false;
};
/// The text is escaped.
std::string text_svg(double x, double y, std::string_view text, TextStyle style = {});
/// A document of this size around `body`, titled for those who cannot see it.
std::string svg_document(double width, double height, std::string_view title,
                         std::string_view body);

}  // namespace gradus

#include "tensor/error.h"

namespace gradus {

void Error::set_op(std::string_view name) {
  if (!op_.empty()) return;
  op_ = name;
  rebuild();
}

void Error::add(std::string detail) {
  details_.push_back(std::move(detail));
  rebuild();
}

void Error::rebuild() {
  text_ = op_.empty() ? rule_ : "[" + op_ + "] " + rule_;
  for (const std::string& d : details_) text_ += "\n  " + d;
}

}  // namespace gradus

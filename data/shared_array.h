// SharedArray: a list that nobody changes and many hold. Copies share the elements; these are the
// array's own, or lie in memory that somebody else owns (a mapped file).
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

namespace gradus {

template <class T>
class SharedArray {
 public:
  SharedArray() = default;
  SharedArray(std::vector<T> items) {
    auto own = std::make_shared<const std::vector<T>>(std::move(items));
    items_ = *own;
    owner_ = std::move(own);
  }
  SharedArray(std::initializer_list<T> items) : SharedArray(std::vector<T>(items)) {}
  /// Items that live as long as `owner` does.
  SharedArray(std::span<const T> items, std::shared_ptr<const void> owner)
      : items_(items), owner_(std::move(owner)) {}

  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + items_.size(); }
  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  const T& operator[](std::size_t i) const { return items_[i]; }
  const T& front() const { return items_.front(); }
  const T& back() const { return items_.back(); }
  const T* data() const { return items_.data(); }
  /// A copy that may be changed.
  std::vector<T> to_vector() const { return {begin(), end()}; }
  bool operator==(const SharedArray& o) const {
    return std::equal(begin(), end(), o.begin(), o.end());
  }

 private:
  std::span<const T> items_;
  std::shared_ptr<const void> owner_;
};

}  // namespace gradus

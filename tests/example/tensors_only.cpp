// The smallest user of the library: a matrix product, without gradients.
#include <fmt/core.h>
#include <gradus/tensor/tensor.h>

int main() {
  const gradus::Tensor a = gradus::tensor({1, 2, 3, 4}, {2, 2});
  const gradus::Tensor y = gradus::matmul(a, a);
  fmt::print("{}\n", gradus::to_string(y));
  return y.at({1, 1}) == 22 ? 0 : 1;
}

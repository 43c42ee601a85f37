#include "nn/kernels/softmax_attention.h"

#include "nn/kernels/softmax_backward.h"
#include "nn/kernels/softmax_forward.h"

namespace gradus {
namespace GRADUS_LEVEL {

extern const SoftmaxKernels<float> softmax_f32{forward_scratch<float>, backward_scratch<float>,
                                               prepare_forward<float>, forward<float>,
                                               backward<float>};
extern const SoftmaxKernels<double> softmax_f64{forward_scratch<double>, backward_scratch<double>,
                                                prepare_forward<double>, forward<double>,
                                                backward<double>};

}  // namespace GRADUS_LEVEL
}  // namespace gradus

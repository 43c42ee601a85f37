// The explicit table of ops: static self-registration is dropped by linkers. Sorted by name.
#include "autograd/op.h"

namespace gradus {

namespace ops {
extern const OpDef kAbs, kAdd, kAddRows, kAlias, kBroadcastTo, kCast, kClamp, kConcat, kCos,
    kCumsum, kDiv, kDropout, kErf, kExp, kExpm1, kGather, kLog, kLog1p, kLogSoftmax, kLogSumExp,
    kMaskedFill, kMatmul, kMax, kMaximum, kMin, kMinimum, kMul, kNeg, kNorm, kPad, kPermute, kPhase,
    kPow, kPowScalar, kReciprocal, kRelu, kReplaceValue, kReshape, kRsqrt, kScale, kScatterAdd,
    kShift, kSigmoid, kSigmoidGradient, kSin, kSlice, kSoftmax, kSoftmaxGradient, kSoftplus, kSqrt,
    kSquare, kStopGradient, kSub, kSum, kSumTo, kTakeRows, kTanh, kTanhGradient, kTril, kTriu,
    kUnslice, kWhere;
}  // namespace ops

std::span<const OpDef* const> autograd_ops() {
  using namespace ops;
  static const OpDef* const table[] = {
      &kAbs,          &kAdd,          &kAddRows,    &kAlias,
      &kBroadcastTo,  &kCast,         &kClamp,      &kConcat,
      &kCos,          &kCumsum,       &kDiv,        &kDropout,
      &kErf,          &kExp,          &kExpm1,      &kGather,
      &kLog,          &kLog1p,        &kLogSoftmax, &kLogSumExp,
      &kMaskedFill,   &kMatmul,       &kMax,        &kMaximum,
      &kMin,          &kMinimum,      &kMul,        &kNeg,
      &kNorm,         &kPad,          &kPermute,    &kPhase,
      &kPow,          &kPowScalar,    &kReciprocal, &kRelu,
      &kReplaceValue, &kReshape,      &kRsqrt,      &kScale,
      &kScatterAdd,   &kShift,        &kSigmoid,    &kSigmoidGradient,
      &kSin,          &kSlice,        &kSoftmax,    &kSoftmaxGradient,
      &kSoftplus,     &kSqrt,         &kSquare,     &kStopGradient,
      &kSub,          &kSum,          &kSumTo,      &kTakeRows,
      &kTanh,         &kTanhGradient, &kTril,       &kTriu,
      &kUnslice,      &kWhere};
  return table;
}

}  // namespace gradus

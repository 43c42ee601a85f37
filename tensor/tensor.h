// Everything in tensor/: n-d arrays and their kernels. It knows nothing of gradients.
#pragma once

#include "tensor/array.h"
#include "tensor/elementwise.h"
#include "tensor/file.h"
#include "tensor/index.h"
#include "tensor/machine.h"
#include "tensor/matmul.h"
#include "tensor/memory.h"
#include "tensor/npy.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tensor/reduce.h"
#include "tensor/safetensors.h"
#include "tensor/text.h"

// The public header of nn/: modules, layers, losses, feature maps, attention and the interface of
// positional encodings.
#pragma once

#include "nn/activation.h"
#include "nn/attention.h"
#include "nn/attention_core.h"
#include "nn/block.h"
#include "nn/coupling.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/feature_map.h"
#include "nn/init.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/mlp.h"
#include "nn/module.h"
#include "nn/norm.h"
#include "nn/ops.h"
#include "nn/options.h"
#include "nn/pass.h"
#include "nn/position.h"
#include "nn/transformer.h"

// Everything in Gradus: one header for all folders, installed as gradus/gradus.h.
#pragma once

#include "autograd/autograd.h"
#include "data/data.h"
#include "nn/nn.h"
#include "pe/pe.h"
#include "tensor/tensor.h"
#include "train/train.h"

// Everything of autograd/: graphs, ops, backward passes, checks and inspection.
#pragma once

#include "autograd/anomaly.h"
#include "autograd/backward.h"
#include "autograd/check_op.h"
#include "autograd/checkpoint.h"
#include "autograd/functional.h"
#include "autograd/gradcheck.h"
#include "autograd/inspect.h"
#include "autograd/observe.h"
#include "autograd/op.h"
#include "autograd/op_table.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "autograd/var.h"

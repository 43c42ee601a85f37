// The public header of pe/: the table of positional encodings, the parts that they are made of, and
// the suite that proves their traits.
#pragma once

#include "pe/angle_encoding.h"
#include "pe/angles.h"
#include "pe/ops.h"
#include "pe/rotation.h"
#include "pe/suite.h"
#include "pe/table.h"
#include "pe/wrapping.h"

// Everything in data/: music in and out, and the data sets made of it.
#pragma once

#include "data/arranger.h"
#include "data/chord.h"
#include "data/context.h"
#include "data/harmony_data.h"
#include "data/harmony_past.h"
#include "data/harmony_set.h"
#include "data/midi.h"
#include "data/midi_set.h"
#include "data/piece.h"
#include "data/pop909.h"
#include "data/prepared.h"
#include "data/progression.h"
#include "data/roll.h"
#include "data/tune.h"
#include "data/voicing.h"

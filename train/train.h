// The public header of train/: experiments, optimizers, schedules, run folders, metrics and the
// trainer.
#pragma once

#include "train/experiment.h"
#include "train/floors.h"
#include "train/harmonizer.h"
#include "train/harmony_metrics.h"
#include "train/metrics.h"
#include "train/note_matches.h"
#include "train/optimizer.h"
#include "train/progress.h"
#include "train/run_folder.h"
#include "train/schedule.h"
#include "train/trainer.h"

/* SPDX-License-Identifier: MIT */
/* The directories that everything happens in. */
#ifndef TUG_CLI_BENCH_SCRATCH_H
#define TUG_CLI_BENCH_SCRATCH_H

#include "bench_measure.h"

/* Checks the directories and the room in them, and makes a scratch directory in each. Returns 0,
 * or -EIO after a message; nothing has been made then. */
int tug_cli_bench_scratch_make(struct tug_bench *bench);

/* Removes them with all they hold. Complains if that fails; returns 0 or -EIO. */
int tug_cli_bench_scratch_remove(struct tug_bench *bench);

#endif

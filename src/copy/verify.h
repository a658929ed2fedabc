/* SPDX-License-Identifier: MIT */
/* The verification of a copy, as a comparison. */
#ifndef TUG_COPY_VERIFY_H
#define TUG_COPY_VERIFY_H

#include "compare.h"
#include "engine.h"

/* Makes the context for a walk with tug_compare_visitor over the operands of the copy; its `links`
 * are to be freed. Returns 0 or a negative errno. */
int tug_verify_init(struct tug_compare *compare, struct tug_copy_engine *engine);

#endif

/* SPDX-License-Identifier: MIT */
/* The arguments of --reflink and --sparse. */
#ifndef TUG_CLI_CP_CONTENTS_H
#define TUG_CLI_CP_CONTENTS_H

#include <stdbool.h>

#include <tug/copy.h>

/* Take the argument of the option, which may be the beginning of a word; NULL for --reflink alone.
 * False: it is none of the words, and that has been said. */
bool tug_cli_take_reflink(struct tug_copy_options *copy, const char *argument);
bool tug_cli_take_sparse(struct tug_copy_options *copy, const char *argument);

#endif

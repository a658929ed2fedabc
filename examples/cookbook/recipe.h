/* SPDX-License-Identifier: MIT */
/*
 * What every program of the cookbook begins with. The recipe itself is a coroutine, which gets the
 * words of the command line, ended by NULL.
 */
#ifndef COOKBOOK_RECIPE_H
#define COOKBOOK_RECIPE_H

#include <tug/tug.h>

/* Runs recipe(words) as the first task of a runtime if there are at least so many words, and says
 * on standard error why it failed. Returns the status of the program. */
int recipe_main(int argc, char **argv, int words, const char *usage, tug_task_fn recipe);

/* Opens the file words[0] to be read and words[1], made empty, to be written, hands both to copy()
 * and closes them. Suspends. Returns what copy() does, or what else went wrong. */
int64_t recipe_copy(char **words, int64_t (*copy)(int from, int to));

#endif

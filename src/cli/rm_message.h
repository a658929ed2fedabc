/* SPDX-License-Identifier: MIT */
/* What a removal reports and asks, in the words of rm(1). */
#ifndef TUG_CLI_RM_MESSAGE_H
#define TUG_CLI_RM_MESSAGE_H

#include <tug/remove.h>

/* Text without the name of the command and without a newline; malloc'ed, NULL: no memory. One
 * thread at a time. */
char *tug_cli_rm_failure(const struct tug_remove_event *event);
char *tug_cli_rm_removed(const struct tug_remove_event *event);
char *tug_cli_rm_question(const struct tug_remove_question *question);

/* A second line after some failures, or NULL. */
const char *tug_cli_rm_advice(const struct tug_remove_event *event);

#endif

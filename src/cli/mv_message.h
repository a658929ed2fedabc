/* SPDX-License-Identifier: MIT */
/* What the move engine reports, in the words of mv(1). */
#ifndef TUG_CLI_MV_MESSAGE_H
#define TUG_CLI_MV_MESSAGE_H

#include <tug/move.h>

/* The text of an event, without the name of the command and without a newline: a message, if it is
 * of the kind FAILED or WARNING, else the line that -v prints. malloc'ed; NULL: no memory. `target`
 * is that of the move. */
char *tug_cli_mv_message(const struct tug_move_event *event, enum tug_copy_target target);

/* Whether nothing is to be said about the event. */
bool tug_cli_mv_is_silent(const struct tug_move_event *event);

/* The question whether a file may be replaced, likewise. */
char *tug_cli_mv_question(const char *path, unsigned mode, bool writable);

#endif

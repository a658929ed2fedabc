/* SPDX-License-Identifier: MIT */
/* What the copy engine reports, in the words of cp(1). */
#ifndef TUG_CLI_MESSAGE_H
#define TUG_CLI_MESSAGE_H

#include <tug/copy.h>

/* The message of an event of the kind FAILED or WARNING, without the name of the command and
 * without a newline; malloc'ed, NULL: no memory. `target` is that of the copy. */
char *tug_cli_message(const struct tug_copy_event *event, enum tug_copy_target target);

/* The line that -v prints, likewise. */
char *tug_cli_started(const struct tug_copy_event *event);

/* The line that --debug prints, of an event EXPLAINED, likewise. */
char *tug_cli_explained(const struct tug_copy_event *event);

/* A template with %S replaced by the quoted source and %D by the quoted destination, which may be
 * NULL if they are not in it, and, if `error` is a negative errno, a colon and what it means. No
 * other use of '%'. malloc'ed, NULL: no memory. */
char *tug_cli_phrase(const char *template, const char *source, const char *destination, int error);

/* "rwxr-xr-x", of the permissions of a mode. */
void tug_cli_mode_letters(char text[10], unsigned mode);

#endif

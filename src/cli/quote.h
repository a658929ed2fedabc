/* SPDX-License-Identifier: MIT */
/* File names in messages: quoted as a shell would take them, so that no name can break a line or a
 * terminal, and each can be pasted back. The style of GNU tools ("shell-escape-always"). */
#ifndef TUG_CLI_QUOTE_H
#define TUG_CLI_QUOTE_H

/* Returns malloc'ed text, or NULL when there is no memory. One thread at a time. */
char *tug_cli_quote(const char *name);

#endif

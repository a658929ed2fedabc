/* SPDX-License-Identifier: MIT */
/* The options -b, --backup[=CONTROL] and -S, as GNU programs take them. */
#ifndef TUG_CLI_BACKUP_OPTIONS_H
#define TUG_CLI_BACKUP_OPTIONS_H

#include <stdbool.h>

#include <tug/backup.h>

struct tug_cli_backup {
    bool wanted;
    const char *control; /* NULL: not said */
    const char *suffix;  /* NULL: not said; -S alone asks for backups, too */
};

/* What the help says about them. */
#define TUG_CLI_BACKUP_HELP                                                                        \
    "The suffix of backups is '~', unless set by --suffix or SIMPLE_BACKUP_SUFFIX.\n"              \
    "CONTROL, or the variable VERSION_CONTROL, says which name a backup gets:\n"                   \
    "\n"                                                                                           \
    "  none, off       no backups, even if --backup is given\n"                                    \
    "  numbered, t     NAME.~N~\n"                                                                 \
    "  existing, nil   numbered if there are such backups, else simple (the default)\n"            \
    "  simple, never   NAME and the suffix\n"

/* What was asked for, with the environment asked where nothing was said. Returns whether it makes
 * sense; if not, a message has been printed. *suffix may become NULL. */
bool tug_cli_backup_resolve(const struct tug_cli_backup *backup, const char *command,
                            enum tug_backup *kind, const char **suffix);

#endif

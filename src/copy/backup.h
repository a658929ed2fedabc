/* SPDX-License-Identifier: MIT */
/* Backups of files that are about to lose their names. */
#ifndef TUG_COPY_BACKUP_H
#define TUG_COPY_BACKUP_H

#include <stdbool.h>

#include <tug/backup.h>

#define TUG_BACKUP_SUFFIX "~"

/* Whether it can be the end of a name: not empty, and without a slash. */
bool tug_backup_suffix_is_valid(const char *suffix);

/* Renames what is called `name`, relative to the directory, to the name of its backup, which is
 * given back in *backup, relative to the same directory, malloc'ed. `suffix` NULL: the usual one.
 * `kind` is not TUG_BACKUP_NONE. Returns 0 or a negative errno: -ENOENT if there was no such
 * file. */
int tug_backup_make(int directory, const char *name, enum tug_backup kind, const char *suffix,
                    char **backup);

/* Where a simple backup of `name` would go: malloc'ed, NULL: no memory. */
char *tug_backup_simple_name(const char *name, const char *suffix);

#endif

/* SPDX-License-Identifier: MIT */
/* Backups: what happens to a file whose name another one is to get. */
#ifndef TUG_BACKUP_H
#define TUG_BACKUP_H

#include <tug/config.h>

TUG_BEGIN_DECLS

/* Which name the old file gets. */
enum tug_backup {
    TUG_BACKUP_NONE,     /* none: it is replaced */
    TUG_BACKUP_SIMPLE,   /* its own and a suffix, replacing an older backup of that name */
    TUG_BACKUP_NUMBERED, /* its own and ".~N~", where N is one more than the largest there is */
    TUG_BACKUP_EXISTING  /* numbered if there is a numbered backup of it, else simple */
};

TUG_END_DECLS

#endif

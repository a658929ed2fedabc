/* SPDX-License-Identifier: MIT */
#include "backup_options.h"

#include <stdlib.h>
#include <string.h>

#include "argmatch.h"

static const struct tug_cli_word words[] = {
    {"none", TUG_BACKUP_NONE},
    {"off", TUG_BACKUP_NONE},
    {"simple", TUG_BACKUP_SIMPLE},
    {"never", TUG_BACKUP_SIMPLE},
    {"existing", TUG_BACKUP_EXISTING},
    {"nil", TUG_BACKUP_EXISTING},
    {"numbered", TUG_BACKUP_NUMBERED},
    {"t", TUG_BACKUP_NUMBERED},
    {NULL, 0},
};

/* A suffix that would lead elsewhere, or nowhere, is ignored, as GNU programs do. */
static const char *usable(const char *suffix)
{
    if (suffix == NULL || suffix[0] == '\0' || strchr(suffix, '/') != NULL)
        return NULL;
    return suffix;
}

bool tug_cli_backup_resolve(const struct tug_cli_backup *backup, const char *command,
                            enum tug_backup *kind, const char **suffix)
{
    *kind = TUG_BACKUP_NONE;
    *suffix = usable(backup->suffix != NULL ? backup->suffix : getenv("SIMPLE_BACKUP_SUFFIX"));
    if (!backup->wanted && backup->suffix == NULL)
        return true;
    const char *option = "backup type", *control = backup->control;
    if (control == NULL) {
        option = "$VERSION_CONTROL";
        control = getenv("VERSION_CONTROL");
    }
    int value = TUG_BACKUP_EXISTING;
    if (control != NULL && control[0] != '\0')
        value = tug_cli_match(command, option, control, words);
    if (value < 0)
        return false;
    *kind = (enum tug_backup)value;
    return true;
}

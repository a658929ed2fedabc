/* SPDX-License-Identifier: MIT */
#include "cp_existing.h"

#include <stdio.h>
#include <stdlib.h>

#include "argmatch.h"
#include "message.h"
#include "quote.h"

#define COMMAND "tug cp"

static const struct tug_cli_word updates[] = {
    {"all", UPDATE_ALL},
    {"none", UPDATE_NONE},
    {"none-fail", UPDATE_NONE_FAIL},
    {"older", UPDATE_OLDER},
    {NULL, 0},
};

static int take_update(struct tug_cli_existing *existing, const char *argument)
{
    int value = UPDATE_OLDER;
    if (argument != NULL)
        value = tug_cli_match(COMMAND, "--update", argument, updates);
    if (value < 0)
        return EXIT_FAILURE;
    existing->update = value;
    return -1;
}

/* The options that say what is made. */
static bool take_method(struct tug_cli_existing *existing, struct tug_copy_options *options,
                        int option)
{
    switch (option) {
    case TUG_CLI_OPTION_ATTRIBUTES_ONLY:
        existing->attributes_only = true;
        return true;
    case TUG_CLI_OPTION_COPY_CONTENTS:
        options->copy_contents = true;
        return true;
    case TUG_CLI_OPTION_PARENTS:
        options->parents = true;
        return true;
    case TUG_CLI_OPTION_STRIP:
        existing->strip = true;
        return true;
    case 'l':
        existing->hard = true;
        return true;
    case 's':
        existing->symbolic = true;
        return true;
    case 'x':
        options->one_file_system = true;
        return true;
    default:
        return false;
    }
}

bool tug_cli_existing_take(struct tug_cli_existing *existing, struct tug_copy_options *options,
                           int option, const char *argument, int *status)
{
    *status = -1;
    switch (option) {
    case 'b':
        existing->backup.wanted = true;
        if (argument != NULL)
            existing->backup.control = argument;
        return true;
    case 'f':
        existing->force = true;
        return true;
    case 'i':
    case 'n':
        existing->mode = option;
        return true;
    case 'S':
        existing->backup.wanted = true;
        existing->backup.suffix = argument;
        return true;
    case 'u':
    case TUG_CLI_OPTION_UPDATE:
        *status = take_update(existing, option == 'u' ? NULL : argument);
        return true;
    case TUG_CLI_OPTION_REMOVE:
        existing->remove = true;
        return true;
    default:
        return take_method(existing, options, option);
    }
}

static int refuse(const char *message)
{
    fprintf(stderr, COMMAND ": %s\nTry '" COMMAND " --help' for more information.\n", message);
    return EXIT_FAILURE;
}

int tug_cli_existing_apply(const struct tug_cli_existing *existing,
                           struct tug_copy_options *options)
{
    if (existing->hard && existing->symbolic)
        return refuse("cannot make both hard and symbolic links");
    if (existing->backup.wanted && existing->mode == 'n')
        return refuse("options --backup and --no-clobber are mutually exclusive");
    if (existing->hard)
        options->make = TUG_COPY_MAKE_HARD_LINK;
    else if (existing->symbolic)
        options->make = TUG_COPY_MAKE_SYMBOLIC_LINK;
    else if (existing->attributes_only)
        options->make = TUG_COPY_MAKE_ATTRIBUTES_ONLY;
    options->update = existing->update == UPDATE_OLDER;
    if (existing->mode == 'n' || existing->update == UPDATE_NONE)
        options->existing = TUG_COPY_EXISTING_KEEP;
    else if (existing->update == UPDATE_NONE_FAIL)
        options->existing = TUG_COPY_EXISTING_REFUSE;
    else if (existing->remove)
        options->existing = TUG_COPY_EXISTING_REPLACE;
    else if (existing->force)
        options->existing = TUG_COPY_EXISTING_FORCE;
    return tug_cli_backup_resolve(&existing->backup, COMMAND, &options->backup,
                                  &options->backup_suffix)
               ? -1
               : EXIT_FAILURE;
}

char *tug_cli_cp_question(const struct tug_copy_options *options, const char *path, unsigned mode,
                          bool writable)
{
    char *quoted = tug_cli_quote(path), *text = NULL, letters[10];
    bool replaces = options->existing == TUG_COPY_EXISTING_FORCE ||
                    options->existing == TUG_COPY_EXISTING_REPLACE;
    int length = -1;
    tug_cli_mode_letters(letters, mode);
    if (quoted != NULL && writable)
        length = asprintf(&text, "overwrite %s?", quoted);
    else if (quoted != NULL)
        length = asprintf(&text,
                          replaces ? "replace %s, overriding mode %04o (%s)?"
                                   : "unwritable %s (mode %04o, %s); try anyway?",
                          quoted, mode & 07777, letters);
    free(quoted);
    return length < 0 ? NULL : text;
}

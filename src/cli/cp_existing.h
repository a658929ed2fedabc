/* SPDX-License-Identifier: MIT */
/* The options of `tug cp` that say what becomes of what exists, and what is made in its place. */
#ifndef TUG_CLI_CP_EXISTING_H
#define TUG_CLI_CP_EXISTING_H

#include <getopt.h>
#include <stdbool.h>

#include <tug/copy.h>

#include "backup_options.h"

/* What getopt_long(3) gives for those that have no letter. */
enum {
    TUG_CLI_OPTION_ATTRIBUTES_ONLY = 512,
    TUG_CLI_OPTION_COPY_CONTENTS,
    TUG_CLI_OPTION_PARENTS,
    TUG_CLI_OPTION_REMOVE,
    TUG_CLI_OPTION_STRIP,
    TUG_CLI_OPTION_UPDATE
};

#define TUG_CLI_EXISTING_LETTERS "bfilnS:sux"

/* The rows of these options for getopt_long(3). */
/* clang-format off */
#define TUG_CLI_EXISTING_OPTIONS                                                                   \
    {"attributes-only", no_argument, NULL, TUG_CLI_OPTION_ATTRIBUTES_ONLY},                        \
    {"backup", optional_argument, NULL, 'b'},                                                      \
    {"copy-contents", no_argument, NULL, TUG_CLI_OPTION_COPY_CONTENTS},                            \
    {"force", no_argument, NULL, 'f'},                                                             \
    {"interactive", no_argument, NULL, 'i'},                                                       \
    {"link", no_argument, NULL, 'l'},                                                              \
    {"no-clobber", no_argument, NULL, 'n'},                                                        \
    {"one-file-system", no_argument, NULL, 'x'},                                                   \
    {"parents", no_argument, NULL, TUG_CLI_OPTION_PARENTS},                                        \
    {"remove-destination", no_argument, NULL, TUG_CLI_OPTION_REMOVE},                              \
    {"strip-trailing-slashes", no_argument, NULL, TUG_CLI_OPTION_STRIP},                           \
    {"suffix", required_argument, NULL, 'S'},                                                      \
    {"symbolic-link", no_argument, NULL, 's'},                                                     \
    {"update", optional_argument, NULL, TUG_CLI_OPTION_UPDATE}
/* clang-format on */

struct tug_cli_existing {
    struct tug_cli_backup backup;
    int mode; /* 'i' or 'n', the last of them; 0: neither */
    enum { UPDATE_ALL, UPDATE_OLDER, UPDATE_NONE, UPDATE_NONE_FAIL } update;
    bool force, remove, hard, symbolic, attributes_only, strip;
};

/* Takes one of these options. Returns whether it was one; *status is -1, or the exit status. */
bool tug_cli_existing_take(struct tug_cli_existing *existing, struct tug_copy_options *options,
                           int option, const char *argument, int *status);

/* Fills the options in. Returns -1 or the exit status, after a message. */
int tug_cli_existing_apply(const struct tug_cli_existing *existing,
                           struct tug_copy_options *options);

/* What is asked before something is overwritten; malloc'ed, NULL: no memory. */
char *tug_cli_cp_question(const struct tug_copy_options *options, const char *path, unsigned mode,
                          bool writable);

#endif

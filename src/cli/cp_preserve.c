/* SPDX-License-Identifier: MIT */
#include "cp_preserve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "argmatch.h"

#define USUAL                                                                                      \
    ((unsigned)TUG_COPY_PRESERVE_MODE | (unsigned)TUG_COPY_PRESERVE_OWNERSHIP |                    \
     (unsigned)TUG_COPY_PRESERVE_TIMESTAMPS)

/* What need not succeed unless it is named. */
#define OPTIONAL ((unsigned)TUG_COPY_PRESERVE_XATTR | (unsigned)TUG_COPY_PRESERVE_CONTEXT)

#define ALL 0

static const struct tug_cli_word words[] = {
    {"mode", TUG_COPY_PRESERVE_MODE},
    {"timestamps", TUG_COPY_PRESERVE_TIMESTAMPS},
    {"ownership", TUG_COPY_PRESERVE_OWNERSHIP},
    {"links", TUG_COPY_PRESERVE_LINKS},
    {"context", TUG_COPY_PRESERVE_CONTEXT},
    {"xattr", TUG_COPY_PRESERVE_XATTR},
    {"all", ALL},
    {NULL, 0},
};

static bool has_selinux(void)
{
    return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

static void change(struct tug_cli_preserve *preserve, unsigned what, bool on)
{
    preserve->wanted = on ? preserve->wanted | what : preserve->wanted & ~what;
    if ((what & TUG_COPY_PRESERVE_MODE) != 0)
        preserve->no_mode = !on;
}

void tug_cli_preserve_usual(struct tug_cli_preserve *preserve)
{
    preserve->wanted |= USUAL;
}

void tug_cli_preserve_all(struct tug_cli_preserve *preserve, bool on)
{
    unsigned all = USUAL | TUG_COPY_PRESERVE_LINKS | TUG_COPY_PRESERVE_XATTR;
    change(preserve, has_selinux() ? all | TUG_COPY_PRESERVE_CONTEXT : all, on);
}

static bool take_word(struct tug_cli_preserve *preserve, const char *word, bool on)
{
    int what = tug_cli_match("tug cp", on ? "--preserve" : "--no-preserve", word, words);
    if (what < 0)
        return false;
    if (what == ALL) {
        tug_cli_preserve_all(preserve, on);
        return true;
    }
    change(preserve, (unsigned)what, on);
    unsigned required = (unsigned)what & OPTIONAL;
    preserve->required = on ? preserve->required | required : preserve->required & ~required;
    return true;
}

bool tug_cli_preserve_list(struct tug_cli_preserve *preserve, const char *list, bool on)
{
    char *copy = strdup(list);
    bool known = copy != NULL;
    for (char *rest = copy, *word; known && (word = strsep(&rest, ",")) != NULL;)
        known = take_word(preserve, word, on);
    if (copy == NULL)
        fputs("tug cp: memory exhausted\n", stderr);
    free(copy);
    return known;
}

bool tug_cli_preserve_apply(const struct tug_cli_preserve *preserve,
                            struct tug_copy_options *options)
{
    if ((preserve->required & TUG_COPY_PRESERVE_CONTEXT) != 0 && !has_selinux()) {
        fputs("tug cp: cannot preserve security context without an SELinux-enabled kernel\n",
              stderr);
        return false;
    }
    options->preserve = preserve->wanted;
    options->tolerate = OPTIONAL & ~preserve->required;
    options->default_modes = preserve->no_mode;
    return true;
}

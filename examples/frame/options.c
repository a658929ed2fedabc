/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_ENTRIES 24

static bool apply(const struct option_entry *entry, const char *value)
{
    if (entry->text != NULL) {
        *entry->text = value;
        return true;
    }
    char *end;
    errno = 0;
    uint64_t number = strtoull(value, &end, 10);
    /* strtoull() takes signs and spaces, too. */
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || number < entry->least ||
        number > entry->most)
        return false;
    *entry->number = number * entry->scale;
    return true;
}

int options_parse(const struct option_table *table, int argc, char **argv)
{
    struct option options[MOST_ENTRIES + 1] = {{0}};
    const struct option_entry *entries = table->entries;
    int code;
    for (int i = 0; i < MOST_ENTRIES && entries[i].name != NULL; i++)
        options[i] = (struct option){entries[i].name, required_argument, NULL, i + 1};
    while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (code == '?')
            return -1;
        if (!apply(&entries[code - 1], optarg)) {
            fprintf(stderr, "%s: --%s=%s makes no sense\n", table->program, entries[code - 1].name,
                    optarg);
            return -1;
        }
    }
    return optind;
}

int options_usage(const struct option_table *table)
{
    fprintf(stderr, "usage: %s [OPTION]... %s\n", table->program, table->operands);
    for (const struct option_entry *entry = table->entries; entry->name != NULL; entry++) {
        char left[64];
        snprintf(left, sizeof(left), "--%s=%s", entry->name, entry->unit);
        fprintf(stderr, "  %-24s %s", left, entry->help);
        if (entry->text == NULL)
            fprintf(stderr, " (%llu)\n", (unsigned long long)(*entry->number / entry->scale));
        else
            fprintf(stderr, " (%s)\n", *entry->text);
    }
    return 2;
}

/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_ENTRIES 24
#define HELP 256

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

static void print_usage(const struct option_table *table, FILE *file)
{
    fprintf(file, "usage: %s [OPTION]... %s\n", table->program, table->operands);
    for (const struct option_entry *entry = table->entries; entry->name != NULL; entry++) {
        char left[64];
        snprintf(left, sizeof(left), "--%s=%s", entry->name, entry->unit);
        fprintf(file, "  %-24s %s", left, entry->help);
        if (entry->text == NULL)
            fprintf(file, " (%llu)\n", (unsigned long long)(*entry->number / entry->scale));
        else if ((*entry->text)[0] != '\0')
            fprintf(file, " (%s)\n", *entry->text);
        else
            fputc('\n', file);
    }
}

int options_parse(const struct option_table *table, int argc, char **argv)
{
    struct option options[MOST_ENTRIES + 2] = {{"help", no_argument, NULL, HELP}};
    const struct option_entry *entries = table->entries;
    int code;
    for (int i = 0; i < MOST_ENTRIES && entries[i].name != NULL; i++)
        options[i + 1] = (struct option){entries[i].name, required_argument, NULL, i + 1};
    while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (code == '?')
            return -1;
        if (code == HELP) {
            print_usage(table, stdout);
            exit(0);
        }
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
    print_usage(table, stderr);
    return 2;
}

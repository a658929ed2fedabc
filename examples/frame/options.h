/* SPDX-License-Identifier: MIT */
/*
 * The options of a program as a table: where each value goes, its bounds, and what the usage says.
 * All are long ones with a value, --name=VALUE; --help is there by itself.
 */
#ifndef FRAME_OPTIONS_H
#define FRAME_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

/* Numbers of milliseconds up to this, which are 34 years, fit as nanoseconds. */
#define OPTION_MOST (UINT64_C(1) << 40)

/* Either a text or a number; what they hold before is what holds without the option. */
struct option_entry {
    const char *name, *unit, *help;
    const char **text;
    uint64_t *number;
    uint64_t least, most; /* of what is written */
    uint64_t scale;       /* times what is written is stored */
};

/* The end of the table is an entry without a name; `operands` is what follows the options in the
 * usage. */
struct option_table {
    const char *program, *operands;
    const struct option_entry *entries;
};

/* Reads all options. Returns the index of the first operand, or a negative number: something is
 * wrong. --help says how the program is used and ends it. */
int options_parse(const struct option_table *table, int argc, char **argv);

/* Says how the program is used, with the present values. Returns the status to exit with. */
int options_usage(const struct option_table *table);

#endif

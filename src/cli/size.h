/* SPDX-License-Identifier: MIT */
#ifndef TUG_CLI_SIZE_H
#define TUG_CLI_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* Reads a number of bytes, at least 1, with a suffix K, M, G or T for powers of 1,024, or none.
 * False: that is not what the text is. */
bool tug_cli_parse_size(const char *text, uint64_t *size);

#endif

/* SPDX-License-Identifier: MIT */
#include "size.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool tug_cli_parse_size(const char *text, uint64_t *size)
{
    static const char suffixes[] = "KMGT";
    char *end;
    /* strtoull() takes a sign and spaces. */
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || number == 0)
        return false;
    if (*end != '\0') {
        const char *suffix = strchr(suffixes, *end);
        if (suffix == NULL || end[1] != '\0')
            return false;
        unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);
        if (number > UINT64_MAX >> shift)
            return false;
        number <<= shift;
    }
    *size = number;
    return true;
}

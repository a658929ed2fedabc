/* SPDX-License-Identifier: MIT */
/* checksum FILE...: computes on all processors, and prints in the order of the files. */
#include "recipe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* On a thread of the blocking pool: it may take as long as it wants, and no worker waits for it.
 * Adler-32 (Deutsch and Gailly 1996, RFC 1950). */
static int64_t adler(void *context, size_t index, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint32_t a = 1, b = 0;
    (void)context;
    (void)index;
    for (size_t i = 0; i < size; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return (int64_t)b << 16 | a;
}

static int64_t checksum(void *argument)
{
    const char *const *paths = argument;
    size_t count = 0;
    while (paths[count] != NULL)
        count++;
    int64_t *sums = calloc(count, sizeof *sums);
    if (sums == NULL)
        return -ENOMEM;
    int64_t result = tug_process_files(paths, count, 0, adler, NULL, sums);
    for (size_t i = 0; i < count; i++) {
        if (sums[i] >= 0)
            printf("%08" PRIx64 " %s\n", sums[i], paths[i]);
        else if (result >= 0)
            result = sums[i];
    }
    free(sums);
    return result;
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 1, "FILE...", checksum);
}

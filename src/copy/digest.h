/* SPDX-License-Identifier: MIT */
/* The digest of a file's contents: XXH3 of 128 bits, with the length. */
#ifndef TUG_COPY_DIGEST_H
#define TUG_COPY_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "crew.h"

struct tug_copy_digest {
    uint64_t high, low, length;
};

/* Reads an open file from its current position to its end, through a buffer of
 * TUG_CREW_BUFFER_SIZE bytes. Adds the bytes to *counter on the way, unless it is NULL. Returns 0;
 * -ECANCELED: the crew was stopped; an error of reading. */
int tug_copy_digest_file(int fd, unsigned char *buffer, const struct tug_crew *crew,
                         uint64_t *counter, struct tug_copy_digest *digest);

static inline bool tug_copy_digest_equal(const struct tug_copy_digest *a,
                                         const struct tug_copy_digest *b)
{
    return a->high == b->high && a->low == b->low && a->length == b->length;
}

#endif

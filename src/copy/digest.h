/* SPDX-License-Identifier: MIT */
/* The digest of a piece of memory: XXH3 of 128 bits. */
#ifndef TUG_COPY_DIGEST_H
#define TUG_COPY_DIGEST_H

#include <stddef.h>
#include <stdint.h>

struct tug_copy_digest {
    uint64_t high, low;
};

struct tug_copy_digest tug_copy_digest_of(const void *data, size_t length);

#endif

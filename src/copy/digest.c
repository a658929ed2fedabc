/* SPDX-License-Identifier: MIT */
/* The functions of xxhash are compiled in here: a program that never needs them loads no library
 * for it. */
#include "digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

struct tug_copy_digest tug_copy_digest_of(const void *data, size_t length)
{
    XXH128_hash_t hash = XXH3_128bits(data, length);
    return (struct tug_copy_digest){.high = hash.high64, .low = hash.low64};
}

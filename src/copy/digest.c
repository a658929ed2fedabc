/* SPDX-License-Identifier: MIT */
/* The functions of xxhash are compiled in here: a program that never verifies loads no library for
 * it. */
#include "digest.h"

#include <errno.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <tug/sys.h>

int tug_copy_digest_file(int fd, unsigned char *buffer, const struct tug_crew *crew,
                         uint64_t *counter, struct tug_copy_digest *digest)
{
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    digest->length = 0;
    for (;;) {
        if (tug_crew_stopped(crew))
            return -ECANCELED;
        int64_t length = tug_sys_read(fd, buffer, TUG_CREW_BUFFER_SIZE);
        if (length < 0)
            return (int)length;
        if (length == 0)
            break;
        XXH3_128bits_update(&state, buffer, (size_t)length);
        digest->length += (uint64_t)length;
        if (counter != NULL)
            __atomic_fetch_add(counter, (uint64_t)length, __ATOMIC_RELAXED);
    }
    XXH128_hash_t hash = XXH3_128bits_digest(&state);
    digest->high = hash.high64;
    digest->low = hash.low64;
    return 0;
}

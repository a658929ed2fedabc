/* SPDX-License-Identifier: MIT */
/* Whether a destination holds already what the copy would write: by its contents, through the code
 * that compares trees, so that a difference ends the reading. What cannot be looked at is not the
 * same; the copy will say why. */
#include "file.h"

#include <errno.h>

#include <tug/sys.h>

#include "compare.h"

bool tug_copy_file_is_unchanged(const struct tug_copy_file *file, struct tug_crew_worker *worker,
                                struct tug_copy_identity *copy)
{
    struct statx statx;
    if (!file->regular)
        return false;
    /* A link is written through, so what it leads to counts. */
    int fd = tug_sys_openat(file->directory->destination, file->destination_name,
                            O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    int same = 0;
    if (tug_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_SIZE, &statx) == 0) {
        const int fds[2] = {file->source, fd};
        const uint64_t sizes[2] = {file->size, statx.stx_size};
        *copy = tug_copy_identity_of(&statx);
        if (S_ISREG(statx.stx_mode) && sizes[0] == sizes[1] &&
            !tug_copy_identity_equal(*copy, file->identity))
            same = tug_compare_files(fds, sizes, worker);
    }
    tug_sys_close(fd);
    return same == 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * Ranges past the page cache, on file systems where every request waits for a server.
 *
 * Of buffered reads the kernel has one window in flight per descriptor, and of buffered writes one
 * request per file, whoever else waits to write. A direct call is divided into as many requests as
 * it needs, and all of them are on their way at once; the bytes are also copied once less. From and
 * to a FUSE file system with a delay of 1 ms 1 GiB takes two workers 3.4 s by buffered pieces of 1
 * MiB, and 1.1 to 1.9 s by direct ones of 4 MiB, on a busy machine; direct pieces of 1 MiB gain
 * nothing.
 *
 * Direct writes that make a file longer go out one after the other, so it gets its length before
 * them. A server that does not take direct calls says -EINVAL: then it gets buffered ones.
 */
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <tug/sys.h>

/* Returns whether the descriptor is in that mode now. */
static bool set_direct(int fd, bool direct)
{
    int flags = tug_sys_fcntl(fd, F_GETFL, 0);
    return flags >= 0 &&
           tug_sys_fcntl(fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

/* What is in the page cache already need not be asked for again. Unknown on old kernels. */
static bool is_cached(const struct tug_copy_file *file)
{
    int64_t pages = tug_sys_cachestat(file->source, 0, 0);
    return pages > 0 && (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) > file->size / 2;
}

/* A partial file keeps the length that says how far it has come, and holes are found by position
 * in a file that grows. */
static bool can_write(const struct tug_transfer *transfer)
{
    const struct tug_copy_file *file = &transfer->file;
    return transfer->pair->direct_destination && file->resume == NULL && !file->sparse;
}

void tug_transfer_begin_direct(struct tug_transfer *transfer)
{
    struct tug_copy_file *file = &transfer->file;
    if (transfer->pair == NULL ||
        (transfer->offload && tug_copy_pair_can(transfer->pair, TUG_COPY_OFFLOAD)))
        return;
    if (transfer->pair->direct_source && !is_cached(file))
        transfer->direct = set_direct(file->source, true);
    if (can_write(transfer) && tug_sys_ftruncate(file->destination, (int64_t)file->size) == 0 &&
        set_direct(file->destination, true))
        transfer->direct = true;
}

void tug_transfer_end_direct(struct tug_transfer *transfer)
{
    __atomic_store_n(&transfer->direct, false, __ATOMIC_RELAXED);
    set_direct(transfer->file.source, false);
    set_direct(transfer->file.destination, false);
}

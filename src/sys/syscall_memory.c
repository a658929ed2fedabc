/* SPDX-License-Identifier: MIT */
/*
 * System calls on memory mappings. What each does is in call.h.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sys/call_pattern.h"

static int map(void **address, size_t length, int protection, int flags, int fd, int64_t offset)
{
    void *mapping = mmap(NULL, length, protection, flags, fd, offset);
    if (mapping == MAP_FAILED)
        return -1;
    *address = mapping;
    return 0;
}

int tug_sys_mmap(void **address, size_t length, int protection, int flags, int fd, int64_t offset)
{
    return TUG_SYS_ONCE(mmap, TUG_ON_FD(fd), map(address, length, protection, flags, fd, offset));
}

int tug_sys_munmap(void *address, size_t length)
{
    return TUG_SYS_ONCE(munmap, TUG_ON_NOTHING, munmap(address, length));
}

int tug_sys_madvise(void *address, size_t length, int advice)
{
    return TUG_SYS_ONCE(madvise, TUG_ON_NOTHING, madvise(address, length, advice));
}

/* Of <linux/pidfd.h> since Linux 6.15, which may be newer than the headers here. */
#define PIDFD_SELF (-10000)

int64_t tug_sys_madvise_ranges(const struct iovec *ranges, size_t count, int advice)
{
    return TUG_SYS_ONCE(process_madvise, TUG_ON_NOTHING,
                        syscall(SYS_process_madvise, PIDFD_SELF, ranges, count, advice, 0));
}

int tug_sys_mprotect(void *address, size_t length, int protection)
{
    return TUG_SYS_ONCE(mprotect, TUG_ON_NOTHING, mprotect(address, length, protection));
}

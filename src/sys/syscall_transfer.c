/* SPDX-License-Identifier: MIT */
/*
 * System calls that move bytes. What each does is in <tug/sys.h>.
 *
 * A rule of fault injection for a short transfer changes `length` before the call; for a vector, it
 * replaces the vector by a copy of its beginning.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sys/call_pattern.h"

#if TUG_FAULT_INJECTION

enum { CLIPPED_COUNT = 8 };

/* Leaves *vector alone unless a rule has given a limit. */
static void clip_vector(struct iovec storage[CLIPPED_COUNT], const struct iovec **vector,
                        int *count, size_t limit)
{
    if (limit == SIZE_MAX || *count <= 0)
        return;
    int used = 0;
    for (; used < *count && used < CLIPPED_COUNT; used++) {
        storage[used] = (*vector)[used];
        if (storage[used].iov_len > limit)
            storage[used].iov_len = limit;
        limit -= storage[used].iov_len;
    }
    *vector = storage;
    *count = used;
}

#define RETRY_VECTOR(name, fd, vector, count, call)                                                \
    ({                                                                                             \
        size_t limit_ = SIZE_MAX;                                                                  \
        struct iovec storage_[CLIPPED_COUNT];                                                      \
        TUG_SYS_RETRY(name, TUG_ON_FD_LENGTH(fd, &limit_),                                         \
                      (clip_vector(storage_, &(vector), &(count), limit_), (call)));               \
    })

#else

#define RETRY_VECTOR(name, fd, vector, count, call) TUG_SYS_RETRY(name, TUG_ON_FD(fd), call)

#endif

int64_t tug_sys_read(int fd, void *buffer, size_t length)
{
    return TUG_SYS_RETRY(read, TUG_ON_FD_LENGTH(fd, &length), read(fd, buffer, length));
}

int64_t tug_sys_write(int fd, const void *buffer, size_t length)
{
    return TUG_SYS_RETRY(write, TUG_ON_FD_LENGTH(fd, &length), write(fd, buffer, length));
}

int64_t tug_sys_pread(int fd, void *buffer, size_t length, int64_t offset)
{
    return TUG_SYS_RETRY(pread, TUG_ON_FD_LENGTH(fd, &length), pread(fd, buffer, length, offset));
}

int64_t tug_sys_pwrite(int fd, const void *buffer, size_t length, int64_t offset)
{
    return TUG_SYS_RETRY(pwrite, TUG_ON_FD_LENGTH(fd, &length), pwrite(fd, buffer, length, offset));
}

int64_t tug_sys_readv(int fd, const struct iovec *vector, int count)
{
    return RETRY_VECTOR(readv, fd, vector, count, readv(fd, vector, count));
}

int64_t tug_sys_writev(int fd, const struct iovec *vector, int count)
{
    return RETRY_VECTOR(writev, fd, vector, count, writev(fd, vector, count));
}

int64_t tug_sys_preadv(int fd, const struct iovec *vector, int count, int64_t offset)
{
    return RETRY_VECTOR(preadv, fd, vector, count, preadv(fd, vector, count, offset));
}

int64_t tug_sys_pwritev(int fd, const struct iovec *vector, int count, int64_t offset)
{
    return RETRY_VECTOR(pwritev, fd, vector, count, pwritev(fd, vector, count, offset));
}

int64_t tug_sys_preadv2(int fd, const struct iovec *vector, int count, int64_t offset, int flags)
{
    return RETRY_VECTOR(preadv2, fd, vector, count, preadv2(fd, vector, count, offset, flags));
}

int64_t tug_sys_pwritev2(int fd, const struct iovec *vector, int count, int64_t offset, int flags)
{
    return RETRY_VECTOR(pwritev2, fd, vector, count, pwritev2(fd, vector, count, offset, flags));
}

int64_t tug_sys_copy_file_range(int in, int64_t *in_offset, int out, int64_t *out_offset,
                                size_t length, unsigned flags)
{
    return TUG_SYS_RETRY(
        copy_file_range, TUG_ON_FDS_LENGTH(in, out, &length),
        syscall(SYS_copy_file_range, in, in_offset, out, out_offset, length, flags));
}

int64_t tug_sys_sendfile(int out, int in, int64_t *in_offset, size_t length)
{
    return TUG_SYS_RETRY(sendfile, TUG_ON_FDS_LENGTH(out, in, &length),
                         sendfile(out, in, in_offset, length));
}

int64_t tug_sys_splice(int in, int64_t *in_offset, int out, int64_t *out_offset, size_t length,
                       unsigned flags)
{
    return TUG_SYS_RETRY(splice, TUG_ON_FDS_LENGTH(in, out, &length),
                         splice(in, in_offset, out, out_offset, length, flags));
}

int tug_sys_ficlone(int out, int in)
{
    return TUG_SYS_RETRY(ficlone, TUG_ON_FDS(out, in), ioctl(out, FICLONE, in));
}

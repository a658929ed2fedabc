/* SPDX-License-Identifier: MIT */
/*
 * File descriptors, in POSIX's shape: if you know read(2) you know tug_read(). Each call suspends
 * the calling coroutine, never the thread.
 *
 * What holds for every call here, beyond its own comment:
 *  - Returns >= 0, or a negative errno of the system call. EINTR is never seen. EAGAIN is never
 *    seen on a descriptor that can be polled: the call waits.
 *  - -ECANCELED or -ETIMEDOUT: the scope around the call was cancelled and the operation had no
 *    effect: no byte was moved. If the operation was completed before the cancellation reached it,
 * its real result is returned; only a descriptor that was opened too late to be wanted is closed
 *    again, and then a file that O_CREAT made, or O_TRUNC emptied, stays so.
 *  - Outside of a coroutine the call blocks the thread, as its POSIX namesake does.
 *  - Where nobody reads any more, a write returns -EPIPE. SIGPIPE is never raised; for that it
 * stays blocked on the thread of a current-thread runtime from the first write on, while that runs.
 *  - A transfer may be short, as in POSIX; each costs one unit of the coop budget.
 */
#ifndef TUG_FILE_H
#define TUG_FILE_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <tug/config.h>
#include <tug/op.h>

TUG_BEGIN_DECLS

/* open(2), openat(2). O_CLOEXEC is always set. `mode` counts when flags create a file. Returns the
 * descriptor. */
TUG_API int tug_open(const char *path, int flags, mode_t mode);
TUG_API int tug_openat(int directory, const char *path, int flags, mode_t mode);

/* close(2). The descriptor is gone whatever is returned. Not cancelled: a scope that has been
 * cancelled does not keep a file from being closed. Returns 0 or an error of late writing. */
TUG_API int tug_close(int fd);

/* read(2), pread(2), readv(2), preadv(2). Return the number of bytes, 0 at the end of the file. */
TUG_API int64_t tug_read(int fd, void *buffer, size_t length);
TUG_API int64_t tug_pread(int fd, void *buffer, size_t length, int64_t offset);
TUG_API int64_t tug_readv(int fd, const struct iovec *vector, int count);
TUG_API int64_t tug_preadv(int fd, const struct iovec *vector, int count, int64_t offset);

/* write(2), pwrite(2), writev(2), pwritev(2). Return the number of bytes the kernel has taken:
 * nothing is buffered by tug, and an error belongs to the call that returns it. */
TUG_API int64_t tug_write(int fd, const void *buffer, size_t length);
TUG_API int64_t tug_pwrite(int fd, const void *buffer, size_t length, int64_t offset);
TUG_API int64_t tug_writev(int fd, const struct iovec *vector, int count);
TUG_API int64_t tug_pwritev(int fd, const struct iovec *vector, int count, int64_t offset);

/* Read or write until `length` bytes are moved or the file ends. Return the number moved, which is
 * less than `length` only at the end of the file (reading). A cancellation in the middle loses the
 * count of what was moved. -EIO: a write of more than 0 bytes moved none. */
TUG_API int64_t tug_read_exact(int fd, void *buffer, size_t length);
TUG_API int64_t tug_pread_exact(int fd, void *buffer, size_t length, int64_t offset);
TUG_API int64_t tug_write_all(int fd, const void *buffer, size_t length);
TUG_API int64_t tug_pwrite_all(int fd, const void *buffer, size_t length, int64_t offset);

/* lseek(2). Returns the new position. Does not suspend. */
TUG_API int64_t tug_lseek(int fd, int64_t offset, int whence);

/* fsync(2), fdatasync(2), ftruncate(2), fallocate(2), posix_fadvise(2). Return 0. */
TUG_API int tug_fsync(int fd);
TUG_API int tug_fdatasync(int fd);
TUG_API int tug_ftruncate(int fd, int64_t length);
TUG_API int tug_fallocate(int fd, int mode, int64_t offset, int64_t length);
TUG_API int tug_fadvise(int fd, int64_t offset, int64_t length, int advice);

/* statx(2). Returns 0. */
TUG_API int tug_statx(int directory, const char *path, int flags, unsigned mask,
                      struct statx *statx);

/* renameat2(2), unlinkat(2), mkdirat(2), linkat(2), symlinkat(2), fchmod(2), fchmodat(2).
 * Return 0. */
TUG_API int tug_renameat(int old_directory, const char *old_path, int new_directory,
                         const char *new_path, unsigned flags);
TUG_API int tug_unlinkat(int directory, const char *path, int flags);
TUG_API int tug_mkdirat(int directory, const char *path, mode_t mode);
TUG_API int tug_linkat(int old_directory, const char *old_path, int new_directory,
                       const char *new_path, int flags);
TUG_API int tug_symlinkat(const char *target, int directory, const char *path);
TUG_API int tug_fchmod(int fd, mode_t mode);
TUG_API int tug_fchmodat(int directory, const char *path, mode_t mode, int flags);

/* readlinkat(2). Returns the length of the target, which is not terminated by a zero byte. */
TUG_API int64_t tug_readlinkat(int directory, const char *path, char *buffer, size_t size);

/* getdents64(2). Returns the number of bytes of entries, 0 at the end. */
TUG_API int64_t tug_getdents(int fd, void *buffer, size_t size);

/* Waits until one of the poll(2) `events` holds on fd. Returns the events that hold. */
TUG_API int tug_poll_fd(int fd, unsigned events);

TUG_END_DECLS

#endif

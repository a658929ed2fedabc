/* SPDX-License-Identifier: MIT */
/*
 * The calls in POSIX's shape: each fills in an operation on the stack and waits for it.
 */
#include <errno.h>

#include <tug/cancel.h>
#include <tug/file.h>
#include <tug/sys.h>
#include <tug/task.h>

#include "driver/driver.h"
#include "task/carry_out.h"

/* A negative offset is an error of the caller; the operation would take -1 for the file's own
 * position. */
static int64_t carry_out_at(struct tug_op *op, int64_t offset)
{
    return offset < 0 ? -EINVAL : tug_op_carry_out(op);
}

/* ---- Descriptors ---- */

int tug_openat(int directory, const char *path, int flags, mode_t mode)
{
    struct tug_op op;
    tug_op_openat(&op, directory, path, flags | O_CLOEXEC, mode);
    return (int)tug_op_carry_out(&op);
}

int tug_open(const char *path, int flags, mode_t mode)
{
    return tug_openat(AT_FDCWD, path, flags, mode);
}

/* Under a shield: waiting in a cancelled scope would return without having started the operation. A
 * poll task cannot wait at all. An interrupted close has let go of the descriptor, but how late
 * writing ended is not known. */
int tug_close(int fd)
{
    struct tug_op op;
    struct tug_scope shield;
    tug_op_close(&op, fd);
    tug_shield_begin(&shield);
    int64_t result = tug_op_carry_out(&op);
    tug_scope_end(&shield, 0);
    if (result == -EPERM && op.state == TUG_OP_NEW && tug_task_current() != NULL)
        result = tug_op_row(&op)->blocking(&op);
    return result == -EINTR ? -EIO : (int)result;
}

int tug_poll_fd(int fd, unsigned events)
{
    struct tug_op op;
    tug_op_poll(&op, fd, events);
    return (int)tug_op_carry_out(&op);
}

/* ---- Reading and writing ---- */

int64_t tug_read(int fd, void *buffer, size_t length)
{
    struct tug_op op;
    tug_op_read(&op, fd, buffer, length, TUG_CURRENT_POSITION);
    return tug_op_carry_out(&op);
}

int64_t tug_pread(int fd, void *buffer, size_t length, int64_t offset)
{
    struct tug_op op;
    tug_op_read(&op, fd, buffer, length, offset);
    return carry_out_at(&op, offset);
}

int64_t tug_readv(int fd, const struct iovec *vector, int count)
{
    struct tug_op op;
    tug_op_readv(&op, fd, vector, count, TUG_CURRENT_POSITION);
    return tug_op_carry_out(&op);
}

int64_t tug_preadv(int fd, const struct iovec *vector, int count, int64_t offset)
{
    struct tug_op op;
    tug_op_readv(&op, fd, vector, count, offset);
    return carry_out_at(&op, offset);
}

int64_t tug_write(int fd, const void *buffer, size_t length)
{
    struct tug_op op;
    tug_op_write(&op, fd, buffer, length, TUG_CURRENT_POSITION);
    return tug_op_carry_out(&op);
}

int64_t tug_pwrite(int fd, const void *buffer, size_t length, int64_t offset)
{
    struct tug_op op;
    tug_op_write(&op, fd, buffer, length, offset);
    return carry_out_at(&op, offset);
}

int64_t tug_writev(int fd, const struct iovec *vector, int count)
{
    struct tug_op op;
    tug_op_writev(&op, fd, vector, count, TUG_CURRENT_POSITION);
    return tug_op_carry_out(&op);
}

int64_t tug_pwritev(int fd, const struct iovec *vector, int count, int64_t offset)
{
    struct tug_op op;
    tug_op_writev(&op, fd, vector, count, offset);
    return carry_out_at(&op, offset);
}

int64_t tug_lseek(int fd, int64_t offset, int whence)
{
    return tug_sys_lseek(fd, offset, whence);
}

int64_t tug_getdents(int fd, void *buffer, size_t size)
{
    struct tug_op op;
    tug_op_getdents(&op, fd, buffer, size);
    return tug_op_carry_out(&op);
}

/* ---- The state of an open file ---- */

int tug_fsync(int fd)
{
    struct tug_op op;
    tug_op_fsync(&op, fd);
    return (int)tug_op_carry_out(&op);
}

int tug_fdatasync(int fd)
{
    struct tug_op op;
    tug_op_fdatasync(&op, fd);
    return (int)tug_op_carry_out(&op);
}

int tug_ftruncate(int fd, int64_t length)
{
    struct tug_op op;
    tug_op_ftruncate(&op, fd, length);
    return (int)tug_op_carry_out(&op);
}

int tug_fallocate(int fd, int mode, int64_t offset, int64_t length)
{
    struct tug_op op;
    tug_op_fallocate(&op, fd, mode, offset, length);
    return (int)tug_op_carry_out(&op);
}

int tug_fadvise(int fd, int64_t offset, int64_t length, int advice)
{
    struct tug_op op;
    tug_op_fadvise(&op, fd, offset, length, advice);
    return (int)tug_op_carry_out(&op);
}

int tug_fchmod(int fd, mode_t mode)
{
    struct tug_op op;
    tug_op_fchmod(&op, fd, mode);
    return (int)tug_op_carry_out(&op);
}

/* ---- Names ---- */

int tug_statx(int directory, const char *path, int flags, unsigned mask, struct statx *statx)
{
    struct tug_op op;
    tug_op_statx(&op, directory, path, flags, mask, statx);
    return (int)tug_op_carry_out(&op);
}

int tug_renameat(int old_directory, const char *old_path, int new_directory, const char *new_path,
                 unsigned flags)
{
    struct tug_op op;
    tug_op_renameat(&op, old_directory, old_path, new_directory, new_path, flags);
    return (int)tug_op_carry_out(&op);
}

int tug_unlinkat(int directory, const char *path, int flags)
{
    struct tug_op op;
    tug_op_unlinkat(&op, directory, path, flags);
    return (int)tug_op_carry_out(&op);
}

int tug_mkdirat(int directory, const char *path, mode_t mode)
{
    struct tug_op op;
    tug_op_mkdirat(&op, directory, path, mode);
    return (int)tug_op_carry_out(&op);
}

int tug_linkat(int old_directory, const char *old_path, int new_directory, const char *new_path,
               int flags)
{
    struct tug_op op;
    tug_op_linkat(&op, old_directory, old_path, new_directory, new_path, flags);
    return (int)tug_op_carry_out(&op);
}

int tug_symlinkat(const char *target, int directory, const char *path)
{
    struct tug_op op;
    tug_op_symlinkat(&op, target, directory, path);
    return (int)tug_op_carry_out(&op);
}

int tug_fchmodat(int directory, const char *path, mode_t mode, int flags)
{
    struct tug_op op;
    tug_op_fchmodat(&op, directory, path, mode, flags);
    return (int)tug_op_carry_out(&op);
}

int64_t tug_readlinkat(int directory, const char *path, char *buffer, size_t size)
{
    struct tug_op op;
    tug_op_readlinkat(&op, directory, path, buffer, size);
    return tug_op_carry_out(&op);
}

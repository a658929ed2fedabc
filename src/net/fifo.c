/* SPDX-License-Identifier: MIT */
/*
 * Named pipes, opened without blocking.
 *
 * What a receiver waits for poll(2) can tell: a pipe just opened hangs up only after a sender has
 * been there. Nothing tells a sender that there is a receiver: inotify(7) is silent about one that
 * is itself blocked in its open(2). So it tries again.
 */
#include <tug/fifo.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <tug/file.h>
#include <tug/op.h>

#include "net/pause.h"
#include "task/carry_out.h"

/* Between two attempts to find a receiver, in ns. */
#define FIRST_PAUSE TUG_MILLISECOND
#define LAST_PAUSE (16 * TUG_MILLISECOND)

struct creation {
    const char *path;
    mode_t mode;
};

static int64_t create(void *argument)
{
    const struct creation *creation = argument;
    return tug_sys_mknodat(AT_FDCWD, creation->path, S_IFIFO | creation->mode, 0);
}

int tug_fifo_create(const char *path, mode_t mode)
{
    struct creation creation = {path, mode & 07777};
    struct tug_op op;
    tug_op_blocking(&op, create, &creation);
    return (int)tug_op_carry_out(&op);
}

/* Returns the descriptor if it is a named pipe, else closes it. */
static int check(int fd)
{
    struct statx status;
    int error = tug_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &status);
    if (error == 0 && (status.stx_mode & S_IFMT) == S_IFIFO)
        return fd;
    tug_sys_close(fd);
    return error < 0 ? error : -EINVAL;
}

int tug_fifo_open_receiver(const char *path, unsigned flags)
{
    if ((flags & ~(unsigned)(TUG_FIFO_WAIT | TUG_FIFO_KEEP_OPEN)) != 0)
        return -EINVAL;
    int mode = (flags & TUG_FIFO_KEEP_OPEN) != 0 ? O_RDWR : O_RDONLY;
    int fd = tug_open(path, mode | O_NONBLOCK, 0);
    if (fd >= 0)
        fd = check(fd);
    if (fd < 0 || (flags & TUG_FIFO_WAIT) == 0)
        return fd;
    int events = (int)tug_poll_fd(fd, POLLIN);
    if (events >= 0)
        return fd;
    tug_sys_close(fd);
    return events;
}

int tug_fifo_open_sender(const char *path, unsigned flags)
{
    uint64_t pause = FIRST_PAUSE;
    if ((flags & ~(unsigned)TUG_FIFO_WAIT) != 0)
        return -EINVAL;
    for (;;) {
        int fd = tug_open(path, O_WRONLY | O_NONBLOCK, 0);
        if (fd >= 0)
            return check(fd);
        if (fd != -ENXIO || (flags & TUG_FIFO_WAIT) == 0)
            return fd;
        int reason = tug_pause(&pause, LAST_PAUSE);
        if (reason < 0)
            return reason;
    }
}

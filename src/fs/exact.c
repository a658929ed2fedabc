/* SPDX-License-Identifier: MIT */
/*
 * Transfers that go on until everything is moved, or the file ends. With `offset` POSITION the
 * file's own position is used and moves along.
 */
#include <errno.h>

#include <tug/file.h>

#define POSITION TUG_CURRENT_POSITION

static int64_t read_until(int fd, char *buffer, size_t length, int64_t offset)
{
    size_t moved = 0;
    while (moved < length) {
        size_t left = length - moved;
        int64_t n = offset == POSITION
                        ? tug_read(fd, buffer + moved, left)
                        : tug_pread(fd, buffer + moved, left, offset + (int64_t)moved);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        moved += (size_t)n;
    }
    return (int64_t)moved;
}

static int64_t write_until(int fd, const char *buffer, size_t length, int64_t offset)
{
    size_t moved = 0;
    while (moved < length) {
        size_t left = length - moved;
        int64_t n = offset == POSITION
                        ? tug_write(fd, buffer + moved, left)
                        : tug_pwrite(fd, buffer + moved, left, offset + (int64_t)moved);
        if (n < 0)
            return n;
        if (n == 0)
            return -EIO;
        moved += (size_t)n;
    }
    return (int64_t)moved;
}

int64_t tug_read_exact(int fd, void *buffer, size_t length)
{
    return read_until(fd, buffer, length, POSITION);
}

int64_t tug_pread_exact(int fd, void *buffer, size_t length, int64_t offset)
{
    return offset < 0 ? -EINVAL : read_until(fd, buffer, length, offset);
}

int64_t tug_write_all(int fd, const void *buffer, size_t length)
{
    return write_until(fd, buffer, length, POSITION);
}

int64_t tug_pwrite_all(int fd, const void *buffer, size_t length, int64_t offset)
{
    return offset < 0 ? -EINVAL : write_until(fd, buffer, length, offset);
}

/* SPDX-License-Identifier: MIT */
/* write_sync_read FILE TEXT: writes a file, has it on the disk, and reads it back. */
#include "recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t check(int fd, const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy == NULL)
        return -ENOMEM;
    int64_t n = tug_pread_exact(fd, copy, length + 1, 0);
    if (n >= 0)
        n = n == (int64_t)length && memcmp(copy, text, length) == 0 ? 0 : -EIO;
    free(copy);
    return n;
}

static int64_t write_sync_read(void *argument)
{
    char **words = argument;
    size_t length = strlen(words[1]);
    int fd = tug_open(words[0], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return fd;
    int64_t result = tug_write_all(fd, words[1], length);
    if (result >= 0)
        result = tug_fsync(fd);
    if (result >= 0)
        result = check(fd, words[1], length);
    int closed = tug_close(fd);
    return result < 0 ? result : closed;
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 2, "FILE TEXT", write_sync_read);
}

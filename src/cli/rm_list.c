/* SPDX-License-Identifier: MIT */
/* What comes after the last zero byte of a piece is kept for the next one. A last name without one
 * counts as a name. */
#include "rm_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tug/file.h>
#include <tug/sys.h>

/* Some ten thousand names. It grows if a single name is longer. */
#define PIECE ((size_t)1 << 20)

int tug_cli_rm_list_open(struct tug_cli_rm_list *list, const char *path)
{
    memset(list, 0, sizeof(*list));
    list->fd = STDIN_FILENO;
    if (strcmp(path, "-") != 0)
        list->fd = tug_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (list->fd < 0)
        return list->fd;
    list->capacity = PIECE;
    list->buffer = malloc(list->capacity);
    if (list->buffer != NULL)
        return 0;
    tug_cli_rm_list_close(list);
    return -ENOMEM;
}

void tug_cli_rm_list_close(struct tug_cli_rm_list *list)
{
    free(list->buffer);
    if (list->fd > STDIN_FILENO)
        tug_sys_close(list->fd);
}

/* Makes room for more, and for a zero byte behind it. */
static bool grow(struct tug_cli_rm_list *list)
{
    if (list->length + 1 < list->capacity)
        return true;
    char *buffer = realloc(list->buffer, 2 * list->capacity);
    if (buffer == NULL)
        return false;
    list->buffer = buffer;
    list->capacity *= 2;
    return true;
}

/* Bytes up to and with the last zero byte of what was read. */
static size_t complete(const struct tug_cli_rm_list *list)
{
    const char *last = memrchr(list->buffer, '\0', list->length);
    return last != NULL ? (size_t)(last - list->buffer) + 1 : 0;
}

int64_t tug_cli_rm_list_next(struct tug_cli_rm_list *list, const char **names)
{
    list->length -= list->given;
    memmove(list->buffer, list->buffer + list->given, list->length);
    list->given = 0;
    /* A pipe gives little at a time: collect until the piece is full. */
    while (!list->ended && (list->length < PIECE - 1 || complete(list) == 0)) {
        if (!grow(list))
            return -ENOMEM;
        int64_t got =
            tug_read(list->fd, list->buffer + list->length, list->capacity - 1 - list->length);
        if (got < 0)
            return got;
        list->ended = got == 0;
        list->length += (size_t)got;
    }
    if (list->ended && list->length > 0 && list->buffer[list->length - 1] != '\0')
        list->buffer[list->length++] = '\0';
    list->given = list->length > 0 ? complete(list) : 0;
    *names = list->buffer;
    return (int64_t)list->given;
}

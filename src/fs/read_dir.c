/* SPDX-License-Identifier: MIT */
/*
 * Reading a directory: entries come in batches, and most calls take the next one out of the last
 * batch without suspending. The first batch is fetched in the same trip to the blocking pool that
 * opens the directory.
 *
 * A batch that nearly fills the buffer says that the directory is large: then the buffer is doubled
 * up to LARGEST_BUFFER, and the next trip brings more. If there is no memory for that the old
 * buffer goes on serving.
 *
 * A batch is stored in the reader by whoever fetched it. So one that arrives after the caller has
 * been cancelled is found by the next call: no entry is lost.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

#include <tug/blocking.h>
#include <tug/file.h>
#include <tug/fs.h>
#include <tug/sys.h>

#include "sys/call.h"

#define FIRST_BUFFER ((size_t)32 << 10)
#define LARGEST_BUFFER ((size_t)1 << 20)
/* The largest entry: a name of 255 bytes, its zero, the members before it, aligned. */
#define LARGEST_ENTRY 280

struct tug_read_dir {
    int fd;
    char *buffer;
    size_t capacity, length, position;
};

struct opening {
    struct tug_read_dir *reader;
    int directory;
    const char *path;
    int flags;
};

static void grow(struct tug_read_dir *reader)
{
    if (reader->capacity - reader->length >= LARGEST_ENTRY || reader->capacity >= LARGEST_BUFFER)
        return;
    char *buffer = tug_sys_malloc(reader->capacity * 2);
    if (buffer == NULL)
        return;
    tug_sys_free(reader->buffer);
    reader->buffer = buffer;
    reader->capacity *= 2;
}

static int64_t fetch(void *argument)
{
    struct tug_read_dir *reader = argument;
    grow(reader);
    reader->length = reader->position = 0;
    int64_t length = tug_sys_getdents64(reader->fd, reader->buffer, reader->capacity);
    /* A directory that has been removed has no entries. */
    if (length == -ENOENT)
        length = 0;
    if (length > 0)
        reader->length = (size_t)length;
    return length;
}

static int64_t open_and_fetch(void *argument)
{
    struct opening *opening = argument;
    struct tug_read_dir *reader = opening->reader;
    reader->fd = tug_sys_openat(opening->directory, opening->path, opening->flags, 0);
    if (reader->fd < 0)
        return reader->fd;
    int64_t length = fetch(reader);
    if (length < 0)
        tug_sys_close(reader->fd);
    return length;
}

int tug_fs_read_dir_at(struct tug_read_dir **reader, int directory, const char *path, bool nofollow)
{
    struct tug_read_dir *new = tug_sys_malloc(sizeof(*new));
    if (new == NULL)
        return -ENOMEM;
    *new = (struct tug_read_dir){.fd = -1, .capacity = FIRST_BUFFER};
    new->buffer = tug_sys_malloc(FIRST_BUFFER);
    int64_t result = -ENOMEM;
    if (new->buffer != NULL) {
        int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (nofollow ? O_NOFOLLOW : 0);
        struct opening opening = {new, directory, path, flags};
        result = tug_block_in_place(open_and_fetch, &opening);
    }
    if (result < 0) {
        tug_sys_free(new->buffer);
        tug_sys_free(new);
        return (int)result;
    }
    *reader = new;
    return 0;
}

int tug_fs_read_dir(struct tug_read_dir **reader, const char *path)
{
    return tug_fs_read_dir_at(reader, AT_FDCWD, path, false);
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

int tug_read_dir_next(struct tug_read_dir *reader, struct tug_dir_entry *entry)
{
    for (;;) {
        if (reader->position == reader->length) {
            int64_t length = tug_block_in_place(fetch, reader);
            if (length <= 0)
                return (int)length;
        }
        const struct dirent64 *next = (const void *)(reader->buffer + reader->position);
        reader->position += next->d_reclen;
        if (is_dots(next->d_name))
            continue;
        entry->name = next->d_name;
        entry->inode = next->d_ino;
        entry->type = next->d_type;
        return 1;
    }
}

int tug_read_dir_fd(const struct tug_read_dir *reader)
{
    return reader->fd;
}

void tug_read_dir_close(struct tug_read_dir *reader)
{
    if (reader == NULL)
        return;
    tug_close(reader->fd);
    tug_sys_free(reader->buffer);
    tug_sys_free(reader);
}

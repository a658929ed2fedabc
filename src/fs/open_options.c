/* SPDX-License-Identifier: MIT */
/*
 * Options in words to flags of open(2); which combinations make sense is Rust's rule, save that
 * truncate with append never does.
 */
#include <errno.h>
#include <fcntl.h>

#include <tug/file.h>
#include <tug/fs.h>

static int access_mode(const struct tug_open_options *options)
{
    bool write = options->write || options->append;
    if (options->read)
        return write ? O_RDWR : O_RDONLY;
    return write ? O_WRONLY : -EINVAL;
}

static int open_flags(const struct tug_open_options *options)
{
    int flags = access_mode(options);
    if (flags < 0)
        return flags;
    bool write = options->write || options->append;
    if (!write && (options->truncate || options->create || options->create_new))
        return -EINVAL;
    if (options->truncate && options->append)
        return -EINVAL;
    if (options->append)
        flags |= O_APPEND;
    if (options->create_new)
        return flags | O_CREAT | O_EXCL;
    if (options->create)
        flags |= O_CREAT;
    if (options->truncate)
        flags |= O_TRUNC;
    return flags;
}

int tug_fs_open(const char *path, const struct tug_open_options *options)
{
    int flags = open_flags(options);
    if (flags < 0)
        return flags;
    return tug_open(path, flags | (options->custom_flags & ~O_ACCMODE), options->mode);
}

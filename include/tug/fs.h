/* SPDX-License-Identifier: MIT */
/*
 * Whole files and directories by path: what tokio::fs offers, under POSIX's error values. Each call
 * that touches the file system suspends the calling coroutine, never the thread; a call that needs
 * several system calls makes them in one trip to the blocking pool where it can. The rules at the
 * head of <tug/file.h> hold here too.
 */
#ifndef TUG_FS_H
#define TUG_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <tug/config.h>
#include <tug/op.h>

TUG_BEGIN_DECLS

/*
 * Reads a whole file. On success stores a malloc'ed block in `*data` (the caller frees it with
 * free(); one zero byte follows the contents) and its length in `*length` (may be NULL).
 * Returns 0; -ENOMEM; -EFBIG; an error of open or read. st_size is only a hint: procfs works.
 */
TUG_API int tug_fs_read(const char *path, void **data, size_t *length);

/* The same, and checks that the contents are UTF-8: -EILSEQ if not. */
TUG_API int tug_fs_read_to_string(const char *path, char **text, size_t *length);

/* Creates or truncates a file (mode 0666 less the umask) and writes all of `data`. Returns 0. When
 * it fails or is cancelled in the middle the file holds a prefix of the data. */
TUG_API int tug_fs_write(const char *path, const void *data, size_t length);

/*
 * Copies the contents and the permission bits of a regular file, replacing the destination's
 * contents. Returns the number of bytes. -EINVAL: not a regular file, or both are the same file.
 * When it fails or is cancelled a destination that did not exist before is removed again.
 */
TUG_API int64_t tug_fs_copy(const char *from, const char *to);

/* mkdir; create_dir_all also makes missing parents, and an existing directory is no error. */
TUG_API int tug_fs_create_dir(const char *path, mode_t mode);
TUG_API int tug_fs_create_dir_all(const char *path, mode_t mode);

/* unlink; rmdir; the last removes a directory and all below it, without following symlinks and
 * without a limit of depth. It ends at the first error. What somebody else removes meanwhile is
 * none, nor what is moved out of the tree, which may keep its contents or lose them. -ESTALE: there
 * is no way back to the directories above a deep one, for which there are too few descriptors. */
TUG_API int tug_fs_remove_file(const char *path);
TUG_API int tug_fs_remove_dir(const char *path);
TUG_API int tug_fs_remove_dir_all(const char *path);

TUG_API int tug_fs_rename(const char *from, const char *to);
TUG_API int tug_fs_hard_link(const char *original, const char *link);
TUG_API int tug_fs_symlink(const char *target, const char *link);

/* Stores the target, zero-terminated, as a malloc'ed string in `*target`. */
TUG_API int tug_fs_read_link(const char *path, char **target);

/* Stores the absolute path without symlinks, `.` and `..` as a malloc'ed string. */
TUG_API int tug_fs_canonicalize(const char *path, char **resolved);

/* statx(2) with STATX_BASIC_STATS | STATX_BTIME, following symlinks or not. */
TUG_API int tug_fs_metadata(const char *path, struct statx *metadata);
TUG_API int tug_fs_symlink_metadata(const char *path, struct statx *metadata);

/* chmod(2). */
TUG_API int tug_fs_set_permissions(const char *path, mode_t mode);

/* Returns 1 if the path (symlinks followed) exists, 0 if not, or an error if that cannot be
 * known, such as -EACCES. */
TUG_API int tug_fs_try_exists(const char *path);

/* How to open a file, in words. Initialise with TUG_OPEN_OPTIONS_INIT. */
struct tug_open_options {
    bool read, write, append, truncate, create, create_new;
    mode_t mode;      /* of a file that is created; default 0666 */
    int custom_flags; /* further O_ flags */
};
#define TUG_OPEN_OPTIONS_INIT                                                                      \
    {                                                                                              \
        false, false, false, false, false, false, 0666, 0                                          \
    }

/* Opens a file. Returns the descriptor. -EINVAL: a combination that makes no sense (nothing asked
 * for; truncate or create without write or append; truncate with append). */
TUG_API int tug_fs_open(const char *path, const struct tug_open_options *options);

/* One entry of a directory; valid until the next call on the same reader. */
struct tug_dir_entry {
    const char *name;
    uint64_t inode;
    uint8_t type; /* DT_REG, DT_DIR, ...; DT_UNKNOWN if the file system does not say */
};

struct tug_read_dir;

/*
 * Opens a directory for reading, by path or below `directory` (without following a final symlink
 * if `nofollow`). Entries are fetched many at a time; `.` and `..` are left out. On success stores
 * the reader in `*reader`. Returns 0; -ENOTDIR; -ENOMEM.
 */
TUG_API int tug_fs_read_dir(struct tug_read_dir **reader, const char *path);
TUG_API int tug_fs_read_dir_at(struct tug_read_dir **reader, int directory, const char *path,
                               bool nofollow);

/* Returns 1 and fills `*entry`, 0 at the end, or an error. Suspends only when a new batch must be
 * fetched. Cancelling loses no entry. */
TUG_API int tug_read_dir_next(struct tug_read_dir *reader, struct tug_dir_entry *entry);

/* The descriptor of the directory, borrowed. */
TUG_API int tug_read_dir_fd(const struct tug_read_dir *reader);

/* Closes the reader. NULL is allowed. */
TUG_API void tug_read_dir_close(struct tug_read_dir *reader);

/*
 * Waits until a path exists, by looking again and again: first after `first_delay` ns, then after
 * twice as long each time, up to `max_delay` ns. Returns 0 when it exists; the scope's reason; an
 * error other than -ENOENT and -ENOTDIR that looking gave. -EINVAL: first_delay is 0 or greater
 * than max_delay.
 */
TUG_API int tug_fs_wait_for(const char *path, uint64_t first_delay, uint64_t max_delay);

TUG_END_DECLS

#endif

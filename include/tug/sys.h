/* SPDX-License-Identifier: MIT */
/*
 * The system calls themselves, blocking the thread: for code on a thread that may block, which is a
 * job of the blocking pool (tug_spawn_blocking(), tug_op_blocking()) or a thread of your own. On a
 * thread of the runtime use <tug/file.h>, which suspends the task instead.
 *
 * What holds for every call here, beyond its own comment:
 *  - Arguments and meaning are those of the manual page of the same name in section 2 (fallocate(2)
 *    for tug_sys_fallocate(), and so on). Flags are passed on as they are: O_CLOEXEC is not added.
 *  - Returns what the system call returns, or a negative errno. errno is not a part of the result,
 *    and its value afterwards means nothing.
 *  - A call interrupted by a signal before it had an effect is made again, so that EINTR is not
 *    seen; the exceptions, tug_sys_close() and tug_sys_poll(), say so.
 *  - Offsets and lengths are 64 bits wide. A transfer may be short, as in POSIX.
 */
#ifndef TUG_SYS_H
#define TUG_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <tug/config.h>

struct iovec;
struct mmsghdr;
struct msghdr;
struct open_how;
struct pollfd;
struct sockaddr;
struct statx;
struct timespec;

TUG_BEGIN_DECLS

/* ---- Descriptors ---- */

/* Opens a file. `mode` counts when `flags` create one. Returns the descriptor. */
TUG_API int tug_sys_openat(int directory, const char *path, int flags, mode_t mode);

/* openat2(2), with the size of struct open_how filled in. -ENOSYS before Linux 5.6. */
TUG_API int tug_sys_openat2(int directory, const char *path, const struct open_how *how);

/* Closes. Never made again: the descriptor is gone whatever is returned, -EINTR included (which
 * means that the outcome of late writing is not known). Returns 0 or an error of late writing. */
TUG_API int tug_sys_close(int fd);

/* Duplicates a descriptor; the copy is not close-on-exec (tug_sys_fcntl() with F_DUPFD_CLOEXEC
 * makes one that is). Returns the new descriptor. */
TUG_API int tug_sys_dup(int fd);

/* fcntl(2), for the commands that take an int or nothing (then pass 0), not those for locks. */
TUG_API int tug_sys_fcntl(int fd, int command, int argument);

/* Makes a pipe: fds[0] is read from, fds[1] written to. Returns 0. */
TUG_API int tug_sys_pipe2(int fds[2], int flags);

/* Waits until one of the descriptors is ready. `timeout` in ms, negative: without limit. Not made
 * again after a signal: returns -EINTR then. Returns the number of descriptors with events. */
TUG_API int tug_sys_poll(struct pollfd *fds, unsigned count, int timeout);

/* ---- Reading and writing: return the number of bytes, 0 at the end of the file ---- */

TUG_API int64_t tug_sys_read(int fd, void *buffer, size_t length);
TUG_API int64_t tug_sys_write(int fd, const void *buffer, size_t length);
TUG_API int64_t tug_sys_pread(int fd, void *buffer, size_t length, int64_t offset);
TUG_API int64_t tug_sys_pwrite(int fd, const void *buffer, size_t length, int64_t offset);
TUG_API int64_t tug_sys_readv(int fd, const struct iovec *vector, int count);
TUG_API int64_t tug_sys_writev(int fd, const struct iovec *vector, int count);
TUG_API int64_t tug_sys_preadv(int fd, const struct iovec *vector, int count, int64_t offset);
TUG_API int64_t tug_sys_pwritev(int fd, const struct iovec *vector, int count, int64_t offset);

/* With the RWF_ flags of the manual page. An offset of -1 is the file's own position. */
TUG_API int64_t tug_sys_preadv2(int fd, const struct iovec *vector, int count, int64_t offset,
                                int flags);
TUG_API int64_t tug_sys_pwritev2(int fd, const struct iovec *vector, int count, int64_t offset,
                                 int flags);

/* Copy within the kernel. An offset may be NULL: the file's own position, which then moves on;
 * otherwise the offset does. copy_file_range is the bare system call: the C library's imitation for
 * kernels without it is not used. */
TUG_API int64_t tug_sys_copy_file_range(int in, int64_t *in_offset, int out, int64_t *out_offset,
                                        size_t length, unsigned flags);
TUG_API int64_t tug_sys_sendfile(int out, int in, int64_t *in_offset, size_t length);
TUG_API int64_t tug_sys_splice(int in, int64_t *in_offset, int out, int64_t *out_offset,
                               size_t length, unsigned flags);

/* Makes the file `out` share all blocks of the file `in` (ioctl_ficlone(2)). Returns 0. */
TUG_API int tug_sys_ficlone(int out, int in);

/* Returns the new position. */
TUG_API int64_t tug_sys_lseek(int fd, int64_t offset, int whence);

/* ---- Sockets ---- */

/* Return the descriptor; socketpair: 0. */
TUG_API int tug_sys_socket(int domain, int type, int protocol);
TUG_API int tug_sys_socketpair(int domain, int type, int protocol, int fds[2]);

/* Return 0. connect is not made again after a signal: the attempt goes on (-EINPROGRESS). */
TUG_API int tug_sys_bind(int fd, const struct sockaddr *address, unsigned length);
TUG_API int tug_sys_listen(int fd, int backlog);
TUG_API int tug_sys_connect(int fd, const struct sockaddr *address, unsigned length);
TUG_API int tug_sys_shutdown(int fd, int how);
TUG_API int tug_sys_getsockopt(int fd, int level, int option, void *value, unsigned *length);
TUG_API int tug_sys_setsockopt(int fd, int level, int option, const void *value, unsigned length);
TUG_API int tug_sys_getsockname(int fd, struct sockaddr *address, unsigned *length);
TUG_API int tug_sys_getpeername(int fd, struct sockaddr *address, unsigned *length);

/* `address` and `length` may be NULL. Returns the descriptor. */
TUG_API int tug_sys_accept4(int fd, struct sockaddr *address, unsigned *length, int flags);

/* Return the number of bytes. Without MSG_NOSIGNAL who sends to nobody gets SIGPIPE. */
TUG_API int64_t tug_sys_recv(int fd, void *buffer, size_t length, int flags);
TUG_API int64_t tug_sys_send(int fd, const void *buffer, size_t length, int flags);
TUG_API int64_t tug_sys_recvmsg(int fd, struct msghdr *message, int flags);
TUG_API int64_t tug_sys_sendmsg(int fd, const struct msghdr *message, int flags);

/* Several messages at once. Return their number; an error after the first is told by the next call.
 * recvmmsg has no limit of time: MSG_WAITFORONE or MSG_DONTWAIT. */
TUG_API int tug_sys_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
TUG_API int tug_sys_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);

/* ---- The state of an open file: return 0 ---- */

TUG_API int tug_sys_fsync(int fd);
TUG_API int tug_sys_fdatasync(int fd);
TUG_API int tug_sys_syncfs(int fd);
/* Locks the open file, or unlocks it: LOCK_EX, LOCK_SH, LOCK_UN; with LOCK_NB -EAGAIN if another
 * has it. */
TUG_API int tug_sys_flock(int fd, int operation);
TUG_API int tug_sys_ftruncate(int fd, int64_t length);
TUG_API int tug_sys_fallocate(int fd, int mode, int64_t offset, int64_t length);
/* Returns a negative errno like all others, where its POSIX namesake returns a positive one. */
TUG_API int tug_sys_posix_fadvise(int fd, int64_t offset, int64_t length, int advice);
/* How many pages of a range are in the page cache; length 0: to the end. -ENOSYS before Linux 6.5.
 */
TUG_API int64_t tug_sys_cachestat(int fd, uint64_t offset, uint64_t length);

/* ---- Names: return 0 ---- */

TUG_API int tug_sys_renameat2(int old_directory, const char *old_path, int new_directory,
                              const char *new_path, unsigned flags);
TUG_API int tug_sys_unlinkat(int directory, const char *path, int flags);
TUG_API int tug_sys_mkdirat(int directory, const char *path, mode_t mode);
TUG_API int tug_sys_mknodat(int directory, const char *path, mode_t mode, dev_t device);
TUG_API int tug_sys_linkat(int old_directory, const char *old_path, int new_directory,
                           const char *new_path, int flags);
TUG_API int tug_sys_symlinkat(const char *target, int directory, const char *path);

/* Returns the length of the target, which is not terminated by a zero byte and cut at `size`. */
TUG_API int64_t tug_sys_readlinkat(int directory, const char *path, char *buffer, size_t size);

/* Reads directory entries (struct dirent64). Returns the number of bytes, 0 at the end. */
TUG_API int64_t tug_sys_getdents64(int fd, void *buffer, size_t size);

/* ---- Metadata: return 0 ---- */

TUG_API int tug_sys_statx(int directory, const char *path, int flags, unsigned mask,
                          struct statx *statx);
TUG_API int tug_sys_faccessat(int directory, const char *path, int mode, int flags);
TUG_API int tug_sys_fchmod(int fd, mode_t mode);
TUG_API int tug_sys_fchmodat(int directory, const char *path, mode_t mode, int flags);
TUG_API int tug_sys_fchown(int fd, uid_t owner, gid_t group);
TUG_API int tug_sys_fchownat(int directory, const char *path, uid_t owner, gid_t group, int flags);
/* times[0]: of the last access, times[1]: of the last modification; NULL: both are now. */
TUG_API int tug_sys_futimens(int fd, const struct timespec *times);
TUG_API int tug_sys_utimensat(int directory, const char *path, const struct timespec *times,
                              int flags);

/* ---- Extended attributes; by a path: `l` does not follow its last symbolic link ---- */

/* Return the size of the value, which is not stored if `size` is 0; -ERANGE: larger than `size`. */
TUG_API int64_t tug_sys_getxattr(const char *path, const char *name, void *value, size_t size);
TUG_API int64_t tug_sys_fgetxattr(int fd, const char *name, void *value, size_t size);
TUG_API int64_t tug_sys_lgetxattr(const char *path, const char *name, void *value, size_t size);

/* Return the size of the list: names, each terminated by a zero byte. As above. */
TUG_API int64_t tug_sys_listxattr(const char *path, char *names, size_t size);
TUG_API int64_t tug_sys_flistxattr(int fd, char *names, size_t size);
TUG_API int64_t tug_sys_llistxattr(const char *path, char *names, size_t size);

/* Return 0. */
TUG_API int tug_sys_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);
TUG_API int tug_sys_lsetxattr(const char *path, const char *name, const void *value, size_t size,
                              int flags);
TUG_API int tug_sys_fremovexattr(int fd, const char *name);
TUG_API int tug_sys_lremovexattr(const char *path, const char *name);

TUG_END_DECLS

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Fault injection: in a test build (TUG_FAULT_INJECTION) any call of src/sys/, by name and
 * occurrence, can be made to fail, to move fewer bytes than asked for, or to take longer. In other
 * builds the hook is the constant 0 and nothing of this exists.
 *
 * A rule applies to one call by name, and to those of its occurrences that a range gives. A call
 * that is made again after EINTR occurs again. Several rules may apply to one occurrence: delays
 * add up, the shortest length counts, the newest error wins.
 *
 * The environment can set rules from the start of the process:
 *
 *     TUG_FAULT = rule [";" rule]...
 *     rule      = call ["@" part-of-path] ":" range "=" action
 *     range     = N | N "-" M | N "-" | "*"                  counted from 1
 *     action    = ERRNO-NAME | "short:" bytes | "delay:" ns
 *
 *     TUG_FAULT="openat@data.db:3=EIO;read:2-=short:1;write:1-5=delay:1000000"
 *
 * It is read at the first call or the first use of an API function. A string that does not parse
 * ends the process with status 2, since a test would otherwise pass without its fault.
 *
 * Thread-safe without locks: rules are immutable, published by one store and never freed while the
 * process lives; only their counters change. So the hook may also run in signal handlers, once the
 * environment has been read. Rules are set and reset by one thread at a time.
 */
#ifndef TUG_SYS_FAULT_H
#define TUG_SYS_FAULT_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>

/*
 * Every call by name, and whether it has a length that can be made short. The names are those that
 * TUG_FAULT and the functions below take. Where getdents64_types fails, whatever the error, the
 * getdents64 succeeds and its entries are DT_UNKNOWN, as on a file system that keeps no types.
 */
/* clang-format off */
#define TUG_FAULT_CALLS(PLAIN, LENGTH)                                                             \
    PLAIN(openat) PLAIN(openat2) PLAIN(close) PLAIN(dup) PLAIN(fcntl) PLAIN(pipe2) PLAIN(poll)     \
    LENGTH(read) LENGTH(write) LENGTH(pread) LENGTH(pwrite)                                        \
    LENGTH(readv) LENGTH(writev) LENGTH(preadv) LENGTH(pwritev) LENGTH(preadv2) LENGTH(pwritev2)   \
    PLAIN(socket) PLAIN(socketpair) PLAIN(bind) PLAIN(listen) PLAIN(connect) PLAIN(shutdown)       \
    PLAIN(getsockopt) PLAIN(setsockopt) PLAIN(getsockname) PLAIN(getpeername) PLAIN(accept4)       \
    PLAIN(getaddrinfo)                                                                             \
    LENGTH(recv) LENGTH(send) PLAIN(recvmsg) PLAIN(sendmsg) PLAIN(recvmmsg) PLAIN(sendmmsg)        \
    LENGTH(copy_file_range) LENGTH(sendfile) LENGTH(splice) PLAIN(ficlone) PLAIN(lseek)            \
    PLAIN(fsync) PLAIN(fdatasync) PLAIN(syncfs) PLAIN(flock) PLAIN(ftruncate) PLAIN(fallocate)     \
    PLAIN(posix_fadvise) PLAIN(cachestat)                                                          \
    PLAIN(renameat2) PLAIN(unlinkat) PLAIN(mkdirat) PLAIN(mknodat) PLAIN(linkat) PLAIN(symlinkat)  \
    LENGTH(readlinkat) LENGTH(getdents64) PLAIN(getdents64_types)                                  \
    PLAIN(statx) PLAIN(faccessat) PLAIN(fchmod) PLAIN(fchmodat) PLAIN(fchown) PLAIN(fchownat)      \
    PLAIN(futimens) PLAIN(utimensat)                                                               \
    PLAIN(getxattr) PLAIN(fgetxattr) PLAIN(lgetxattr)                                              \
    PLAIN(listxattr) PLAIN(flistxattr) PLAIN(llistxattr) PLAIN(fsetxattr)                          \
    PLAIN(lsetxattr) PLAIN(fremovexattr) PLAIN(lremovexattr)                                       \
    PLAIN(malloc) PLAIN(calloc) PLAIN(realloc)                                                     \
    PLAIN(mmap) PLAIN(munmap) PLAIN(madvise) PLAIN(process_madvise) PLAIN(mprotect)                \
    PLAIN(eventfd) PLAIN(epoll_create1) PLAIN(epoll_ctl) PLAIN(epoll_pwait2) PLAIN(epoll_wait)     \
    PLAIN(futex_wait) PLAIN(futex_wake)                                                            \
    LENGTH(getrandom) PLAIN(sched_getaffinity) PLAIN(prctl) PLAIN(thread_create)                   \
    PLAIN(sigaction) PLAIN(posix_spawn) PLAIN(pidfd_open) PLAIN(pidfd_send_signal) PLAIN(kill)     \
    PLAIN(waitid) PLAIN(eventfd_write)                                                             \
    PLAIN(io_uring_queue_init) PLAIN(io_uring_queue_exit) PLAIN(io_uring_submit)                   \
    PLAIN(io_uring_wait) PLAIN(io_uring_get_events) PLAIN(io_uring_register_probe)                 \
    PLAIN(io_uring_register_ring_fd) PLAIN(io_uring_register_iowq_max_workers)                     \
    PLAIN(io_uring_register_buf_ring)
/* clang-format on */

#define TUG_FAULT_ENUMERATOR(name) TUG_FAULT_CALL_##name,
enum tug_fault_call {
    TUG_FAULT_CALLS(TUG_FAULT_ENUMERATOR, TUG_FAULT_ENUMERATOR) TUG_FAULT_CALL_COUNT
};
#undef TUG_FAULT_ENUMERATOR

/* What a call works on, for rules that apply to one descriptor or path. -1 and NULL: nothing. */
struct tug_fault_target {
    int fd, fd2;
    const char *path, *path2;
    size_t *length; /* clipped by a rule for a short transfer */
};

#if TUG_FAULT_INJECTION

TUG_BEGIN_DECLS

/* An upper end of a range that is never reached. */
#define TUG_FAULT_ALWAYS UINT32_MAX

/*
 * Sets a rule for the occurrences `first` to first + count - 1 of `call`, counted from 1 with the
 * next one after this (TUG_FAULT_ALWAYS as the count: all from `first` on).
 * Return 0; -EINVAL: no such call, first or count is 0, `error` is not an errno (1 to 4095), or the
 * call has no length to be short; -ENOMEM.
 *
 * fail: returns -error without being made. A call that is made again after EINTR does not end
 * under a rule that fails it with EINTR for ever.
 * short: is made with at most `bytes` bytes; a vector, with at most its first 8 buffers.
 * delay: is made after `ns`.
 */
TUG_API int tug_fault_fail(const char *call, unsigned first, unsigned count, int error);
TUG_API int tug_fault_short(const char *call, unsigned first, unsigned count, size_t bytes);
TUG_API int tug_fault_delay(const char *call, unsigned first, unsigned count, uint64_t ns);

/* Rules set from now on count only the calls on this descriptor (-1: on any), or whose path, as it
 * was given to the call, contains `part` (NULL: any; cut after 255 bytes). */
TUG_API void tug_fault_only_fd(int fd);
TUG_API void tug_fault_only_path(const char *part);

/* Removes all rules, those of the environment included, and both filters; counters become 0. */
TUG_API void tug_fault_reset(void);

/* How often `call` occurred since the reset, whatever the filters; 0 for a name unknown. */
TUG_API uint64_t tug_fault_calls(const char *call);

/* Private to the hook: the part that is not inline. */
TUG_API int tug_fault_apply(enum tug_fault_call call, struct tug_fault_target target);
TUG_API extern uint32_t tug_fault_quiet;
TUG_API extern uint64_t tug_fault_counters[TUG_FAULT_CALL_COUNT];

TUG_END_DECLS

/* Returns 0, or the negative errno to be returned instead of making the call. The one branch is
 * taken from the moment a rule is set, and before the environment has been read. */
static inline int tug_fault_hook(enum tug_fault_call call, struct tug_fault_target target)
{
    __atomic_fetch_add(&tug_fault_counters[call], 1, __ATOMIC_RELAXED);
    if (__builtin_expect(!__atomic_load_n(&tug_fault_quiet, __ATOMIC_ACQUIRE), 0))
        return tug_fault_apply(call, target);
    return 0;
}

#define TUG_FAULT_TARGET(fd, path, fd2, path2, length)                                             \
    ((struct tug_fault_target){fd, fd2, path, path2, length})
#define TUG_FAULT(name, target) tug_fault_hook(TUG_FAULT_CALL_##name, target)

#else

#define TUG_FAULT(name, target) 0

#endif

/* The hook before a call: TUG_FAULT(read, TUG_ON_FD_LENGTH(fd, &length)). */
#define TUG_ON_NOTHING TUG_FAULT_TARGET(-1, NULL, -1, NULL, NULL)
#define TUG_ON_LENGTH(length) TUG_FAULT_TARGET(-1, NULL, -1, NULL, length)
#define TUG_ON_FD(fd) TUG_FAULT_TARGET(fd, NULL, -1, NULL, NULL)
#define TUG_ON_FD_LENGTH(fd, length) TUG_FAULT_TARGET(fd, NULL, -1, NULL, length)
#define TUG_ON_FDS(fd, fd2) TUG_FAULT_TARGET(fd, NULL, fd2, NULL, NULL)
#define TUG_ON_FDS_LENGTH(fd, fd2, length) TUG_FAULT_TARGET(fd, NULL, fd2, NULL, length)
#define TUG_ON_PATH(fd, path) TUG_FAULT_TARGET(fd, path, -1, NULL, NULL)
#define TUG_ON_PATH_LENGTH(fd, path, length) TUG_FAULT_TARGET(fd, path, -1, NULL, length)
#define TUG_ON_PATHS(fd, path, fd2, path2) TUG_FAULT_TARGET(fd, path, fd2, path2, NULL)

#endif

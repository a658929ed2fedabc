/* SPDX-License-Identifier: MIT */
/*
 * The system calls that only the runtime itself needs; those for files are in <tug/sys.h>. The
 * whole of tug enters the kernel through these two, <sys/thread.h>, <sys/futex.h> and
 * <sys/ring.h>, so that a test can make any call fail (sys/fault.h).
 *
 * As in <tug/sys.h>, each returns >= 0 or a negative errno. The functions read errno within one
 * call that never suspends, and nothing above reads it.
 *
 * Files in this directory must not have the name of one in the system's <sys/>: this directory
 * comes first in the search path.
 */
#ifndef TUG_SYS_CALL_H
#define TUG_SYS_CALL_H

#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <tug/sys.h>

#include "sys/fault.h"

struct addrinfo;
struct epoll_event;

/* The negative errno of the C library call that has just failed. Out of line, so that the address
 * of errno is computed anew each time even if the caller is inlined into a coroutine that has moved
 * to another thread. */
int tug_sys_error(void);

/* ---- Memory. NULL when there is none; the caller turns that into -ENOMEM. ---- */

static inline void *tug_sys_malloc(size_t size)
{
    return TUG_FAULT(malloc, TUG_ON_NOTHING) < 0 ? NULL : malloc(size);
}

/* `alignment` is a power of two, and a part of `size`. A rule for malloc fails it, too. */
static inline void *tug_sys_aligned_alloc(size_t alignment, size_t size)
{
    return TUG_FAULT(malloc, TUG_ON_NOTHING) < 0 ? NULL : aligned_alloc(alignment, size);
}

static inline void *tug_sys_calloc(size_t count, size_t size)
{
    return TUG_FAULT(calloc, TUG_ON_NOTHING) < 0 ? NULL : calloc(count, size);
}

static inline void *tug_sys_realloc(void *memory, size_t size)
{
    return TUG_FAULT(realloc, TUG_ON_NOTHING) < 0 ? NULL : realloc(memory, size);
}

static inline void tug_sys_free(void *memory)
{
    free(memory);
}

/* mmap(2); the wish for a place is NULL. *address is written only on success. Returns 0. */
int tug_sys_mmap(void **address, size_t length, int protection, int flags, int fd, int64_t offset);
int tug_sys_munmap(void *address, size_t length);
int tug_sys_madvise(void *address, size_t length, int advice);
/* madvise(2) of several ranges of this process in one call. Returns the number of bytes advised;
 * -EBADF before Linux 6.15, -EINVAL where it is not allowed for this advice. */
int64_t tug_sys_madvise_ranges(const struct iovec *ranges, size_t count, int advice);
int tug_sys_mprotect(void *address, size_t length, int protection);

/* ---- Events ---- */

int tug_sys_eventfd(unsigned initial, int flags);

/* Adds one to an eventfd and leaves errno as it was: for signal handlers. */
void tug_sys_eventfd_add(int fd);

int tug_sys_epoll_create1(int flags);
int tug_sys_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);

/* Waits for at most `timeout` ns, negative: without limit. Where the kernel has no epoll_pwait2(2)
 * the timeout is rounded up to ms. Returns the number of events, 0 after the timeout; not made
 * again after a signal: -EINTR. */
int tug_sys_epoll_pwait2(int epoll, struct epoll_event *events, int max, int64_t timeout);

/* ---- The process and the system ---- */

/* Returns the number of bytes written to `buffer`. */
int64_t tug_sys_getrandom(void *buffer, size_t length, unsigned flags);

/* The number of processors that the calling thread may run on, at least 1. */
int tug_sys_cpu_count(void);

/* The kernel's number of the calling thread. */
int tug_sys_gettid(void);

/* Names the calling thread; what is beyond 15 bytes is cut off. Returns 0. */
int tug_sys_set_thread_name(const char *name);

/* sigaction(2). Returns 0. */
int tug_sys_sigaction(int number, const struct sigaction *action, struct sigaction *previous);

/* The kernel's number of the process. May be called in a signal handler. */
int tug_sys_getpid(void);

/* ---- Children ---- */

/* posix_spawnp(3); `environment` may be NULL: that of the process. Returns 0 when the child has its
 * program. */
int tug_sys_posix_spawnp(pid_t *id, const char *program, const posix_spawn_file_actions_t *actions,
                         const posix_spawnattr_t *attributes, char *const *arguments,
                         char *const *environment);

/* Returns the descriptor, which is close-on-exec. -ENOSYS before Linux 5.3. */
int tug_sys_pidfd_open(pid_t id);

/* Return 0. */
int tug_sys_pidfd_send_signal(int pidfd, int number);
int tug_sys_kill(pid_t id, int number);

/* `kind`: P_PID, or P_PIDFD (-EINVAL before Linux 5.4). Returns 0. */
int tug_sys_waitid(int kind, int id, siginfo_t *information, int options);

/* ---- Names ---- */

/* getaddrinfo(3), which blocks. Returns 0 or an EAI_ code, which is negative; with EAI_SYSTEM
 * *error is the negative errno, else 0. The number of a rule that has it fail is that of the code,
 * without the sign. */
int tug_sys_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                        struct addrinfo **found, int *error);

/* ---- Without SIGPIPE ---- */

/*
 * tug_sigpipe_hold: from now on the calling thread gets no SIGPIPE for what it writes itself, nor
 * for what a ring writes when it enters the kernel. tug_sigpipe_release: as it was before; what was
 * raised between is forgotten. Both do nothing if it is so already. tug_sigpipe_hold_for_good: of a
 * thread that has the signal blocked from the beginning; there is no way back.
 */
void tug_sigpipe_hold(void);
void tug_sigpipe_release(void);
void tug_sigpipe_hold_for_good(void);
bool tug_sigpipe_is_held(void);

/* write(2), writev(2), and splice(2) without offsets, without the SIGPIPE of a pipe or socket that
 * nobody reads. Return the number of bytes; -EPIPE. */
int64_t tug_sys_write_quietly(int fd, const void *buffer, size_t length);
int64_t tug_sys_writev_quietly(int fd, const struct iovec *vector, int count);
int64_t tug_sys_pwritev2_quietly(int fd, const struct iovec *vector, int count, int64_t offset,
                                 int flags);
int64_t tug_sys_splice_quietly(int in, int out, size_t length, unsigned flags);

#endif

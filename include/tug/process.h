/* SPDX-License-Identifier: MIT */
/*
 * Child processes: started without blocking a worker, waited for like anything else.
 *
 *     char *arguments[] = {"sort", "-u", NULL};
 *     struct tug_process_options options;
 *     struct tug_process_output result;
 *     tug_process_options_init(&options, arguments);
 *     int error = tug_process_output(&result, &options, text, length, 1 << 20);
 *
 * A child has nothing of its parent's but what it is given: descriptors that are not close-on-exec
 * (all of tug's are), no blocked signals, and each signal's default action.
 *
 * No zombie is left: a child that is closed while it runs goes on, and is reaped by the runtime
 * that closed it; when that has ended, by the next call of tug_process_spawn(),
 * tug_process_close() or tug_process_reap_orphans(). If SIGCHLD is ignored, or other code waits for
 * any child, the status of a child may be lost: then waiting for it gives -ECHILD.
 */
#ifndef TUG_PROCESS_H
#define TUG_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/op.h>
#include <tug/signal.h>

TUG_BEGIN_DECLS

/* What becomes of one of a child's standard descriptors. */
enum tug_stdio_kind {
    TUG_STDIO_INHERIT, /* it is the parent's */
    TUG_STDIO_NULL,    /* /dev/null */
    TUG_STDIO_PIPE,    /* a pipe, whose other end is in struct tug_process */
    TUG_STDIO_FD       /* a descriptor of the parent's, which keeps it */
};

struct tug_stdio {
    enum tug_stdio_kind kind;
    int fd; /* of TUG_STDIO_FD */
};

/* A process group of the child's own, with its id. */
#define TUG_PROCESS_NEW_GROUP (-1)

/* Initialise with tug_process_options_init(), then set what differs. What is pointed to is lent
 * until tug_process_spawn() returns. */
struct tug_process_options {
    /* The program: a path if there is a slash in it, else a name that is looked for in $PATH of the
     * calling process. NULL: arguments[0]. */
    const char *program;
    /* Its arguments, ending with NULL; the first is the name it is told. */
    char *const *arguments;
    /* "NAME=value", ending with NULL. NULL: the calling process's environment. */
    char *const *environment;
    /* The working directory; NULL: the calling process's. A relative path of `program` begins
     * there. */
    const char *directory;
    struct tug_stdio input, output, error;
    /* The process group that it joins: TUG_PROCESS_NEW_GROUP, or an id; 0: the parent's. */
    pid_t group;
    /* It leads a session of its own, without a terminal. Not together with `group`. */
    bool new_session;
    /* Signals that the calling process ignores are ignored by the child (nohup(1) relies on it);
     * not SIGPIPE. Else they get their default action. */
    bool inherit_ignored;
    /* A tug_process_wait() that is cancelled kills the child and reaps it before it returns. (Not
     * one that has changed its user and may not be killed.) */
    bool kill_on_cancel;
    /* tug_process_close() kills a child that still runs and reaps it before it returns, likewise.
     */
    bool kill_on_close;
};

/* Sets all to their defaults: standard descriptors inherited. */
TUG_API void tug_process_options_init(struct tug_process_options *options, char *const *arguments);

/* How a process has ended. */
struct tug_process_status {
    int code;         /* its exit status, 0 to 255, if `signal` is 0 */
    int signal;       /* the signal that has ended it, else 0 */
    bool core_dumped; /* by that signal */
};

struct tug_orphan;

/* A child. The members behind `error` are private. */
struct tug_process {
    /* The parent's ends of the pipes, or -1: descriptors for <tug/file.h>, close-on-exec. Who takes
     * one over (to close it, or for tug_fd_stream_open()) leaves -1 in its place. Writing
     * to a child that does not read its input any more is -EPIPE. */
    int input, output, error;
    pid_t id;
    int pidfd;     /* -1 where the kernel has none */
    uint32_t lock; /* between reaping and kill(2) */
    bool reaped, kill_on_cancel, kill_on_close;
    int failure; /* 0, or -ECHILD: the status is lost */
    struct tug_process_status status;
    struct tug_orphan *orphan; /* memory for the case that nobody waits */
};

/*
 * Starts a child. It has its program when this returns: that the program cannot be executed, or the
 * directory not entered, is this call's error. The child is the caller's until tug_process_close(),
 * and stays where it is in memory.
 * Suspends, as a file system may be slow: the work is done on the blocking pool; outside of a
 * coroutine it blocks the thread. A cancellation before the start means that there is no child;
 * one after it is not noticed here, and nothing is lost.
 * Returns 0; -ENOENT, -EACCES, -ENOEXEC, -ENOTDIR, -E2BIG and the rest of execve(2), chdir(2);
 * -EINVAL: no arguments, or a session and a group; -EBADF: not a descriptor; -EPERM: no such group
 * in the session; -EAGAIN: too many processes, or as tug_block_in_place(); -EMFILE, -ENFILE,
 * -ENOMEM; the scope's reason.
 */
TUG_API int tug_process_spawn(struct tug_process *process,
                              const struct tug_process_options *options);

/* The child's process id; -ESRCH once it has been reaped, since the number may be another's then.
 * Does not suspend. */
TUG_API pid_t tug_process_id(const struct tug_process *process);

/*
 * Waits until the child has ended, reaps it and stores its status unless `status` is NULL. May be
 * called again, for the same answer. The parent's end of the input is closed first, since a child
 * that reads to the end would never come to it. Suspends; outside of a coroutine it blocks the
 * thread. By one task at a time.
 * Returns 0; -ECHILD: the status is lost; -EMFILE, -ENFILE, -ENOMEM: only where the kernel has no
 * pidfds; or the scope's reason: then nothing is lost, except that `kill_on_cancel` has ended the
 * child, whose status is there for the next call.
 */
TUG_API int tug_process_wait(struct tug_process *process, struct tug_process_status *status);

/* The same without waiting: -EAGAIN if the child has not ended. The input stays open. */
TUG_API int tug_process_try_wait(struct tug_process *process, struct tug_process_status *status);

/* The child's end as a future, for tug_select(). Its result is 0, and tug_process_try_wait() has
 * the status then; or an error of tug_process_wait(). Cancelling it loses nothing and never kills.
 * The input stays open. All members but `future` are private. */
struct tug_process_future {
    struct tug_future future;
    struct tug_process *process;
    struct tug_op op;
    struct tug_signal listener;
    struct tug_signal_future signal;
    struct tug_future *inner;
    bool cancelled;
};

/* Prepares `wait`. Does not suspend. */
TUG_API void tug_process_future_init(struct tug_process_future *wait, struct tug_process *process);

/*
 * Sends a signal to the child, never to another process that has got its id since; 0 only looks
 * whether that is possible. From any thread, also while a task waits. Does not suspend.
 * Returns 0, also when the child has ended and was not reaped; -ESRCH: it has been reaped;
 * -EINVAL: no such signal; -EPERM: it has changed its user.
 */
TUG_API int tug_process_kill(struct tug_process *process, int number);

/*
 * Gives up the child and closes its pipes. One that runs goes on by itself and is reaped when it
 * ends, unless `kill_on_close` is set: then it is killed, and has been reaped when this returns.
 * Suspends in that case only, and is not cancelled; outside of a coroutine it blocks the thread.
 */
TUG_API void tug_process_close(struct tug_process *process);

/* Reaps children that were given up, have ended, and have no runtime that would do it. Returns the
 * number of those that have not ended. From any thread. Does not suspend. */
TUG_API int tug_process_reap_orphans(void);

/* What tug_process_output() has collected. The memory is the caller's, to be freed by free(3); it
 * is terminated by a zero byte that does not count. NULL: there was no pipe. */
struct tug_process_output {
    struct tug_process_status status;
    char *output, *error;
    size_t output_length, error_length; /* bytes */
};

/*
 * Runs a child to its end: feeds it `length` bytes of input and collects what it writes, all at the
 * same time, so that neither waits for the other. Where `options` say "inherit", output and error
 * are pipes here, and so is the input if there is one, else /dev/null. A child that does not read
 * its input is no error, and raises no SIGPIPE. Ends when the child has ended and nobody holds the
 * pipes any more; a grandchild may.
 * Suspends; only in a coroutine. Cancelled, or after an error, it kills the child and reaps it, and
 * what was collected is lost.
 * Returns 0, whatever the status; -EFBIG: more than `limit` bytes of output or of error (SIZE_MAX:
 * no limit); -EPERM: not in a coroutine; -EINVAL: input for a child whose input is not a pipe;
 * -ENOMEM; an error of tug_process_spawn(), read(2) or write(2); the scope's reason.
 */
TUG_API int tug_process_output(struct tug_process_output *result,
                               const struct tug_process_options *options, const void *input,
                               size_t length, size_t limit);

TUG_END_DECLS

#endif

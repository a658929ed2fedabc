/* SPDX-License-Identifier: MIT */
/*
 * Signals as something to wait for:
 *
 *     struct tug_signal hangup;
 *     int error = tug_signal_open(&hangup, SIGHUP);
 *     while (error == 0 && (error = tug_signal_recv(&hangup)) == 0)
 *         read_configuration();
 *
 * A listener is told of every signal that is delivered to the process after it was opened, and of
 * none before. Several signals may become one notification, as they may in the kernel; after a
 * notification was received the next signal makes another. A signal may have any number of
 * listeners, in any runtimes of the process; each is told.
 *
 * The first listener of a signal puts a handler into its place, for the whole process, and closing
 * the last one leaves it there: a signal that comes in between two listeners, or was on its way,
 * must not end the process. So from the first listener on, Ctrl-C, say, does nothing but tell its
 * listeners, until tug_signal_restore(). If the signal had a handler before, that one is called
 * too, after the listeners were told; if it was ignored (nohup(1)), it no longer is. A handler that
 * somebody puts into its place afterwards stays there, and the listeners hear nothing more.
 *
 * Worker threads block all signals, so handlers run on other threads: that of
 * tug_runtime_block_on(), or any of yours. If all of them block a signal, nobody is told of it.
 */
#ifndef TUG_SIGNAL_H
#define TUG_SIGNAL_H

#include <signal.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/op.h>

TUG_BEGIN_DECLS

/* A listener; all members are private. It stays where it is from open to close. */
struct tug_signal {
    struct tug_signal *next;
    int fd;
    int number;
};

/*
 * Begins to listen for signal `number` (SIGINT, SIGRTMIN + 1, ...). From any thread, in a runtime
 * or not. Does not suspend.
 * Returns 0; -EINVAL: there is no such signal, it cannot be caught (SIGKILL, SIGSTOP), or it tells
 * of a fault of the thread's own, after which nothing can go on (SIGILL, SIGFPE, SIGSEGV);
 * -EMFILE, -ENFILE, -ENOMEM: there is no descriptor for the listener, which needs one.
 */
TUG_API int tug_signal_open(struct tug_signal *listener, int number);

/*
 * Waits until the signal has come since the listener was opened, or since the last notification.
 * Suspends; outside of a coroutine it blocks the thread. By one task at a time.
 * Returns 0, or the scope's reason: then nothing is lost, a signal that has come meanwhile is there
 * for the next call.
 */
TUG_API int tug_signal_recv(struct tug_signal *listener);

/* Ends listening. Nobody may be waiting. From any thread, but not from a signal handler. Does not
 * suspend; the handler of the signal stays. */
TUG_API void tug_signal_close(struct tug_signal *listener);

/* The next notification as a future, for tug_select() and tug_join_all(). Its result is 0.
 * Cancelling it loses nothing: if a notification was taken all the same, the result is 0. All
 * members but `future` are private. */
struct tug_signal_future {
    struct tug_future future;
    struct tug_op op;
    uint64_t count;
};

/* Prepares `wait` for one notification of `listener`. Does not suspend. */
TUG_API void tug_signal_future_init(struct tug_signal_future *wait, struct tug_signal *listener);

/*
 * Waits for Ctrl-C: a listener for SIGINT that is opened here and closed again. What was signalled
 * before the call is not seen. Suspends; outside of a coroutine it blocks the thread.
 * Returns 0; -EMFILE, -ENFILE, -ENOMEM; or the scope's reason: then a Ctrl-C that came meanwhile is
 * lost. Who must not miss one opens a listener.
 */
TUG_API int tug_ctrl_c(void);

/*
 * Gives a signal back the disposition that it had before its first listener, so that a second
 * Ctrl-C, say, ends the process. Listeners stay open, and are told of nothing until another
 * tug_signal_open() catches the signal again. From any thread. Does not suspend.
 * Returns 0, also when the signal is not caught; -EINVAL: there is no such signal; -EBUSY: somebody
 * has put another handler into the place of tug's, which is left alone.
 */
TUG_API int tug_signal_restore(int number);

TUG_END_DECLS

#endif

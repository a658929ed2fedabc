/* SPDX-License-Identifier: MIT */
/*
 * Threads of the operating system.
 */
#ifndef TUG_SYS_THREAD_H
#define TUG_SYS_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Of a thread-local variable that hot paths ask for: it is found without a call, also in the shared
 * library. For a few pointers only: the C library keeps little room for those of libraries that are
 * loaded while the program runs.
 */
#define TUG_THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))

struct tug_thread {
    pthread_t handle;
};

/*
 * Starts a thread that runs fn(arg). Each thread is joined or detached once.
 *
 * name: up to 15 bytes of it are shown by debuggers and ps(1); copied; NULL: the creator's name.
 * stack_size: in bytes, rounded up to a size that the system accepts; 0: the system's default.
 * block_all_signals: the thread starts with every signal blocked, except those that a fault of the
 * thread's own raises (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS); else with the mask of
 * the creator.
 *
 * Returns 0, -ENOMEM or -EAGAIN (a limit on threads); *thread is written only on success.
 */
int tug_thread_create(struct tug_thread *thread, const char *name, size_t stack_size,
                      bool block_all_signals, void (*fn)(void *), void *arg);

/* Waits for the thread's end. */
void tug_thread_join(struct tug_thread *thread);

/* Nobody will join: the thread is freed when it ends. */
void tug_thread_detach(struct tug_thread *thread);

/* The kernel's number of the calling thread. Costs a system call the first time only. */
int tug_thread_self_id(void);

#endif

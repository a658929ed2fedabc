/* SPDX-License-Identifier: MIT */
/*
 * Threads over pthreads.
 *
 * What a new thread needs is in a struct start of its own, which it frees: the creator may have
 * returned, and its struct tug_thread may be gone, before the thread runs.
 */
#include "sys/thread.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "sys/call.h"

/* PR_SET_NAME takes 16 bytes with the terminating zero. */
#define NAME_SIZE 16

struct start {
    void (*fn)(void *);
    void *arg;
    bool block_all_signals;
    char name[NAME_SIZE]; /* "": none */
};

static void *run(void *argument)
{
    struct start start = *(struct start *)argument;
    tug_sys_free(argument);
    if (start.name[0] != '\0')
        tug_sys_set_thread_name(start.name); /* a thread without its name works as well */
    if (start.block_all_signals)
        tug_sigpipe_hold_for_good();
    start.fn(start.arg);
    return NULL;
}

/* Signals that a fault of the thread's own raises stay unblocked: the kernel kills a process that
 * blocks them, past any handler that would have said why. */
static void fill_asynchronous(sigset_t *signals)
{
    static const int synchronous[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
    sigfillset(signals);
    for (size_t i = 0; i < sizeof(synchronous) / sizeof(synchronous[0]); i++)
        sigdelset(signals, synchronous[i]);
}

static int set_stack_size(pthread_attr_t *attributes, size_t size)
{
    if (size == 0)
        return 0;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (size < (size_t)PTHREAD_STACK_MIN)
        size = (size_t)PTHREAD_STACK_MIN;
    if (size > SIZE_MAX - page)
        return -ENOMEM;
    return -pthread_attr_setstacksize(attributes, (size + page - 1) / page * page);
}

/* Signals are blocked in the creator around the creation, because a new thread inherits the mask:
 * blocking them in the thread itself would leave a moment in which one could be delivered. */
static int create(pthread_t *handle, size_t stack_size, struct start *start)
{
    pthread_attr_t attributes;
    int result = -pthread_attr_init(&attributes);
    if (result < 0)
        return result;
    result = set_stack_size(&attributes, stack_size);
    if (result == 0) {
        /* The new thread may free `start` at once. */
        const bool block_all_signals = start->block_all_signals;
        sigset_t blocked, before;
        fill_asynchronous(&blocked);
        if (block_all_signals)
            pthread_sigmask(SIG_BLOCK, &blocked, &before);
        result = -pthread_create(handle, &attributes, run, start);
        if (block_all_signals)
            pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
    return result;
}

int tug_thread_create(struct tug_thread *thread, const char *name, size_t stack_size,
                      bool block_all_signals, void (*fn)(void *), void *arg)
{
    int result = TUG_FAULT(thread_create, TUG_ON_NOTHING);
    if (result < 0)
        return result;
    struct start *start = tug_sys_malloc(sizeof(*start));
    if (start == NULL)
        return -ENOMEM;
    *start = (struct start){.fn = fn, .arg = arg, .block_all_signals = block_all_signals};
    if (name != NULL)
        strncat(start->name, name, NAME_SIZE - 1);
    pthread_t handle;
    result = create(&handle, stack_size, start);
    if (result < 0)
        tug_sys_free(start);
    else
        thread->handle = handle;
    return result;
}

void tug_thread_join(struct tug_thread *thread)
{
    pthread_join(thread->handle, NULL);
}

void tug_thread_detach(struct tug_thread *thread)
{
    pthread_detach(thread->handle);
}

__attribute__((noinline)) int tug_thread_self_id(void)
{
    static _Thread_local int id;
    if (id == 0)
        id = tug_sys_gettid();
    return id;
}

/* SPDX-License-Identifier: MIT */
/*
 * The handler, and the lists of listeners that it walks.
 *
 * Invariants:
 *  - The lists are changed under the lock. The handler, which may interrupt whoever holds it, takes
 *    none: it reads links that are each stored at once.
 *  - `inside` counts the threads that are in the handler. A listener that was taken out of its list
 *    is given up only when `inside` has been seen to be 0: who enters the handler later finds the
 *    list without it. (A read-copy-update with one counter for all readers.)
 *  - `previous` of a signal is complete before the handler is installed, and changes only while
 *    the handler is neither installed nor running.
 *  - After fork(2) the child has the parent's lists, and shares its descriptors: its handler tells
 *    nobody.
 */
#include "signal/registry.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "sys/call.h"
#include "sys/mutex.h"

struct caught_signal {
    struct tug_signal *first;
    struct sigaction previous;
    bool installed;
};

static struct tug_sys_mutex lock;
static struct caught_signal signals[NSIG];
static uint32_t inside;
static int owner; /* the process whose listeners these are */

static struct tug_signal *follow(struct tug_signal *const *link)
{
    return __atomic_load_n(link, __ATOMIC_SEQ_CST);
}

static void set_link(struct tug_signal **link, struct tug_signal *to)
{
    __atomic_store_n(link, to, __ATOMIC_SEQ_CST);
}

/* ---- In the handler: nothing but what is safe there ---- */

static void tell_listeners(int number)
{
    if (tug_sys_getpid() != __atomic_load_n(&owner, __ATOMIC_RELAXED))
        return;
    struct tug_signal *listener = follow(&signals[number].first);
    for (; listener != NULL; listener = follow(&listener->next))
        tug_sys_eventfd_add(listener->fd);
}

static void handle(int number, siginfo_t *information, void *context)
{
    __atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST);
    tell_listeners(number);
    const struct sigaction previous = signals[number].previous;
    __atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
    if ((previous.sa_flags & SA_SIGINFO) != 0)
        previous.sa_sigaction(number, information, context);
    else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN)
        previous.sa_handler(number);
}

/* ---- Elsewhere, under the lock ---- */

static void wait_until_handlers_have_left(void)
{
    while (__atomic_load_n(&inside, __ATOMIC_SEQ_CST) != 0)
        sched_yield();
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == handle;
}

static int install(int number)
{
    struct caught_signal *caught = &signals[number];
    struct sigaction current;
    int error = tug_sys_sigaction(number, NULL, &current);
    if (error != 0 || is_ours(&current))
        return error;
    wait_until_handlers_have_left();
    caught->previous = current;
    struct sigaction ours = {
        .sa_sigaction = handle,
        .sa_mask = current.sa_mask,
        .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK,
    };
    return tug_sys_sigaction(number, &ours, NULL);
}

/* In a child made by fork(2) the lists are the parent's. */
static void own_the_lists(void)
{
    int self = tug_sys_getpid();
    if (owner == self)
        return;
    for (int number = 0; owner != 0 && number < NSIG; number++)
        set_link(&signals[number].first, NULL);
    __atomic_store_n(&owner, self, __ATOMIC_RELAXED);
}

int tug_signal_registry_add(struct tug_signal *listener)
{
    struct caught_signal *caught = &signals[listener->number];
    int error = 0;
    tug_sys_mutex_lock(&lock);
    own_the_lists();
    /* Not whenever there is one more: a handler that somebody has put there since is theirs. */
    if (!caught->installed)
        error = install(listener->number);
    if (error == 0) {
        caught->installed = true;
        set_link(&listener->next, caught->first);
        set_link(&caught->first, listener);
    }
    tug_sys_mutex_unlock(&lock);
    return error;
}

void tug_signal_registry_remove(struct tug_signal *listener)
{
    tug_sys_mutex_lock(&lock);
    struct tug_signal **link = &signals[listener->number].first;
    while (*link != NULL && *link != listener)
        link = &(*link)->next;
    if (*link == listener)
        set_link(link, listener->next);
    tug_sys_mutex_unlock(&lock);
    wait_until_handlers_have_left();
}

int tug_signal_registry_restore(int number)
{
    struct caught_signal *caught = &signals[number];
    struct sigaction current;
    tug_sys_mutex_lock(&lock);
    int error = caught->installed ? tug_sys_sigaction(number, NULL, &current) : 0;
    if (error == 0 && caught->installed) {
        error = is_ours(&current) ? tug_sys_sigaction(number, &caught->previous, NULL) : -EBUSY;
        caught->installed = error != 0;
    }
    tug_sys_mutex_unlock(&lock);
    return error;
}

/* SPDX-License-Identifier: MIT */
/*
 * A waker that is a program's own code: whenever it is woken or given up it uses something, say
 * what has woken it. It counts its clones, which must all have been given up in the end.
 */
#ifndef TUG_TESTS_USER_WAKER_H
#define TUG_TESTS_USER_WAKER_H

#include <stdbool.h>

#include <tug/future.h>

struct user_waker {
    void (*use)(void *argument);
    void *argument;
    int clones, wakes; /* atomic: who wakes may be on another thread */
    bool busy;
};

static inline void user_waker_use(struct user_waker *user)
{
    if (__atomic_exchange_n(&user->busy, true, __ATOMIC_ACQ_REL))
        return;
    user->use(user->argument);
    __atomic_store_n(&user->busy, false, __ATOMIC_RELEASE);
}

static inline void user_waker_clone(void *data)
{
    struct user_waker *user = data;
    __atomic_fetch_add(&user->clones, 1, __ATOMIC_RELAXED);
}

static inline void user_waker_drop(void *data)
{
    struct user_waker *user = data;
    user_waker_use(user);
    __atomic_fetch_sub(&user->clones, 1, __ATOMIC_RELEASE);
}

static inline void user_waker_wake_by_ref(void *data)
{
    struct user_waker *user = data;
    user_waker_use(user);
    __atomic_fetch_add(&user->wakes, 1, __ATOMIC_RELEASE);
}

static inline void user_waker_wake(void *data)
{
    user_waker_wake_by_ref(data);
    user_waker_drop(data);
}

static inline int user_waker_clones(const struct user_waker *user)
{
    return __atomic_load_n(&user->clones, __ATOMIC_ACQUIRE);
}

static inline int user_waker_wakes(const struct user_waker *user)
{
    return __atomic_load_n(&user->wakes, __ATOMIC_ACQUIRE);
}

static inline int poll_by(struct tug_future *future, struct user_waker *user)
{
    static const struct tug_waker_vtable vtable = {user_waker_clone, user_waker_wake,
                                                   user_waker_wake_by_ref, user_waker_drop};
    const struct tug_waker waker = {&vtable, user};
    return future->vtable->poll(future, &waker);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Wakers of the threads of a model, made of park() and unpark(). The data of a waker is its
 * thread's count of clones that have not been given up.
 */
#include "interleave.h"

#include <string.h>

static int clones[INTERLEAVE_THREADS];

void interleave_wakers_begin(void)
{
    memset(clones, 0, sizeof clones);
}

bool interleave_wakers_balanced(void)
{
    for (int i = 0; i < INTERLEAVE_THREADS; i++)
        if (clones[i] != 0)
            return false;
    return true;
}

static void waker_clone(void *data)
{
    int *count = data;
    interleave_step(NULL);
    ++*count;
}

static void waker_drop(void *data)
{
    int *count = data;
    interleave_step(NULL);
    if (--*count < 0)
        interleave_fail("a waker was given up twice");
}

static void waker_wake_by_ref(void *data)
{
    interleave_unpark((int)((int *)data - clones));
}

static void waker_wake(void *data)
{
    waker_drop(data);
    waker_wake_by_ref(data);
}

struct tug_waker interleave_waker(void)
{
    static const struct tug_waker_vtable vtable = {
        .clone = waker_clone,
        .wake = waker_wake,
        .wake_by_ref = waker_wake_by_ref,
        .drop = waker_drop,
    };
    return (struct tug_waker){&vtable, &clones[interleave_self()]};
}

int64_t interleave_await(struct tug_future *future)
{
    const struct tug_waker waker = interleave_waker();
    while (future->vtable->poll(future, &waker) == TUG_PENDING)
        interleave_park();
    return future->result;
}

/* SPDX-License-Identifier: MIT */
/*
 * Polls by hand, with a waker that counts.
 */
#ifndef TUG_TESTS_SYNC_POLLS_H
#define TUG_TESTS_SYNC_POLLS_H

#include <tug/future.h>

static inline void polls_count(void *data)
{
    ++*(int *)data;
}

static inline void polls_keep(void *data)
{
    (void)data;
}

/* Polls once; a wake is counted in `*wakes`. */
static inline int poll_once(struct tug_future *future, int *wakes)
{
    static const struct tug_waker_vtable vtable = {polls_keep, polls_count, polls_count,
                                                   polls_keep};
    const struct tug_waker waker = {&vtable, wakes};
    return future->vtable->poll(future, &waker);
}

static inline void cancel_now(struct tug_future *future)
{
    future->vtable->cancel(future);
}

#endif

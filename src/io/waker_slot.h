/* SPDX-License-Identifier: MIT */
/*
 * A place for the waker of who waits, one at a time, under a lock of the caller's. Wakers are
 * dropped and woken by the caller after it has let go of the lock, because both may run code of the
 * waker's own. A slot without a waker has no vtable.
 */
#ifndef TUG_IO_WAKER_SLOT_H
#define TUG_IO_WAKER_SLOT_H

#include <stddef.h>

#include <tug/future.h>

/* Takes the waker out. */
static inline struct tug_waker tug_waker_slot_take(struct tug_waker *slot)
{
    struct tug_waker waker = *slot;
    *slot = (struct tug_waker){NULL, NULL};
    return waker;
}

/* Puts a clone of `waker` in, unless what is there wakes the same sleeper. Returns the waker that
 * was there and is to be dropped, or an empty one. */
static inline struct tug_waker tug_waker_slot_put(struct tug_waker *slot,
                                                  const struct tug_waker *waker)
{
    if (slot->vtable != NULL && tug_waker_will_wake(slot, waker))
        return (struct tug_waker){NULL, NULL};
    struct tug_waker old = *slot;
    *slot = tug_waker_clone(waker);
    return old;
}

static inline void tug_waker_slot_wake(struct tug_waker waker)
{
    if (waker.vtable != NULL)
        tug_waker_wake(waker);
}

static inline void tug_waker_slot_drop(struct tug_waker waker)
{
    if (waker.vtable != NULL)
        tug_waker_drop(waker);
}

#endif

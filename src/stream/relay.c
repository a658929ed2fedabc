/* SPDX-License-Identifier: MIT */
/*
 * Wakers and timers that are part of a stream. A task may lose interest in a stream in the middle
 * of a wait, and end, while what the stream waits for goes on; so that holds the relay's waker, and
 * only the relay holds a clone of the task's.
 */
#include <tug/stream.h>

#include <tug/coop.h>

#include "io/waker_slot.h"
#include "sys/mutex.h"

static struct tug_sys_mutex *relay_lock(struct tug_stream_relay *relay)
{
    return tug_sys_mutex_of_word(&relay->lock);
}

static void relay_nothing(void *data)
{
    (void)data;
}

static void relay_wake(void *data)
{
    tug_stream_relay_wake(data);
}

static const struct tug_waker_vtable relay_vtable = {
    .clone = relay_nothing,
    .wake = relay_wake,
    .wake_by_ref = relay_wake,
    .drop = relay_nothing,
};

struct tug_waker tug_stream_relay_set(struct tug_stream_relay *relay, const struct tug_waker *waker)
{
    tug_sys_mutex_lock(relay_lock(relay));
    struct tug_waker old = tug_waker_slot_put(&relay->waker, waker);
    tug_sys_mutex_unlock(relay_lock(relay));
    tug_waker_slot_drop(old);
    return (struct tug_waker){&relay_vtable, relay};
}

void tug_stream_relay_wake(struct tug_stream_relay *relay)
{
    tug_sys_mutex_lock(relay_lock(relay));
    struct tug_waker waker = tug_waker_slot_take(&relay->waker);
    tug_sys_mutex_unlock(relay_lock(relay));
    tug_waker_slot_wake(waker);
}

void tug_stream_relay_free(struct tug_stream_relay *relay)
{
    tug_sys_mutex_lock(relay_lock(relay));
    struct tug_waker waker = tug_waker_slot_take(&relay->waker);
    tug_sys_mutex_unlock(relay_lock(relay));
    tug_waker_slot_drop(waker);
}

/* An armed timer is let run even if its time has been put off meanwhile, as it is by each item of a
 * stream with a timeout: it finds out when it fires. */
bool tug_stream_timer_poll(struct tug_stream_timer *timer, uint64_t deadline,
                           const struct tug_waker *waker)
{
    struct tug_future *sleep = &timer->sleep.future;
    const struct tug_waker relayed = tug_stream_relay_set(&timer->relay, waker);
    for (;;) {
        if (!timer->armed)
            tug_sleep_future_init(&timer->sleep, deadline);
        timer->armed = sleep->vtable->poll(sleep, &relayed) == TUG_PENDING;
        if (timer->armed)
            return false;
        if (timer->sleep.deadline >= deadline)
            return true;
    }
}

/* A sleep that was cancelled is pending only for want of budget. */
void tug_stream_timer_stop(struct tug_stream_timer *timer)
{
    static const struct tug_waker nobody = {&relay_vtable, NULL};
    struct tug_future *sleep = &timer->sleep.future;
    if (timer->armed) {
        tug_unconstrained_begin();
        sleep->vtable->cancel(sleep);
        sleep->vtable->poll(sleep, &nobody);
        tug_unconstrained_end();
    }
    timer->armed = false;
    tug_stream_relay_free(&timer->relay);
}

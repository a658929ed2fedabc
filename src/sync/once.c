/* SPDX-License-Identifier: MIT */
/*
 * A value that is set once: a semaphore with one permit, the right to set it, which is closed once
 * the value is there. So those who wait to make the value are fair to each other, and the next one
 * has its turn when one fails, as with any semaphore. Tokio's OnceCell does the same.
 *
 * `is_set` is set after the value and before anybody is told; so who was told, or found the
 * semaphore closed, reads the value.
 */
#include <tug/once.h>

#include "sync/semaphore.h"
#include "sys/list.h"
#include "task/thread_waker.h"

void tug_once_init(struct tug_once *once)
{
    *once = (struct tug_once)TUG_ONCE_INIT;
}

static bool is_set(const struct tug_once *once)
{
    return __atomic_load_n(&once->is_set, __ATOMIC_ACQUIRE) != 0;
}

/* By who has the permit, which is not given back. */
static void set(struct tug_once *once, int64_t value)
{
    once->value = value;
    __atomic_store_n(&once->is_set, 1, __ATOMIC_RELEASE);
    tug_notify_waiters(&once->notify);
    tug_semaphore_close(&once->semaphore);
}

int tug_once_get(const struct tug_once *once, int64_t *value)
{
    if (!is_set(once))
        return -EAGAIN;
    *value = once->value;
    return 0;
}

int tug_once_set(struct tug_once *once, int64_t value)
{
    if (tug_semaphore_take(&once->semaphore, 1) != 0)
        return is_set(once) ? -EALREADY : -EBUSY;
    set(once, value);
    return 0;
}

int tug_once_get_or_make(struct tug_once *once, tug_once_fn make, void *argument, int64_t *value)
{
    if (tug_once_get(once, value) == 0)
        return 0;
    int error = tug_semaphore_acquire(&once->semaphore, 1);
    if (error == -EPIPE)
        return tug_once_get(once, value);
    if (error != 0)
        return error;
    error = make(argument, value);
    if (error != 0)
        tug_semaphore_give(&once->semaphore, 1);
    else
        set(once, *value);
    return error;
}

/* ---- waiting ----------------------------------------------------------------------------------
 */

static struct tug_once_future *of_future(struct tug_future *future)
{
    return TUG_CONTAINER_OF(future, struct tug_once_future, future);
}

/* A value that was there before the future was prepared is not announced to it. */
static int once_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_once_future *self = of_future(future);
    struct tug_future *announced = &self->announced.future;
    bool begun = tug_waiter_state(&self->announced.waiter) != TUG_WAITER_NEW;
    if (!begun && is_set(self->once))
        return tug_coop_poll(waker);
    if (announced->vtable->poll(announced, waker) == TUG_PENDING)
        return TUG_PENDING;
    future->result = announced->result;
    return TUG_READY;
}

static void once_cancel(struct tug_future *future)
{
    struct tug_future *announced = &of_future(future)->announced.future;
    announced->vtable->cancel(announced);
}

static const struct tug_future_vtable once_vtable = {
    .poll = once_poll,
    .cancel = once_cancel,
};

void tug_once_future_init(struct tug_once_future *wait, struct tug_once *once)
{
    *wait = (struct tug_once_future){.future = {&once_vtable, 0}, .once = once};
    tug_notify_future_init(&wait->announced, &once->notify);
}

int tug_once_wait(struct tug_once *once, int64_t *value)
{
    struct tug_once_future wait;
    tug_once_future_init(&wait, once);
    int result = (int)tug_await_anywhere(&wait.future);
    if (result == 0)
        *value = once->value;
    return result;
}

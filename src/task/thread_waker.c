/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a future on a thread of one's own.
 */
#include "task/thread_waker.h"

#include <errno.h>
#include <stdbool.h>

#include "sys/clock.h"
#include "sys/futex.h"
#include "task/executor.h"

#define WOKEN 1u
#define WAKER 2u

static void thread_waker_clone(void *data)
{
    struct tug_thread_sleeper *sleeper = data;
    __atomic_fetch_add(&sleeper->word, WAKER, __ATOMIC_RELAXED);
}

/* Once the word says that there are no wakers the frame around it may be gone: the kernel is given
 * an address that it only compares. */
static void change_and_tell(struct tug_thread_sleeper *sleeper, uint32_t set, uint32_t subtract)
{
    uint32_t *word = &sleeper->word;
    uint32_t before = __atomic_load_n(word, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(word, &before, (before | set) - subtract, true,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        ;
    if (set != 0 || before - subtract < WAKER)
        tug_futex_wake(word, 1);
}

static void thread_waker_wake(void *data)
{
    change_and_tell(data, WOKEN, WAKER);
}

static void thread_waker_wake_by_ref(void *data)
{
    change_and_tell(data, WOKEN, 0);
}

static void thread_waker_drop(void *data)
{
    change_and_tell(data, 0, WAKER);
}

const struct tug_waker_vtable tug_thread_waker_vtable = {
    .clone = thread_waker_clone,
    .wake = thread_waker_wake,
    .wake_by_ref = thread_waker_wake_by_ref,
    .drop = thread_waker_drop,
};

int tug_thread_sleep(struct tug_thread_sleeper *sleeper, uint64_t deadline)
{
    for (;;) {
        uint32_t word = __atomic_fetch_and(&sleeper->word, ~WOKEN, __ATOMIC_ACQUIRE);
        if ((word & WOKEN) != 0)
            return 0;
        if (tug_futex_wait(&sleeper->word, word, deadline) == -ETIMEDOUT)
            return -ETIMEDOUT;
    }
}

void tug_thread_sleeper_end(struct tug_thread_sleeper *sleeper)
{
    uint32_t word;
    while ((word = __atomic_load_n(&sleeper->word, __ATOMIC_ACQUIRE)) >= WAKER)
        tug_futex_wait(&sleeper->word, word, TUG_NO_DEADLINE);
}

int64_t tug_await_blocking(struct tug_future *future, uint64_t deadline)
{
    if (tug_executor_current() != NULL)
        return -EDEADLK;
    struct tug_thread_sleeper sleeper = {0};
    const struct tug_waker waker = tug_thread_waker(&sleeper);
    bool late = false;
    while (future->vtable->poll(future, &waker) == TUG_PENDING) {
        if (tug_thread_sleep(&sleeper, late ? TUG_NO_DEADLINE : deadline) == 0)
            continue;
        late = true;
        if (future->vtable->cancel != NULL)
            future->vtable->cancel(future);
    }
    tug_thread_sleeper_end(&sleeper);
    return late && future->result == -ECANCELED ? -ETIMEDOUT : future->result;
}

/* SPDX-License-Identifier: MIT */
/*
 * The counts change under the lock whenever the stack of sleepers does, so that the two agree;
 * searching alone changes without it.
 */
#include "runtime/idle.h"

#include <errno.h>

#include "sys/call.h"

#define SEARCHING 1u
#define UNPARKED (1u << 16)

static uint32_t searching_of(uint32_t state)
{
    return state & (UNPARKED - 1);
}

static uint32_t unparked_of(uint32_t state)
{
    return state >> 16;
}

int tug_idle_init(struct tug_idle *idle, uint32_t workers)
{
    idle->sleepers = tug_sys_calloc(workers, sizeof *idle->sleepers);
    if (idle->sleepers == NULL)
        return -ENOMEM;
    idle->state = workers * UNPARKED;
    idle->workers = workers;
    idle->sleeping = 0;
    tug_sys_mutex_init(&idle->lock);
    return 0;
}

void tug_idle_destroy(struct tug_idle *idle)
{
    tug_sys_free(idle->sleepers);
}

static bool should_wake(const struct tug_idle *idle, uint32_t state)
{
    return searching_of(state) == 0 && unparked_of(state) < idle->workers;
}

bool tug_idle_wants_work(const struct tug_idle *idle)
{
    uint32_t state = __atomic_load_n(&idle->state, __ATOMIC_RELAXED);
    return searching_of(state) != 0 || unparked_of(state) < idle->workers;
}

int tug_idle_worker_to_notify(struct tug_idle *idle)
{
    /* The caller has just filled a queue; the fence orders that before the look at the word. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!should_wake(idle, __atomic_load_n(&idle->state, __ATOMIC_SEQ_CST)))
        return -1;
    int worker = -1;
    tug_sys_mutex_lock(&idle->lock);
    if (should_wake(idle, __atomic_load_n(&idle->state, __ATOMIC_SEQ_CST))) {
        __atomic_fetch_add(&idle->state, SEARCHING + UNPARKED, __ATOMIC_SEQ_CST);
        worker = idle->sleepers[--idle->sleeping];
    }
    tug_sys_mutex_unlock(&idle->lock);
    return worker;
}

bool tug_idle_start_searching(struct tug_idle *idle)
{
    uint32_t state = __atomic_load_n(&idle->state, __ATOMIC_SEQ_CST);
    if (2 * searching_of(state) >= idle->workers)
        return false;
    /* Two may pass the test at once: the limit is to save effort, not for correctness. */
    __atomic_fetch_add(&idle->state, SEARCHING, __ATOMIC_SEQ_CST);
    return true;
}

bool tug_idle_stop_searching(struct tug_idle *idle)
{
    return searching_of(__atomic_fetch_sub(&idle->state, SEARCHING, __ATOMIC_SEQ_CST)) == 1;
}

bool tug_idle_sleep(struct tug_idle *idle, uint32_t worker, bool searching)
{
    tug_sys_mutex_lock(&idle->lock);
    uint32_t before =
        __atomic_fetch_sub(&idle->state, UNPARKED + (searching ? SEARCHING : 0), __ATOMIC_SEQ_CST);
    idle->sleepers[idle->sleeping++] = (uint16_t)worker;
    tug_sys_mutex_unlock(&idle->lock);
    return searching && searching_of(before) == 1;
}

bool tug_idle_wake_up(struct tug_idle *idle, uint32_t worker)
{
    bool found = false;
    tug_sys_mutex_lock(&idle->lock);
    for (uint32_t i = 0; i < idle->sleeping; i++) {
        if (idle->sleepers[i] != worker)
            continue;
        idle->sleepers[i] = idle->sleepers[--idle->sleeping];
        __atomic_fetch_add(&idle->state, UNPARKED, __ATOMIC_SEQ_CST);
        found = true;
        break;
    }
    tug_sys_mutex_unlock(&idle->lock);
    return found;
}

bool tug_idle_is_sleeping(struct tug_idle *idle, uint32_t worker)
{
    bool found = false;
    tug_sys_mutex_lock(&idle->lock);
    for (uint32_t i = 0; i < idle->sleeping && !found; i++)
        found = idle->sleepers[i] == worker;
    tug_sys_mutex_unlock(&idle->lock);
    return found;
}

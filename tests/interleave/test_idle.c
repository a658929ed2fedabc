/* SPDX-License-Identifier: MIT */
/*
 * Who searches and who sleeps, in all orders: no work is left lying while all workers sleep. The
 * workers here do with the counts what those of the runtime do (runtime/multi_thread.c); their
 * queues are one number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "instrument.h"

#include "runtime/idle.c"

enum { WORKERS = 2 };

static struct tug_idle idle;
static uint16_t sleepers[WORKERS];
static uint32_t work, done, total;

static void begin(uint32_t to_do)
{
    idle = (struct tug_idle){.state = WORKERS * UNPARKED, .workers = WORKERS, .sleepers = sleepers};
    tug_sys_mutex_init(&idle.lock);
    work = done = 0;
    total = to_do;
}

static void begin_with_one(void)
{
    begin(1);
}

static void begin_with_two(void)
{
    begin(2);
}

static void notify(void)
{
    int worker = tug_idle_worker_to_notify(&idle);
    if (worker >= 0)
        interleave_unpark(worker);
}

static void make_one(void)
{
    __atomic_fetch_add(&work, 1, __ATOMIC_RELEASE);
    notify();
}

static void make_two(void)
{
    make_one();
    make_one();
}

static bool take(void)
{
    uint32_t there = __atomic_load_n(&work, __ATOMIC_ACQUIRE);
    while (there > 0)
        if (__atomic_compare_exchange_n(&work, &there, there - 1, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return true;
    return false;
}

static bool all_done(void)
{
    return __atomic_load_n(&done, __ATOMIC_ACQUIRE) == total;
}

static void do_work(bool *searching)
{
    if (*searching && tug_idle_stop_searching(&idle))
        notify();
    *searching = false;
    if (__atomic_add_fetch(&done, 1, __ATOMIC_ACQ_REL) == total)
        for (int i = 0; i < WORKERS; i++)
            interleave_unpark(i);
}

static void sleep_until_chosen(bool *searching)
{
    uint32_t self = (uint32_t)interleave_self();
    bool last = tug_idle_sleep(&idle, self, *searching);
    *searching = false;
    if (last) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (__atomic_load_n(&work, __ATOMIC_ACQUIRE) != 0)
            notify();
    }
    while (!all_done() && tug_idle_is_sleeping(&idle, self))
        interleave_park();
    *searching = true;
}

static void go_on(bool searching)
{
    while (!all_done()) {
        bool found = take();
        if (!found && !searching) {
            searching = tug_idle_start_searching(&idle);
            found = searching && take();
        }
        if (found)
            do_work(&searching);
        else
            sleep_until_chosen(&searching);
    }
}

static void work_until_done(void)
{
    go_on(false);
}

/* Finds work of its own after a sleep that nobody ended: it leaves the sleepers by itself, unless
 * it has been chosen just then, and goes on. */
static void wake_up_alone(void)
{
    INTERLEAVE_CHECK(!tug_idle_sleep(&idle, 1, false));
    bool searching = !tug_idle_wake_up(&idle, 1);
    if (searching && tug_idle_stop_searching(&idle))
        notify();
    go_on(false);
}

static void all_is_done(void)
{
    INTERLEAVE_CHECK(unparked_of(idle.state) == WORKERS - idle.sleeping);
    INTERLEAVE_CHECK(done == total && work == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("one to do", 3, begin_with_one, all_is_done, work_until_done,
                         work_until_done, make_one),
        INTERLEAVE_MODEL("two to do", 2, begin_with_two, all_is_done, work_until_done,
                         work_until_done, make_two),
        INTERLEAVE_MODEL("waking up alone", 3, begin_with_one, all_is_done, work_until_done,
                         wake_up_alone, make_one),
    };
    return cmocka_run_group_tests_name("interleave/idle", tests, NULL, NULL);
}

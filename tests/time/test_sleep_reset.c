/* SPDX-License-Identifier: MIT */
/*
 * A sleep that is set to another time: before it is waited for, while it waits, and after its end.
 */
#include <errno.h>

#include "../runtime/fixture.h"
#include "sys/sanitizer.h"

#define MS TUG_MILLISECOND

static int64_t start_at(struct tug_sleep_future *sleep, uint64_t after)
{
    uint64_t now = tug_now();
    tug_sleep_future_init(sleep, now + after);
    return (int64_t)now;
}

static int64_t before_the_first_poll(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_time_pause(), 0);
    struct tug_sleep_future sleep;
    int64_t start = start_at(&sleep, 3600 * TUG_SECOND);
    tug_sleep_future_reset(&sleep, (uint64_t)start + 10 * MS);
    CHECK_EQUAL(tug_await(&sleep.future), 0);
    CHECK_RANGE((int64_t)tug_now() - start, 10 * MS, 12 * MS);
    return 0;
}

static int64_t after_its_end(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_time_pause(), 0);
    struct tug_sleep_future sleep;
    int64_t start = start_at(&sleep, 10 * MS);
    for (int i = 1; i <= 5; i++) {
        CHECK_EQUAL(tug_await(&sleep.future), 0);
        CHECK_RANGE((int64_t)tug_now() - start, i * 10 * (int64_t)MS,
                    i * 10 * (int64_t)MS + 2 * (int64_t)MS);
        tug_sleep_future_reset(&sleep, (uint64_t)start + (uint64_t)(i + 1) * 10 * MS);
    }
    return 0;
}

/* One that watches others work: each piece of work sets its end off. */
static int64_t while_it_waits(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_time_pause(), 0);
    uint64_t start = tug_now();
    struct tug_sleep_future idle, work;
    tug_sleep_future_init(&idle, start + 25 * MS);
    for (int i = 1; i <= 10; i++) {
        tug_sleep_future_init(&work, start + (uint64_t)i * 10 * MS);
        struct tug_future *futures[] = {&work.future, &idle.future};
        CHECK_EQUAL(tug_select_biased(futures, 2), 0);
        CHECK_EQUAL(idle.future.result, -ECANCELED);
        tug_sleep_future_reset(&idle, tug_now() + 25 * MS);
        CHECK_EQUAL(idle.future.result, 0);
    }
    CHECK_EQUAL(tug_await(&idle.future), 0);
    CHECK_RANGE(tug_now() - start, 125 * MS, 127 * MS);
    return 0;
}

/* ---- as part of another future, whose task is not polled in between ---- */

struct watch {
    struct tug_future future;
    struct tug_sleep_future sleep;
    uint64_t sooner_or_later;
    int polls;
    bool reset;
};

static int watch_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct watch *watch = (struct watch *)self;
    struct tug_future *sleep = &watch->sleep.future;
    watch->polls++;
    if (sleep->vtable->poll(sleep, waker) == TUG_READY)
        return TUG_READY;
    /* It need not be polled again to be woken at the new time. */
    if (!watch->reset)
        tug_sleep_future_reset(&watch->sleep, watch->sooner_or_later);
    watch->reset = true;
    return TUG_PENDING;
}

static void watch_cancel(struct tug_future *self)
{
    struct watch *watch = (struct watch *)self;
    watch->sleep.future.vtable->cancel(&watch->sleep.future);
}

static const struct tug_future_vtable watch_vtable = {.poll = watch_poll, .cancel = watch_cancel};

static int64_t armed_anew_at_once(void *argument)
{
    (void)argument;
    static const uint64_t to[] = {5 * MS, 50 * MS, 0};
    CHECK_EQUAL(tug_time_pause(), 0);
    for (int i = 0; i < 3; i++) {
        struct watch watch = {.future = {&watch_vtable, 0}};
        uint64_t start = tug_now();
        tug_sleep_future_init(&watch.sleep, start + 20 * MS);
        watch.sooner_or_later = start + to[i];
        CHECK_EQUAL(tug_await(&watch.future), 0);
        CHECK_RANGE(tug_now() - start, to[i], to[i] + 2 * MS);
        CHECK_EQUAL(watch.polls, 2);
    }
    return 0;
}

/* ---- on several workers ---- */

static int64_t reset_again_and_again(void *argument)
{
    uint32_t random = (uint32_t)fixture_number(argument) * 2654435761u;
    struct tug_sleep_future sleep;
    uint64_t deadline = tug_now() + MS;
    tug_sleep_future_init(&sleep, deadline);
    for (int i = 0; i < (TUG_TSAN ? 10 : 40); i++) {
        struct tug_sleep_future other;
        random = random * 1664525 + 1013904223;
        tug_sleep_future_init(&other, tug_now() + (random >> 8) % (2 * MS));
        struct tug_future *futures[] = {&sleep.future, &other.future};
        int64_t first = tug_select(futures, 2);
        CHECK_RANGE(first, 0, 1);
        CHECK(first == 1 || tug_now() >= deadline);
        deadline = tug_now() + (random >> 16) % (2 * MS);
        tug_sleep_future_reset(&sleep, deadline);
        tug_yield();
    }
    CHECK_EQUAL(tug_await(&sleep.future), 0);
    CHECK(tug_now() >= deadline);
    return 0;
}

static int64_t many_at_once(void *argument)
{
    (void)argument;
    struct tug_group group;
    tug_group_init(&group, 0);
    for (int i = 0; i < 50; i++)
        CHECK_EQUAL(tug_group_spawn(&group, reset_again_and_again, fixture_argument(i)), 0);
    CHECK_EQUAL(tug_group_wait(&group), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_CURRENT_THREAD(before_the_first_poll),
        IN_CURRENT_THREAD(after_its_end),
        IN_CURRENT_THREAD(while_it_waits),
        IN_CURRENT_THREAD(armed_anew_at_once),
        IN_EACH(many_at_once),
    };
    return cmocka_run_group_tests_name("time/sleep_reset", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Task groups: they do not end before their children, whoever cancels what.
 */
#include <errno.h>
#include <sched.h>

#include "../runtime/fixture.h"
#include "sys/sanitizer.h"

static int ended; /* atomic */

static int get_ended(void)
{
    return __atomic_load_n(&ended, __ATOMIC_ACQUIRE);
}

static void reset_ended(void)
{
    __atomic_store_n(&ended, 0, __ATOMIC_RELEASE);
}

static int64_t note_end(int64_t result)
{
    __atomic_fetch_add(&ended, 1, __ATOMIC_ACQ_REL);
    return result;
}

static int64_t child_returns(void *argument)
{
    for (int64_t i = fixture_number(argument) % 5; i > 0; i--)
        tug_yield();
    return note_end(fixture_number(argument));
}

static int64_t child_sleeps(void *argument)
{
    return note_end(fixture_sleep_forever(argument));
}

static int64_t child_cleans_up(void *argument)
{
    (void)argument;
    int64_t result = fixture_sleep_forever(NULL);
    struct tug_scope shield;
    tug_shield_begin(&shield);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_scope_end(&shield, 0);
    return note_end(result);
}

static void spawn(struct tug_group *group, tug_task_fn fn, int64_t argument)
{
    CHECK_EQUAL(tug_group_spawn(group, fn, fixture_argument(argument)), 0);
}

static int64_t an_empty_group_ends_at_once(void *argument)
{
    (void)argument;
    struct tug_group group;
    tug_group_init(&group, 0);
    CHECK_EQUAL(tug_group_alive(&group), 0);
    CHECK_EQUAL(tug_group_wait(&group), 0);
    tug_group_cancel(&group);
    CHECK_EQUAL(tug_group_wait(&group), 0);
    return 0;
}

static int64_t all_children_are_waited_for(void *argument)
{
    (void)argument;
    enum { COUNT = 500 };
    reset_ended();
    struct tug_group group;
    tug_group_init(&group, 0);
    for (int i = 0; i < COUNT; i++)
        spawn(&group, child_returns, i);
    CHECK_RANGE(tug_group_alive(&group), 0, COUNT);
    CHECK_EQUAL(tug_group_wait(&group), 0);
    CHECK_EQUAL(get_ended(), COUNT);
    CHECK_EQUAL(tug_group_alive(&group), 0);
    return 0;
}

/* The group lies in a frame that goes at once: a child that still touched it would be seen. */
static int64_t the_memory_goes_with_the_frame(void *argument)
{
    for (int i = 0; i < 200; i++) {
        struct tug_group *group = malloc(sizeof *group);
        CHECK(group != NULL);
        tug_group_init(group, 0);
        for (int c = 0; c < 1 + i % 4; c++)
            spawn(group, child_returns, c);
        if (i % 2 == 0)
            tug_yield();
        CHECK_EQUAL(tug_group_wait(group), 0);
        free(group);
    }
    (void)argument;
    return 0;
}

static int64_t child_fails_after(void *argument)
{
    int64_t ms = fixture_number(argument);
    CHECK_EQUAL(tug_sleep((uint64_t)ms * TUG_MILLISECOND), 0);
    return note_end(-100 - ms);
}

enum { IN_TURN = 4 };

static struct tug_group *turns; /* atomic; of IN_TURN children, once all are there */

static int64_t child_ends_in_turn(void *turn)
{
    struct tug_group *group;
    do
        CHECK_EQUAL(tug_yield(), 0);
    while ((group = __atomic_load_n(&turns, __ATOMIC_ACQUIRE)) == NULL ||
           tug_group_alive(group) != IN_TURN - (size_t)fixture_number(turn));
    return note_end(fixture_number(turn) == 0 ? 3 : -100 - fixture_number(turn));
}

static int64_t the_first_error_is_the_result(void *argument)
{
    (void)argument;
    static const int order[IN_TURN] = {3, 1, 2, 0};
    reset_ended();
    struct tug_group group;
    tug_group_init(&group, 0);
    __atomic_store_n(&turns, NULL, __ATOMIC_RELAXED);
    for (int i = 0; i < IN_TURN; i++)
        spawn(&group, child_ends_in_turn, order[i]);
    __atomic_store_n(&turns, &group, __ATOMIC_RELEASE);
    CHECK_EQUAL(tug_group_wait(&group), -101);
    CHECK_EQUAL(get_ended(), 4);
    /* It starts anew. */
    spawn(&group, child_returns, 3);
    CHECK_EQUAL(tug_group_wait(&group), 0);
    return 0;
}

static int64_t an_error_cancels_the_others_if_wished(void *argument)
{
    (void)argument;
    reset_ended();
    struct tug_group group;
    tug_group_init(&group, TUG_GROUP_CANCEL_ON_ERROR);
    for (int i = 0; i < 20; i++)
        spawn(&group, i % 2 == 0 ? child_sleeps : child_cleans_up, 0);
    spawn(&group, child_fails_after, 1);
    CHECK_EQUAL(tug_group_wait(&group), -101);
    CHECK_EQUAL(get_ended(), 21);

    /* While it is cancelled it takes no more children; waiting ends that. */
    spawn(&group, child_fails_after, 1);
    AWAIT(tug_group_alive(&group) == 0);
    CHECK_EQUAL(tug_group_spawn(&group, child_returns, NULL), -ECANCELED);
    CHECK_EQUAL(tug_group_wait(&group), -101);
    spawn(&group, child_returns, 1);
    CHECK_EQUAL(tug_group_wait(&group), 0);
    return 0;
}

static int64_t a_cancelled_group_is_waited_for(void *argument)
{
    (void)argument;
    reset_ended();
    struct tug_group group;
    tug_group_init(&group, 0);
    for (int i = 0; i < 20; i++)
        spawn(&group, i % 2 == 0 ? child_sleeps : child_cleans_up, 0);
    tug_group_cancel(&group);
    tug_group_cancel(&group);
    CHECK_EQUAL(tug_group_spawn(&group, child_returns, NULL), -ECANCELED);
    CHECK_EQUAL(tug_group_wait(&group), -ECANCELED);
    CHECK_EQUAL(get_ended(), 20);
    return 0;
}

static int64_t cancel_group(void *group)
{
    tug_group_cancel(group);
    return 0;
}

static int64_t a_thread_cancels_a_group(void *argument)
{
    (void)argument;
    for (int round = 0; round < 20; round++) {
        reset_ended();
        struct tug_group group;
        struct fixture_thread thread;
        tug_group_init(&group, 0);
        for (int i = 0; i < 20; i++)
            spawn(&group, child_sleeps, 0);
        fixture_thread_start(&thread, cancel_group, &group);
        CHECK_EQUAL(tug_group_wait(&group), -ECANCELED);
        CHECK_EQUAL(get_ended(), 20);
        fixture_thread_await(&thread);
    }
    return 0;
}

/* The scope around the wait: its end aborts the children, and they are still waited for. */
static int64_t a_timeout_around_the_wait(void *argument)
{
    (void)argument;
    for (int late = 0; late < 2; late++) {
        reset_ended();
        struct tug_group group;
        struct tug_scope scope;
        tug_group_init(&group, 0);
        for (int i = 0; i < 20; i++)
            spawn(&group, i % 2 == 0 ? child_sleeps : child_cleans_up, 0);
        tug_scope_begin(&scope, late ? tug_deadline_after(2 * TUG_MILLISECOND) : tug_now(), NULL);
        int64_t result = tug_group_wait(&group);
        CHECK_EQUAL(get_ended(), 20);
        CHECK_EQUAL(tug_scope_end(&scope, result), -ETIMEDOUT);
        CHECK_EQUAL(tug_yield(), 0);
    }
    return 0;
}

static int64_t wait_for_group(void *argument)
{
    (void)argument;
    struct tug_group group;
    tug_group_init(&group, 0);
    for (int i = 0; i < 5; i++)
        spawn(&group, child_cleans_up, 0);
    return tug_group_wait(&group);
}

static int64_t an_aborted_parent_waits_for_its_children(void *argument)
{
    (void)argument;
    for (int early = 0; early < 2; early++) {
        reset_ended();
        struct tug_task *task = fixture_spawn(wait_for_group, NULL);
        if (!early)
            CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
        tug_task_abort(task);
        CHECK_EQUAL(fixture_join(task), -ECANCELED);
        CHECK_EQUAL(get_ended(), 5);
    }
    return 0;
}

static int64_t child_with_group(void *argument)
{
    int64_t depth = fixture_number(argument);
    struct tug_group group;
    if (depth == 0)
        return child_sleeps(NULL);
    tug_group_init(&group, 0);
    for (int i = 0; i < 3; i++)
        spawn(&group, child_with_group, depth - 1);
    return tug_group_wait(&group);
}

static int64_t a_tree_of_groups_is_cancelled_from_its_root(void *argument)
{
    (void)argument;
    reset_ended();
    struct tug_group group;
    tug_group_init(&group, 0);
    spawn(&group, child_with_group, 4);
    CHECK_EQUAL(tug_sleep(3 * TUG_MILLISECOND), 0);
    tug_group_cancel(&group);
    CHECK_EQUAL(tug_group_wait(&group), -ECANCELED);
    CHECK_EQUAL(get_ended(), 81);
    return 0;
}

static int64_t child_spawns_siblings(void *group)
{
    for (int i = 0; i < 2; i++)
        spawn(group, child_returns, i);
    return note_end(0);
}

static int64_t children_may_spawn_siblings(void *argument)
{
    (void)argument;
    reset_ended();
    struct tug_group group;
    tug_group_init(&group, 0);
    for (int i = 0; i < 10; i++)
        CHECK_EQUAL(tug_group_spawn(&group, child_spawns_siblings, &group), 0);
    CHECK_EQUAL(tug_group_wait(&group), 0);
    CHECK_EQUAL(get_ended(), 30);
    return 0;
}

/* ---- an abort at any moment ---- */

static struct tug_task *parent; /* atomic; not NULL: it is about to wait */
static bool aborted;            /* atomic */

/* Up to 512 turns of nothing, from a generator of which each thread has its own. */
static void spin(uint32_t *random)
{
    *random = *random * 1664525 + 1013904223;
    for (uint32_t spins = *random >> 23; spins > 0; spins--)
        __asm__ volatile("");
}

static int64_t waits_for_children(void *argument)
{
    uint32_t random = (uint32_t)fixture_number(argument);
    struct tug_group group;
    tug_group_init(&group, 0);
    spawn(&group, child_returns, 3);
    spawn(&group, child_returns, 4);
    __atomic_store_n(&parent, tug_task_current(), __ATOMIC_RELEASE);
    spin(&random);
    tug_group_wait(&group);
    CHECK_EQUAL(tug_group_alive(&group), 0);
    while (!__atomic_load_n(&aborted, __ATOMIC_ACQUIRE))
        tug_yield();
    return 0;
}

/* ThreadSanitizer takes its time with each coroutine. */
enum { ABORTS = TUG_TSAN ? 200 : 3000 };

static int64_t abort_parents(void *argument)
{
    (void)argument;
    uint32_t random = 12345;
    for (int i = 0; i < ABORTS; i++) {
        struct tug_task *task;
        while ((task = __atomic_exchange_n(&parent, NULL, __ATOMIC_ACQ_REL)) == NULL)
            sched_yield();
        spin(&random);
        tug_task_abort(task);
        __atomic_store_n(&aborted, true, __ATOMIC_RELEASE);
    }
    return 0;
}

static int64_t a_parent_is_aborted_as_it_begins_to_wait(void *argument)
{
    (void)argument;
    struct fixture_thread thread;
    fixture_thread_start(&thread, abort_parents, NULL);
    for (int i = 0; i < ABORTS; i++) {
        __atomic_store_n(&aborted, false, __ATOMIC_RELEASE);
        fixture_join(fixture_spawn(waits_for_children, fixture_argument(7 * i)));
    }
    CHECK_EQUAL(fixture_thread_await(&thread), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(an_empty_group_ends_at_once),
        IN_EACH(all_children_are_waited_for),
        IN_EACH(the_memory_goes_with_the_frame),
        IN_EACH(the_first_error_is_the_result),
        IN_EACH(an_error_cancels_the_others_if_wished),
        IN_EACH(a_cancelled_group_is_waited_for),
        IN_EACH(a_thread_cancels_a_group),
        IN_EACH(a_timeout_around_the_wait),
        IN_EACH(an_aborted_parent_waits_for_its_children),
        IN_EACH(a_tree_of_groups_is_cancelled_from_its_root),
        IN_EACH(children_may_spawn_siblings),
        IN_MULTI_THREAD(a_parent_is_aborted_as_it_begins_to_wait),
    };
    return cmocka_run_group_tests_name("task/group", tests, NULL, NULL);
}

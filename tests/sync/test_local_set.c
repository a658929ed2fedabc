/* SPDX-License-Identifier: MIT */
/*
 * Local sets: their tasks stay together, one at a time, and are waited for as a whole.
 */
#include <errno.h>

#include "../runtime/fixture.h"

/* What the tasks of a set share without a lock. A sanitizer for threads sees if they may not. */
struct shared {
    int worker;
    int inside;
    int64_t sum;
};

static int64_t change(void *argument)
{
    struct shared *shared = argument;
    if (shared->worker < 0)
        shared->worker = tug_worker_index();
    for (int i = 0; i < 20; i++) {
        CHECK_EQUAL(tug_worker_index(), shared->worker);
        CHECK_EQUAL(shared->inside++, 0);
        shared->sum++;
        CHECK_EQUAL(--shared->inside, 0);
        CHECK_EQUAL(i % 5 == 0 ? tug_sleep(100 * TUG_MICROSECOND) : tug_yield(), 0);
    }
    return 0;
}

static int64_t the_tasks_share_without_a_lock(void *argument)
{
    (void)argument;
    enum { TASKS = 30 };
    struct shared shared = {.worker = -1};
    struct tug_local_set set;
    tug_local_set_init(&set, TUG_ANY_WORKER);
    for (int i = 0; i < TASKS; i++)
        CHECK_EQUAL(tug_local_set_spawn(&set, change, &shared), 0);
    CHECK_EQUAL(tug_local_set_wait(&set), 0);
    CHECK_EQUAL(shared.sum, 20 * TASKS);
    return 0;
}

static int64_t spawn_more(void *argument)
{
    int64_t depth = fixture_number(argument);
    for (int i = 0; depth > 0 && i < 2; i++)
        CHECK_EQUAL(tug_spawn_local(spawn_more, fixture_argument(depth - 1)), 0);
    CHECK_EQUAL(tug_yield(), 0);
    return depth == 0 ? tug_worker_index() : 0;
}

static int64_t tasks_spawn_into_their_set(void *argument)
{
    (void)argument;
    int workers = fixture_current()->workers == 0 ? 1 : (int)fixture_current()->workers;
    for (int worker = 0; worker < workers; worker++) {
        struct tug_local_set set;
        tug_local_set_init(&set, worker);
        CHECK_EQUAL(tug_local_set_spawn(&set, spawn_more, fixture_argument(5)), 0);
        CHECK_EQUAL(tug_local_set_wait(&set), 0);
    }
    CHECK_EQUAL(tug_spawn_local(fixture_return, NULL), -EPERM);
    return 0;
}

static int64_t on_worker(void *argument)
{
    CHECK_EQUAL(tug_sleep(0), 0);
    return tug_worker_index() == fixture_number(argument) ? 100 : -1;
}

static int64_t run_returns_the_result(void *argument)
{
    (void)argument;
    int last = fixture_current()->workers == 0 ? 0 : (int)fixture_current()->workers - 1;
    struct tug_local_set set;
    tug_local_set_init(&set, last);
    CHECK_EQUAL(tug_local_set_run(&set, on_worker, fixture_argument(last)), 100);
    CHECK_EQUAL(tug_local_set_run(&set, fixture_return, fixture_argument(-7)), -7);
    /* That was no failure of the set's. */
    CHECK_EQUAL(tug_local_set_wait(&set), 0);
    CHECK_EQUAL(tug_local_set_spawn(&set, fixture_return, fixture_argument(-8)), 0);
    CHECK_EQUAL(tug_local_set_wait(&set), -8);
    return 0;
}

static int64_t sleep_and_clean_up(void *argument)
{
    int64_t result = fixture_sleep_forever(NULL);
    struct tug_scope shield;
    tug_shield_begin(&shield);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_scope_end(&shield, 0);
    *(bool *)argument = true;
    return result;
}

/* What it runs uses the caller's frame: it has ended when the run returns. */
static int64_t a_cancelled_run_has_ended(void *argument)
{
    (void)argument;
    for (int early = 0; early < 2; early++) {
        bool cleaned = false;
        struct tug_local_set set;
        struct tug_scope scope;
        tug_local_set_init(&set, TUG_ANY_WORKER);
        tug_scope_begin(&scope, early ? tug_now() : tug_deadline_after(2 * TUG_MILLISECOND), NULL);
        int64_t result = tug_local_set_run(&set, sleep_and_clean_up, &cleaned);
        CHECK_EQUAL(tug_scope_end(&scope, result), -ETIMEDOUT);
        CHECK(cleaned);
        CHECK_EQUAL(tug_local_set_wait(&set), 0);
    }
    return 0;
}

static int64_t a_cancelled_set_ends(void *argument)
{
    (void)argument;
    bool cleaned[5] = {false};
    struct tug_local_set set;
    tug_local_set_init(&set, TUG_ANY_WORKER);
    for (int i = 0; i < 5; i++)
        CHECK_EQUAL(tug_local_set_spawn(&set, sleep_and_clean_up, &cleaned[i]), 0);
    tug_local_set_cancel(&set);
    CHECK_EQUAL(tug_local_set_spawn(&set, fixture_return, NULL), -ECANCELED);
    CHECK_EQUAL(tug_local_set_run(&set, fixture_return, NULL), -ECANCELED);
    CHECK_EQUAL(tug_local_set_wait(&set), -ECANCELED);
    for (int i = 0; i < 5; i++)
        CHECK(cleaned[i]);
    return 0;
}

static int64_t spawn_from_outside(void *set)
{
    CHECK_EQUAL(tug_local_set_run(set, fixture_return, NULL), -EPERM);
    return tug_local_set_spawn(set, on_worker, fixture_argument(0));
}

static int64_t any_thread_spawns(void *argument)
{
    (void)argument;
    struct tug_local_set set;
    tug_local_set_init(&set, 0);
    CHECK_EQUAL(fixture_on_thread(spawn_from_outside, &set), 0);
    CHECK_EQUAL(tug_local_set_wait(&set), 0);
    tug_local_set_init(&set, 99);
    CHECK_EQUAL(tug_local_set_spawn(&set, fixture_return, NULL), -EINVAL);
    CHECK_EQUAL(tug_local_set_run(&set, fixture_return, NULL), -EINVAL);
    CHECK_EQUAL(tug_local_set_wait(&set), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(the_tasks_share_without_a_lock), IN_EACH(tasks_spawn_into_their_set),
        IN_EACH(run_returns_the_result),         IN_EACH(a_cancelled_run_has_ended),
        IN_EACH(a_cancelled_set_ends),           IN_EACH(any_thread_spawns),
    };
    return cmocka_run_group_tests_name("sync/local_set", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a future on a thread that runs no tasks.
 */
#include <errno.h>

#include "../runtime/fixture.h"

static int64_t cancel_later(void *token)
{
    usleep(3000);
    tug_token_cancel(token);
    return 0;
}

static void test_a_wake_from_another_thread_ends_it(void **state)
{
    (void)state;
    struct tug_token token;
    struct tug_token_future wait;
    struct fixture_thread thread;
    tug_token_init(&token, NULL);
    for (int already = 0; already < 2; already++) {
        if (!already)
            fixture_thread_start(&thread, cancel_later, &token);
        tug_token_future_init(&wait, &token);
        assert_int_equal(tug_await_blocking(&wait.future, TUG_FOREVER), 0);
        assert_int_equal(tug_token_reason(&token), -ECANCELED);
        if (!already)
            fixture_thread_join(&thread);
    }
    tug_token_destroy(&token);
}

static void test_a_deadline_ends_it(void **state)
{
    (void)state;
    struct tug_token token;
    struct tug_token_future wait;
    tug_token_init(&token, NULL);
    tug_token_future_init(&wait, &token);
    uint64_t deadline = tug_deadline_after(5 * TUG_MILLISECOND);
    assert_int_equal(tug_await_blocking(&wait.future, deadline), -ETIMEDOUT);
    assert_true(tug_now() >= deadline);
    /* One that has passed makes it a question. */
    tug_token_future_init(&wait, &token);
    assert_int_equal(tug_await_blocking(&wait.future, 0), -ETIMEDOUT);
    tug_token_cancel(&token);
    tug_token_future_init(&wait, &token);
    assert_int_equal(tug_await_blocking(&wait.future, 0), 0);
    tug_token_destroy(&token);
}

/* ---- what is made up of wakers ---- */

/* A future that another thread makes ready, and which is woken by that thread again and again. */
struct pestered {
    struct tug_future future;
    struct tug_waker waker;
    uint32_t has_waker, ready, polls;
};

static int pestered_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct pestered *self = (struct pestered *)(void *)future;
    self->polls++;
    if (__atomic_load_n(&self->ready, __ATOMIC_ACQUIRE))
        return TUG_READY;
    if (self->polls == 1) {
        self->waker = tug_waker_clone(waker);
        __atomic_store_n(&self->has_waker, 1, __ATOMIC_RELEASE);
    }
    return TUG_PENDING;
}

static int64_t pester(void *argument)
{
    struct pestered *self = argument;
    AWAIT_ON_THREAD(__atomic_load_n(&self->has_waker, __ATOMIC_ACQUIRE));
    struct tug_waker waker = self->waker;
    for (int i = 0; i < 100; i++)
        tug_waker_wake_by_ref(&waker);
    struct tug_waker another = tug_waker_clone(&waker);
    tug_waker_drop(another);
    __atomic_store_n(&self->ready, 1, __ATOMIC_RELEASE);
    tug_waker_wake_by_ref(&waker);
    /* The thread may see that it is ready from here on, but not return before its last waker is
     * gone. */
    usleep(1000);
    tug_waker_wake(waker);
    return 0;
}

static void test_it_outlives_the_wakers(void **state)
{
    (void)state;
    static const struct tug_future_vtable vtable = {.poll = pestered_poll};
    for (int round = 0; round < 20; round++) {
        struct pestered future = {.future = {&vtable, 7}};
        struct fixture_thread thread;
        fixture_thread_start(&thread, pester, &future);
        assert_int_equal(tug_await_blocking(&future.future, TUG_FOREVER), 7);
        assert_true(future.polls >= 2);
        fixture_thread_join(&thread);
    }
}

/* ---- beside runtimes ---- */

static int64_t must_not_block(void *argument)
{
    (void)argument;
    struct tug_token token;
    struct tug_token_future wait;
    tug_token_init(&token, NULL);
    tug_token_cancel(&token);
    tug_token_future_init(&wait, &token);
    CHECK_EQUAL(tug_await_blocking(&wait.future, TUG_FOREVER), -EDEADLK);
    tug_token_destroy(&token);
    return 0;
}

static int64_t wait_on_token(void *token)
{
    struct tug_token_future wait;
    tug_token_future_init(&wait, token);
    return tug_await_blocking(&wait.future, TUG_FOREVER);
}

static int64_t a_blocking_job_may_wait(void *argument)
{
    (void)argument;
    struct tug_token token;
    struct tug_task *job;
    tug_token_init(&token, NULL);
    CHECK_EQUAL(tug_spawn_blocking(&job, NULL, wait_on_token, &token), 0);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_token_cancel(&token);
    CHECK_EQUAL(fixture_join(job), 0);
    tug_token_destroy(&token);
    return 0;
}

static void a_task_is_waited_for(struct tug_runtime *runtime)
{
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    options.runtime = runtime;
    struct tug_task *task;
    struct tug_join_future join;
    assert_int_equal(tug_spawn_with(&task, &options, fixture_return, fixture_argument(5)), 0);
    tug_join_future_init(&join, task);
    assert_int_equal(tug_await_blocking(&join.future, TUG_FOREVER), 5);
}

static void a_sleep_is_refused(struct tug_runtime *runtime)
{
    (void)runtime;
    struct tug_sleep_future sleep;
    tug_sleep_future_init(&sleep, tug_deadline_after(TUG_MILLISECOND));
    assert_int_equal(tug_await_blocking(&sleep.future, TUG_FOREVER), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wake_from_another_thread_ends_it),
        cmocka_unit_test(test_a_deadline_ends_it),
        cmocka_unit_test(test_it_outlives_the_wakers),
        IN_EACH(must_not_block),
        IN_EACH(a_blocking_job_may_wait),
        OUTSIDE_MULTI_THREAD(a_task_is_waited_for),
        OUTSIDE_EACH(a_sleep_is_refused),
    };
    return cmocka_run_group_tests_name("task/await_blocking", tests, NULL, NULL);
}

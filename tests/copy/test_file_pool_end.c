/* SPDX-License-Identifier: MIT */
/* The end of a pool for operations on files: it is orderly, and does not wait for ever. */
#include <errno.h>
#include <unistd.h>

#include <tug/task.h>
#include <tug/time.h>

#include "pooling.h"

static int64_t shut_down(void *pool)
{
    return tug_file_pool_shutdown(pool, NULL, NULL);
}

static int64_t what_was_taken_is_carried_out(void *unused)
{
    (void)unused;
    struct pooling_held held;
    struct tug_file_request queued[3];
    struct tug_file_pool *pool;
    CHECK_EQUAL(pooling_make_busy(&pool, &held, queued), 0);
    struct pooling_submission waiting = {.pool = pool, .submitted = 1};
    tug_file_request_create_dir(&waiting.request, "d3", 0755);
    struct tug_task *task = tug_spawn(pooling_submit_and_wait, &waiting);
    CHECK_EQUAL(tug_sleep(2 * MS), 0);
    struct tug_task *end = tug_spawn(shut_down, pool);
    int64_t result;
    CHECK_EQUAL(tug_join(task, &result), 0);
    CHECK_EQUAL(result, -EPIPE);
    CHECK(!tug_task_is_finished(end));
    pooling_let_go(&held);
    CHECK_EQUAL(tug_join(end, &result), 0);
    CHECK_EQUAL(result, 0);
    /* The replies are there after the pool's end. */
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(tug_file_request_wait(&queued[i]), 0);
    CHECK_EQUAL(tug_file_request_wait(&held.request), 0);
    CHECK(scratch_exists("d0") && scratch_exists("d1") && scratch_exists("d2"));
    CHECK_EQUAL(tug_file_pool_submit(pool, &waiting.request), -EPIPE);
    CHECK_EQUAL(tug_file_pool_try_submit(pool, &waiting.request), -EPIPE);
    CHECK(!scratch_exists("d3"));
    tug_file_pool_destroy(pool);
    return 0;
}

static int late_count;

static void note_late(const struct tug_file_request *request, bool stuck, void *argument)
{
    (void)request;
    *(int *)argument += stuck ? 100 : 1;
}

static int64_t let_go_later(void *argument)
{
    int error = tug_sleep(30 * MS);
    pooling_let_go(argument);
    return error;
}

static int64_t what_takes_too_long_is_cancelled(void *unused)
{
    (void)unused;
    struct pooling_held held;
    struct tug_file_request queued[3];
    struct tug_file_pool *pool;
    CHECK_EQUAL(pooling_make_busy(&pool, &held, queued), 0);
    late_count = 0;
    struct tug_task *task = tug_spawn(let_go_later, &held);
    const struct tug_file_pool_end end = {
        .grace = 5 * MS, .late = note_late, .argument = &late_count};
    struct tug_file_pool_report report;
    CHECK_EQUAL(tug_file_pool_shutdown(pool, &end, &report), -ETIMEDOUT);
    tug_file_pool_destroy(pool);
    CHECK_EQUAL(late_count, 4);
    CHECK_EQUAL(report.cancelled, 4);
    CHECK_EQUAL(report.waiting + report.running, 0);
    CHECK_EQUAL(tug_join(task, NULL), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(tug_file_request_wait(&queued[i]), -ECANCELED);
    CHECK_EQUAL(tug_file_request_wait(&held.request), -ECANCELED);
    CHECK(pooling_no_partial_file("held", pooling_data, POOLING_HELD) && !scratch_exists("d0"));
    return 0;
}

static int64_t the_usual_time_is_half_a_minute(void *unused)
{
    (void)unused;
    static const uint64_t held_for[] = {29 * TUG_SECOND, 30 * TUG_SECOND + 2 * MS};
    for (int late = 0; late < 2; late++) {
        struct pooling_held held;
        int64_t result;
        struct tug_file_pool *pool = pooling_make(1, 3);
        CHECK(pool != NULL);
        CHECK_EQUAL(pooling_hold_up(&held, pool), 0);
        CHECK_EQUAL(tug_time_pause(), 0);
        struct tug_task *end = tug_spawn(shut_down, pool);
        CHECK_EQUAL(tug_yield(), 0);
        CHECK_EQUAL(tug_time_advance(held_for[late]), 0);
        CHECK_EQUAL(tug_yield(), 0);
        CHECK_EQUAL(tug_time_resume(), 0);
        pooling_let_go(&held);
        CHECK_EQUAL(tug_file_request_wait(&held.request), late ? -ECANCELED : 0);
        CHECK_EQUAL(tug_join(end, &result), 0);
        CHECK_EQUAL(result, late ? -ETIMEDOUT : 0);
        tug_file_pool_destroy(pool);
        unlink("held");
    }
    return 0;
}

static int64_t what_does_not_end_is_told_of(void *unused)
{
    (void)unused;
    struct pooling_held held;
    struct tug_file_request queued;
    struct tug_file_pool *pool = pooling_make(1, 3);
    CHECK(pool != NULL);
    CHECK_EQUAL(pooling_hold_up(&held, pool), 0);
    tug_file_request_create_dir(&queued, "d0", 0755);
    CHECK_EQUAL(tug_file_pool_submit(pool, &queued), 0);
    late_count = 0;
    const struct tug_file_pool_end end = {
        .grace = MS, .abort = 2 * MS, .late = note_late, .argument = &late_count};
    struct tug_file_pool_report report;
    CHECK_EQUAL(tug_file_pool_shutdown(pool, &end, &report), -EBUSY);
    CHECK_EQUAL(late_count, 200);
    CHECK_EQUAL(report.running, 1);
    CHECK_EQUAL(report.waiting, 1);
    tug_file_pool_destroy(pool);
    /* It ends at last, and so does what stood behind it. */
    pooling_let_go(&held);
    CHECK_EQUAL(tug_file_request_wait(&held.request), -ECANCELED);
    CHECK_EQUAL(tug_file_request_wait(&queued), -ECANCELED);
    CHECK(pooling_no_partial_file("held", pooling_data, POOLING_HELD) && !scratch_exists("d0"));
    return 0;
}

static int64_t a_cancelled_shutdown_ends_all_the_same(void *unused)
{
    (void)unused;
    struct tug_file_request queued[3];
    struct tug_scope scope;
    struct tug_file_pool *pool = pooling_make(1, 3);
    CHECK(pool != NULL);
    CHECK_EQUAL(pooling_submit_directories(pool, queued), 0);
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    int outcome = tug_file_pool_shutdown(pool, NULL, NULL);
    tug_scope_end(&scope, 0);
    tug_file_pool_destroy(pool);
    tug_file_pool_destroy(NULL);
    CHECK(outcome == 0 || outcome == -ETIMEDOUT);
    for (int i = 0; i < 3; i++) {
        int64_t result = tug_file_request_wait(&queued[i]);
        CHECK(result == 0 || result == -ECANCELED);
        CHECK_EQUAL(scratch_exists(pooling_directories[i]), result == 0);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(what_was_taken_is_carried_out),
        SCRATCH_TEST(what_takes_too_long_is_cancelled),
        SCRATCH_TEST_CURRENT_THREAD(the_usual_time_is_half_a_minute),
        SCRATCH_TEST(what_does_not_end_is_told_of),
        SCRATCH_TEST(a_cancelled_shutdown_ends_all_the_same),
    };
    return cmocka_run_group_tests_name("copy/file_pool_end", tests, NULL, NULL);
}

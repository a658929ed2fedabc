/* SPDX-License-Identifier: MIT */
/*
 * The pool for operations on files: every request is answered once, the queue is bounded, and what
 * is cancelled leaves nothing behind.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "pooling.h"
#include "sys/fault.h"

static int64_t submit_and_wait_for(struct tug_file_pool *pool, struct tug_file_request *request)
{
    int error = tug_file_pool_submit(pool, request);
    return error != 0 ? error : tug_file_request_wait(request);
}

static int64_t each_kind_is_answered(void *unused)
{
    (void)unused;
    struct tug_file_pool *pool = pooling_make(2, 4);
    CHECK(pool != NULL);
    struct tug_file_request request;
    struct tug_copy_report copied;
    struct tug_move_report moved;
    struct tug_remove_report removed;
    const char *a = "a", *b = "d/e/b", *c = "c", *missing = "missing";
    scratch_make_file("a", "text", 4);

    tug_file_request_create_dir(&request, "d/e", 0755);
    CHECK_EQUAL(submit_and_wait_for(pool, &request), 0);

    tug_file_request_copy(&request, NULL, &a, 1, b, &copied);
    CHECK_EQUAL(submit_and_wait_for(pool, &request), 0);
    CHECK_EQUAL(copied.files, 1);
    CHECK(scratch_file_is("d/e/b", "text", 4));

    tug_file_request_move(&request, NULL, &b, 1, c, &moved);
    CHECK_EQUAL(submit_and_wait_for(pool, &request), 0);
    CHECK_EQUAL(moved.renamed, 1);
    CHECK(scratch_file_is("c", "text", 4) && !scratch_exists("d/e/b"));

    tug_file_request_remove(&request, NULL, &c, 1, &removed);
    CHECK_EQUAL(submit_and_wait_for(pool, &request), 0);
    CHECK_EQUAL(removed.entries, 1);
    CHECK(!scratch_exists("c"));

    tug_file_request_copy(&request, NULL, &missing, 1, b, NULL);
    CHECK_EQUAL(submit_and_wait_for(pool, &request), -ENOENT);

    struct tug_file_pool_report report;
    CHECK_EQUAL(pooling_end(pool, &report), 0);
    CHECK_EQUAL(report.succeeded, 4);
    CHECK_EQUAL(report.failed, 1);
    CHECK_EQUAL(report.cancelled + report.waiting + report.running, 0);
    return 0;
}

static int64_t many_at_once(void *unused)
{
    (void)unused;
    enum { COUNT = 60 };
    static struct tug_file_request requests[COUNT];
    static char to[COUNT][16];
    const char *from = "from";
    scratch_make_file("from", "0123456789", 10);
    struct tug_file_pool *pool = pooling_make(4, 8);
    CHECK(pool != NULL);
    for (int i = 0; i < COUNT; i++) {
        snprintf(to[i], sizeof to[i], "to%d", i);
        tug_file_request_copy(&requests[i], NULL, &from, 1, to[i], NULL);
        CHECK_EQUAL(tug_file_pool_submit(pool, &requests[i]), 0);
        struct tug_file_pool_report now;
        tug_file_pool_read(pool, &now);
        CHECK(now.waiting <= 8 && now.running <= 4);
    }
    for (int i = COUNT - 1; i >= 0; i--) {
        CHECK_EQUAL(tug_file_request_wait(&requests[i]), 0);
        CHECK(scratch_file_is(to[i], "0123456789", 10));
    }
    CHECK_EQUAL(pooling_end(pool, NULL), 0);
    return 0;
}

/* ---- a worker that is held up ---- */

static int64_t the_queue_is_bounded(void *unused)
{
    (void)unused;
    struct pooling_held held;
    struct tug_file_request queued[2], refused;
    struct tug_file_pool *pool = pooling_make(1, 2);
    CHECK(pool != NULL);
    CHECK_EQUAL(pooling_hold_up(&held, pool), 0);
    for (int i = 0; i < 2; i++) {
        tug_file_request_create_dir(&queued[i], i == 0 ? "d0" : "d1", 0755);
        CHECK_EQUAL(tug_file_pool_try_submit(pool, &queued[i]), 0);
    }
    tug_file_request_create_dir(&refused, "d2", 0755);
    CHECK_EQUAL(tug_file_pool_try_submit(pool, &refused), -EAGAIN);

    struct pooling_submission waiting = {.pool = pool, .submitted = 1};
    tug_file_request_create_dir(&waiting.request, "d3", 0755);
    struct tug_task *task = tug_spawn(pooling_submit_and_wait, &waiting);
    CHECK_EQUAL(tug_sleep(5 * MS), 0);
    CHECK_EQUAL(__atomic_load_n(&waiting.submitted, __ATOMIC_ACQUIRE), 1);

    pooling_let_go(&held);
    int64_t result;
    CHECK_EQUAL(tug_join(task, &result), 0);
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(tug_file_request_wait(&held.request), 0);
    CHECK_EQUAL(tug_file_request_wait(&queued[0]), 0);
    CHECK_EQUAL(tug_file_request_wait(&queued[1]), 0);
    CHECK(scratch_exists("d0") && scratch_exists("d1") && scratch_exists("d3"));
    CHECK(!scratch_exists("d2"));
    CHECK_EQUAL(pooling_end(pool, NULL), 0);
    return 0;
}

static int64_t what_waits_is_cancelled_at_once(void *unused)
{
    (void)unused;
    struct pooling_held held;
    struct tug_file_request queued[3];
    struct tug_file_pool *pool;
    CHECK_EQUAL(pooling_make_busy(&pool, &held, queued), 0);
    /* By its owner, and by the end of the time of who waits. The worker is still held up. */
    tug_file_request_cancel(&queued[1]);
    tug_file_request_cancel(&queued[1]);
    CHECK_EQUAL(tug_file_request_wait(&queued[1]), -ECANCELED);
    CHECK_EQUAL(TUG_TIMEOUT(2 * MS, tug_file_request_wait(&queued[0])), -ETIMEDOUT);
    struct tug_file_pool_report now;
    tug_file_pool_read(pool, &now);
    CHECK_EQUAL(now.waiting, 1);
    CHECK_EQUAL(now.running, 1);
    CHECK_EQUAL(now.cancelled, 2);
    pooling_let_go(&held);
    CHECK_EQUAL(tug_file_request_wait(&queued[2]), 0);
    CHECK_EQUAL(tug_file_request_wait(&held.request), 0);
    CHECK(!scratch_exists("d0") && !scratch_exists("d1") && scratch_exists("d2"));
    CHECK_EQUAL(pooling_end(pool, NULL), 0);
    return 0;
}

static int64_t what_runs_is_cancelled(void *unused)
{
    (void)unused;
    for (int late = 0; late < 2; late++) {
        struct pooling_held held;
        struct tug_file_pool *pool = pooling_make(1, 8);
        CHECK(pool != NULL);
        CHECK_EQUAL(pooling_hold_up(&held, pool), 0);
        if (late) {
            /* It has begun, and the worker does not look before it may go on. */
            tug_file_request_cancel(&held.request);
            pooling_let_go(&held);
            CHECK_EQUAL(tug_file_request_wait(&held.request), -ECANCELED);
            CHECK(pooling_no_partial_file("held", pooling_data, POOLING_HELD));
        } else {
            pooling_let_go(&held);
            CHECK_EQUAL(tug_file_request_wait(&held.request), 0);
            CHECK(scratch_file_is("held", pooling_data, POOLING_HELD));
            unlink("held");
        }
        CHECK_EQUAL(pooling_end(pool, NULL), 0);
    }
    return 0;
}

/* ---- many removals ---- */

static int64_t a_batch_after_the_other(void *unused)
{
    (void)unused;
    enum { COUNT = 500 };
    static const size_t batches[] = {1, 7, 64, 0, 1000};
    static char names[COUNT][16];
    const char *paths[COUNT];
    struct tug_file_pool *pool = pooling_make(3, 4);
    CHECK(pool != NULL);
    for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++) {
        struct tug_remove_report report;
        for (int i = 0; i < COUNT; i++) {
            snprintf(names[i], sizeof names[i], "f%d", i);
            paths[i] = names[i];
            if (i != 123 && i != 400)
                scratch_make_file(names[i], "x", 1);
        }
        CHECK_EQUAL(tug_file_pool_remove(pool, NULL, paths, COUNT, batches[b], &report), -ENOENT);
        CHECK_EQUAL(report.entries, COUNT - 2);
        CHECK_EQUAL(report.failures, 2);
        CHECK_EQUAL(report.first_error, -ENOENT);
        for (int i = 0; i < COUNT; i++)
            CHECK(!scratch_exists(names[i]));
    }
    CHECK_EQUAL(tug_file_pool_remove(pool, NULL, paths, 0, 0, NULL), 0);
    CHECK_EQUAL(pooling_end(pool, NULL), 0);
    return 0;
}

/* ---- anything, any time ---- */

static int64_t come_and_go(void *argument)
{
    struct pooling_submission *submission = argument;
    uint32_t random = (uint32_t)submission->submitted;
    char to[32];
    static const char *from = "from";
    for (int i = 0; i < 20; i++) {
        random = random * 1664525 + 1013904223;
        snprintf(to, sizeof to, "to-%d-%d", submission->submitted, i);
        tug_file_request_copy(&submission->request, NULL, &from, 1, to, NULL);
        struct tug_scope scope;
        tug_scope_begin(&scope, tug_deadline_after((random >> 8) % (2 * MS)), NULL);
        int64_t result = tug_file_pool_submit(submission->pool, &submission->request);
        if (result == 0) {
            if (random >> 30 == 0)
                tug_file_request_cancel(&submission->request);
            result = tug_file_request_wait(&submission->request);
        }
        tug_scope_end(&scope, 0);
        CHECK(result == 0 || result == -ETIMEDOUT || result == -ECANCELED || result == -EPIPE);
        if (result == 0)
            CHECK(scratch_file_is(to, "some text", 9));
        else
            CHECK(pooling_no_partial_file(to, "some text", 9));
        unlink(to);
    }
    return 0;
}

static int64_t requests_come_and_go(void *unused)
{
    (void)unused;
    enum { TASKS = 12 };
    static struct pooling_submission submissions[TASKS];
    uint32_t seed = (uint32_t)getpid();
    printf("seed %u\n", seed);
    scratch_make_file("from", "some text", 9);
    struct tug_file_pool *pool = pooling_make(3, 2);
    CHECK(pool != NULL);
    struct tug_group group;
    tug_group_init(&group, 0);
    for (int i = 0; i < TASKS; i++) {
        submissions[i] = (struct pooling_submission){
            .pool = pool, .submitted = (int)((seed + (unsigned)i) & 0xffff)};
        CHECK_EQUAL(tug_group_spawn(&group, come_and_go, &submissions[i]), 0);
    }
    CHECK_EQUAL(tug_group_wait(&group), 0);
    struct tug_file_pool_report report;
    CHECK_EQUAL(pooling_end(pool, &report), 0);
    CHECK_EQUAL(report.failed + report.waiting + report.running, 0);
    return 0;
}

#if TUG_FAULT_INJECTION
static int64_t no_memory(void *unused)
{
    (void)unused;
    int failures = 0;
    bool happened = true;
    for (unsigned n = 1; happened; n++) {
        struct tug_file_pool *pool;
        CHECK_EQUAL(tug_fault_fail("malloc", n, 1, ENOMEM), 0);
        CHECK_EQUAL(tug_fault_fail("calloc", n, 1, ENOMEM), 0);
        int error = tug_file_pool_create(&pool, NULL);
        happened = tug_fault_calls("malloc") >= n || tug_fault_calls("calloc") >= n;
        tug_fault_reset();
        CHECK(error == 0 || (happened && error == -ENOMEM));
        failures += error != 0;
        if (error == 0) {
            CHECK_EQUAL(pooling_end(pool, NULL), 0);
        }
    }
    CHECK(failures >= 2); /* before the first worker was there, and after */
    return 0;
}

static int64_t a_failure_is_the_reply(void *unused)
{
    (void)unused;
    const char *from = "from";
    struct tug_file_request request;
    struct tug_file_pool *pool = pooling_make(1, 1);
    CHECK(pool != NULL);
    scratch_make_file("from", "text", 4);
    tug_fault_only_path("to");
    CHECK_EQUAL(tug_fault_fail("openat", 1, TUG_FAULT_ALWAYS, ENFILE), 0);
    tug_file_request_copy(&request, NULL, &from, 1, "to", NULL);
    CHECK_EQUAL(submit_and_wait_for(pool, &request), -ENFILE);
    tug_fault_reset();
    CHECK(!scratch_exists("to"));
    tug_file_request_copy(&request, NULL, &from, 1, "to", NULL);
    CHECK_EQUAL(submit_and_wait_for(pool, &request), 0);
    CHECK_EQUAL(pooling_end(pool, NULL), 0);
    return 0;
}
#endif

static int64_t options_are_checked(void *unused)
{
    (void)unused;
    struct tug_file_pool *pool;
    struct tug_file_pool_options options = {.workers = 1025};
    CHECK_EQUAL(tug_file_pool_create(&pool, &options), -EINVAL);
    options = (struct tug_file_pool_options){.queue = 1000001};
    CHECK_EQUAL(tug_file_pool_create(&pool, &options), -EINVAL);
    return 0;
}

static int64_t outside(void *unused)
{
    (void)unused;
    struct tug_file_pool *pool;
    CHECK_EQUAL(tug_file_pool_create(&pool, NULL), -EPERM);
    return 0;
}

static void outside_of_a_runtime(void **state)
{
    (void)state;
    scratch_run_outside(outside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(each_kind_is_answered),
        SCRATCH_TEST(many_at_once),
        SCRATCH_TEST(the_queue_is_bounded),
        SCRATCH_TEST(what_waits_is_cancelled_at_once),
        SCRATCH_TEST(what_runs_is_cancelled),
        SCRATCH_TEST(a_batch_after_the_other),
        SCRATCH_TEST(requests_come_and_go),
#if TUG_FAULT_INJECTION
        SCRATCH_TEST(no_memory),
        SCRATCH_TEST(a_failure_is_the_reply),
#endif
        SCRATCH_TEST(options_are_checked),
        cmocka_unit_test(outside_of_a_runtime),
    };
    return cmocka_run_group_tests_name("copy/file_pool", tests, NULL, NULL);
}

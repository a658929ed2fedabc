/* SPDX-License-Identifier: MIT */
/*
 * The pool for operations on files: every request is answered once, the queue is bounded, what is
 * cancelled leaves nothing behind, and the end is orderly.
 */
#include "../fs/scratch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tug/copy.h>
#include <tug/file_pool.h>

#include "sys/fault.h"

#define MS TUG_MILLISECOND

static struct tug_file_pool *make_pool(unsigned workers, unsigned queue)
{
    const struct tug_file_pool_options options = {.workers = workers, .queue = queue};
    struct tug_file_pool *pool = NULL;
    return tug_file_pool_create(&pool, &options) == 0 ? pool : NULL;
}

/* Ends it in the usual way. */
static int64_t end_pool(struct tug_file_pool *pool, struct tug_file_pool_report *report)
{
    CHECK_EQUAL(tug_file_pool_shutdown(pool, NULL, report), 0);
    tug_file_pool_destroy(pool);
    return 0;
}

static int64_t submit_and_wait_for(struct tug_file_pool *pool, struct tug_file_request *request)
{
    int error = tug_file_pool_submit(pool, request);
    return error != 0 ? error : tug_file_request_wait(request);
}

static const char *name(const char *prefix, int number)
{
    static char names[64][32];
    static unsigned next;
    char *text = names[next++ % 64];
    snprintf(text, 32, "%s%d", prefix, number);
    return text;
}

static int64_t each_kind_is_answered(void *unused)
{
    (void)unused;
    struct tug_file_pool *pool = make_pool(2, 4);
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
    CHECK_EQUAL(end_pool(pool, &report), 0);
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
    struct tug_file_pool *pool = make_pool(4, 8);
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
    CHECK_EQUAL(end_pool(pool, NULL), 0);
    return 0;
}

/* Of a copy that was cancelled: the file is not there, or was complete by then. */
static bool no_partial_file(const char *path, const void *data, size_t length)
{
    return !scratch_exists(path) || scratch_file_is(path, data, length);
}

/* ---- a worker that is held up ---- */

enum { HELD = 4 << 20 };
static unsigned char held_data[HELD];

/* A copy that does not go on before it may. */
struct held {
    struct tug_file_request request;
    struct tug_copy_options options;
    bool begun, may_go; /* atomic */
};

static void hold(const struct tug_copy_event *event, void *argument)
{
    struct held *held = argument;
    (void)event;
    __atomic_store_n(&held->begun, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&held->may_go, __ATOMIC_ACQUIRE))
        usleep(500);
}

/* Leaves its caller with a pool whose only worker is busy until let_go(). */
static int64_t hold_up(struct held *held, struct tug_file_pool *pool)
{
    static const char *from = "from";
    held->begun = held->may_go = false;
    scratch_pattern(held_data, HELD, 5);
    scratch_make_file("from", held_data, HELD);
    tug_copy_options_init(&held->options);
    held->options.jobs = 1;
    held->options.event = hold;
    held->options.argument = held;
    held->options.events = TUG_COPY_STARTED;
    tug_file_request_copy(&held->request, &held->options, &from, 1, "held", NULL);
    CHECK_EQUAL(tug_file_pool_submit(pool, &held->request), 0);
    while (!__atomic_load_n(&held->begun, __ATOMIC_ACQUIRE))
        CHECK_EQUAL(tug_sleep(MS), 0);
    return 0;
}

static void let_go(struct held *held)
{
    __atomic_store_n(&held->may_go, true, __ATOMIC_RELEASE);
}

struct submission {
    struct tug_file_pool *pool;
    struct tug_file_request request;
    int submitted; /* atomic; 1: not yet */
};

static int64_t submit_and_wait(void *argument)
{
    struct submission *submission = argument;
    int error = tug_file_pool_submit(submission->pool, &submission->request);
    __atomic_store_n(&submission->submitted, error, __ATOMIC_RELEASE);
    return error != 0 ? error : tug_file_request_wait(&submission->request);
}

static int64_t the_queue_is_bounded(void *unused)
{
    (void)unused;
    struct held held;
    struct tug_file_request queued[2], refused;
    struct tug_file_pool *pool = make_pool(1, 2);
    CHECK(pool != NULL);
    CHECK_EQUAL(hold_up(&held, pool), 0);
    for (int i = 0; i < 2; i++) {
        tug_file_request_create_dir(&queued[i], i == 0 ? "d0" : "d1", 0755);
        CHECK_EQUAL(tug_file_pool_try_submit(pool, &queued[i]), 0);
    }
    tug_file_request_create_dir(&refused, "d2", 0755);
    CHECK_EQUAL(tug_file_pool_try_submit(pool, &refused), -EAGAIN);

    struct submission waiting = {.pool = pool, .submitted = 1};
    tug_file_request_create_dir(&waiting.request, "d3", 0755);
    struct tug_task *task = tug_spawn(submit_and_wait, &waiting);
    CHECK_EQUAL(tug_sleep(5 * MS), 0);
    CHECK_EQUAL(__atomic_load_n(&waiting.submitted, __ATOMIC_ACQUIRE), 1);

    let_go(&held);
    int64_t result;
    CHECK_EQUAL(tug_join(task, &result), 0);
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(tug_file_request_wait(&held.request), 0);
    CHECK_EQUAL(tug_file_request_wait(&queued[0]), 0);
    CHECK_EQUAL(tug_file_request_wait(&queued[1]), 0);
    CHECK(scratch_exists("d0") && scratch_exists("d1") && scratch_exists("d3"));
    CHECK(!scratch_exists("d2"));
    CHECK_EQUAL(end_pool(pool, NULL), 0);
    return 0;
}

/* Asks for the directories d0, d1 and d2. */
static int64_t submit_directories(struct tug_file_pool *pool, struct tug_file_request queued[3])
{
    static const char *const names[] = {"d0", "d1", "d2"};
    for (int i = 0; i < 3; i++) {
        tug_file_request_create_dir(&queued[i], names[i], 0755);
        CHECK_EQUAL(tug_file_pool_submit(pool, &queued[i]), 0);
    }
    return 0;
}

static int64_t what_waits_is_cancelled_at_once(void *unused)
{
    (void)unused;
    struct held held;
    struct tug_file_request queued[3];
    struct tug_file_pool *pool = make_pool(1, 8);
    CHECK(pool != NULL);
    CHECK_EQUAL(hold_up(&held, pool), 0);
    CHECK_EQUAL(submit_directories(pool, queued), 0);
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
    let_go(&held);
    CHECK_EQUAL(tug_file_request_wait(&queued[2]), 0);
    CHECK_EQUAL(tug_file_request_wait(&held.request), 0);
    CHECK(!scratch_exists("d0") && !scratch_exists("d1") && scratch_exists("d2"));
    CHECK_EQUAL(end_pool(pool, NULL), 0);
    return 0;
}

static int64_t what_runs_is_cancelled(void *unused)
{
    (void)unused;
    for (int late = 0; late < 2; late++) {
        struct held held;
        struct tug_file_pool *pool = make_pool(1, 8);
        CHECK(pool != NULL);
        CHECK_EQUAL(hold_up(&held, pool), 0);
        if (late) {
            /* It has begun, and the worker does not look before it may go on. */
            tug_file_request_cancel(&held.request);
            let_go(&held);
            CHECK_EQUAL(tug_file_request_wait(&held.request), -ECANCELED);
            CHECK(no_partial_file("held", held_data, HELD));
        } else {
            let_go(&held);
            CHECK_EQUAL(tug_file_request_wait(&held.request), 0);
            CHECK(scratch_file_is("held", held_data, HELD));
            unlink("held");
        }
        CHECK_EQUAL(end_pool(pool, NULL), 0);
    }
    return 0;
}

/* ---- the end ---- */

static int64_t shut_down(void *pool)
{
    return tug_file_pool_shutdown(pool, NULL, NULL);
}

static int64_t what_was_taken_is_carried_out(void *unused)
{
    (void)unused;
    struct held held;
    struct tug_file_request queued[3];
    struct tug_file_pool *pool = make_pool(1, 3);
    CHECK(pool != NULL);
    CHECK_EQUAL(hold_up(&held, pool), 0);
    CHECK_EQUAL(submit_directories(pool, queued), 0);
    struct submission waiting = {.pool = pool, .submitted = 1};
    tug_file_request_create_dir(&waiting.request, "d3", 0755);
    struct tug_task *task = tug_spawn(submit_and_wait, &waiting);
    CHECK_EQUAL(tug_sleep(2 * MS), 0);
    struct tug_task *end = tug_spawn(shut_down, pool);
    int64_t result;
    CHECK_EQUAL(tug_join(task, &result), 0);
    CHECK_EQUAL(result, -EPIPE);
    CHECK(!tug_task_is_finished(end));
    let_go(&held);
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
    let_go(argument);
    return error;
}

static int64_t what_takes_too_long_is_cancelled(void *unused)
{
    (void)unused;
    struct held held;
    struct tug_file_request queued[3];
    struct tug_file_pool *pool = make_pool(1, 3);
    CHECK(pool != NULL);
    CHECK_EQUAL(hold_up(&held, pool), 0);
    CHECK_EQUAL(submit_directories(pool, queued), 0);
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
    CHECK(no_partial_file("held", held_data, HELD) && !scratch_exists("d0"));
    return 0;
}

static int64_t the_usual_time_is_half_a_minute(void *unused)
{
    (void)unused;
    static const uint64_t held_for[] = {29 * TUG_SECOND, 30 * TUG_SECOND + 2 * MS};
    for (int late = 0; late < 2; late++) {
        struct held held;
        int64_t result;
        struct tug_file_pool *pool = make_pool(1, 3);
        CHECK(pool != NULL);
        CHECK_EQUAL(hold_up(&held, pool), 0);
        CHECK_EQUAL(tug_time_pause(), 0);
        struct tug_task *end = tug_spawn(shut_down, pool);
        CHECK_EQUAL(tug_yield(), 0);
        CHECK_EQUAL(tug_time_advance(held_for[late]), 0);
        CHECK_EQUAL(tug_yield(), 0);
        CHECK_EQUAL(tug_time_resume(), 0);
        let_go(&held);
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
    struct held held;
    struct tug_file_request queued;
    struct tug_file_pool *pool = make_pool(1, 3);
    CHECK(pool != NULL);
    CHECK_EQUAL(hold_up(&held, pool), 0);
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
    let_go(&held);
    CHECK_EQUAL(tug_file_request_wait(&held.request), -ECANCELED);
    CHECK_EQUAL(tug_file_request_wait(&queued), -ECANCELED);
    CHECK(no_partial_file("held", held_data, HELD) && !scratch_exists("d0"));
    return 0;
}

static int64_t a_cancelled_shutdown_ends_all_the_same(void *unused)
{
    (void)unused;
    struct tug_file_request queued[3];
    struct tug_scope scope;
    struct tug_file_pool *pool = make_pool(1, 3);
    CHECK(pool != NULL);
    CHECK_EQUAL(submit_directories(pool, queued), 0);
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
        CHECK_EQUAL(scratch_exists(name("d", i)), result == 0);
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
    struct tug_file_pool *pool = make_pool(3, 4);
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
    CHECK_EQUAL(end_pool(pool, NULL), 0);
    return 0;
}

/* ---- anything, any time ---- */

static int64_t come_and_go(void *argument)
{
    struct submission *submission = argument;
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
            CHECK(no_partial_file(to, "some text", 9));
        unlink(to);
    }
    return 0;
}

static int64_t requests_come_and_go(void *unused)
{
    (void)unused;
    enum { TASKS = 12 };
    static struct submission submissions[TASKS];
    uint32_t seed = (uint32_t)getpid();
    printf("seed %u\n", seed);
    scratch_make_file("from", "some text", 9);
    struct tug_file_pool *pool = make_pool(3, 2);
    CHECK(pool != NULL);
    struct tug_group group;
    tug_group_init(&group, 0);
    for (int i = 0; i < TASKS; i++) {
        submissions[i] =
            (struct submission){.pool = pool, .submitted = (int)((seed + (unsigned)i) & 0xffff)};
        CHECK_EQUAL(tug_group_spawn(&group, come_and_go, &submissions[i]), 0);
    }
    CHECK_EQUAL(tug_group_wait(&group), 0);
    struct tug_file_pool_report report;
    CHECK_EQUAL(end_pool(pool, &report), 0);
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
            CHECK_EQUAL(end_pool(pool, NULL), 0);
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
    struct tug_file_pool *pool = make_pool(1, 1);
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
    CHECK_EQUAL(end_pool(pool, NULL), 0);
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
        SCRATCH_TEST(what_was_taken_is_carried_out),
        SCRATCH_TEST(what_takes_too_long_is_cancelled),
        SCRATCH_TEST_CURRENT_THREAD(the_usual_time_is_half_a_minute),
        SCRATCH_TEST(what_does_not_end_is_told_of),
        SCRATCH_TEST(a_cancelled_shutdown_ends_all_the_same),
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

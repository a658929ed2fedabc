/* SPDX-License-Identifier: MIT */
/*
 * Every job of the blocking pool is run once, dropped once, or withdrawn.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "jobs.h"
#include "sys/clock.h"

/* ---- Withdrawing ---- */

static void withdraw(void **state)
{
    (void)state;
    struct tug_pool *pool = make_pool(1, 20 * SECOND);
    struct gate gate = GATE;
    struct test_job running, queued[5];
    make_job(&running, pass_gate, &gate, NULL);
    assert_int_equal(tug_pool_submit(pool, &running.job), 0);
    wait_for_entered(&gate, 1);
    for (int i = 0; i < 5; i++) {
        make_job(&queued[i], NULL, NULL, NULL);
        assert_int_equal(tug_pool_submit(pool, &queued[i].job), 0);
    }
    assert_false(tug_pool_withdraw(pool, &running.job));
    const int order[] = {2, 0, 4};
    for (int i = 0; i < 3; i++) {
        assert_true(tug_pool_withdraw(pool, &queued[order[i]].job));
        assert_false(tug_pool_withdraw(pool, &queued[order[i]].job));
        assert_int_equal(tug_pool_outstanding(pool), 5 - i);
    }
    /* It can be queued anew. */
    assert_int_equal(tug_pool_submit(pool, &queued[4].job), 0);
    open_gate(&gate);
    wait_until_idle(pool, 1);
    const int runs[] = {0, 1, 0, 1, 1};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(queued[i].runs, runs[i]);
        assert_int_equal(queued[i].drops, 0);
        assert_false(tug_pool_withdraw(pool, &queued[i].job));
    }
    end_pool(pool);
}

/* ---- The end ---- */

static void shutdown_drops_what_is_queued(void **state)
{
    (void)state;
    struct tug_pool *pool = make_pool(1, 20 * SECOND);
    struct gate gate = GATE;
    struct test_job running, queued[10], late;
    make_job(&running, pass_gate, &gate, NULL);
    assert_int_equal(tug_pool_submit(pool, &running.job), 0);
    wait_for_entered(&gate, 1);
    for (int i = 0; i < 10; i++) {
        make_job(&queued[i], NULL, NULL, NULL);
        assert_int_equal(tug_pool_submit(pool, &queued[i].job), 0);
    }
    /* The running job is waited for, up to the deadline. */
    uint64_t start = tug_clock_now();
    assert_int_equal(tug_pool_shutdown(pool, start + 5 * MILLISECOND), -ETIMEDOUT);
    assert_true(tug_clock_now() - start >= 5 * MILLISECOND);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(queued[i].drops, 1);
        assert_int_equal(queued[i].runs, 0);
        assert_true(pthread_equal(queued[i].thread, pthread_self()));
    }
    assert_int_equal(running.runs, 0);
    make_job(&late, NULL, NULL, NULL);
    assert_int_equal(tug_pool_submit(pool, &late.job), -ECANCELED);
    assert_int_equal(late.drops, 0);
    assert_int_equal(tug_pool_shutdown(pool, 0), -ETIMEDOUT);
    open_gate(&gate);
    end_pool(pool);
    assert_int_equal(running.runs, 1);
}

static void shutdown_wakes_idle_threads(void **state)
{
    (void)state;
    struct tug_pool *pool = make_pool(4, 1000 * SECOND);
    struct gate gate = GATE;
    struct test_job jobs[4];
    for (int i = 0; i < 4; i++) {
        make_job(&jobs[i], pass_gate, &gate, NULL);
        assert_int_equal(tug_pool_submit(pool, &jobs[i].job), 0);
    }
    wait_for_entered(&gate, 4);
    open_gate(&gate);
    wait_until_idle(pool, 4);
    uint64_t start = tug_clock_now();
    end_pool(pool);
    assert_true(tug_clock_now() - start < 20 * SECOND);
}

/* ---- Everything at once ---- */

enum { SUBMITTERS = 4, JOBS_EACH = 3000 };

struct submitter {
    pthread_t thread;
    struct tug_pool *pool;
    unsigned seed;
    int withdrawn, refused;
    struct test_job *jobs;
};

static void *submit_and_withdraw(void *argument)
{
    struct submitter *submitter = argument;
    for (int i = 0; i < JOBS_EACH; i++) {
        struct test_job *job = &submitter->jobs[i];
        make_job(job, NULL, NULL, NULL);
        if (tug_pool_submit(submitter->pool, &job->job) < 0) {
            submitter->refused++;
            continue;
        }
        int other = rand_r(&submitter->seed) % (i + 1);
        if (rand_r(&submitter->seed) % 4 == 0 &&
            tug_pool_withdraw(submitter->pool, &submitter->jobs[other].job))
            submitter->withdrawn++;
        if (rand_r(&submitter->seed) % 500 == 0)
            tug_clock_sleep(100000);
    }
    return NULL;
}

static void storm(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    struct tug_pool *pool = make_pool(3, 100000);
    struct submitter submitters[SUBMITTERS];
    for (int i = 0; i < SUBMITTERS; i++) {
        submitters[i] = (struct submitter){.pool = pool, .seed = seed + (unsigned)i};
        submitters[i].jobs = calloc(JOBS_EACH, sizeof(struct test_job));
        assert_non_null(submitters[i].jobs);
        assert_int_equal(
            pthread_create(&submitters[i].thread, NULL, submit_and_withdraw, &submitters[i]), 0);
    }
    int withdrawn = 0, refused = 0;
    for (int i = 0; i < SUBMITTERS; i++) {
        pthread_join(submitters[i].thread, NULL);
        withdrawn += submitters[i].withdrawn;
        refused += submitters[i].refused;
    }
    end_pool(pool);
    int ended = 0;
    for (int i = 0; i < SUBMITTERS; i++) {
        for (int k = 0; k < JOBS_EACH; k++) {
            struct test_job *job = &submitters[i].jobs[k];
            assert_true(job->runs + job->drops <= 1);
            ended += job->runs + job->drops;
        }
        free(submitters[i].jobs);
    }
    assert_int_equal(refused, 0);
    assert_int_equal(ended + withdrawn, SUBMITTERS * JOBS_EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(withdraw),
        cmocka_unit_test(shutdown_drops_what_is_queued),
        cmocka_unit_test(shutdown_wakes_idle_threads),
        cmocka_unit_test(storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The threads of the blocking pool: started when they are needed, used again, ended when they are
 * not.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "jobs.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/sanitizer.h"
#include "sys/spin.h"

static void nothing_is_started_without_work(void **state)
{
    (void)state;
    struct tug_pool *pool = make_pool(4, SECOND);
    assert_int_equal(metrics_of(pool).threads, 0);
    end_pool(pool);
}

static void one_thread_serves_jobs_one_by_one(void **state)
{
    (void)state;
    struct tug_pool *pool = make_pool(4, 20 * SECOND);
    sem_t done;
    sem_init(&done, 0, 0);
    for (int i = 0; i < 100; i++) {
        struct test_job job;
        make_job(&job, NULL, NULL, &done);
        assert_int_equal(tug_pool_submit(pool, &job.job), 0);
        sem_wait(&done);
        assert_int_equal(job.runs, 1);
        wait_until_idle(pool, 1);
    }
    assert_int_equal(metrics_of(pool).jobs, 100);
    end_pool(pool);
}

static void as_many_threads_as_jobs_up_to_the_limit(void **state)
{
    (void)state;
    struct tug_pool *pool = make_pool(4, 20 * SECOND);
    struct gate gate = GATE;
    struct test_job jobs[6];
    for (int i = 0; i < 6; i++) {
        make_job(&jobs[i], pass_gate, &gate, NULL);
        assert_int_equal(tug_pool_submit(pool, &jobs[i].job), 0);
    }
    wait_for_entered(&gate, 4);
    assert_int_equal(metrics_of(pool).threads, 4);
    assert_int_equal(metrics_of(pool).queue_depth, 2);
    assert_int_equal(tug_pool_outstanding(pool), 6);
    open_gate(&gate);
    wait_until_idle(pool, 4);
    for (int i = 0; i < 6; i++)
        assert_int_equal(jobs[i].runs, 1);
    end_pool(pool);
}

/* The thread that worked last works next, so that the others can end. */
static void last_in_first_out(void **state)
{
    (void)state;
    struct tug_pool *pool = make_pool(3, 20 * SECOND);
    struct gate gate = GATE;
    struct test_job jobs[3];
    for (int i = 0; i < 3; i++) {
        make_job(&jobs[i], pass_gate, &gate, NULL);
        assert_int_equal(tug_pool_submit(pool, &jobs[i].job), 0);
    }
    wait_for_entered(&gate, 3);
    open_gate(&gate);
    wait_until_idle(pool, 3);
    sem_t done;
    sem_init(&done, 0, 0);
    pthread_t first = 0;
    for (int i = 0; i < 20; i++) {
        struct test_job job;
        make_job(&job, NULL, NULL, &done);
        assert_int_equal(tug_pool_submit(pool, &job.job), 0);
        sem_wait(&done);
        if (i == 0)
            first = job.thread;
        assert_true(pthread_equal(job.thread, first));
        wait_until_idle(pool, 3);
    }
    end_pool(pool);
}

struct record {
    int order[64];
    int count;
};

struct numbered {
    struct record *record;
    int number;
};

static void note_number(void *argument)
{
    struct numbered *numbered = argument;
    numbered->record->order[numbered->record->count++] = numbered->number;
}

static void a_single_thread_keeps_the_order(void **state)
{
    (void)state;
    struct tug_pool *pool = make_pool(1, 20 * SECOND);
    struct record record = {.count = 0};
    struct numbered numbered[64];
    struct test_job jobs[64];
    sem_t done;
    sem_init(&done, 0, 0);
    for (int i = 0; i < 64; i++) {
        numbered[i] = (struct numbered){.record = &record, .number = i};
        make_job(&jobs[i], note_number, &numbered[i], &done);
        assert_int_equal(tug_pool_submit(pool, &jobs[i].job), 0);
    }
    for (int i = 0; i < 64; i++)
        sem_wait(&done);
    for (int i = 0; i < 64; i++)
        assert_int_equal(record.order[i], i);
    assert_int_equal(metrics_of(pool).threads, 1);
    end_pool(pool);
}

struct hooks {
    int started, stopped;
};

static void on_start(void *argument)
{
    __atomic_fetch_add(&((struct hooks *)argument)->started, 1, __ATOMIC_RELAXED);
}

static void on_stop(void *argument)
{
    __atomic_fetch_add(&((struct hooks *)argument)->stopped, 1, __ATOMIC_RELAXED);
}

static void threads_end_after_the_keep_alive(void **state)
{
    (void)state;
    struct hooks hooks = {0};
    struct tug_pool_options options = {.max_threads = 8,
                                       .keep_alive = MILLISECOND,
                                       .spin = pools_spin,
                                       .on_thread_start = on_start,
                                       .on_thread_stop = on_stop,
                                       .argument = &hooks};
    struct tug_pool *pool;
    assert_int_equal(tug_pool_create(&pool, &options), 0);
    for (int round = 0; round < 20; round++) {
        struct gate gate = GATE;
        struct test_job jobs[4];
        for (int i = 0; i < 4; i++) {
            make_job(&jobs[i], pass_gate, &gate, NULL);
            assert_int_equal(tug_pool_submit(pool, &jobs[i].job), 0);
        }
        wait_for_entered(&gate, 4);
        open_gate(&gate);
        wait_until_idle(pool, 0);
    }
    end_pool(pool);
    assert_true(hooks.started >= 4);
    assert_int_equal(hooks.started, hooks.stopped);
}

/* Jobs that come just when a thread gives up waiting are not left behind. */
static void jobs_at_the_end_of_the_keep_alive(void **state)
{
    (void)state;
    struct tug_pool *pool = make_pool(2, 50000);
    sem_t done;
    sem_init(&done, 0, 0);
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    for (int i = 0; i < 2000; i++) {
        struct test_job job;
        make_job(&job, NULL, NULL, &done);
        assert_int_equal(tug_pool_submit(pool, &job.job), 0);
        struct timespec limit;
        clock_gettime(CLOCK_REALTIME, &limit);
        limit.tv_sec += 20;
        assert_int_equal(sem_timedwait(&done, &limit), 0);
        tug_clock_sleep((uint64_t)rand_r(&seed) % 100000);
    }
    end_pool(pool);
}

/* After no pause up to one of somewhat more than a spin, so that the thread is taken while it
 * spins, just before it sleeps, and before it has gone idle at all. */
static void jobs_while_a_thread_goes_idle(void **state)
{
    (void)state;
    struct tug_pool *pool = make_pool(2, 20 * SECOND);
    struct test_job job;
    const int many = TUG_TSAN ? 3000 : 20000;
    const int count = tug_valgrind_is_running() ? 200 : pools_spin ? many : 1000;
    for (int i = 0; i < count; i++) {
        make_job(&job, NULL, NULL, NULL);
        assert_int_equal(tug_pool_submit(pool, &job.job), 0);
        const uint64_t deadline = tug_clock_now() + 20 * SECOND;
        while (tug_pool_outstanding(pool) != 0)
            assert_true(tug_clock_now() < deadline);
        assert_int_equal(job.runs, 1);
        const uint64_t next = tug_clock_now() + (uint64_t)i * 37 % (TUG_SPIN_TIME * 5 / 4);
        while (tug_clock_now() < next)
            tug_cpu_relax();
    }
    assert_int_equal(metrics_of(pool).jobs, count);
    end_pool(pool);
}

/* What who waits for a job is told: once per job, and only of one with nobody at work beside. */
static void a_job_that_came_alone(void **state)
{
    (void)state;
    struct tug_pool *pool = make_pool(4, 20 * SECOND);
    struct gate gate = GATE;
    struct test_job jobs[3];
    assert_false(tug_pool_is_new_job_alone(pool));
    for (int i = 0; i < 3; i++) {
        make_job(&jobs[i], pass_gate, &gate, NULL);
        assert_int_equal(tug_pool_submit(pool, &jobs[i].job), 0);
        assert_int_equal(tug_pool_is_new_job_alone(pool), pools_spin && i < 2);
        assert_false(tug_pool_is_new_job_alone(pool));
        wait_for_entered(&gate, i + 1);
    }
    open_gate(&gate);
    wait_until_idle(pool, 3);
    assert_false(tug_pool_is_new_job_alone(pool));
    make_job(&jobs[0], NULL, NULL, NULL);
    assert_int_equal(tug_pool_submit(pool, &jobs[0].job), 0);
    assert_int_equal(tug_pool_is_new_job_alone(pool), pools_spin);
    wait_until_idle(pool, 3);
    end_pool(pool);
}

static void note_signals(void *argument)
{
    pthread_sigmask(SIG_BLOCK, NULL, argument);
}

static void signals_are_blocked(void **state)
{
    (void)state;
    struct tug_pool *pool = make_pool(1, SECOND);
    sem_t done;
    sem_init(&done, 0, 0);
    sigset_t blocked;
    sigemptyset(&blocked);
    struct test_job job;
    make_job(&job, note_signals, &blocked, &done);
    assert_int_equal(tug_pool_submit(pool, &job.job), 0);
    sem_wait(&done);
    const int signals[] = {SIGINT, SIGTERM, SIGCHLD, SIGALRM, SIGPIPE, SIGUSR1, SIGWINCH};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        assert_int_equal(sigismember(&blocked, signals[i]), 1);
    end_pool(pool);
}

#if TUG_FAULT_INJECTION

static void no_thread_can_be_started(void **state)
{
    (void)state;
    const char *calls[] = {"thread_create", "calloc"};
    for (int i = 0; i < 2; i++) {
        struct tug_pool *pool = make_pool(4, 20 * SECOND);
        tug_fault_fail(calls[i], 1, 1, i == 0 ? EAGAIN : ENOMEM);
        struct test_job job;
        make_job(&job, NULL, NULL, NULL);
        assert_int_equal(tug_pool_submit(pool, &job.job), -EAGAIN);
        assert_int_equal(tug_pool_outstanding(pool), 0);
        assert_false(tug_pool_withdraw(pool, &job.job));
        tug_fault_reset();
        sem_t done;
        sem_init(&done, 0, 0);
        make_job(&job, NULL, NULL, &done);
        assert_int_equal(tug_pool_submit(pool, &job.job), 0);
        sem_wait(&done);
        end_pool(pool);
        assert_int_equal(job.runs, 1);
    }
}

static void one_thread_is_enough(void **state)
{
    (void)state;
    struct tug_pool *pool = make_pool(4, 20 * SECOND);
    struct gate gate = GATE;
    struct test_job jobs[3];
    make_job(&jobs[0], pass_gate, &gate, NULL);
    assert_int_equal(tug_pool_submit(pool, &jobs[0].job), 0);
    wait_for_entered(&gate, 1);
    tug_fault_fail("thread_create", 1, TUG_FAULT_ALWAYS, EAGAIN);
    for (int i = 1; i < 3; i++) {
        make_job(&jobs[i], NULL, NULL, NULL);
        assert_int_equal(tug_pool_submit(pool, &jobs[i].job), 0);
    }
    assert_int_equal(metrics_of(pool).threads, 1);
    open_gate(&gate);
    wait_until_idle(pool, 1);
    tug_fault_reset();
    for (int i = 0; i < 3; i++)
        assert_int_equal(jobs[i].runs, 1);
    end_pool(pool);
}

static void no_memory_for_a_pool(void **state)
{
    (void)state;
    tug_fault_fail("calloc", 1, 1, ENOMEM);
    struct tug_pool_options options = {.max_threads = 1};
    struct tug_pool *pool = NULL;
    assert_int_equal(tug_pool_create(&pool, &options), -ENOMEM);
    assert_null(pool);
    tug_fault_reset();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_started_without_work),
        cmocka_unit_test(one_thread_serves_jobs_one_by_one),
        cmocka_unit_test(as_many_threads_as_jobs_up_to_the_limit),
        cmocka_unit_test(last_in_first_out),
        cmocka_unit_test(a_single_thread_keeps_the_order),
        cmocka_unit_test(threads_end_after_the_keep_alive),
        cmocka_unit_test(jobs_at_the_end_of_the_keep_alive),
        cmocka_unit_test(jobs_while_a_thread_goes_idle),
        cmocka_unit_test(a_job_that_came_alone),
        cmocka_unit_test(signals_are_blocked),
#if TUG_FAULT_INJECTION
        cmocka_unit_test(no_thread_can_be_started),
        cmocka_unit_test(one_thread_is_enough),
        cmocka_unit_test(no_memory_for_a_pool),
#endif
    };
    int failed = cmocka_run_group_tests_name("driver/pool", tests, NULL, NULL);
    pools_spin = true;
    return failed + cmocka_run_group_tests_name("driver/pool, spinning", tests, NULL, NULL);
}

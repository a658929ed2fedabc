/* SPDX-License-Identifier: MIT */
/*
 * The blocking pool: every job is run once or dropped once, threads are started when they are
 * needed and end when they are not.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "driver/pool.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/list.h"

#define MILLISECOND UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

struct test_job {
    struct tug_job job;
    void (*fn)(void *argument);
    void *argument;
    int runs, drops;
    pthread_t thread;
    sem_t *done;
};

static void run(struct tug_job *job, int dropped)
{
    struct test_job *self = TUG_CONTAINER_OF(job, struct test_job, job);
    sem_t *done = self->done;
    self->thread = pthread_self();
    if (dropped) {
        __atomic_fetch_add(&self->drops, 1, __ATOMIC_RELAXED);
    } else {
        if (self->fn != NULL)
            self->fn(self->argument);
        __atomic_fetch_add(&self->runs, 1, __ATOMIC_RELAXED);
    }
    if (done != NULL)
        sem_post(done);
}

static void make_job(struct test_job *job, void (*fn)(void *), void *argument, sem_t *done)
{
    *job = (struct test_job){.job = {.run = run}, .fn = fn, .argument = argument, .done = done};
}

static struct tug_pool *make_pool(unsigned threads, uint64_t keep_alive)
{
    struct tug_pool_options options = {
        .max_threads = threads, .keep_alive = keep_alive, .thread_name = "test-blocking"};
    struct tug_pool *pool;
    assert_int_equal(tug_pool_create(&pool, &options), 0);
    return pool;
}

static void end_pool(struct tug_pool *pool)
{
    assert_int_equal(tug_pool_shutdown(pool, UINT64_MAX), 0);
    assert_int_equal(tug_pool_outstanding(pool), 0);
    tug_pool_destroy(pool);
}

static struct tug_pool_metrics metrics_of(struct tug_pool *pool)
{
    struct tug_pool_metrics metrics;
    tug_pool_metrics(pool, &metrics);
    return metrics;
}

/* Waits until `count` threads are idle, and nobody works. */
static void wait_until_idle(struct tug_pool *pool, unsigned count)
{
    uint64_t deadline = tug_clock_now() + 20 * SECOND;
    for (;;) {
        struct tug_pool_metrics metrics = metrics_of(pool);
        if (metrics.idle_threads == count && metrics.threads == count)
            return;
        assert_true(tug_clock_now() < deadline);
        tug_clock_sleep(100000);
    }
}

/* ---- A gate that jobs wait at ---- */

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int entered;
    bool open;
};

#define GATE                                                                                       \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                     \
    }

static void pass_gate(void *argument)
{
    struct gate *gate = argument;
    pthread_mutex_lock(&gate->lock);
    gate->entered++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void wait_for_entered(struct gate *gate, int count)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->entered < count)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

/* ---- Threads ---- */

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
        cmocka_unit_test(signals_are_blocked),
        cmocka_unit_test(withdraw),
        cmocka_unit_test(shutdown_drops_what_is_queued),
        cmocka_unit_test(shutdown_wakes_idle_threads),
        cmocka_unit_test(storm),
#if TUG_FAULT_INJECTION
        cmocka_unit_test(no_thread_can_be_started),
        cmocka_unit_test(one_thread_is_enough),
        cmocka_unit_test(no_memory_for_a_pool),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

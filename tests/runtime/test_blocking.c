/* SPDX-License-Identifier: MIT */
/*
 * Work that blocks: jobs of their own (tug_spawn_blocking) and in the middle of a task
 * (tug_block_in_place); how many at once, on how many threads, and what becomes of those that are
 * aborted or cancelled.
 */
#include <errno.h>

#include "fixture.h"

static int running, most_running, count; /* atomic */

static int get(int *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void set(int *counter, int value)
{
    __atomic_store_n(counter, value, __ATOMIC_RELEASE);
}

static int add(int *counter, int n)
{
    return __atomic_add_fetch(counter, n, __ATOMIC_ACQ_REL);
}

static struct tug_task *submit(tug_task_fn fn, void *argument)
{
    struct tug_task *task = NULL;
    CHECK_EQUAL(tug_spawn_blocking(&task, NULL, fn, argument), 0);
    CHECK(task != NULL);
    return task;
}

static struct tug_runtime_metrics read_metrics(void)
{
    struct tug_runtime_metrics metrics;
    tug_runtime_metrics(tug_runtime_current(), &metrics);
    return metrics;
}

/* ---- what a job is ---- */

static struct tug_runtime *runtime_of_test;

static int64_t look_around(void *argument)
{
    CHECK_EQUAL(tug_worker_index(), -1);
    CHECK(tug_task_current() == NULL);
    CHECK(tug_runtime_current() == runtime_of_test);
    CHECK_EQUAL(tug_yield(), -EPERM);
    CHECK_EQUAL(tug_sleep(1), -EPERM);
    CHECK_EQUAL(tug_cancelled(), 0);
    return fixture_number(argument);
}

static int64_t a_job_runs_on_a_thread_of_its_own(void *argument)
{
    (void)argument;
    runtime_of_test = tug_runtime_current();
    CHECK_EQUAL(fixture_join(submit(look_around, fixture_argument(31))), 31);
    CHECK_EQUAL(tug_block_in_place(look_around, fixture_argument(32)), 32);
    CHECK(tug_worker_index() >= 0);
    return 0;
}

static int64_t join_it(void *task)
{
    return fixture_join(task);
}

/* From a plain thread. */
static void a_thread_submits_jobs(struct tug_runtime *runtime)
{
    /* In the current-thread flavour the end of a job is noticed by whoever runs the runtime. */
    struct tug_task *tasks[20];
    runtime_of_test = runtime;
    for (int i = 0; i < 20; i++)
        assert_int_equal(tug_spawn_blocking(&tasks[i], runtime, look_around, fixture_argument(i)),
                         0);
    for (int i = 0; i < 20; i++) {
        int64_t result = -1;
        if (fixture_current()->workers != 0)
            assert_int_equal(tug_join(tasks[i], &result), 0);
        else
            assert_int_equal(tug_runtime_block_on(runtime, join_it, tasks[i], &result), 0);
        assert_int_equal(result, i);
    }
    assert_int_equal(tug_block_in_place(fixture_return, fixture_argument(9)), 9); /* in place */
}

static int64_t spawn_and_join(void *argument)
{
    return fixture_join(fixture_spawn(fixture_return, argument)) +
           fixture_join(submit(fixture_return, argument)) +
           tug_block_in_place(fixture_return, argument);
}

static int64_t a_job_may_spawn_and_join(void *argument)
{
    (void)argument;
    CHECK_EQUAL(fixture_join(submit(spawn_and_join, fixture_argument(5))), 15);
    CHECK_EQUAL(tug_block_in_place(spawn_and_join, fixture_argument(6)), 18);
    return 0;
}

static int64_t block_on_from_job(void *argument)
{
    int64_t result = -1;
    int error = tug_runtime_block_on(tug_runtime_current(), spawn_and_join, argument, &result);
    return error != 0 ? error : result;
}

static int64_t a_job_may_block_on_the_runtime(void *argument)
{
    (void)argument;
    bool multi = fixture_current()->workers != 0;
    CHECK_EQUAL(tug_block_in_place(block_on_from_job, fixture_argument(4)), multi ? 12 : -EBUSY);
    CHECK_EQUAL(fixture_join(submit(block_on_from_job, fixture_argument(4))), multi ? 12 : -EBUSY);
    return 0;
}

static int64_t send_value(void *channel)
{
    return tug_oneshot_send(channel, 77);
}

static int64_t a_job_wakes_a_task(void *argument)
{
    (void)argument;
    for (int i = 0; i < 50; i++) {
        struct tug_oneshot channel;
        int64_t value;
        tug_oneshot_init(&channel);
        struct tug_task *job = submit(send_value, &channel);
        CHECK_EQUAL(tug_oneshot_receive(&channel, &value), 0);
        CHECK_EQUAL(value, 77);
        CHECK_EQUAL(fixture_join(job), 0);
    }
    return 0;
}

/* ---- how many ---- */

static int64_t note_running(void *argument)
{
    int now = add(&running, 1);
    for (int most = get(&most_running); now > most;)
        if (__atomic_compare_exchange_n(&most_running, &most, now, true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            break;
    usleep((useconds_t)fixture_number(argument));
    add(&running, -1);
    add(&count, 1);
    return 0;
}

enum { JOBS = 40 };

static int64_t run_jobs(void *argument)
{
    (void)argument;
    struct tug_task *jobs[JOBS];
    set(&running, 0);
    set(&most_running, 0);
    set(&count, 0);
    for (int i = 0; i < JOBS; i++)
        jobs[i] = submit(note_running, fixture_argument(300));
    for (int i = 0; i < JOBS; i++)
        CHECK_EQUAL(fixture_join(jobs[i]), 0);
    CHECK_EQUAL(get(&count), JOBS);
    return 0;
}

static void at_most_so_many_at_once(unsigned workers)
{
    for (unsigned limit = 1; limit <= 3; limit++) {
        struct tug_runtime_options options = fixture_options(workers);
        options.max_blocking_threads = limit;
        assert_int_equal(fixture_run(&options, run_jobs, NULL), 0);
        assert_in_range(most_running, 1, limit);
    }
}

static int arrived; /* atomic */

static int64_t wait_for_all(void *argument)
{
    add(&arrived, 1);
    AWAIT_ON_THREAD(get(&arrived) >= fixture_number(argument));
    return 0;
}

/* Each waits for all others: they run at the same time or never end. */
static int64_t jobs_run_at_the_same_time(void *argument)
{
    (void)argument;
    struct tug_task *jobs[16];
    set(&arrived, 0);
    for (int i = 0; i < 16; i++)
        jobs[i] = submit(wait_for_all, fixture_argument(16));
    for (int i = 0; i < 16; i++)
        CHECK_EQUAL(fixture_join(jobs[i]), 0);
    return 0;
}

static int64_t in_place(void *argument)
{
    return tug_block_in_place(wait_for_all, argument);
}

static int64_t tasks_block_at_the_same_time(void *argument)
{
    (void)argument;
    struct tug_task *tasks[16];
    set(&arrived, 0);
    for (int i = 0; i < 16; i++)
        tasks[i] = fixture_spawn(in_place, fixture_argument(16));
    for (int i = 0; i < 16; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    return 0;
}

/* A thread is started only when nobody is idle. */
static int64_t one_after_the_other_needs_one_thread(void *argument)
{
    (void)argument;
    CHECK_EQUAL(read_metrics().blocking_threads, 0);
    for (int i = 0; i < 50; i++) {
        CHECK_EQUAL(tug_block_in_place(fixture_return, fixture_argument(i)), i);
        AWAIT(read_metrics().idle_blocking_threads == 1);
    }
    CHECK_EQUAL(read_metrics().blocking_threads, 1);
    return 0;
}

static int64_t sleep_and_stop(void *argument)
{
    CHECK_EQUAL(tug_sleep(3 * TUG_MILLISECOND), 0);
    set(argument, 1);
    return 0;
}

/* Timers and tasks have their turn, however fast one job follows the other. */
static int64_t jobs_without_a_pause(void *argument)
{
    (void)argument;
    for (int round = 0; round < 3; round++) {
        int stop = 0;
        int64_t i = 0;
        struct tug_task *sleeper = fixture_spawn(sleep_and_stop, &stop);
        for (; get(&stop) == 0; i++)
            CHECK_EQUAL(tug_block_in_place(fixture_return, fixture_argument(i)), i);
        for (; i < 200; i++)
            CHECK_EQUAL(fixture_join(submit(fixture_return, fixture_argument(i))), i);
        CHECK_EQUAL(fixture_join(sleeper), 0);
    }
    return 0;
}

static int64_t threads_go_when_idle(void *argument)
{
    (void)argument;
    set(&arrived, 0);
    struct tug_task *jobs[4];
    for (int i = 0; i < 4; i++)
        jobs[i] = submit(wait_for_all, fixture_argument(4));
    for (int i = 0; i < 4; i++)
        CHECK_EQUAL(fixture_join(jobs[i]), 0);
    AWAIT(read_metrics().blocking_threads == 0);
    /* And come again. */
    CHECK_EQUAL(tug_block_in_place(fixture_return, fixture_argument(2)), 2);
    return 0;
}

static void idle_threads_end(unsigned workers)
{
    struct tug_runtime_options options = fixture_options(workers);
    options.blocking_keep_alive = 5 * TUG_MILLISECOND;
    assert_int_equal(fixture_run(&options, threads_go_when_idle, NULL), 0);
}

/* ---- aborted, cancelled ---- */

static int open_gate, ran; /* atomic */

static int64_t wait_at_gate(void *argument)
{
    add(&ran, 1);
    AWAIT_ON_THREAD(get(&open_gate));
    return fixture_number(argument);
}

static int64_t note_run(void *argument)
{
    add(&ran, 1);
    return fixture_number(argument);
}

static int64_t abort_it(void *task)
{
    tug_task_abort(task);
    return 0;
}

/* One thread, which is busy: the second job waits in the queue. */
static int64_t abort_jobs(void *argument)
{
    (void)argument;
    for (int from_thread = 0; from_thread < 2; from_thread++) {
        set(&open_gate, 0);
        set(&ran, 0);
        struct tug_task *first = submit(wait_at_gate, fixture_argument(1));
        AWAIT(get(&ran) == 1);
        struct tug_task *second = submit(note_run, fixture_argument(2));
        struct tug_task *third = submit(note_run, fixture_argument(3));
        CHECK_EQUAL(read_metrics().blocking_queue_depth, 2);
        tug_task_abort(first); /* it runs: no effect */
        if (from_thread)
            fixture_on_thread(abort_it, second);
        else
            tug_task_abort(second);
        tug_task_abort(second);
        CHECK_EQUAL(fixture_join(second), -ECANCELED); /* at once, though the gate is shut */
        CHECK_EQUAL(read_metrics().blocking_queue_depth, 1);
        CHECK(!tug_task_is_finished(first));
        set(&open_gate, 1);
        CHECK_EQUAL(fixture_join(first), 1);
        CHECK_EQUAL(fixture_join(third), 3);
        CHECK_EQUAL(get(&ran), 2);
    }
    return 0;
}

static void only_a_job_that_waits_is_aborted(unsigned workers)
{
    struct tug_runtime_options options = fixture_options(workers);
    options.max_blocking_threads = 1;
    assert_int_equal(fixture_run(&options, abort_jobs, NULL), 0);
}

static int64_t cancel_in_place(void *argument)
{
    (void)argument;
    set(&open_gate, 0);
    set(&ran, 0);
    struct tug_task *first = submit(wait_at_gate, fixture_argument(1));
    AWAIT(get(&ran) == 1);
    /* It waits for a thread: the cancellation takes it out of the queue. */
    CHECK_EQUAL(TUG_TIMEOUT(2 * TUG_MILLISECOND, tug_block_in_place(note_run, NULL)), -ETIMEDOUT);
    CHECK_EQUAL(get(&ran), 1);
    set(&open_gate, 1);
    CHECK_EQUAL(fixture_join(first), 1);
    return 0;
}

static void a_call_in_place_that_waits_is_cancelled(unsigned workers)
{
    struct tug_runtime_options options = fixture_options(workers);
    options.max_blocking_threads = 1;
    assert_int_equal(fixture_run(&options, cancel_in_place, NULL), 0);
}

struct frame {
    int written;
    int64_t result, after;
};

static int64_t write_slowly(void *argument)
{
    struct frame *frame = argument;
    add(&ran, 1);
    AWAIT_ON_THREAD(get(&open_gate));
    frame->written = 42;
    return 7;
}

static int64_t block_with_frame(void *argument)
{
    struct frame *frame = argument;
    struct frame local = {0};
    frame->result = tug_block_in_place(write_slowly, &local);
    frame->written = local.written;
    frame->after = tug_yield();
    return 0;
}

/* Once it has started it is not interrupted: its frame is in use. */
static int64_t a_call_in_place_that_runs_is_not(void *argument)
{
    (void)argument;
    struct frame frame = {0};
    set(&open_gate, 0);
    set(&ran, 0);
    struct tug_task *task = fixture_spawn(block_with_frame, &frame);
    AWAIT(get(&ran) == 1);
    tug_task_abort(task);
    CHECK_EQUAL(tug_sleep(3 * TUG_MILLISECOND), 0);
    CHECK(!tug_task_is_finished(task));
    set(&open_gate, 1);
    CHECK_EQUAL(fixture_join(task), 0);
    CHECK_EQUAL(frame.written, 42);
    CHECK_EQUAL(frame.result, 7);
    CHECK_EQUAL(frame.after, -ECANCELED);
    return 0;
}

static int64_t a_cancelled_scope_does_not_begin_one(void *argument)
{
    (void)argument;
    struct tug_scope scope;
    set(&ran, 0);
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    CHECK_EQUAL(tug_block_in_place(note_run, NULL), -ECANCELED);
    tug_scope_end(&scope, 0);
    CHECK_EQUAL(get(&ran), 0);
    return 0;
}

/* ---- the others ---- */

static int64_t count_turns(void *argument)
{
    (void)argument;
    for (int i = 0; i < 20; i++)
        CHECK_EQUAL(tug_yield(), 0);
    set(&open_gate, 1);
    return 0;
}

/* While one task blocks in place, the worker runs the others; afterwards it yields as before. */
static int64_t the_worker_goes_on(void *argument)
{
    (void)argument;
    set(&open_gate, 0);
    set(&ran, 0);
    struct tug_task *task = fixture_spawn(count_turns, NULL);
    CHECK_EQUAL(tug_block_in_place(wait_at_gate, fixture_argument(3)), 3);
    CHECK_EQUAL(fixture_join(task), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQUAL(tug_yield(), 0);
    return 0;
}

/* A task that gave way just before is not forgotten while another blocks. */
static int64_t deferred_tasks_run_meanwhile(void *argument)
{
    (void)argument;
    for (int round = 0; round < 20; round++) {
        set(&open_gate, 0);
        set(&ran, 0);
        struct tug_task *task = fixture_spawn(count_turns, NULL);
        CHECK_EQUAL(tug_yield(), 0);
        CHECK_EQUAL(tug_block_in_place(wait_at_gate, NULL), 0);
        CHECK_EQUAL(fixture_join(task), 0);
    }
    return 0;
}

static int64_t detached_jobs_run(void *argument)
{
    (void)argument;
    set(&count, 0);
    for (int i = 0; i < 100; i++)
        tug_task_detach(submit(note_running, fixture_argument(0)));
    AWAIT(get(&count) == 100);
    return 0;
}

static int64_t submit_many(void *argument)
{
    for (int i = 0; i < 50; i++) {
        CHECK_EQUAL(fixture_join(submit(fixture_return, fixture_argument(i))), i);
        CHECK_EQUAL(tug_block_in_place(fixture_return, fixture_argument(i)), i);
    }
    return fixture_number(argument);
}

static int64_t many_tasks_and_many_jobs(void *argument)
{
    (void)argument;
    struct tug_task *tasks[20];
    for (int i = 0; i < 20; i++)
        tasks[i] = fixture_spawn(submit_many, fixture_argument(i));
    for (int i = 0; i < 20; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), i);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(a_job_runs_on_a_thread_of_its_own),
        OUTSIDE_EACH(a_thread_submits_jobs),
        IN_EACH(a_job_may_spawn_and_join),
        IN_EACH(a_job_may_block_on_the_runtime),
        IN_EACH(a_job_wakes_a_task),
        ALONE_EACH(at_most_so_many_at_once),
        IN_EACH(jobs_run_at_the_same_time),
        IN_EACH(tasks_block_at_the_same_time),
        IN_EACH(one_after_the_other_needs_one_thread),
        IN_EACH(jobs_without_a_pause),
        ALONE_EACH(idle_threads_end),
        ALONE_EACH(only_a_job_that_waits_is_aborted),
        ALONE_EACH(a_call_in_place_that_waits_is_cancelled),
        IN_EACH(a_call_in_place_that_runs_is_not),
        IN_EACH(a_cancelled_scope_does_not_begin_one),
        IN_EACH(the_worker_goes_on),
        IN_EACH(deferred_tasks_run_meanwhile),
        IN_EACH(detached_jobs_run),
        IN_EACH(many_tasks_and_many_jobs),
    };
    return cmocka_run_group_tests_name("runtime/blocking", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The end of a runtime: every task is cancelled and runs to its end, whatever it waits for; nothing
 * new begins; jobs that wait are dropped; handles and wakers may be older than their runtime. What
 * does not end in time is in test_shutdown_timeout.c, races with other threads are in
 * test_shutdown_race.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "fixture.h"

static int begun, ended; /* tasks; atomic */

static void reset_counts(void)
{
    __atomic_store_n(&begun, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&ended, 0, __ATOMIC_RELAXED);
}

static int64_t counted(int64_t (*body)(void *), void *argument)
{
    __atomic_fetch_add(&begun, 1, __ATOMIC_ACQ_REL);
    int64_t result = body(argument);
    __atomic_fetch_add(&ended, 1, __ATOMIC_ACQ_REL);
    return result;
}

static int64_t return_at_once(void *argument)
{
    (void)argument;
    return 0;
}

/* Runs the body in the runtime, then shuts down. */
static void run_and_shut_down(unsigned workers, tug_task_fn body, void *argument)
{
    struct tug_runtime *runtime = fixture_create_with(workers);
    int64_t result = -1;
    assert_int_equal(tug_runtime_block_on(runtime, body, argument, &result), 0);
    assert_int_equal(result, 0);
    fixture_shutdown(runtime);
}

/* ---- nothing to do ---- */

static void at_once(unsigned workers)
{
    for (int i = 0; i < 20; i++)
        fixture_shutdown(fixture_create_with(workers));
    for (int i = 0; i < 20; i++)
        run_and_shut_down(workers, return_at_once, NULL);
}

static uint64_t alive_tasks(struct tug_runtime *runtime)
{
    struct tug_runtime_metrics metrics;
    tug_runtime_metrics(runtime, &metrics);
    return metrics.alive_tasks;
}

static void without_time_when_idle(unsigned workers)
{
    struct tug_runtime *runtime = fixture_create_with(workers);
    assert_int_equal(tug_runtime_block_on(runtime, return_at_once, NULL, NULL), 0);
    AWAIT_ON_THREAD(alive_tasks(runtime) == 0);
    assert_int_equal(tug_runtime_shutdown(runtime, 0), 0);
}

/* ---- tasks that wait ---- */

enum { SLEEPERS = 1000 };

static int64_t sleep_counted(void *argument)
{
    int64_t result = counted(fixture_sleep_forever, argument);
    CHECK_EQUAL(result, -ECANCELED);
    return result;
}

static int64_t leave_sleepers(void *argument)
{
    (void)argument;
    for (int i = 0; i < SLEEPERS; i++)
        tug_task_detach(fixture_spawn(sleep_counted, NULL));
    AWAIT(__atomic_load_n(&begun, __ATOMIC_ACQUIRE) == SLEEPERS);
    return 0;
}

static void sleepers_are_cancelled(unsigned workers)
{
    reset_counts();
    run_and_shut_down(workers, leave_sleepers, NULL);
    assert_int_equal(begun, SLEEPERS);
    assert_int_equal(ended, SLEEPERS);
}

static int64_t leave_unstarted(void *argument)
{
    (void)argument;
    for (int i = 0; i < SLEEPERS; i++)
        tug_task_detach(fixture_spawn(sleep_counted, NULL));
    return 0;
}

/* Whether they had begun or not: each runs to its first suspension point at least. */
static void tasks_that_have_not_begun_run(unsigned workers)
{
    reset_counts();
    run_and_shut_down(workers, leave_unstarted, NULL);
    assert_int_equal(begun, SLEEPERS);
    assert_int_equal(ended, SLEEPERS);
}

static int64_t sleep_as_future(void *argument)
{
    static struct tug_sleep_future sleeps[SLEEPERS];
    (void)argument;
    for (int i = 0; i < SLEEPERS; i++) {
        struct tug_task *task;
        tug_sleep_future_init(&sleeps[i], i % 2 == 0 ? TUG_FOREVER : tug_deadline_after(i));
        CHECK_EQUAL(tug_spawn_future(&task, NULL, &sleeps[i].future), 0);
        tug_task_detach(task);
    }
    return 0;
}

static void poll_tasks_are_cancelled(unsigned workers)
{
    run_and_shut_down(workers, sleep_as_future, NULL);
}

static int64_t wait_for_a_child(void *argument)
{
    int64_t depth = fixture_number(argument);
    if (depth == 0)
        return fixture_sleep_forever(NULL);
    struct tug_task *child = tug_spawn(wait_for_a_child, fixture_argument(depth - 1));
    if (child == NULL)
        return -ECANCELED; /* the end came before */
    int64_t result = INT64_MIN;
    int error = tug_join(child, &result);
    if (error != 0)
        tug_task_detach(child);
    return error != 0 ? error : result;
}

static int64_t leave_waiting_tasks(void *argument)
{
    (void)argument;
    for (int i = 0; i < 20; i++)
        tug_task_detach(fixture_spawn(wait_for_a_child, fixture_argument(20)));
    return tug_sleep(TUG_MILLISECOND);
}

static void tasks_that_wait_for_each_other(unsigned workers)
{
    run_and_shut_down(workers, leave_waiting_tasks, NULL);
}

static int64_t group_of_sleepers(void *argument)
{
    (void)argument;
    struct tug_group group;
    tug_group_init(&group, 0);
    for (int i = 0; i < 10; i++)
        CHECK_EQUAL(tug_group_spawn(&group, sleep_counted, NULL), 0);
    CHECK_EQUAL(tug_group_wait(&group), -ECANCELED);
    CHECK_EQUAL(tug_group_alive(&group), 0);
    return -ECANCELED;
}

static int64_t leave_groups(void *argument)
{
    (void)argument;
    for (int i = 0; i < 10; i++)
        tug_task_detach(fixture_spawn(group_of_sleepers, NULL));
    AWAIT(__atomic_load_n(&begun, __ATOMIC_ACQUIRE) == 100);
    return 0;
}

static void groups_end_with_their_children(unsigned workers)
{
    reset_counts();
    run_and_shut_down(workers, leave_groups, NULL);
    assert_int_equal(ended, 100);
}

/* ---- operations in flight ---- */

enum { READERS = 50 };
static int pipes[READERS][2];

static int64_t read_pipe(void *argument)
{
    char buffer[64];
    memset(buffer, 'x', sizeof buffer);
    struct tug_op op;
    tug_op_read(&op, pipes[fixture_number(argument)][0], buffer, sizeof buffer,
                TUG_CURRENT_POSITION);
    int64_t result = tug_op_await(&op);
    for (size_t i = 0; i < sizeof buffer; i++)
        CHECK_EQUAL(buffer[i], 'x');
    return result;
}

static int64_t read_counted(void *argument)
{
    int64_t result = counted(read_pipe, argument);
    CHECK_EQUAL(result, -ECANCELED);
    return result;
}

static int64_t work_with_a_file(void *argument)
{
    (void)argument;
    char buffer[1 << 14]; /* each task its own: they read at the same time */
    struct tug_op op;
    tug_op_openat(&op, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
    int64_t fd = tug_op_await(&op);
    if (fd < 0)
        return fd;
    int64_t result = 0;
    for (int64_t offset = 0; result >= 0; offset = result == 0 ? 0 : offset + result) {
        tug_op_read(&op, (int)fd, buffer, sizeof buffer, offset);
        result = tug_op_await(&op);
    }
    CHECK_EQUAL(result, -ECANCELED);
    CHECK_EQUAL(close((int)fd), 0);
    return 0;
}

static int64_t leave_operations(void *argument)
{
    (void)argument;
    for (int i = 0; i < READERS; i++)
        tug_task_detach(fixture_spawn(read_counted, fixture_argument(i)));
    for (int i = 0; i < 4; i++)
        tug_task_detach(fixture_spawn(work_with_a_file, NULL));
    AWAIT(__atomic_load_n(&begun, __ATOMIC_ACQUIRE) == READERS);
    return 0;
}

static void operations_in_flight_are_ended(unsigned workers)
{
    for (int round = 0; round < 5; round++) {
        reset_counts();
        for (int i = 0; i < READERS; i++)
            assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
        run_and_shut_down(workers, leave_operations, NULL);
        assert_int_equal(ended, READERS);
        for (int i = 0; i < READERS; i++) {
            close(pipes[i][0]);
            close(pipes[i][1]);
        }
    }
}

/* Tasks that wake each other through descriptors all the time. */
static int64_t pass_bytes(void *argument)
{
    int64_t number = fixture_number(argument);
    struct tug_op op;
    char byte = 0;
    for (;;) {
        tug_op_write(&op, pipes[number ^ 1][1], &byte, 1, TUG_CURRENT_POSITION);
        int64_t result = tug_op_await(&op);
        if (result < 0)
            return result;
        tug_op_read(&op, pipes[number][0], &byte, 1, TUG_CURRENT_POSITION);
        result = tug_op_await(&op);
        if (result < 0)
            return result;
    }
}

static int64_t leave_busy_operations(void *argument)
{
    (void)argument;
    for (int i = 0; i < 10; i++)
        tug_task_detach(fixture_spawn(pass_bytes, fixture_argument(i)));
    return tug_sleep(3 * TUG_MILLISECOND);
}

static void busy_operations_are_ended(unsigned workers)
{
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 10; i++)
            assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
        run_and_shut_down(workers, leave_busy_operations, NULL);
        for (int i = 0; i < 10; i++) {
            close(pipes[i][0]);
            close(pipes[i][1]);
        }
    }
}

/* ---- nothing new ---- */

static int64_t try_everything(void *argument)
{
    (void)argument;
    CHECK_EQUAL(fixture_sleep_forever(NULL), -ECANCELED);
    struct tug_task *task = NULL;
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_sleep_future sleep;
    struct tug_group group;
    tug_sleep_future_init(&sleep, 0);
    CHECK(tug_spawn(fixture_return, NULL) == NULL);
    CHECK_EQUAL(tug_spawn_with(&task, &options, fixture_return, NULL), -ECANCELED);
    CHECK_EQUAL(tug_spawn_future(&task, NULL, &sleep.future), -ECANCELED);
    CHECK_EQUAL(tug_spawn_blocking(&task, NULL, fixture_return, NULL), -ECANCELED);
    tug_group_init(&group, 0);
    CHECK_EQUAL(tug_group_spawn(&group, fixture_return, NULL), -ECANCELED);
    CHECK(task == NULL);
    CHECK_EQUAL(tug_cancelled(), -ECANCELED);
    CHECK_EQUAL(tug_yield(), -ECANCELED);
    CHECK_EQUAL(tug_block_in_place(fixture_return, NULL), -ECANCELED);
    __atomic_fetch_add(&ended, 1, __ATOMIC_ACQ_REL);
    return 0;
}

static int64_t leave_one_that_tries(void *argument)
{
    (void)argument;
    tug_task_detach(fixture_spawn(try_everything, NULL));
    return tug_sleep(TUG_MILLISECOND);
}

static void nothing_new_begins(unsigned workers)
{
    reset_counts();
    run_and_shut_down(workers, leave_one_that_tries, NULL);
    assert_int_equal(ended, 1);
}

static int64_t clean_up_slowly(void *argument)
{
    int *fds = argument;
    CHECK_EQUAL(fixture_sleep_forever(NULL), -ECANCELED);
    struct tug_scope shield;
    struct tug_op op;
    char byte = 'a';
    tug_shield_begin(&shield);
    CHECK_EQUAL(tug_sleep(5 * TUG_MILLISECOND), 0);
    CHECK_EQUAL(tug_yield(), 0);
    CHECK_EQUAL(tug_block_in_place(fixture_return, fixture_argument(3)), 3);
    tug_op_write(&op, fds[1], &byte, 1, TUG_CURRENT_POSITION);
    CHECK_EQUAL(tug_op_await(&op), 1);
    tug_op_fsync(&op, fds[1]);
    CHECK_EQUAL(tug_op_await(&op), -EINVAL); /* a pipe */
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, fixture_sleep_forever(NULL)), -ETIMEDOUT);
    tug_scope_end(&shield, 0);
    CHECK_EQUAL(tug_yield(), -ECANCELED);
    return 0;
}

static int64_t leave_one_that_cleans_up(void *argument)
{
    tug_task_detach(fixture_spawn(clean_up_slowly, argument));
    return tug_sleep(TUG_MILLISECOND);
}

static void cleanup_under_a_shield_is_waited_for(unsigned workers)
{
    int fds[2];
    char byte = 0;
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    run_and_shut_down(workers, leave_one_that_cleans_up, fds);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    close(fds[0]);
    close(fds[1]);
}

/* ---- what is older than its runtime ---- */

enum { HANDLES = 200 };
static struct tug_task *handles[HANDLES];

static int64_t keep_handles(void *argument)
{
    (void)argument;
    for (int i = 0; i < HANDLES; i++)
        handles[i] = i % 2 == 0 ? fixture_spawn(fixture_return, fixture_argument(i))
                                : fixture_spawn(fixture_sleep_forever, NULL);
    return 0;
}

static void handles_outlive_the_runtime(unsigned workers)
{
    run_and_shut_down(workers, keep_handles, NULL);
    for (int i = 0; i < HANDLES; i++) {
        assert_true(tug_task_is_finished(handles[i]));
        tug_task_abort(handles[i]);
        if (i % 3 == 0) {
            tug_task_detach(handles[i]);
            continue;
        }
        int64_t result = INT64_MIN;
        assert_int_equal(tug_join(handles[i], &result), 0);
        assert_int_equal(result, i % 2 == 0 ? i : -ECANCELED);
    }
}

static int64_t join_all_handles(void *argument)
{
    (void)argument;
    for (int i = 0; i < HANDLES; i++)
        CHECK_EQUAL(fixture_join(handles[i]), i % 2 == 0 ? i : -ECANCELED);
    return 0;
}

/* A task of a runtime that is gone is joined from a task of another. */
static void handles_are_joined_in_another_runtime(unsigned workers)
{
    run_and_shut_down(workers, keep_handles, NULL);
    run_and_shut_down(workers, join_all_handles, NULL);
}

/* Keeps a clone of its waker, and is ready when it is cancelled. */
struct keeper {
    struct tug_future future;
    struct tug_waker waker;
    bool has_waker, cancelled;
};

static int keeper_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct keeper *keeper = (struct keeper *)self;
    if (keeper->cancelled) {
        self->result = -ECANCELED;
        return TUG_READY;
    }
    if (!keeper->has_waker)
        keeper->waker = tug_waker_clone(waker);
    __atomic_store_n(&keeper->has_waker, true, __ATOMIC_RELEASE);
    return TUG_PENDING;
}

static void keeper_cancel(struct tug_future *self)
{
    ((struct keeper *)self)->cancelled = true;
}

static const struct tug_future_vtable keeper_vtable = {
    .poll = keeper_poll,
    .cancel = keeper_cancel,
};

enum { KEEPERS = 100 };
static struct keeper keepers[KEEPERS];

static int64_t await_keeper(void *argument)
{
    return tug_await(&((struct keeper *)argument)->future);
}

static int64_t keep_wakers(void *argument)
{
    (void)argument;
    for (int i = 0; i < KEEPERS; i++) {
        keepers[i] = (struct keeper){.future = {&keeper_vtable, 0}};
        struct tug_task *task;
        if (i % 2 == 0)
            task = fixture_spawn(await_keeper, &keepers[i]);
        else
            CHECK_EQUAL(tug_spawn_future(&task, NULL, &keepers[i].future), 0);
        tug_task_detach(task);
    }
    for (int i = 0; i < KEEPERS; i++)
        AWAIT(__atomic_load_n(&keepers[i].has_waker, __ATOMIC_ACQUIRE));
    return 0;
}

static int64_t use_wakers(void *argument)
{
    (void)argument;
    for (int i = 0; i < KEEPERS; i++) {
        struct tug_waker clone = tug_waker_clone(&keepers[i].waker);
        tug_waker_wake_by_ref(&clone);
        if (i % 3 == 0)
            tug_waker_wake(clone);
        else
            tug_waker_drop(clone);
        if (i % 2 == 0)
            tug_waker_wake(keepers[i].waker);
        else
            tug_waker_drop(keepers[i].waker);
    }
    return 0;
}

static void wakers_outlive_the_runtime(unsigned workers)
{
    run_and_shut_down(workers, keep_wakers, NULL);
    use_wakers(NULL);
    /* From another thread, and from a task of another runtime. */
    run_and_shut_down(workers, keep_wakers, NULL);
    struct fixture_thread thread;
    fixture_thread_start(&thread, use_wakers, NULL);
    fixture_thread_join(&thread);
    run_and_shut_down(workers, keep_wakers, NULL);
    run_and_shut_down(workers, use_wakers, NULL);
}

/* ---- never run ---- */

static void tasks_of_a_runtime_never_run(unsigned workers)
{
    reset_counts();
    struct tug_runtime *runtime = fixture_create_with(workers);
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    options.runtime = runtime;
    for (int i = 0; i < HANDLES; i++)
        assert_int_equal(tug_spawn_with(&handles[i], &options, sleep_counted, NULL), 0);
    for (int i = 0; i < HANDLES; i += 4)
        tug_task_detach(handles[i]);
    for (int i = 1; i < HANDLES; i += 4)
        tug_task_abort(handles[i]);
    fixture_shutdown(runtime);
    assert_int_equal(begun, HANDLES);
    assert_int_equal(ended, HANDLES);
    for (int i = 0; i < HANDLES; i++) {
        int64_t result = 0;
        if (i % 4 == 0)
            continue;
        assert_int_equal(tug_join(handles[i], &result), 0);
        assert_int_equal(result, -ECANCELED);
    }
}

static void jobs_of_a_runtime_never_run(unsigned workers)
{
    struct tug_runtime *runtime = fixture_create_with(workers);
    for (int i = 0; i < 10; i++)
        assert_int_equal(
            tug_spawn_blocking(&handles[i], runtime, fixture_return, fixture_argument(i)), 0);
    fixture_shutdown(runtime);
    for (int i = 0; i < 10; i++) {
        int64_t result = INT64_MIN;
        assert_int_equal(tug_join(handles[i], &result), 0);
        assert_true(result == i || result == -ECANCELED);
    }
}

/* ---- jobs ---- */

static int opened; /* atomic: the job that runs may end */

static int64_t run_until_opened(void *argument)
{
    (void)argument;
    __atomic_fetch_add(&begun, 1, __ATOMIC_ACQ_REL);
    AWAIT_ON_THREAD(__atomic_load_n(&opened, __ATOMIC_ACQUIRE));
    return 5;
}

static int64_t open_soon(void *argument)
{
    (void)argument;
    usleep(20000);
    __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
    return 0;
}

static int64_t leave_jobs(void *argument)
{
    (void)argument;
    for (int i = 0; i < 20; i++)
        CHECK_EQUAL(tug_spawn_blocking(&handles[i], NULL, run_until_opened, NULL), 0);
    AWAIT(__atomic_load_n(&begun, __ATOMIC_ACQUIRE) == 1);
    return 0;
}

static void jobs_that_wait_are_dropped(unsigned workers)
{
    reset_counts();
    __atomic_store_n(&opened, 0, __ATOMIC_RELAXED);
    struct tug_runtime_options options = fixture_options(workers);
    options.max_blocking_threads = 1;
    struct tug_runtime *runtime = fixture_create(&options);
    assert_int_equal(tug_runtime_block_on(runtime, leave_jobs, NULL, NULL), 0);
    struct fixture_thread opener;
    fixture_thread_start(&opener, open_soon, NULL);
    fixture_shutdown(runtime);
    fixture_thread_join(&opener);
    assert_int_equal(begun, 1);
    for (int i = 0; i < 20; i++) {
        int64_t result = INT64_MIN;
        assert_int_equal(tug_join(handles[i], &result), 0);
        assert_int_equal(result, i == 0 ? 5 : -ECANCELED);
    }
}

static int64_t block_with_local(void *argument)
{
    int *local = argument;
    run_until_opened(NULL);
    *local = 42;
    return 0;
}

static int64_t wait_for_a_job(void *argument)
{
    (void)argument;
    int local = 0;
    CHECK_EQUAL(tug_block_in_place(block_with_local, &local), 0);
    CHECK_EQUAL(local, 42);
    CHECK_EQUAL(tug_yield(), -ECANCELED);
    __atomic_fetch_add(&ended, 1, __ATOMIC_ACQ_REL);
    return 0;
}

static int64_t leave_a_task_with_a_job(void *argument)
{
    (void)argument;
    tug_task_detach(fixture_spawn(wait_for_a_job, NULL));
    AWAIT(__atomic_load_n(&begun, __ATOMIC_ACQUIRE) == 1);
    return 0;
}

/* The frame that a job in place uses stays until the job is done. */
static void a_task_waits_for_its_job(unsigned workers)
{
    reset_counts();
    __atomic_store_n(&opened, 0, __ATOMIC_RELAXED);
    struct tug_runtime *runtime = fixture_create_with(workers);
    assert_int_equal(tug_runtime_block_on(runtime, leave_a_task_with_a_job, NULL, NULL), 0);
    struct fixture_thread opener;
    fixture_thread_start(&opener, open_soon, NULL);
    fixture_shutdown(runtime);
    fixture_thread_join(&opener);
    assert_int_equal(ended, 1);
}

/* ---- at the end of a thread ---- */

static pthread_key_t key;

static void shut_down_at_thread_end(void *runtime)
{
    fixture_shutdown(runtime);
}

static int64_t keep_a_runtime(void *argument)
{
    struct tug_runtime *runtime = fixture_create_with((unsigned)fixture_number(argument));
    CHECK_EQUAL(tug_runtime_block_on(runtime, leave_sleepers, NULL, NULL), 0);
    CHECK_EQUAL(pthread_setspecific(key, runtime), 0);
    return 0;
}

/* Thread-local destructors run when the thread's own variables may be gone. */
static void in_the_destructor_of_a_thread(unsigned workers)
{
    reset_counts();
    assert_int_equal(pthread_key_create(&key, shut_down_at_thread_end), 0);
    struct fixture_thread thread;
    fixture_thread_start(&thread, keep_a_runtime, fixture_argument(workers));
    fixture_thread_join(&thread);
    assert_int_equal(ended, SLEEPERS);
    pthread_key_delete(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALONE_EACH(at_once),
        ALONE_EACH(without_time_when_idle),
        ALONE_EACH(sleepers_are_cancelled),
        ALONE_EACH(tasks_that_have_not_begun_run),
        ALONE_EACH(poll_tasks_are_cancelled),
        ALONE_EACH(tasks_that_wait_for_each_other),
        ALONE_EACH(groups_end_with_their_children),
        ALONE_EACH(operations_in_flight_are_ended),
        ALONE_EACH(busy_operations_are_ended),
        ALONE_EACH(nothing_new_begins),
        ALONE_EACH(cleanup_under_a_shield_is_waited_for),
        ALONE_EACH(handles_outlive_the_runtime),
        ALONE_EACH(handles_are_joined_in_another_runtime),
        ALONE_EACH(wakers_outlive_the_runtime),
        ALONE_EACH(tasks_of_a_runtime_never_run),
        ALONE_EACH(jobs_of_a_runtime_never_run),
        ALONE_EACH(jobs_that_wait_are_dropped),
        ALONE_EACH(a_task_waits_for_its_job),
        ALONE_EACH(in_the_destructor_of_a_thread),
    };
    return cmocka_run_group_tests_name("runtime/shutdown", tests, NULL, NULL);
}

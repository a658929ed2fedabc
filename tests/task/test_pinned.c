/* SPDX-License-Identifier: MIT */
/*
 * Where tasks run: a pinned task never leaves its worker, whatever wakes it, and one that is not is
 * taken from a worker that is busy.
 */
#include <errno.h>
#include <fcntl.h>

#include "../runtime/fixture.h"

static unsigned worker_count(void)
{
    unsigned workers = fixture_current()->workers;
    return workers == 0 ? 1 : workers;
}

static struct tug_task *spawn_on(int worker, tug_task_fn fn, void *argument)
{
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *task = NULL;
    options.worker = worker;
    CHECK_EQUAL(tug_spawn_with(&task, &options, fn, argument), 0);
    return task;
}

/* ---- pinned ---- */

static int64_t stay(void *argument)
{
    int home = (int)fixture_number(argument);
    int fds[2];
    char byte;
    CHECK_EQUAL(tug_worker_index(), home);
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < 30; i++) {
        CHECK_EQUAL(tug_yield(), 0);
        CHECK_EQUAL(tug_worker_index(), home);
        CHECK_EQUAL(tug_sleep(i % 3 == 0 ? 100 * TUG_MICROSECOND : 0), 0);
        CHECK_EQUAL(tug_worker_index(), home);
        struct tug_op op;
        tug_op_write(&op, fds[1], "p", 1, TUG_CURRENT_POSITION);
        CHECK_EQUAL(tug_op_await(&op), 1);
        tug_op_read(&op, fds[0], &byte, 1, TUG_CURRENT_POSITION);
        CHECK_EQUAL(tug_op_await(&op), 1);
        CHECK_EQUAL(tug_worker_index(), home);
        CHECK_EQUAL(fixture_join(fixture_spawn(fixture_return, argument)), home);
        CHECK_EQUAL(tug_worker_index(), home);
        if (i % 10 == 0) {
            CHECK_EQUAL(tug_block_in_place(fixture_return, argument), home);
            CHECK_EQUAL(tug_worker_index(), home);
        }
    }
    close(fds[0]);
    close(fds[1]);
    return home;
}

static int64_t a_pinned_task_stays(void *argument)
{
    (void)argument;
    enum { COUNT = 24 };
    struct tug_task *tasks[COUNT];
    int workers = (int)worker_count();
    for (int i = 0; i < COUNT; i++)
        tasks[i] = spawn_on(i % workers, stay, fixture_argument(i % workers));
    for (int i = 0; i < COUNT; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), i % workers);
    return 0;
}

/* Wakes from every side: other workers, threads, timers. */
struct waited {
    struct tug_oneshot channel;
    int home;
};

static int64_t wait_at_home(void *argument)
{
    struct waited *waited = argument;
    int64_t value;
    CHECK_EQUAL(tug_worker_index(), waited->home);
    CHECK_EQUAL(tug_oneshot_receive(&waited->channel, &value), 0);
    CHECK_EQUAL(tug_worker_index(), waited->home);
    return value;
}

static int64_t send_to(void *argument)
{
    struct waited *waited = argument;
    return tug_oneshot_send(&waited->channel, 5);
}

static int64_t a_pinned_task_is_woken_from_everywhere(void *argument)
{
    (void)argument;
    int workers = (int)worker_count();
    for (int home = 0; home < workers; home++)
        for (int from = -1; from < workers; from++)
            for (int early = 0; early < 2; early++) {
                struct waited waited = {.home = home};
                tug_oneshot_init(&waited.channel);
                struct tug_task *task = spawn_on(home, wait_at_home, &waited);
                if (!early)
                    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
                if (from < 0)
                    CHECK_EQUAL(fixture_on_thread(send_to, &waited), 0);
                else
                    CHECK_EQUAL(fixture_join(spawn_on(from, send_to, &waited)), 0);
                CHECK_EQUAL(fixture_join(task), 5);
            }
    return 0;
}

struct spawner {
    struct tug_runtime *runtime;
    int worker;
};

static int64_t report_worker(void *argument)
{
    (void)argument;
    return tug_worker_index();
}

static int64_t spawn_pinned_from_outside(void *argument)
{
    struct spawner *spawner = argument;
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    options.runtime = spawner->runtime;
    options.worker = spawner->worker;
    for (int i = 0; i < 100; i++) {
        struct tug_task *task;
        int64_t result;
        CHECK_EQUAL(tug_spawn_with(&task, &options, report_worker, NULL), 0);
        CHECK_EQUAL(tug_join(task, &result), 0);
        CHECK_EQUAL(result, spawner->worker);
    }
    return 0;
}

static int64_t threads_spawn_pinned_tasks(void *argument)
{
    (void)argument;
    struct fixture_thread threads[4];
    struct spawner spawners[4];
    for (int i = 0; i < 4; i++) {
        spawners[i] = (struct spawner){tug_runtime_current(), i % (int)worker_count()};
        fixture_thread_start(&threads[i], spawn_pinned_from_outside, &spawners[i]);
    }
    for (int i = 0; i < 4; i++)
        fixture_thread_await(&threads[i]);
    return 0;
}

struct pinned_future {
    struct tug_future future;
    int home, polls;
};

static int pinned_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct pinned_future *pinned = (struct pinned_future *)self;
    CHECK_EQUAL(tug_worker_index(), pinned->home);
    if (++pinned->polls == 50)
        return TUG_READY;
    tug_waker_wake_by_ref(waker);
    return TUG_PENDING;
}

static const struct tug_future_vtable pinned_vtable = {.poll = pinned_poll};

static int64_t poll_tasks_are_pinned_as_well(void *argument)
{
    (void)argument;
    enum { COUNT = 16 };
    struct pinned_future futures[COUNT];
    struct tug_task *tasks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
        options.worker = i % (int)worker_count();
        futures[i] = (struct pinned_future){{&pinned_vtable, 0}, options.worker, 0};
        CHECK_EQUAL(tug_spawn_future(&tasks[i], &options, &futures[i].future), 0);
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
        CHECK_EQUAL(futures[i].polls, 50);
    }
    return 0;
}

/* ---- a worker that is kept busy ---- */

static bool released; /* atomic */

static int64_t keep_worker(void *argument)
{
    (void)argument;
    AWAIT_ON_THREAD(__atomic_load_n(&released, __ATOMIC_ACQUIRE));
    return 0;
}

/* By a task on another worker: whoever runs on the one that is kept cannot look. */
static int64_t look_at_a_kept_worker(void *argument)
{
    (void)argument;
    struct tug_task *keeper = spawn_on(0, keep_worker, NULL);
    struct tug_task *pinned = spawn_on(0, report_worker, NULL);
    CHECK_EQUAL(TUG_TIMEOUT(5 * TUG_MILLISECOND, tug_join(pinned, NULL)), -ETIMEDOUT);
    __atomic_store_n(&released, true, __ATOMIC_RELEASE);
    CHECK_EQUAL(fixture_join(keeper), 0);
    CHECK_EQUAL(fixture_join(pinned), 0);
    return 0;
}

static int64_t a_pinned_task_waits_for_its_worker(void *argument)
{
    (void)argument;
    __atomic_store_n(&released, false, __ATOMIC_RELEASE);
    return fixture_join(spawn_on(1, look_at_a_kept_worker, NULL));
}

static int ran_elsewhere; /* atomic */

static int64_t note_worker(void *argument)
{
    (void)argument;
    __atomic_fetch_add(&ran_elsewhere, 1, __ATOMIC_ACQ_REL);
    return 0;
}

/* Tasks in the queue of a worker that never gets to them are taken by others. Only the slot of the
 * task woken last is its own. */
static int64_t a_busy_worker_is_robbed(void *argument)
{
    (void)argument;
    enum { COUNT = 50 };
    for (int round = 0; round < 10; round++) {
        struct tug_task *tasks[COUNT];
        __atomic_store_n(&ran_elsewhere, 0, __ATOMIC_RELEASE);
        for (int i = 0; i < COUNT; i++)
            tasks[i] = fixture_spawn(note_worker, NULL);
        /* Without giving way. */
        AWAIT_ON_THREAD(__atomic_load_n(&ran_elsewhere, __ATOMIC_ACQUIRE) >= COUNT - 1);
        for (int i = 0; i < COUNT; i++)
            CHECK_EQUAL(fixture_join(tasks[i]), 0);
    }
    return 0;
}

/* Tasks that gave way on a worker which then is kept busy. */
static int64_t give_way_and_note(void *argument)
{
    for (int i = 0; i < 20; i++)
        tug_yield();
    return note_worker(argument);
}

static int64_t tasks_that_gave_way_are_taken_too(void *argument)
{
    (void)argument;
    enum { COUNT = 50 };
    for (int round = 0; round < 10; round++) {
        struct tug_task *tasks[COUNT];
        __atomic_store_n(&ran_elsewhere, 0, __ATOMIC_RELEASE);
        for (int i = 0; i < COUNT; i++)
            tasks[i] = fixture_spawn(give_way_and_note, NULL);
        for (int i = 0; i < 5; i++)
            tug_yield();
        for (int i = 0; i < COUNT; i++)
            CHECK_EQUAL(fixture_join(tasks[i]), 0);
        CHECK_EQUAL(ran_elsewhere, COUNT);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(a_pinned_task_stays),
        IN_EACH(a_pinned_task_is_woken_from_everywhere),
        IN_EACH(threads_spawn_pinned_tasks),
        IN_EACH(poll_tasks_are_pinned_as_well),
        IN_WORKERS(a_pinned_task_waits_for_its_worker, 4),
        IN_WORKERS(a_busy_worker_is_robbed, 4),
        IN_EACH(tasks_that_gave_way_are_taken_too),
    };
    return cmocka_run_group_tests_name("task/pinned", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The end of a runtime while others are busy with it: tasks and jobs that spawn, threads that wake,
 * join, detach and abort. Each is repeated with the end at another moment.
 */
#include <errno.h>
#include <time.h>

#include "fixture.h"

/* Rounds of each race. */
enum { ROUNDS = 20 };

static uint64_t seed; /* atomic */

/* A number for the moments, from any thread. splitmix64: Steele, Lea and Flood 2014, "Fast
 * splittable pseudorandom number generators". */
static uint32_t draw(void)
{
    uint64_t z = __atomic_add_fetch(&seed, UINT64_C(0x9e3779b97f4a7c15), __ATOMIC_RELAXED);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(z >> 33);
}

/* Blocks the thread for up to `limit` us, evenly spread over the orders of magnitude. */
static void wait_at_random(uint32_t limit)
{
    uint32_t us = limit >> (draw() % 8);
    usleep(us == 0 ? 0 : draw() % us);
}

static int64_t wait_at_random_inside(void *limit)
{
    uint64_t us = (uint64_t)fixture_number(limit);
    return tug_sleep((draw() % (us + 1)) * TUG_MICROSECOND);
}

/* ---- those who spawn ---- */

static int spawned, ended; /* atomic */

enum { MAGIC = 0x7075747 };

static int64_t end_properly(void *argument)
{
    CHECK_EQUAL(fixture_number(argument), MAGIC);
    if (tug_yield() == 0)
        fixture_sleep_forever(NULL);
    __atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
    return MAGIC;
}

static int64_t spawn_until_refused(void *argument)
{
    (void)argument;
    for (int i = 0;; i++) {
        struct tug_task *task = tug_spawn(end_properly, fixture_argument(MAGIC));
        if (task == NULL)
            return 0;
        __atomic_fetch_add(&spawned, 1, __ATOMIC_RELAXED);
        if (i % 2 == 0) {
            tug_task_abort(task);
            if (tug_join(task, NULL) == 0)
                continue;
        }
        tug_task_detach(task);
    }
}

static int64_t spawn_in_groups_until_refused(void *argument)
{
    (void)argument;
    int error = 0;
    while (error == 0) {
        struct tug_group group;
        tug_group_init(&group, 0);
        for (int i = 0; i < 10 && error == 0; i++) {
            error = tug_group_spawn(&group, end_properly, fixture_argument(MAGIC));
            if (error == 0)
                __atomic_fetch_add(&spawned, 1, __ATOMIC_RELAXED);
        }
        tug_group_cancel(&group);
        tug_group_wait(&group);
    }
    CHECK_EQUAL(error, -ECANCELED);
    return 0;
}

static int64_t note_job(void *argument)
{
    CHECK_EQUAL(fixture_number(argument), MAGIC);
    __atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
    return MAGIC;
}

static int64_t submit_until_refused(void *argument)
{
    (void)argument;
    int error;
    do {
        struct tug_task *task;
        error = tug_spawn_blocking(&task, NULL, note_job, fixture_argument(MAGIC));
        if (error == 0)
            tug_task_detach(task);
    } while (error == 0 && tug_yield() != -ECANCELED);
    return 0;
}

/* Runs on a thread of the blocking pool. */
static int64_t spawn_from_a_job(void *argument)
{
    return spawn_until_refused(argument);
}

struct spawners {
    tug_task_fn in_task, in_job;
};

static int64_t start_spawners(void *argument)
{
    const struct spawners *spawners = argument;
    for (int i = 0; i < 3; i++) {
        struct tug_task *task = NULL;
        if (spawners->in_task != NULL)
            task = fixture_spawn(spawners->in_task, NULL);
        else
            CHECK_EQUAL(tug_spawn_blocking(&task, NULL, spawners->in_job, NULL), 0);
        tug_task_detach(task);
    }
    return tug_sleep((draw() % 300) * TUG_MICROSECOND);
}

static void race_with_spawners(unsigned workers, struct spawners spawners)
{
    for (int round = 0; round < ROUNDS; round++) {
        __atomic_store_n(&spawned, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&ended, 0, __ATOMIC_RELAXED);
        struct tug_runtime *runtime = fixture_create_with(workers);
        assert_int_equal(tug_runtime_block_on(runtime, start_spawners, &spawners, NULL), 0);
        fixture_shutdown(runtime);
        if (spawners.in_task != submit_until_refused)
            assert_int_equal(spawned, ended);
    }
}

static void tasks_spawn(unsigned workers)
{
    race_with_spawners(workers, (struct spawners){.in_task = spawn_until_refused});
}

static void groups_spawn(unsigned workers)
{
    race_with_spawners(workers, (struct spawners){.in_task = spawn_in_groups_until_refused});
}

static void tasks_submit_jobs(unsigned workers)
{
    race_with_spawners(workers, (struct spawners){.in_task = submit_until_refused});
}

static void jobs_spawn(unsigned workers)
{
    race_with_spawners(workers, (struct spawners){.in_job = spawn_from_a_job});
}

/* A future that nothing but a cancel ends. */
static int waiting_poll(struct tug_future *self, const struct tug_waker *waker)
{
    (void)waker;
    return self->result == 0 ? TUG_PENDING : TUG_READY;
}

static void waiting_cancel(struct tug_future *self)
{
    self->result = -ECANCELED;
}

static void waiting_drop(struct tug_future *self)
{
    free(self);
    __atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
}

static const struct tug_future_vtable waiting_vtable = {
    .poll = waiting_poll,
    .cancel = waiting_cancel,
    .drop = waiting_drop,
};

enum { SPAWNED_MOST = 100000 };

static int64_t spawn_futures_until_refused(void *argument)
{
    (void)argument;
    for (unsigned i = 0;; i++) {
        /* This worker's timers have their turn, and memory has an end. */
        bool many = __atomic_load_n(&spawned, __ATOMIC_RELAXED) > SPAWNED_MOST;
        if ((many || i % 64 == 0) && tug_yield() != 0 && many)
            return 0;
        if (many)
            continue;
        struct tug_task *task;
        struct tug_future *future = malloc(sizeof *future);
        *future = (struct tug_future){&waiting_vtable, 0};
        __atomic_fetch_add(&spawned, 1, __ATOMIC_RELAXED);
        if (tug_spawn_future(&task, NULL, future) != 0) {
            waiting_drop(future);
            return 0;
        }
        tug_task_detach(task);
    }
}

static int64_t start_many_spawners(void *workers)
{
    for (int64_t i = 0; i < fixture_number(workers); i++)
        tug_task_detach(fixture_spawn(spawn_futures_until_refused, NULL));
    return tug_sleep((draw() % 300) * TUG_MICROSECOND);
}

/* More workers than processors: most of them stand still at any moment, anywhere in a spawn. */
static void many_workers_spawn(unsigned workers)
{
    for (int round = 0; round < ROUNDS; round++) {
        __atomic_store_n(&spawned, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&ended, 0, __ATOMIC_RELAXED);
        struct tug_runtime *runtime = fixture_create_with(workers);
        assert_int_equal(tug_runtime_block_on(runtime, start_many_spawners,
                                              fixture_argument((int)workers - 1), NULL),
                         0);
        assert_int_equal(tug_runtime_shutdown(runtime, 20 * TUG_SECOND), 0);
        assert_int_equal(spawned, ended);
    }
}

/* ---- those who wake ---- */

struct sleeper {
    struct tug_future future;
    struct tug_waker waker;
    bool has_waker, cancelled;
};

static int sleeper_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct sleeper *sleeper = (struct sleeper *)self;
    if (sleeper->cancelled) {
        self->result = -ECANCELED;
        return TUG_READY;
    }
    if (!sleeper->has_waker)
        sleeper->waker = tug_waker_clone(waker);
    __atomic_store_n(&sleeper->has_waker, true, __ATOMIC_RELEASE);
    return TUG_PENDING;
}

static void sleeper_cancel(struct tug_future *self)
{
    ((struct sleeper *)self)->cancelled = true;
}

static const struct tug_future_vtable sleeper_vtable = {
    .poll = sleeper_poll,
    .cancel = sleeper_cancel,
};

enum { SLEEPERS = 8, THREADS = 3 };
static struct sleeper sleepers[SLEEPERS];
static bool stop; /* atomic */
static int ready; /* threads that have clones of the wakers; atomic */

static int64_t await_sleeper(void *sleeper)
{
    return tug_await(&((struct sleeper *)sleeper)->future);
}

static int64_t start_sleepers(void *argument)
{
    (void)argument;
    for (int i = 0; i < SLEEPERS; i++) {
        sleepers[i] = (struct sleeper){.future = {&sleeper_vtable, 0}};
        struct tug_task *task;
        if (i % 2 == 0)
            task = fixture_spawn(await_sleeper, &sleepers[i]);
        else
            CHECK_EQUAL(tug_spawn_future(&task, NULL, &sleepers[i].future), 0);
        tug_task_detach(task);
    }
    for (int i = 0; i < SLEEPERS; i++)
        AWAIT(__atomic_load_n(&sleepers[i].has_waker, __ATOMIC_ACQUIRE));
    return 0;
}

static int64_t wake_all_the_time(void *argument)
{
    (void)argument;
    struct tug_waker clones[SLEEPERS];
    for (int i = 0; i < SLEEPERS; i++)
        clones[i] = tug_waker_clone(&sleepers[i].waker);
    __atomic_fetch_add(&ready, 1, __ATOMIC_RELEASE);
    for (unsigned i = 0; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); i++) {
        struct tug_waker *waker = &clones[i % SLEEPERS];
        struct tug_waker other = tug_waker_clone(waker);
        if (i % 3 == 0)
            tug_waker_wake_by_ref(&other);
        if (i % 3 == 1)
            tug_waker_wake(other);
        else
            tug_waker_drop(other);
    }
    for (int i = 0; i < SLEEPERS; i++)
        tug_waker_drop(clones[i]);
    return 0;
}

static void threads_wake(unsigned workers)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct fixture_thread threads[THREADS];
        __atomic_store_n(&stop, false, __ATOMIC_RELEASE);
        __atomic_store_n(&ready, 0, __ATOMIC_RELEASE);
        struct tug_runtime *runtime = fixture_create_with(workers);
        assert_int_equal(tug_runtime_block_on(runtime, start_sleepers, NULL, NULL), 0);
        for (int i = 0; i < THREADS; i++)
            fixture_thread_start(&threads[i], wake_all_the_time, NULL);
        AWAIT_ON_THREAD(__atomic_load_n(&ready, __ATOMIC_ACQUIRE) == THREADS);
        assert_int_equal(
            tug_runtime_block_on(runtime, wait_at_random_inside, fixture_argument(500), NULL), 0);
        fixture_shutdown(runtime);
        for (int i = 0; i < SLEEPERS; i += 2)
            tug_waker_drop(sleepers[i].waker);
        wait_at_random(100);
        __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
        for (int i = 0; i < THREADS; i++)
            fixture_thread_join(&threads[i]);
        for (int i = 1; i < SLEEPERS; i += 2)
            tug_waker_wake(sleepers[i].waker);
    }
}

/* ---- those who hold handles ---- */

enum { HANDLES = 6 };

static struct tug_task *handles[HANDLES];

static int64_t start_handles(void *argument)
{
    (void)argument;
    for (int i = 0; i < HANDLES; i++)
        handles[i] = fixture_spawn(fixture_sleep_forever, NULL);
    return draw() % 2 == 0 ? 0 : tug_yield();
}

/* When all who use the handles are ready to. */
static uint32_t gate_delay[HANDLES];

static int64_t join_handle(void *argument)
{
    int i = (int)fixture_number(argument);
    usleep(gate_delay[i]);
    int64_t result = 0;
    int error;
    /* In the current-thread flavour nobody is left to wait for the task on behalf of a thread that
     * comes after the end has begun; the task is about to end. */
    while ((error = tug_join(handles[i], &result)) == -ECANCELED)
        usleep(100);
    CHECK_EQUAL(error, 0);
    CHECK_EQUAL(result, -ECANCELED);
    return 0;
}

static int64_t detach_handle(void *argument)
{
    int i = (int)fixture_number(argument);
    usleep(gate_delay[i]);
    tug_task_detach(handles[i]);
    return 0;
}

static int64_t abort_and_join_handle(void *argument)
{
    int i = (int)fixture_number(argument);
    usleep(gate_delay[i]);
    (void)tug_task_is_finished(handles[i]);
    tug_task_abort(handles[i]);
    return join_handle(argument);
}

static void threads_use_handles(unsigned workers)
{
    static const tug_task_fn uses[HANDLES] = {join_handle,           join_handle,
                                              detach_handle,         detach_handle,
                                              abort_and_join_handle, abort_and_join_handle};
    for (int round = 0; round < ROUNDS; round++) {
        struct fixture_thread threads[HANDLES];
        struct tug_runtime *runtime = fixture_create_with(workers);
        assert_int_equal(tug_runtime_block_on(runtime, start_handles, NULL, NULL), 0);
        for (int i = 0; i < HANDLES; i++) {
            gate_delay[i] = draw() % 300;
            fixture_thread_start(&threads[i], uses[i], fixture_argument(i));
        }
        wait_at_random(300);
        fixture_shutdown(runtime);
        for (int i = 0; i < HANDLES; i++)
            fixture_thread_join(&threads[i]);
    }
}

/* ---- those who are inside of block_on ---- */

static bool inside; /* atomic */

static int64_t use_the_callers_frame(void *argument)
{
    int *word = argument;
    __atomic_store_n(&inside, true, __ATOMIC_RELEASE);
    int64_t result = fixture_sleep_forever(NULL);
    struct tug_scope shield;
    tug_shield_begin(&shield);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    tug_scope_end(&shield, 0);
    *word = MAGIC;
    return result;
}

static int64_t block_on_in_thread(void *runtime)
{
    int word = 0;
    int64_t result = 0;
    CHECK_EQUAL(tug_runtime_block_on(runtime, use_the_callers_frame, &word, &result), 0);
    CHECK_EQUAL(result, -ECANCELED);
    CHECK_EQUAL(word, MAGIC);
    return 0;
}

/* block_on returns when its task has ended, and not before: the task uses the caller's frame. */
static void a_thread_is_inside_of_block_on(unsigned workers)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct fixture_thread thread;
        __atomic_store_n(&inside, false, __ATOMIC_RELEASE);
        struct tug_runtime *runtime = fixture_create_with(workers);
        fixture_thread_start(&thread, block_on_in_thread, runtime);
        AWAIT_ON_THREAD(__atomic_load_n(&inside, __ATOMIC_ACQUIRE));
        fixture_shutdown(runtime);
        fixture_thread_join(&thread);
    }
}

/* ---- those who cancel ---- */

static struct tug_token token;

static int64_t sleep_in_scope(void *argument)
{
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, argument);
    int64_t result = fixture_sleep_forever(NULL);
    result = tug_scope_end(&scope, result);
    CHECK_EQUAL(result, -ECANCELED);
    return result;
}

static int64_t start_scopes(void *argument)
{
    for (int i = 0; i < 20; i++)
        tug_task_detach(fixture_spawn(sleep_in_scope, argument));
    return tug_yield();
}

static int64_t cancel_token(void *delay)
{
    usleep((useconds_t)fixture_number(delay));
    tug_token_cancel(&token);
    return 0;
}

static void a_thread_cancels_a_token(unsigned workers)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct fixture_thread thread;
        tug_token_init(&token, NULL);
        struct tug_runtime *runtime = fixture_create_with(workers);
        assert_int_equal(tug_runtime_block_on(runtime, start_scopes, &token, NULL), 0);
        fixture_thread_start(&thread, cancel_token, fixture_argument(draw() % 200));
        wait_at_random(200);
        fixture_shutdown(runtime);
        fixture_thread_join(&thread);
        tug_token_destroy(&token);
    }
}

int main(void)
{
    seed = (uint64_t)time(NULL) << 20 | (uint64_t)getpid();
    printf("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        ALONE_EACH(tasks_spawn),
        ALONE_EACH(groups_spawn),
        ALONE_WORKERS(many_workers_spawn, 16),
        ALONE_EACH(tasks_submit_jobs),
        ALONE_EACH(jobs_spawn),
        ALONE_EACH(threads_wake),
        ALONE_EACH(threads_use_handles),
        ALONE_MULTI_THREAD(a_thread_is_inside_of_block_on),
        ALONE_EACH(a_thread_cancels_a_token),
    };
    return cmocka_run_group_tests_name("runtime/shutdown_race", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The mutex: exclusion, order, how long those who wait are passed, and waiters that give up at any
 * moment.
 */
#include <errno.h>

#include "../runtime/fixture.h"

static void test_one_at_a_time(void **state)
{
    (void)state;
    static struct tug_mutex constant = TUG_MUTEX_INIT;
    struct tug_mutex mutex;
    tug_mutex_init(&mutex);
    assert_int_equal(tug_mutex_try_lock(&mutex), 0);
    assert_int_equal(tug_mutex_try_lock(&mutex), -EBUSY);
    tug_mutex_unlock(&mutex);
    assert_int_equal(tug_mutex_lock(&mutex), 0); /* on a thread of no runtime */
    assert_int_equal(tug_mutex_try_lock(&mutex), -EBUSY);
    tug_mutex_unlock(&mutex);
    assert_int_equal(tug_mutex_lock(&constant), 0);
    tug_mutex_unlock(&constant);
}

/* ---- exclusion ---- */

enum { CROWD = 8, THREADS = 2, ROUNDS = 300 };

struct shared {
    struct tug_mutex mutex;
    int inside, count; /* plain: the mutex guards them */
};

static int64_t count_up(void *argument)
{
    struct shared *shared = argument;
    for (int round = 0; round < ROUNDS; round++) {
        CHECK_EQUAL(tug_mutex_lock(&shared->mutex), 0);
        CHECK_EQUAL(shared->inside++, 0);
        if (round % 8 == 0 && tug_task_current() != NULL)
            tug_yield(); /* held over a suspension */
        shared->count++;
        CHECK_EQUAL(--shared->inside, 0);
        tug_mutex_unlock(&shared->mutex);
    }
    return 0;
}

static int64_t tasks_and_threads_exclude_each_other(void *argument)
{
    (void)argument;
    struct shared shared = {.mutex = TUG_MUTEX_INIT};
    struct tug_task *tasks[CROWD];
    struct fixture_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        fixture_thread_start(&threads[i], count_up, &shared);
    for (int i = 0; i < CROWD; i++)
        tasks[i] = fixture_spawn(count_up, &shared);
    for (int i = 0; i < CROWD; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQUAL(fixture_thread_await(&threads[i]), 0);
    CHECK_EQUAL(shared.count, (CROWD + THREADS) * ROUNDS);
    return 0;
}

/* ---- order, and giving up ---- */

struct queued {
    struct tug_mutex *mutex;
    int *turn;
    int mine;
    int64_t result;
};

static int64_t lock_in_turn(void *argument)
{
    struct queued *queued = argument;
    queued->result = tug_mutex_lock(queued->mutex);
    if (queued->result == 0) {
        queued->mine = ++*queued->turn;
        tug_mutex_unlock(queued->mutex);
    }
    return queued->result;
}

/* Four who wait for a mutex that is taken. */
struct line {
    struct tug_mutex mutex;
    struct queued queued[4];
    struct tug_task *tasks[4];
    int turn;
};

/* Each has so many ns to queue, or one turn of the scheduler. */
static int64_t queue_up(struct line *line, uint64_t pause)
{
    tug_mutex_init(&line->mutex);
    line->turn = 0;
    CHECK_EQUAL(tug_mutex_lock(&line->mutex), 0);
    for (int i = 0; i < 4; i++) {
        line->queued[i] = (struct queued){.mutex = &line->mutex, .turn = &line->turn};
        line->tasks[i] = fixture_spawn(lock_in_turn, &line->queued[i]);
        CHECK_EQUAL(pause > 0 ? tug_sleep(pause) : tug_yield(), 0);
    }
    return 0;
}

static int64_t first_come_first_served(void *argument)
{
    (void)argument;
    struct line line;
    CHECK_EQUAL(queue_up(&line, 2 * TUG_MILLISECOND), 0);
    tug_task_abort(line.tasks[1]);
    CHECK_EQUAL(fixture_join(line.tasks[1]), -ECANCELED);
    tug_mutex_unlock(&line.mutex);
    CHECK_EQUAL(tug_mutex_lock(&line.mutex), 0); /* behind those who waited */
    CHECK_EQUAL(line.turn, 3);
    tug_mutex_unlock(&line.mutex);
    for (int i = 0; i < 4; i++)
        if (i != 1)
            CHECK_EQUAL(fixture_join(line.tasks[i]), 0);
    CHECK_EQUAL(line.queued[0].mine, 1);
    CHECK_EQUAL(line.queued[2].mine, 2);
    CHECK_EQUAL(line.queued[3].mine, 3);
    return 0;
}

static int64_t those_who_wait_keep_their_order(void *argument)
{
    (void)argument;
    struct line line;
    CHECK_EQUAL(queue_up(&line, 0), 0);
    tug_mutex_unlock(&line.mutex);
    for (int i = 0; i < 4; i++) { /* each finds the mutex taken now and then */
        if (tug_mutex_try_lock(&line.mutex) == 0) {
            tug_yield();
            tug_mutex_unlock(&line.mutex);
        }
        tug_yield();
    }
    for (int i = 0; i < 4; i++) {
        CHECK_EQUAL(fixture_join(line.tasks[i]), 0);
        CHECK_EQUAL(line.queued[i].mine, i + 1);
    }
    return 0;
}

static int64_t lock_and_unlock(void *argument)
{
    struct tug_mutex *mutex = argument;
    int result = tug_mutex_lock(mutex);
    if (result == 0)
        tug_mutex_unlock(mutex);
    return result;
}

/* A waiter that came a moment ago is passed by who asks while the mutex is free. Where a moment
 * takes longer than the waiter bears, another try may do. */
static int64_t a_free_mutex_can_be_had_past_the_queue(void *argument)
{
    (void)argument;
    bool passed = false;
    for (int tries = 0; tries < 1000 && !passed; tries++) {
        struct tug_mutex mutex = TUG_MUTEX_INIT;
        CHECK_EQUAL(tug_mutex_lock(&mutex), 0);
        struct tug_task *waiter = fixture_spawn(lock_and_unlock, &mutex);
        tug_yield();
        tug_mutex_unlock(&mutex);
        passed = tug_mutex_try_lock(&mutex) == 0;
        if (passed)
            tug_mutex_unlock(&mutex);
        CHECK_EQUAL(fixture_join(waiter), 0);
    }
    CHECK(passed);
    return 0;
}

struct hog {
    struct tug_mutex mutex;
    bool enough; /* the waiter has had its turn */
};

/* Others run only while the mutex is taken. */
static int64_t keep_it_while_others_run(void *argument)
{
    struct hog *hog = argument;
    const uint64_t end = tug_now() + 10 * TUG_SECOND;
    do {
        CHECK_EQUAL(tug_mutex_lock(&hog->mutex), 0);
        tug_yield();
        tug_mutex_unlock(&hog->mutex);
        CHECK(tug_now() < end);
    } while (!__atomic_load_n(&hog->enough, __ATOMIC_ACQUIRE));
    return 0;
}

static int64_t nobody_is_passed_for_ever(void *argument)
{
    (void)argument;
    struct hog hog = {.mutex = TUG_MUTEX_INIT};
    struct tug_task *task = fixture_spawn(keep_it_while_others_run, &hog);
    for (int round = 0; round < 3; round++) {
        tug_yield();
        CHECK_EQUAL(tug_mutex_lock(&hog.mutex), 0);
        tug_mutex_unlock(&hog.mutex);
    }
    __atomic_store_n(&hog.enough, true, __ATOMIC_RELEASE);
    return fixture_join(task);
}

/* Woken, and aborted before it has run: the next is woken in its place. */
static int64_t a_wake_is_not_lost_with_its_waiter(void *argument)
{
    (void)argument;
    for (int waited = 0; waited < 2; waited++) {
        struct tug_mutex mutex = TUG_MUTEX_INIT;
        CHECK_EQUAL(tug_mutex_lock(&mutex), 0);
        struct tug_task *waiter = fixture_spawn(lock_and_unlock, &mutex);
        tug_yield();
        struct tug_task *next = fixture_spawn(lock_and_unlock, &mutex);
        tug_yield();
        if (waited) /* then it is handed over */
            CHECK_EQUAL(tug_sleep(3 * TUG_MILLISECOND), 0);
        tug_mutex_unlock(&mutex);
        tug_task_abort(waiter);
        CHECK_EQUAL(fixture_join(waiter), -ECANCELED);
        CHECK_EQUAL(fixture_join(next), 0);
        CHECK_EQUAL(tug_mutex_try_lock(&mutex), 0);
    }
    return 0;
}

static int64_t unlock_it(void *mutex)
{
    tug_mutex_unlock(mutex);
    return 0;
}

/* The lock is handed to a task that is aborted at the same moment. */
static int64_t a_lock_is_not_lost_with_its_waiter(void *argument)
{
    (void)argument;
    for (int round = 0; round < 100; round++) {
        struct tug_mutex mutex = TUG_MUTEX_INIT;
        struct fixture_thread thread;
        CHECK_EQUAL(tug_mutex_lock(&mutex), 0);
        struct tug_task *waiter = fixture_spawn(lock_and_unlock, &mutex);
        struct tug_task *next = fixture_spawn(lock_and_unlock, &mutex);
        tug_yield();
        fixture_thread_start(&thread, unlock_it, &mutex);
        if (round % 2 == 0)
            tug_yield();
        tug_task_abort(waiter);
        int64_t result = fixture_join(waiter);
        CHECK(result == 0 || result == -ECANCELED);
        CHECK_EQUAL(fixture_join(next), 0);
        fixture_thread_join(&thread);
        CHECK_EQUAL(tug_mutex_try_lock(&mutex), 0);
    }
    return 0;
}

static int64_t a_future_locks_or_does_not(void *argument)
{
    (void)argument;
    struct tug_mutex held = TUG_MUTEX_INIT, free_one = TUG_MUTEX_INIT;
    struct tug_mutex_future first, second;
    CHECK_EQUAL(tug_mutex_lock(&held), 0);
    tug_mutex_future_init(&first, &held);
    tug_mutex_future_init(&second, &free_one);
    struct tug_future *futures[] = {&first.future, &second.future};
    CHECK_EQUAL(tug_select_biased(futures, 2), 1);
    CHECK_EQUAL(first.future.result, -ECANCELED);
    CHECK_EQUAL(tug_mutex_try_lock(&free_one), -EBUSY);
    tug_mutex_unlock(&held);
    CHECK_EQUAL(tug_mutex_try_lock(&held), 0);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_mutex_lock(&held)), -ETIMEDOUT);
    return 0;
}

/* ---- what a mutex guards may be freed ---- */

struct counted {
    struct tug_mutex mutex;
    int references;
};

static int64_t drop_reference(void *argument)
{
    struct counted *counted = argument;
    CHECK_EQUAL(tug_mutex_lock(&counted->mutex), 0);
    int left = --counted->references;
    tug_mutex_unlock(&counted->mutex);
    if (left == 0)
        free(counted);
    return 0;
}

static int64_t the_last_to_lock_may_free(void *argument)
{
    (void)argument;
    for (int round = 0; round < 100; round++) {
        struct counted *counted = malloc(sizeof *counted);
        CHECK(counted != NULL);
        *counted = (struct counted){TUG_MUTEX_INIT, 3};
        struct fixture_thread thread;
        fixture_thread_start(&thread, drop_reference, counted);
        struct tug_task *task = fixture_spawn(drop_reference, counted);
        CHECK_EQUAL(drop_reference(counted), 0);
        CHECK_EQUAL(fixture_join(task), 0);
        fixture_thread_join(&thread);
    }
    return 0;
}

/* ---- the budget ---- */

static int64_t set_flag(void *argument)
{
    *(bool *)argument = true;
    return 0;
}

static int64_t locking_is_cooperative(void *argument)
{
    (void)argument;
    struct tug_mutex mutex = TUG_MUTEX_INIT;
    bool other_ran = false;
    int rounds = 0;
    struct tug_task *other = fixture_spawn(set_flag, &other_ran);
    while (!other_ran) {
        CHECK_EQUAL(lock_and_unlock(&mutex), 0);
        CHECK(++rounds < 1000);
    }
    CHECK_RANGE(rounds, 100, 130);
    return fixture_join(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        IN_EACH(tasks_and_threads_exclude_each_other),
        IN_EACH(first_come_first_served),
        IN_CURRENT_THREAD(those_who_wait_keep_their_order),
        IN_WORKERS(those_who_wait_keep_their_order, 1),
        IN_CURRENT_THREAD(a_free_mutex_can_be_had_past_the_queue),
        IN_EACH(nobody_is_passed_for_ever),
        IN_CURRENT_THREAD(a_wake_is_not_lost_with_its_waiter),
        IN_EACH(a_lock_is_not_lost_with_its_waiter),
        IN_EACH(a_future_locks_or_does_not),
        IN_EACH(the_last_to_lock_may_free),
        IN_CURRENT_THREAD(locking_is_cooperative),
    };
    return cmocka_run_group_tests_name("sync/mutex", tests, NULL, NULL);
}

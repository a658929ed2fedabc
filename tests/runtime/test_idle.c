/* SPDX-License-Identifier: MIT */
/*
 * Who searches and who sleeps: the four rules of idle.h one by one, then workers that keep them
 * while others make work, and at last the runtime itself, where work comes again and again to
 * workers that are just falling asleep. A wake that is lost is a test that does not end.
 */
#include <errno.h>
#include <pthread.h>

#include "fixture.h"
#include "runtime/idle.h"
#include "sys/futex.h"
#include "sys/sanitizer.h"

static struct tug_idle idle;

/* ---- the rules ---- */

static void test_nobody_is_woken_while_all_are_awake(void **state)
{
    (void)state;
    assert_int_equal(tug_idle_init(&idle, 4), 0);
    assert_int_equal(tug_idle_worker_to_notify(&idle), -1);
    assert_false(tug_idle_wants_work(&idle));
    tug_idle_destroy(&idle);
}

static void test_one_is_woken_and_searches(void **state)
{
    (void)state;
    assert_int_equal(tug_idle_init(&idle, 4), 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_false(tug_idle_sleep(&idle, i, false));
    assert_true(tug_idle_wants_work(&idle));
    assert_true(tug_idle_is_sleeping(&idle, 2));
    assert_int_equal(tug_idle_worker_to_notify(&idle), 2); /* who slept last */
    assert_false(tug_idle_is_sleeping(&idle, 2));
    /* It counts as a searcher, so nobody else is woken ... */
    assert_int_equal(tug_idle_worker_to_notify(&idle), -1);
    /* ... until it has found work, as the last that searched. */
    assert_true(tug_idle_stop_searching(&idle));
    assert_int_equal(tug_idle_worker_to_notify(&idle), 1);
    assert_true(tug_idle_stop_searching(&idle));
    assert_int_equal(tug_idle_worker_to_notify(&idle), 0);
    assert_true(tug_idle_stop_searching(&idle));
    assert_int_equal(tug_idle_worker_to_notify(&idle), -1);
    tug_idle_destroy(&idle);
}

static void test_half_of_the_workers_search(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 9; workers++) {
        assert_int_equal(tug_idle_init(&idle, workers), 0);
        uint32_t searching = 0;
        while (tug_idle_start_searching(&idle))
            searching++;
        assert_int_equal(searching, (workers + 1) / 2);
        for (uint32_t i = searching; i > 0; i--)
            assert_int_equal(tug_idle_stop_searching(&idle), i == 1);
        tug_idle_destroy(&idle);
    }
}

static void test_the_last_searcher_is_told_so(void **state)
{
    (void)state;
    assert_int_equal(tug_idle_init(&idle, 4), 0);
    assert_true(tug_idle_start_searching(&idle));
    assert_true(tug_idle_start_searching(&idle));
    assert_false(tug_idle_sleep(&idle, 0, true));
    assert_false(tug_idle_sleep(&idle, 1, false));
    assert_true(tug_idle_sleep(&idle, 2, true));
    tug_idle_destroy(&idle);
}

static void test_waking_up_by_oneself(void **state)
{
    (void)state;
    assert_int_equal(tug_idle_init(&idle, 3), 0);
    for (uint32_t i = 0; i < 3; i++)
        tug_idle_sleep(&idle, i, false);
    assert_true(tug_idle_wake_up(&idle, 1));
    assert_false(tug_idle_is_sleeping(&idle, 1));
    assert_true(tug_idle_is_sleeping(&idle, 0));
    assert_true(tug_idle_is_sleeping(&idle, 2));
    int chosen = tug_idle_worker_to_notify(&idle);
    assert_true(chosen == 0 || chosen == 2);
    assert_false(tug_idle_wake_up(&idle, (uint32_t)chosen)); /* chosen already */
    assert_true(tug_idle_wake_up(&idle, 2 - (uint32_t)chosen));
    assert_true(tug_idle_stop_searching(&idle));
    assert_false(tug_idle_wants_work(&idle));
    tug_idle_destroy(&idle);
}

/* ---- workers that keep the rules ---- */

enum { MODEL_WORKERS = 4, MODEL_SOURCES = 2, MODEL_WORK = TUG_TSAN ? 3000 : 20000 };

static struct model {
    int64_t work; /* atomic: to be done */
    int64_t done; /* atomic */
    bool end;     /* atomic */
    struct {
        uint32_t woken; /* futex word */
        pthread_t handle;
    } workers[MODEL_WORKERS];
} model;

static void model_notify(void)
{
    int worker = tug_idle_worker_to_notify(&idle);
    if (worker < 0)
        return;
    __atomic_store_n(&model.workers[worker].woken, 1, __ATOMIC_RELEASE);
    tug_futex_wake(&model.workers[worker].woken, 1);
}

static bool model_take(void)
{
    int64_t work = __atomic_load_n(&model.work, __ATOMIC_SEQ_CST);
    do {
        if (work == 0)
            return false;
    } while (!__atomic_compare_exchange_n(&model.work, &work, work - 1, true, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    return true;
}

static void *model_worker(void *argument)
{
    uint32_t index = (uint32_t)fixture_number(argument);
    uint32_t *woken = &model.workers[index].woken;
    bool searching = false;
    while (!__atomic_load_n(&model.end, __ATOMIC_ACQUIRE)) {
        if (searching || tug_idle_start_searching(&idle)) {
            searching = true;
            if (model_take()) {
                searching = false;
                if (tug_idle_stop_searching(&idle))
                    model_notify();
                __atomic_fetch_add(&model.done, 1, __ATOMIC_RELEASE);
                continue;
            }
        }
        __atomic_store_n(woken, 0, __ATOMIC_RELAXED);
        if (tug_idle_sleep(&idle, index, searching) &&
            __atomic_load_n(&model.work, __ATOMIC_SEQ_CST) != 0)
            model_notify();
        while (__atomic_load_n(woken, __ATOMIC_ACQUIRE) == 0)
            tug_futex_wait(woken, 0, UINT64_MAX);
        searching = true;
    }
    if (searching)
        tug_idle_stop_searching(&idle);
    return NULL;
}

static int64_t model_source(void *argument)
{
    (void)argument;
    for (int i = 0; i < MODEL_WORK; i++) {
        __atomic_fetch_add(&model.work, 1, __ATOMIC_SEQ_CST);
        model_notify();
        /* Now and then all is done before there is more. */
        if (i % 7 == 0)
            AWAIT_ON_THREAD(__atomic_load_n(&model.work, __ATOMIC_ACQUIRE) == 0 || i % 3 != 0);
    }
    return 0;
}

static void test_work_is_done_whoever_sleeps(void **state)
{
    (void)state;
    struct fixture_thread sources[MODEL_SOURCES];
    assert_int_equal(tug_idle_init(&idle, MODEL_WORKERS), 0);
    memset(&model, 0, sizeof model);
    for (int i = 0; i < MODEL_WORKERS; i++)
        assert_int_equal(
            pthread_create(&model.workers[i].handle, NULL, model_worker, fixture_argument(i)), 0);
    for (int i = 0; i < MODEL_SOURCES; i++)
        fixture_thread_start(&sources[i], model_source, NULL);
    for (int i = 0; i < MODEL_SOURCES; i++)
        fixture_thread_join(&sources[i]);
    AWAIT_ON_THREAD(__atomic_load_n(&model.done, __ATOMIC_ACQUIRE) == MODEL_SOURCES * MODEL_WORK);
    __atomic_store_n(&model.end, true, __ATOMIC_RELEASE);
    for (int i = 0; i < MODEL_WORKERS; i++) {
        __atomic_store_n(&model.workers[i].woken, 1, __ATOMIC_RELEASE);
        tug_futex_wake(&model.workers[i].woken, 1);
    }
    for (int i = 0; i < MODEL_WORKERS; i++)
        pthread_join(model.workers[i].handle, NULL);
    tug_idle_destroy(&idle);
}

/* ---- the runtime ---- */

enum { BURSTS = TUG_TSAN ? 300 : 2000 };

static int64_t yield_some(void *argument)
{
    for (int64_t i = fixture_number(argument) % 3; i > 0; i--)
        CHECK_EQUAL(tug_yield(), 0);
    return fixture_number(argument);
}

static int64_t spawn_two(void *argument)
{
    struct tug_task *left = fixture_spawn(yield_some, argument);
    struct tug_task *right = fixture_spawn(yield_some, argument);
    return fixture_join(left) + fixture_join(right) - fixture_number(argument);
}

/* Bursts from outside, each after the one before has ended: the workers fall asleep in between, and
 * nothing else wakes them. */
static void bursts_from_outside(struct tug_runtime *runtime)
{
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    options.runtime = runtime;
    for (int burst = 0; burst < BURSTS; burst++) {
        enum { MOST = 8 };
        struct tug_task *tasks[MOST];
        int count = 1 + burst % MOST;
        for (int i = 0; i < count; i++)
            assert_int_equal(tug_spawn_with(&tasks[i], &options,
                                            burst % 3 == 0 ? spawn_two : yield_some,
                                            fixture_argument(i)),
                             0);
        for (int i = 0; i < count; i++) {
            int64_t result;
            assert_int_equal(tug_join(tasks[i], &result), 0);
            assert_int_equal(result, i);
        }
        /* Sometimes long enough for all to be asleep, mostly not. */
        if (burst % 16 == 0)
            usleep(200);
    }
}

static int64_t bursts_from_thread(void *runtime)
{
    bursts_from_outside(runtime);
    return 0;
}

static void bursts_from_threads(struct tug_runtime *runtime)
{
    struct fixture_thread threads[3];
    for (int i = 0; i < 3; i++)
        fixture_thread_start(&threads[i], bursts_from_thread, runtime);
    for (int i = 0; i < 3; i++)
        fixture_thread_join(&threads[i]);
}

/* Two tasks that hand a value to and fro, between workers that sleep meanwhile. */
struct court {
    struct tug_oneshot to[2];
    int rounds;
};

static int64_t hand_over(struct court *court, int side)
{
    for (int i = 0; i < court->rounds; i++) {
        int64_t value;
        CHECK_EQUAL(tug_oneshot_receive(&court->to[side], &value), 0);
        CHECK_EQUAL(value, 2 * i + side);
        tug_oneshot_init(&court->to[side]);
        CHECK_EQUAL(tug_oneshot_send(&court->to[!side], value + 1), 0);
    }
    return 0;
}

static int64_t left_player(void *court)
{
    return hand_over(court, 0);
}

static int64_t right_player(void *court)
{
    return hand_over(court, 1);
}

static int64_t pinned_players(void *argument)
{
    (void)argument;
    struct court court = {.rounds = BURSTS};
    tug_oneshot_init(&court.to[0]);
    tug_oneshot_init(&court.to[1]);
    CHECK_EQUAL(tug_oneshot_send(&court.to[0], 0), 0);
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *left, *right;
    options.worker = 0;
    CHECK_EQUAL(tug_spawn_with(&left, &options, left_player, &court), 0);
    options.worker = fixture_current()->workers > 1;
    CHECK_EQUAL(tug_spawn_with(&right, &options, right_player, &court), 0);
    CHECK_EQUAL(fixture_join(left), 0);
    CHECK_EQUAL(fixture_join(right), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_is_woken_while_all_are_awake),
        cmocka_unit_test(test_one_is_woken_and_searches),
        cmocka_unit_test(test_half_of_the_workers_search),
        cmocka_unit_test(test_the_last_searcher_is_told_so),
        cmocka_unit_test(test_waking_up_by_oneself),
        cmocka_unit_test(test_work_is_done_whoever_sleeps),
        OUTSIDE_MULTI_THREAD(bursts_from_outside),
        OUTSIDE_MULTI_THREAD(bursts_from_threads),
        IN_EACH(pinned_players),
    };
    return cmocka_run_group_tests_name("runtime/idle", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The value that is set once: by whom, and what happens when the one who makes it fails.
 */
#include <errno.h>

#include "../runtime/fixture.h"

static void test_it_is_set_once(void **state)
{
    (void)state;
    struct tug_once once;
    int64_t value = 0;
    tug_once_init(&once);
    assert_int_equal(tug_once_get(&once, &value), -EAGAIN);
    assert_int_equal(tug_once_set(&once, -7), 0);
    assert_int_equal(tug_once_set(&once, 8), -EALREADY);
    assert_int_equal(tug_once_get(&once, &value), 0);
    assert_int_equal(value, -7);
    value = 0;
    assert_int_equal(tug_once_wait(&once, &value), 0);
    assert_int_equal(value, -7);
}

/* How a value is made: the number of the attempt, after a while, or an error. */
struct maker {
    struct tug_once *once;
    uint32_t *attempts; /* atomic */
    int error;
    uint64_t delay;
    int64_t value;
};

static int make(void *argument, int64_t *value)
{
    struct maker *maker = argument;
    *value = 100 + __atomic_add_fetch(maker->attempts, 1, __ATOMIC_RELAXED);
    int error = maker->delay > 0 ? tug_sleep(maker->delay) : 0;
    return error != 0 ? error : maker->error;
}

static int64_t get_or_make(void *argument)
{
    struct maker *maker = argument;
    return tug_once_get_or_make(maker->once, make, maker, &maker->value);
}

static void test_a_thread_may_make_it(void **state)
{
    (void)state;
    struct tug_once once = TUG_ONCE_INIT;
    uint32_t attempts = 0;
    struct maker bad = {&once, &attempts, -EIO, 0, 0}, good = {&once, &attempts, 0, 0, 0};
    assert_int_equal(get_or_make(&bad), -EIO);
    assert_int_equal(get_or_make(&good), 0);
    assert_int_equal(get_or_make(&bad), 0);
    assert_int_equal(good.value, 102);
    assert_int_equal(bad.value, 102);
    assert_int_equal(attempts, 2);
}

enum { CROWD = 10 };

static int64_t one_makes_it_for_all(void *argument)
{
    (void)argument;
    struct tug_once once = TUG_ONCE_INIT;
    struct maker makers[CROWD];
    struct tug_task *tasks[CROWD];
    uint32_t attempts = 0;
    for (int i = 0; i < CROWD; i++) {
        makers[i] = (struct maker){&once, &attempts, 0, 2 * TUG_MILLISECOND, 0};
        tasks[i] = fixture_spawn(get_or_make, &makers[i]);
    }
    for (int i = 0; i < CROWD; i++) {
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
        CHECK_EQUAL(makers[i].value, 101);
    }
    CHECK_EQUAL(attempts, 1);
    return 0;
}

/* The first is cancelled while it makes the value, the second fails, the third succeeds. */
static int64_t the_next_has_its_turn(void *argument)
{
    (void)argument;
    struct tug_once once = TUG_ONCE_INIT;
    uint32_t attempts = 0;
    struct maker makers[] = {{&once, &attempts, 0, 60 * TUG_SECOND, 0},
                             {&once, &attempts, -EIO, TUG_MILLISECOND, 0},
                             {&once, &attempts, 0, TUG_MILLISECOND, 0},
                             {&once, &attempts, 0, TUG_MILLISECOND, 0}};
    struct tug_task *tasks[4];
    for (int i = 0; i < 4; i++) {
        tasks[i] = fixture_spawn(get_or_make, &makers[i]);
        CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    }
    CHECK_EQUAL(tug_once_set(&once, 1), -EBUSY);
    int64_t value;
    CHECK_EQUAL(tug_once_get(&once, &value), -EAGAIN);
    tug_task_abort(tasks[0]);
    CHECK_EQUAL(fixture_join(tasks[0]), -ECANCELED);
    CHECK_EQUAL(fixture_join(tasks[1]), -EIO);
    CHECK_EQUAL(fixture_join(tasks[2]), 0);
    CHECK_EQUAL(fixture_join(tasks[3]), 0);
    CHECK_EQUAL(makers[2].value, 103);
    CHECK_EQUAL(makers[3].value, 103);
    CHECK_EQUAL(attempts, 3);
    return 0;
}

/* ---- waiting without making ---- */

static int64_t wait_for_value(void *argument)
{
    int64_t value = 0;
    int result = tug_once_wait(argument, &value);
    return result != 0 ? result : value;
}

static int64_t set_it(void *argument)
{
    usleep(2000);
    return tug_once_set(argument, 55);
}

static int64_t all_who_wait_are_told(void *argument)
{
    (void)argument;
    struct tug_once once = TUG_ONCE_INIT;
    struct tug_task *tasks[CROWD];
    struct fixture_thread setter, waiter;
    int64_t value;
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_once_wait(&once, &value)), -ETIMEDOUT);
    fixture_thread_start(&waiter, wait_for_value, &once);
    for (int i = 0; i < CROWD; i++)
        tasks[i] = fixture_spawn(wait_for_value, &once);
    fixture_thread_start(&setter, set_it, &once);
    for (int i = 0; i < CROWD; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 55);
    CHECK_EQUAL(fixture_thread_await(&waiter), 55);
    CHECK_EQUAL(fixture_thread_await(&setter), 0);
    return 0;
}

static int64_t it_may_be_one_of_several_futures(void *argument)
{
    (void)argument;
    struct tug_once unset = TUG_ONCE_INIT, other = TUG_ONCE_INIT;
    struct tug_once_future first, second;
    tug_once_future_init(&second, &other);
    CHECK_EQUAL(tug_once_set(&other, 3), 0);
    tug_once_future_init(&first, &unset);
    struct tug_future *futures[] = {&first.future, &second.future};
    CHECK_EQUAL(tug_select_biased(futures, 2), 1);
    CHECK_EQUAL(first.future.result, -ECANCELED);
    tug_once_future_init(&first, &other);
    CHECK_EQUAL(tug_await(&first.future), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_set_once), cmocka_unit_test(test_a_thread_may_make_it),
        IN_EACH(one_makes_it_for_all),         IN_EACH(the_next_has_its_turn),
        IN_EACH(all_who_wait_are_told),        IN_EACH(it_may_be_one_of_several_futures),
    };
    return cmocka_run_group_tests_name("sync/once", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Task-locals: they belong to the task, wherever it runs, and to nobody else.
 */
#include "../runtime/fixture.h"

static void count_one(void *value)
{
    __atomic_fetch_add((int *)value, 1, __ATOMIC_RELAXED);
}

static const struct tug_task_local number = {NULL};
static const struct tug_task_local counted = {count_one};

static int64_t get_number(void)
{
    return fixture_number(tug_task_local_get(&number));
}

static int64_t scopes_nest(void *argument)
{
    (void)argument;
    struct tug_task_local_scope outer, inner, other;
    int destroyed = 0;
    CHECK_EQUAL(get_number(), 0);
    CHECK(!tug_task_local_set(&number, fixture_argument(1)));
    tug_task_local_begin(&outer, &number, fixture_argument(1));
    CHECK_EQUAL(get_number(), 1);
    tug_task_local_begin(&other, &counted, &destroyed);
    CHECK_EQUAL(get_number(), 1);
    tug_task_local_begin(&inner, &number, fixture_argument(2));
    CHECK_EQUAL(get_number(), 2);
    CHECK(tug_task_local_get(&counted) == &destroyed);
    CHECK(tug_task_local_set(&number, fixture_argument(3)));
    CHECK_EQUAL(get_number(), 3);
    tug_task_local_end(&inner);
    CHECK_EQUAL(get_number(), 1);
    tug_task_local_end(&other);
    CHECK(tug_task_local_get(&counted) == NULL);
    tug_task_local_end(&outer);
    CHECK_EQUAL(get_number(), 0);
    CHECK_EQUAL(destroyed, 1);
    return 0;
}

static int64_t every_value_is_destroyed_once(void *argument)
{
    (void)argument;
    int first = 0, second = 0;
    struct tug_task_local_scope scope;
    tug_task_local_begin(&scope, &counted, &first);
    CHECK(tug_task_local_set(&counted, &second));
    CHECK_EQUAL(first, 1);
    CHECK(tug_task_local_set(&counted, NULL));
    CHECK_EQUAL(second, 1);
    CHECK(tug_task_local_get(&counted) == NULL);
    tug_task_local_end(&scope);
    CHECK_EQUAL(first + second, 2);
    return 0;
}

/* ---- many tasks, on all workers ---- */

static int64_t keep_number(void *argument)
{
    struct tug_task_local_scope scope, inner;
    CHECK_EQUAL(get_number(), 0);
    tug_task_local_begin(&scope, &number, argument);
    for (int i = 0; i < 20; i++) {
        CHECK_EQUAL(tug_yield(), 0);
        CHECK_EQUAL(get_number(), fixture_number(argument));
        tug_task_local_begin(&inner, &number, fixture_argument(-1));
        CHECK_EQUAL(tug_sleep(i % 5 == 0 ? 100 * TUG_MICROSECOND : 0), 0);
        CHECK_EQUAL(get_number(), -1);
        tug_task_local_end(&inner);
    }
    tug_task_local_end(&scope);
    return 0;
}

/* Leaves a scope behind, as a function that returns too early does. */
static int64_t forget_the_end(void *argument)
{
    static struct tug_task_local_scope scope; /* one such task at a time */
    tug_task_local_begin(&scope, &number, argument);
    return 0;
}

static int64_t each_task_has_its_own(void *argument)
{
    (void)argument;
    struct tug_group group;
    struct tug_task_local_scope scope;
    tug_task_local_begin(&scope, &number, fixture_argument(7));
    tug_group_init(&group, 0);
    for (int i = 1; i <= 100; i++)
        CHECK_EQUAL(tug_group_spawn(&group, keep_number, fixture_argument(i)), 0);
    CHECK_EQUAL(tug_group_wait(&group), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(fixture_join(fixture_spawn(forget_the_end, fixture_argument(9))), 0);
        CHECK_EQUAL(fixture_join(fixture_spawn(keep_number, fixture_argument(5))), 0);
    }
    CHECK_EQUAL(get_number(), 7);
    tug_task_local_end(&scope);
    return 0;
}

/* ---- not in a coroutine ---- */

static int64_t nobody_sees_it(void *argument)
{
    int destroyed = 0;
    struct tug_task_local_scope scope;
    tug_task_local_begin(&scope, &counted, &destroyed);
    CHECK(tug_task_local_get(&counted) == NULL);
    CHECK(!tug_task_local_set(&counted, NULL));
    tug_task_local_end(&scope);
    CHECK_EQUAL(destroyed, 1);
    return fixture_number(argument);
}

static int64_t outside_of_a_coroutine(void *argument)
{
    (void)argument;
    struct tug_task_local_scope scope;
    tug_task_local_begin(&scope, &number, fixture_argument(1));
    CHECK_EQUAL(fixture_on_thread(nobody_sees_it, fixture_argument(3)), 3);
    CHECK_EQUAL(tug_block_in_place(nobody_sees_it, fixture_argument(4)), 4);
    CHECK_EQUAL(get_number(), 1);
    tug_task_local_end(&scope);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(scopes_nest),
        IN_EACH(every_value_is_destroyed_once),
        IN_EACH(each_task_has_its_own),
        IN_EACH(outside_of_a_coroutine),
    };
    return cmocka_run_group_tests_name("task/local", tests, NULL, NULL);
}

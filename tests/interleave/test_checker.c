/* SPDX-License-Identifier: MIT */
/*
 * The checker itself: it finds faults that were planted, and nothing where there is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "instrument.h"

#include "sys/list.h"

static void assert_fails(const struct interleave_model *model, const char *expected)
{
    struct interleave_result result = interleave_explore(model);
    assert_non_null(result.failure);
    assert_non_null(strstr(result.failure, expected));
    assert_true(result.runs > 1); /* not in every order: it had to be looked for */
}

static void assert_holds(const struct interleave_model *model, uint64_t runs)
{
    struct interleave_result result = interleave_explore(model);
    if (result.failure != NULL)
        fail_msg("%s", result.failure);
    assert_true(result.complete);
    if (runs != 0)
        assert_int_equal(result.runs, runs);
}

/* ---- the orders are known ---- */

static uint32_t word;

static void reset_word(void)
{
    word = 0;
}

enum { ORDERS_MAX = 32, STEPS = 4 };

/* One run: whose step came first, second, ... And the runs so far, as text of `a` and `b`. */
static char order[STEPS + 1], orders[ORDERS_MAX][STEPS + 1];
static int steps_made, orders_seen;

static void begin_order(void)
{
    steps_made = 0;
}

static void note_step(void)
{
    interleave_step(NULL);
    order[steps_made++] = (char)('a' + interleave_self());
}

static void two_steps(void)
{
    note_step();
    note_step();
}

static void note_order(void)
{
    INTERLEAVE_CHECK(steps_made == STEPS);
    for (int i = 0; i < orders_seen; i++)
        if (strcmp(orders[i], order) == 0)
            return;
    INTERLEAVE_CHECK(orders_seen < ORDERS_MAX);
    memcpy(orders[orders_seen++], order, sizeof order);
}

static bool was_seen(const char *wanted)
{
    for (int i = 0; i < orders_seen; i++)
        if (strcmp(orders[i], wanted) == 0)
            return true;
    return false;
}

/* The orders of two times two steps are six; four need no more than one pre-emption, and two none.
 * A run goes from choice to choice: a thread has three pieces, the first of which ends where its
 * first step begins, and two times three pieces have twenty orders. */
static void test_all_orders_are_tried_once(void **state)
{
    (void)state;
    static const struct {
        unsigned preemptions, runs;
        int count;
        const char *orders[6];
    } cases[] = {
        {0, 2, 2, {"aabb", "bbaa"}},
        {1, 6, 4, {"aabb", "bbaa", "abba", "baab"}},
        {100, 20, 6, {"aabb", "bbaa", "abba", "baab", "abab", "baba"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct interleave_model model = {
            "steps", begin_order, {two_steps, two_steps}, note_order, cases[i].preemptions};
        orders_seen = 0;
        const struct interleave_result result = interleave_explore(&model);
        assert_true(result.failure == NULL && result.complete);
        assert_int_equal(orders_seen, cases[i].count);
        assert_int_equal(result.runs, cases[i].runs);
        for (int j = 0; j < cases[i].count; j++)
            assert_true(was_seen(cases[i].orders[j]));
    }
}

/* ---- an addition that is no atomic one ---- */

static void add_in_two_steps(void)
{
    uint32_t value = __atomic_load_n(&word, __ATOMIC_RELAXED);
    __atomic_store_n(&word, value + 1, __ATOMIC_RELAXED);
}

static void add_in_one_step(void)
{
    __atomic_fetch_add(&word, 1, __ATOMIC_RELAXED);
}

static void word_is_two(void)
{
    INTERLEAVE_CHECK(word == 2);
}

static void test_a_lost_addition_is_found(void **state)
{
    (void)state;
    struct interleave_model model = {
        "add", reset_word, {add_in_two_steps, add_in_two_steps}, word_is_two, 1};
    assert_fails(&model, "word == 2");
    model.preemptions = 0; /* then it cannot happen */
    assert_holds(&model, 2);
    model = (struct interleave_model){
        "add", reset_word, {add_in_one_step, add_in_one_step}, word_is_two, 2};
    assert_holds(&model, 0);
}

/* ---- a lost wake-up ---- */

static uint32_t happened, waiting;

static void reset_event(void)
{
    happened = waiting = 0;
}

static void make_it_happen(void)
{
    __atomic_store_n(&happened, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) != 0)
        interleave_unpark(0);
}

/* The planted fault: it may have happened between the look and the announcement. */
static void wait_without_second_look(void)
{
    if (__atomic_load_n(&happened, __ATOMIC_SEQ_CST) != 0)
        return;
    __atomic_store_n(&waiting, 1, __ATOMIC_SEQ_CST);
    interleave_park();
}

static void wait_properly(void)
{
    __atomic_store_n(&waiting, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&happened, __ATOMIC_SEQ_CST) == 0)
        interleave_park();
}

static void test_a_lost_wake_up_is_found(void **state)
{
    (void)state;
    struct interleave_model model = {
        "wait", reset_event, {wait_without_second_look, make_it_happen}, NULL, 2};
    assert_fails(&model, "all threads wait");
    model.threads[0] = wait_properly;
    assert_holds(&model, 0);
}

/* The same with a futex whose expected value is not what was looked at. */
static void sleep_badly(void)
{
    if (__atomic_load_n(&word, __ATOMIC_ACQUIRE) == 0)
        interleave_futex_wait(&word, __atomic_load_n(&word, __ATOMIC_ACQUIRE));
}

static void sleep_well(void)
{
    while (__atomic_load_n(&word, __ATOMIC_ACQUIRE) == 0)
        interleave_futex_wait(&word, 0);
}

static void wake_sleeper(void)
{
    __atomic_store_n(&word, 1, __ATOMIC_RELEASE);
    interleave_futex_wake(&word, 1);
}

static void test_a_futex_is_checked_as_one(void **state)
{
    (void)state;
    struct interleave_model model = {"futex", reset_word, {sleep_badly, wake_sleeper}, NULL, 2};
    assert_fails(&model, "all threads wait");
    model.threads[0] = sleep_well;
    assert_holds(&model, 0);
}

/* ---- a double free, a use after free ---- */

static struct {
    uint32_t references;
    uint32_t used;
} object;

static void make_object(void)
{
    object.references = 2;
    object.used = 0;
}

/* The planted fault: both may see that theirs was the last. */
static void drop_in_two_steps(void)
{
    __atomic_fetch_sub(&object.references, 1, __ATOMIC_ACQ_REL);
    if (__atomic_load_n(&object.references, __ATOMIC_ACQUIRE) == 0)
        interleave_give_up(&object, sizeof object);
}

static void drop_in_one_step(void)
{
    if (__atomic_fetch_sub(&object.references, 1, __ATOMIC_ACQ_REL) == 1)
        interleave_give_up(&object, sizeof object);
}

static void use_after_drop(void)
{
    drop_in_one_step();
    __atomic_store_n(&object.used, 1, __ATOMIC_RELAXED);
}

static void test_a_double_free_is_found(void **state)
{
    (void)state;
    struct interleave_model model = {
        "drop", make_object, {drop_in_two_steps, drop_in_two_steps}, NULL, 2};
    assert_fails(&model, "given up");
    model.threads[0] = model.threads[1] = drop_in_one_step;
    assert_holds(&model, 0);
    model.threads[0] = use_after_drop;
    assert_fails(&model, "touched after");
}

/* ---- wakers ---- */

static struct tug_waker kept;
static uint32_t has_waker;

static void reset_waker(void)
{
    has_waker = 0;
}

static void leave_waker_and_park(void)
{
    struct tug_waker mine = interleave_waker();
    kept = tug_waker_clone(&mine);
    __atomic_store_n(&has_waker, 1, __ATOMIC_RELEASE);
    interleave_park();
}

static void wake_and_keep(void)
{
    while (__atomic_load_n(&has_waker, __ATOMIC_ACQUIRE) == 0)
        interleave_yield();
    tug_waker_wake_by_ref(&kept);
}

static void wake_and_drop(void)
{
    while (__atomic_load_n(&has_waker, __ATOMIC_ACQUIRE) == 0)
        interleave_yield();
    tug_waker_wake(kept);
}

static void wake_and_drop_twice(void)
{
    wake_and_drop();
    tug_waker_drop(kept);
}

static void test_wakers_are_counted(void **state)
{
    (void)state;
    struct interleave_model model = {
        "waker", reset_waker, {leave_waker_and_park, wake_and_drop}, NULL, 2};
    assert_holds(&model, 0);
    model.threads[1] = wake_and_keep;
    assert_string_equal(interleave_explore(&model).failure, "a waker was not given up");
    model.threads[1] = wake_and_drop_twice;
    assert_string_equal(interleave_explore(&model).failure, "a waker was given up twice");
}

/* ---- loops ---- */

static void wait_for_ever(void)
{
    while (__atomic_load_n(&word, __ATOMIC_ACQUIRE) < 3)
        interleave_yield();
}

static void test_a_loop_without_an_end_is_found(void **state)
{
    (void)state;
    struct interleave_model model = {
        "loop", reset_word, {wait_for_ever, add_in_one_step, add_in_one_step}, NULL, 1};
    assert_string_equal(interleave_explore(&model).failure, "a loop without an end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_orders_are_tried_once),
        cmocka_unit_test(test_a_lost_addition_is_found),
        cmocka_unit_test(test_a_lost_wake_up_is_found),
        cmocka_unit_test(test_a_futex_is_checked_as_one),
        cmocka_unit_test(test_a_double_free_is_found),
        cmocka_unit_test(test_wakers_are_counted),
        cmocka_unit_test(test_a_loop_without_an_end_is_found),
    };
    return cmocka_run_group_tests_name("interleave/checker", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Cancellation tokens: the tree, and waiting for a token.
 */
#include <errno.h>

#include "../runtime/fixture.h"

/* ---- the tree ---- */

static void test_a_token_cancels_what_is_below(void **state)
{
    (void)state;
    struct tug_token root, left, right, leaf;
    tug_token_init(&root, NULL);
    tug_token_init(&left, &root);
    tug_token_init(&right, &root);
    tug_token_init(&leaf, &left);
    tug_token_cancel(&left);
    assert_int_equal(tug_token_reason(&root), 0);
    assert_int_equal(tug_token_reason(&left), -ECANCELED);
    assert_int_equal(tug_token_reason(&leaf), -ECANCELED);
    assert_int_equal(tug_token_reason(&right), 0);
    tug_token_cancel(&root);
    tug_token_cancel(&root);
    assert_int_equal(tug_token_reason(&root), -ECANCELED);
    assert_int_equal(tug_token_reason(&right), -ECANCELED);
    tug_token_destroy(&leaf);
    tug_token_destroy(&left);
    tug_token_destroy(&right);
    tug_token_destroy(&root);
}

static void test_a_token_is_born_as_its_parent_is(void **state)
{
    (void)state;
    struct tug_token root, child, grandchild;
    tug_token_init(&root, NULL);
    tug_token_cancel(&root);
    tug_token_init(&child, &root);
    tug_token_init(&grandchild, &child);
    assert_int_equal(tug_token_reason(&child), -ECANCELED);
    assert_int_equal(tug_token_reason(&grandchild), -ECANCELED);
    tug_token_destroy(&grandchild);
    tug_token_destroy(&child);
    tug_token_destroy(&root);
}

static void test_tokens_leave_the_tree_in_any_order(void **state)
{
    (void)state;
    enum { COUNT = 7 };
    for (int first = 0; first < COUNT; first++) {
        struct tug_token root, children[COUNT];
        tug_token_init(&root, NULL);
        for (int i = 0; i < COUNT; i++)
            tug_token_init(&children[i], &root);
        for (int i = 0; i < COUNT / 2; i++)
            tug_token_destroy(&children[(first + 3 * i) % COUNT]);
        tug_token_cancel(&root);
        for (int i = COUNT / 2; i < COUNT; i++) {
            assert_int_equal(tug_token_reason(&children[(first + 3 * i) % COUNT]), -ECANCELED);
            tug_token_destroy(&children[(first + 3 * i) % COUNT]);
        }
        /* What had left was not reached any more. */
        for (int i = 0; i < COUNT / 2; i++)
            assert_int_equal(tug_token_reason(&children[(first + 3 * i) % COUNT]), 0);
        tug_token_destroy(&root);
    }
}

/* Its children, among their new siblings, are reached by its parent's cancellation and may go in
 * any order; what it was cancelled for is theirs already. */
static void test_a_token_goes_before_its_children(void **state)
{
    (void)state;
    enum { COUNT = 3 };
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        for (int first = 0; first < 2 * COUNT; first++) {
            struct tug_token root, middle, others[COUNT], children[COUNT], grandchild, late;
            tug_token_init(&root, NULL);
            tug_token_init(&others[0], &root);
            tug_token_init(&middle, &root);
            for (int i = 0; i < COUNT; i++)
                tug_token_init(&children[i], &middle);
            for (int i = 1; i < COUNT; i++)
                tug_token_init(&others[i], &root);
            tug_token_init(&grandchild, &children[1]);
            if (cancelled)
                tug_token_cancel(&middle);
            tug_token_destroy(&middle);
            memset(&middle, 0x5a, sizeof middle);
            tug_token_init(&late, &children[0]);
            for (int i = 0; i < COUNT; i++) {
                assert_int_equal(tug_token_reason(&others[i]), 0);
                assert_int_equal(tug_token_reason(&children[i]), cancelled ? -ECANCELED : 0);
            }
            for (int i = 0; i < COUNT; i++) {
                int gone = (first + i) % (2 * COUNT);
                tug_token_destroy(gone < COUNT ? &children[gone] : &others[gone - COUNT]);
            }
            tug_token_cancel(&root);
            for (int i = COUNT; i < 2 * COUNT; i++) {
                int left = (first + i) % (2 * COUNT);
                struct tug_token *token = left < COUNT ? &children[left] : &others[left - COUNT];
                assert_int_equal(tug_token_reason(token), -ECANCELED);
                tug_token_destroy(token);
            }
            /* Now the root's own. */
            assert_int_equal(tug_token_reason(&grandchild), -ECANCELED);
            assert_int_equal(tug_token_reason(&late), -ECANCELED);
            tug_token_destroy(&late);
            tug_token_destroy(&grandchild);
            assert_null(root.first_child);
            tug_token_destroy(&root);
        }
    }
}

static void test_a_deep_tree_is_walked_whole(void **state)
{
    (void)state;
    enum { DEPTH = 2000 };
    static struct tug_token spine[DEPTH], ribs[DEPTH];
    for (int i = 0; i < DEPTH; i++) {
        tug_token_init(&spine[i], i == 0 ? NULL : &spine[i - 1]);
        tug_token_init(&ribs[i], &spine[i]);
    }
    tug_token_cancel(&spine[DEPTH / 2]);
    for (int i = 0; i < DEPTH; i++) {
        int reason = i < DEPTH / 2 ? 0 : -ECANCELED;
        assert_int_equal(tug_token_reason(&spine[i]), reason);
        assert_int_equal(tug_token_reason(&ribs[i]), reason);
    }
    tug_token_cancel(&spine[0]);
    assert_int_equal(tug_token_reason(&ribs[DEPTH / 2 - 1]), -ECANCELED);
    for (int i = DEPTH; i-- > 0;) {
        tug_token_destroy(&ribs[i]);
        tug_token_destroy(&spine[i]);
    }
}

/* ---- waiting ---- */

static int64_t await_token(void *argument)
{
    struct tug_token_future wait;
    tug_token_future_init(&wait, argument);
    return tug_await(&wait.future);
}

static int64_t cancel_token(void *token)
{
    tug_token_cancel(token);
    return 0;
}

static int64_t waiters_are_woken(void *argument)
{
    (void)argument;
    enum { COUNT = 50 };
    for (int round = 0; round < 4; round++) {
        struct tug_token root, leaf;
        struct tug_task *tasks[COUNT];
        tug_token_init(&root, NULL);
        tug_token_init(&leaf, &root);
        for (int i = 0; i < COUNT; i++)
            tasks[i] = fixture_spawn(await_token, i % 2 == 0 ? &root : &leaf);
        if (round > 0)
            CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
        for (int i = 0; i < COUNT && round > 0; i++)
            CHECK(!tug_task_is_finished(tasks[i]));
        if (round == 2)
            fixture_on_thread(cancel_token, &root);
        else
            tug_token_cancel(&root);
        for (int i = 0; i < COUNT; i++)
            CHECK_EQUAL(fixture_join(tasks[i]), 0);
        tug_token_destroy(&leaf);
        tug_token_destroy(&root);
    }
    return 0;
}

static int64_t a_cancelled_token_is_ready_at_once(void *argument)
{
    (void)argument;
    struct tug_token token;
    tug_token_init(&token, NULL);
    tug_token_cancel(&token);
    CHECK_EQUAL(await_token(&token), 0);
    tug_token_destroy(&token);
    return 0;
}

/* Who gives up waiting leaves the others waiting. */
static int64_t a_waiter_may_give_up(void *argument)
{
    (void)argument;
    struct tug_token token;
    struct tug_task *tasks[9];
    tug_token_init(&token, NULL);
    for (int i = 0; i < 9; i++)
        tasks[i] = fixture_spawn(await_token, &token);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    for (int i = 0; i < 9; i += 2) {
        tug_task_abort(tasks[i]);
        CHECK_EQUAL(fixture_join(tasks[i]), -ECANCELED);
    }
    tug_token_cancel(&token);
    for (int i = 1; i < 9; i += 2)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    tug_token_destroy(&token);
    return 0;
}

static int64_t a_token_ends_a_select(void *argument)
{
    (void)argument;
    for (int first = 0; first < 2; first++) {
        struct tug_token token;
        struct tug_token_future wait;
        struct tug_sleep_future sleep;
        tug_token_init(&token, NULL);
        tug_token_future_init(&wait, &token);
        tug_sleep_future_init(&sleep, first == 0 ? TUG_FOREVER : tug_deadline_after(1));
        struct tug_future *futures[] = {&wait.future, &sleep.future};
        struct fixture_thread thread;
        if (first == 0)
            fixture_thread_start(&thread, cancel_token, &token);
        CHECK_EQUAL(tug_select_biased(futures, 2), first);
        if (first == 0) {
            fixture_thread_await(&thread);
            /* Untouched if the token was faster than the first poll. */
            CHECK(sleep.future.result == -ECANCELED || sleep.future.result == 0);
        } else {
            CHECK_EQUAL(wait.future.result, -ECANCELED);
        }
        tug_token_destroy(&token);
    }
    return 0;
}

struct family {
    struct tug_token root, child;
    uint32_t begun;
};

static int64_t sleep_below_a_child(void *argument)
{
    struct family *family = argument;
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, &family->child);
    __atomic_store_n(&family->begun, 1, __ATOMIC_RELEASE);
    return tug_scope_end(&scope, tug_sleep(TUG_FOREVER));
}

static int64_t a_scope_outlives_its_token(void *argument)
{
    (void)argument;
    struct family family = {.begun = 0};
    tug_token_init(&family.root, NULL);
    tug_token_init(&family.child, &family.root);
    struct tug_task *task = fixture_spawn(sleep_below_a_child, &family);
    while (__atomic_load_n(&family.begun, __ATOMIC_ACQUIRE) == 0)
        tug_yield();
    tug_token_destroy(&family.child);
    memset(&family.child, 0x5a, sizeof family.child);
    tug_token_cancel(&family.root);
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    tug_token_destroy(&family.root);
    return 0;
}

/* The cancellation and the end of the wait come together. */
static int64_t giving_up_races_with_the_cancellation(void *argument)
{
    (void)argument;
    for (int i = 0; i < 200; i++) {
        struct tug_token token;
        struct fixture_thread thread;
        tug_token_init(&token, NULL);
        struct tug_task *task = fixture_spawn(await_token, &token);
        tug_yield();
        fixture_thread_start(&thread, cancel_token, &token);
        tug_task_abort(task);
        int64_t result = fixture_join(task);
        CHECK(result == 0 || result == -ECANCELED);
        fixture_thread_join(&thread);
        tug_token_destroy(&token);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_token_cancels_what_is_below),
        cmocka_unit_test(test_a_token_is_born_as_its_parent_is),
        cmocka_unit_test(test_tokens_leave_the_tree_in_any_order),
        cmocka_unit_test(test_a_token_goes_before_its_children),
        cmocka_unit_test(test_a_deep_tree_is_walked_whole),
        IN_EACH(waiters_are_woken),
        IN_EACH(a_cancelled_token_is_ready_at_once),
        IN_EACH(a_waiter_may_give_up),
        IN_EACH(a_token_ends_a_select),
        IN_EACH(a_scope_outlives_its_token),
        IN_EACH(giving_up_races_with_the_cancellation),
    };
    return cmocka_run_group_tests_name("task/token", tests, NULL, NULL);
}

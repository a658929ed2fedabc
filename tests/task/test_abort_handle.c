/* SPDX-License-Identifier: MIT */
/*
 * Abort handles: they end a task that nobody else has a handle of, and outlive it.
 */
#include <errno.h>

#include "../runtime/fixture.h"

#define MS TUG_MILLISECOND

static int ended; /* atomic */

static int64_t sleep_and_count(void *argument)
{
    int64_t result = fixture_sleep_forever(argument);
    __atomic_fetch_add(&ended, 1, __ATOMIC_RELEASE);
    return result;
}

static void expect_ended(int count)
{
    AWAIT(__atomic_load_n(&ended, __ATOMIC_ACQUIRE) == count);
    __atomic_store_n(&ended, 0, __ATOMIC_RELAXED);
}

static int64_t a_detached_task_is_aborted(void *argument)
{
    (void)argument;
    struct tug_task *task = fixture_spawn(sleep_and_count, NULL);
    uint64_t id = tug_task_id(task);
    struct tug_abort_handle *handle = tug_task_abort_handle(task);
    struct tug_abort_handle *other = tug_task_abort_handle(task);
    tug_task_detach(task);
    CHECK_EQUAL(tug_sleep(MS), 0);
    CHECK(!tug_abort_handle_is_finished(handle));
    CHECK_EQUAL(tug_abort_handle_id(handle), id);
    tug_abort_handle_abort(handle);
    tug_abort_handle_drop(handle);
    expect_ended(1);
    AWAIT(tug_abort_handle_is_finished(other));
    tug_abort_handle_drop(other);
    tug_abort_handle_drop(NULL);
    return 0;
}

/* Its memory is not another task's. */
static int64_t one_that_has_ended_is_not_affected(void *argument)
{
    (void)argument;
    enum { OTHERS = 100 };
    struct tug_task *task = fixture_spawn(fixture_return, fixture_argument(7)), *others[OTHERS];
    struct tug_abort_handle *handle = tug_task_abort_handle(task);
    uint64_t id = tug_abort_handle_id(handle);
    CHECK_EQUAL(fixture_join(task), 7);
    CHECK(tug_abort_handle_is_finished(handle));
    for (int i = 0; i < OTHERS; i++)
        others[i] = fixture_spawn(fixture_return, fixture_argument(i));
    tug_abort_handle_abort(handle);
    CHECK_EQUAL(tug_abort_handle_id(handle), id);
    for (int i = 0; i < OTHERS; i++)
        CHECK_EQUAL(fixture_join(others[i]), i);
    tug_abort_handle_drop(handle);
    return 0;
}

/* ---- of a set ---- */

static struct tug_abort_handle *add_to(struct tug_join_set *set)
{
    uint64_t id;
    CHECK_EQUAL(tug_join_set_spawn_with(set, NULL, sleep_and_count, NULL, &id), 0);
    struct tug_abort_handle *handle = tug_join_set_abort_handle(set, id);
    CHECK(handle != NULL);
    CHECK_EQUAL(tug_abort_handle_id(handle), id);
    return handle;
}

static int64_t children_are_aborted_also_after_their_set(void *argument)
{
    (void)argument;
    enum { COUNT = 20 };
    struct tug_abort_handle *handles[COUNT];
    struct tug_join_set set;
    int64_t result;
    uint64_t id;
    tug_join_set_init(&set);
    CHECK(tug_join_set_abort_handle(&set, UINT64_MAX) == NULL);
    for (int i = 0; i < COUNT; i++)
        handles[i] = add_to(&set);
    for (int i = 0; i < COUNT / 2; i++)
        tug_abort_handle_abort(handles[i]);
    for (int i = 0; i < COUNT / 2; i++) {
        CHECK_EQUAL(tug_join_set_next(&set, &result, &id), 1);
        CHECK_EQUAL(result, -ECANCELED);
        CHECK(tug_join_set_abort_handle(&set, id) == NULL);
    }
    expect_ended(COUNT / 2);
    tug_join_set_detach_all(&set);
    memset(&set, 0xff, sizeof set);
    for (int i = 0; i < COUNT; i++) {
        tug_abort_handle_abort(handles[i]);
        tug_abort_handle_drop(handles[i]);
    }
    expect_ended(COUNT / 2);
    return 0;
}

/* ---- from elsewhere ---- */

static int64_t abort_and_drop(void *handle)
{
    CHECK(!tug_abort_handle_is_finished(handle));
    tug_abort_handle_abort(handle);
    tug_abort_handle_drop(handle);
    return 0;
}

static int64_t another_thread_aborts(void *argument)
{
    (void)argument;
    struct tug_task *task = fixture_spawn(sleep_and_count, NULL);
    CHECK_EQUAL(fixture_on_thread(abort_and_drop, tug_task_abort_handle(task)), 0);
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    expect_ended(1);
    return 0;
}

static int64_t hand_over_and_sleep(void *handle)
{
    struct tug_abort_handle *own = tug_task_abort_handle(tug_task_current());
    __atomic_store_n((struct tug_abort_handle **)handle, own, __ATOMIC_RELEASE);
    return sleep_and_count(NULL);
}

static int64_t a_task_gives_its_own(void *argument)
{
    (void)argument;
    struct tug_abort_handle *handle = NULL;
    tug_task_detach(fixture_spawn(hand_over_and_sleep, &handle));
    AWAIT(__atomic_load_n(&handle, __ATOMIC_ACQUIRE) != NULL);
    tug_abort_handle_abort(handle);
    tug_abort_handle_drop(handle);
    expect_ended(1);
    return 0;
}

/* ---- the runtime has gone ---- */

static struct tug_abort_handle *kept[2];

static int64_t leave_two(void *argument)
{
    (void)argument;
    struct tug_task *task = fixture_spawn(fixture_return, fixture_argument(1));
    kept[0] = tug_task_abort_handle(task);
    CHECK_EQUAL(fixture_join(task), 1);
    task = fixture_spawn(sleep_and_count, NULL);
    kept[1] = tug_task_abort_handle(task);
    tug_task_detach(task);
    return 0;
}

static void it_outlives_the_runtime(unsigned workers)
{
    struct tug_runtime_options options = fixture_options(workers);
    CHECK_EQUAL(fixture_run(&options, leave_two, NULL), 0);
    for (int i = 0; i < 2; i++) {
        CHECK(tug_abort_handle_is_finished(kept[i]));
        tug_abort_handle_abort(kept[i]);
        CHECK(tug_abort_handle_id(kept[i]) > 0);
        tug_abort_handle_drop(kept[i]);
    }
    CHECK_EQUAL(ended, 1);
    ended = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(a_detached_task_is_aborted),
        IN_EACH(one_that_has_ended_is_not_affected),
        IN_EACH(children_are_aborted_also_after_their_set),
        IN_EACH(another_thread_aborts),
        IN_EACH(a_task_gives_its_own),
        ALONE_EACH(it_outlives_the_runtime),
    };
    return cmocka_run_group_tests_name("task/abort_handle", tests, NULL, NULL);
}

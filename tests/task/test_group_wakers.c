/* SPDX-License-Identifier: MIT */
/*
 * Who waits for the children of a group or a join set with a waker of its own may use the very
 * group when it is woken; and as many wakers are given up as were cloned.
 */
#include <errno.h>

#include "../runtime/fixture.h"
#include "../runtime/user_waker.h"

/* A child that runs until it is told to end, or aborted. */
static int64_t end_when_told(void *argument)
{
    bool *told = argument;
    while (!__atomic_load_n(told, __ATOMIC_ACQUIRE))
        if (tug_yield() < 0)
            return -ECANCELED;
    return 7;
}

static void tell(bool *told)
{
    __atomic_store_n(told, true, __ATOMIC_RELEASE);
}

/* ---- groups ---- */

static void use_group(void *group)
{
    tug_group_cancel(group);
}

static int64_t a_group_wakes_without_its_lock(void *argument)
{
    (void)argument;
    for (int cancel = 0; cancel < 2; cancel++) {
        struct tug_group group;
        struct tug_group_future wait;
        struct user_waker first = {.use = use_group, .argument = &group}, second = first;
        bool told = false;
        tug_group_init(&group, 0);
        CHECK_EQUAL(tug_group_spawn(&group, end_when_told, &told), 0);
        tug_group_future_init(&wait, &group);
        CHECK_EQUAL(poll_by(&wait.future, &first), TUG_PENDING);
        /* Spares the child for now: giving up the first waker cancels the group otherwise. */
        first.busy = true;
        CHECK_EQUAL(poll_by(&wait.future, &second), TUG_PENDING);
        CHECK_EQUAL(user_waker_clones(&first), 0);
        if (cancel)
            wait.future.vtable->cancel(&wait.future);
        else
            tell(&told);
        AWAIT(user_waker_wakes(&second) != 0 && user_waker_clones(&second) == 0);
        CHECK_EQUAL(poll_by(&wait.future, &second), TUG_READY);
        CHECK_EQUAL(wait.future.result, cancel ? -ECANCELED : 0);
        CHECK_EQUAL(user_waker_wakes(&first), 0);
        CHECK_EQUAL(user_waker_clones(&second), 0);
    }
    return 0;
}

static int64_t await_on_thread(void *future)
{
    return tug_await_blocking(future, tug_deadline_after(60 * TUG_SECOND));
}

/* A thread's waker knows how many of it there are, and its wait ends when there is none. */
static int64_t a_thread_waits_for_a_group(void *argument)
{
    (void)argument;
    struct tug_group group;
    struct tug_group_future wait;
    struct fixture_thread thread;
    bool told = false;
    tug_group_init(&group, 0);
    CHECK_EQUAL(tug_group_spawn(&group, end_when_told, &told), 0);
    tug_group_future_init(&wait, &group);
    fixture_thread_start(&thread, await_on_thread, &wait.future);
    CHECK_EQUAL(tug_sleep(5 * TUG_MILLISECOND), 0);
    tell(&told);
    CHECK_EQUAL(fixture_thread_await(&thread), 0);
    return 0;
}

/* ---- join sets ---- */

static void use_set(void *set)
{
    tug_join_set_abort_all(set);
}

static int64_t a_join_set_wakes_without_its_lock(void *argument)
{
    (void)argument;
    struct tug_join_set set;
    struct tug_join_set_future next;
    bool told = false;
    tug_join_set_init(&set);
    struct user_waker first = {.use = use_set, .argument = &set, .busy = true}, second = first;
    second.busy = false;
    CHECK_EQUAL(tug_join_set_spawn(&set, end_when_told, &told), 0);

    /* Another waker takes the place of the first, and then the wait is given up. */
    tug_join_set_future_init(&next, &set);
    CHECK_EQUAL(poll_by(&next.future, &first), TUG_PENDING);
    CHECK_EQUAL(poll_by(&next.future, &first), TUG_PENDING);
    CHECK_EQUAL(user_waker_clones(&first), 1);
    second.busy = true;
    CHECK_EQUAL(poll_by(&next.future, &second), TUG_PENDING);
    CHECK_EQUAL(user_waker_clones(&first), 0);
    next.future.vtable->cancel(&next.future);
    CHECK_EQUAL(user_waker_clones(&second), 0);
    CHECK_EQUAL(poll_by(&next.future, &second), TUG_READY);
    CHECK_EQUAL(next.future.result, -ECANCELED);

    tug_join_set_future_init(&next, &set);
    second.busy = false;
    CHECK_EQUAL(poll_by(&next.future, &second), TUG_PENDING);
    tell(&told);
    AWAIT(user_waker_wakes(&second) != 0 && user_waker_clones(&second) == 0);
    CHECK_EQUAL(poll_by(&next.future, &second), TUG_READY);
    CHECK_EQUAL(next.value, 7);
    CHECK_EQUAL(user_waker_wakes(&first), 0);
    CHECK_EQUAL(user_waker_clones(&second), 0);
    return 0;
}

/* A waker that is given up, and uses the set, while another takes its place. */
static int64_t a_join_set_gives_wakers_up_without_its_lock(void *argument)
{
    (void)argument;
    for (int cancel = 0; cancel < 2; cancel++) {
        struct tug_join_set set;
        struct tug_join_set_future next;
        bool told = false;
        tug_join_set_init(&set);
        struct user_waker first = {.use = use_set, .argument = &set}, second = first;
        CHECK_EQUAL(tug_join_set_spawn(&set, end_when_told, &told), 0);
        tug_join_set_future_init(&next, &set);
        CHECK_EQUAL(poll_by(&next.future, &first), TUG_PENDING);
        if (cancel)
            next.future.vtable->cancel(&next.future);
        else
            CHECK_EQUAL(poll_by(&next.future, &second), TUG_PENDING);
        CHECK_EQUAL(user_waker_clones(&first), 0);
        /* The use has aborted the child. */
        if (!cancel)
            AWAIT(user_waker_wakes(&second) != 0 && user_waker_clones(&second) == 0);
        CHECK_EQUAL(poll_by(&next.future, &second), TUG_READY);
        CHECK_EQUAL(cancel ? next.future.result : next.value, -ECANCELED);
        CHECK_EQUAL(tug_join_set_shutdown(&set), 0);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(a_group_wakes_without_its_lock),
        IN_EACH(a_thread_waits_for_a_group),
        IN_EACH(a_join_set_wakes_without_its_lock),
        IN_EACH(a_join_set_gives_wakers_up_without_its_lock),
    };
    return cmocka_run_group_tests_name("task/group_wakers", tests, NULL, NULL);
}

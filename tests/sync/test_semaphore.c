/* SPDX-License-Identifier: MIT */
/*
 * The semaphore: who is served in what order, what becomes of permits when somebody gives up, and
 * the end. What happens between threads is in test_semaphore_race.
 */
#include <errno.h>

#include "../runtime/fixture.h"
#include "polls.h"

#define LONG (60 * TUG_SECOND)

static void test_permits_are_counted(void **state)
{
    (void)state;
    struct tug_semaphore semaphore;
    assert_int_equal(tug_semaphore_init(&semaphore, 3), 0);
    assert_int_equal(tug_semaphore_available(&semaphore), 3);
    assert_int_equal(tug_semaphore_try_acquire(&semaphore, 4), -EAGAIN);
    assert_int_equal(tug_semaphore_try_acquire(&semaphore, 2), 0);
    assert_int_equal(tug_semaphore_available(&semaphore), 1);
    assert_int_equal(tug_semaphore_try_acquire(&semaphore, 1), 0);
    assert_int_equal(tug_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
    assert_int_equal(tug_semaphore_try_acquire(&semaphore, 0), 0);
    assert_int_equal(tug_semaphore_release(&semaphore, 5), 0); /* more than were taken */
    assert_int_equal(tug_semaphore_available(&semaphore), 5);
    /* A thread of no runtime takes and gives as well. */
    assert_int_equal(tug_semaphore_acquire(&semaphore, 5), 0);
    assert_int_equal(tug_semaphore_available(&semaphore), 0);

    static struct tug_semaphore constant = TUG_SEMAPHORE_INIT(2);
    assert_int_equal(tug_semaphore_available(&constant), 2);
}

static void test_there_is_a_largest_number(void **state)
{
    (void)state;
    struct tug_semaphore semaphore;
    assert_int_equal(tug_semaphore_init(&semaphore, TUG_SEMAPHORE_MAX + 1), -EINVAL);
    assert_int_equal(tug_semaphore_init(&semaphore, TUG_SEMAPHORE_MAX), 0);
    assert_int_equal(tug_semaphore_available(&semaphore), TUG_SEMAPHORE_MAX);
    assert_int_equal(tug_semaphore_release(&semaphore, 1), -EOVERFLOW);
    assert_int_equal(tug_semaphore_available(&semaphore), TUG_SEMAPHORE_MAX);
    assert_int_equal(tug_semaphore_try_acquire(&semaphore, TUG_SEMAPHORE_MAX + 1), -EINVAL);
    assert_int_equal(tug_semaphore_acquire(&semaphore, TUG_SEMAPHORE_MAX + 1), -EINVAL);
    struct tug_semaphore_future acquisition;
    tug_semaphore_future_init(&acquisition, &semaphore, TUG_SEMAPHORE_MAX + 1);
    assert_int_equal(tug_await_blocking(&acquisition.future, TUG_FOREVER), -EINVAL);
    assert_int_equal(tug_semaphore_try_acquire(&semaphore, TUG_SEMAPHORE_MAX), 0);
    assert_int_equal(tug_semaphore_release(&semaphore, TUG_SEMAPHORE_MAX), 0);
    assert_int_equal(tug_semaphore_release(&semaphore, SIZE_MAX), -EOVERFLOW);
}

static void test_permits_are_forgotten(void **state)
{
    (void)state;
    struct tug_semaphore semaphore;
    assert_int_equal(tug_semaphore_init(&semaphore, 5), 0);
    assert_int_equal(tug_semaphore_forget(&semaphore, 2), 2);
    assert_int_equal(tug_semaphore_available(&semaphore), 3);
    assert_int_equal(tug_semaphore_forget(&semaphore, 0), 0);
    assert_int_equal(tug_semaphore_forget(&semaphore, 10), 3);
    assert_int_equal(tug_semaphore_available(&semaphore), 0);
    assert_int_equal(tug_semaphore_forget(&semaphore, 1), 0);
}

/* ---- waiting ---- */

/* A task that takes permits, notes when it got them, and what it got. */
struct taker {
    struct tug_semaphore *semaphore;
    size_t permits;
    uint64_t timeout;
    struct tug_token *token;
    int *clock; /* counts those who have got theirs */
    int when;
};

static int64_t take(void *argument)
{
    struct taker *taker = argument;
    struct tug_scope scope;
    tug_scope_begin(&scope, tug_deadline_after(taker->timeout), taker->token);
    int64_t result = tug_scope_end(&scope, tug_semaphore_acquire(taker->semaphore, taker->permits));
    if (result == 0)
        taker->when = __atomic_add_fetch(taker->clock, 1, __ATOMIC_ACQ_REL);
    return result;
}

/* Spawns takers one after another, so that they queue in this order. */
static void queue_up(struct taker *takers, struct tug_task **tasks, int count,
                     struct tug_semaphore *semaphore, int *clock)
{
    for (int i = 0; i < count; i++) {
        takers[i].semaphore = semaphore;
        takers[i].clock = clock;
        if (takers[i].timeout == 0)
            takers[i].timeout = LONG;
        tasks[i] = fixture_spawn(take, &takers[i]);
        CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    }
}

static int clock_now(int *clock)
{
    return __atomic_load_n(clock, __ATOMIC_ACQUIRE);
}

static int64_t first_come_first_served(void *argument)
{
    (void)argument;
    enum { COUNT = 4 };
    struct tug_semaphore semaphore = TUG_SEMAPHORE_INIT(0);
    struct taker takers[COUNT] = {{.permits = 1}, {.permits = 3}, {.permits = 1}, {.permits = 2}};
    struct tug_task *tasks[COUNT];
    int clock = 0;
    queue_up(takers, tasks, COUNT, &semaphore, &clock);
    for (int i = 0; i < 7; i++) {
        CHECK_EQUAL(tug_semaphore_release(&semaphore, 1), 0);
        /* What is there belongs to those who wait, although the first wants more. */
        if (i < 6)
            CHECK_EQUAL(tug_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
        CHECK_EQUAL(tug_semaphore_available(&semaphore), 0);
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
        CHECK_EQUAL(takers[i].when, i + 1);
    }
    return 0;
}

static int64_t one_release_serves_many(void *argument)
{
    (void)argument;
    enum { COUNT = 40 };
    struct tug_semaphore semaphore = TUG_SEMAPHORE_INIT(0);
    struct taker takers[COUNT];
    struct tug_task *tasks[COUNT];
    int clock = 0;
    for (int i = 0; i < COUNT; i++) {
        takers[i] = (struct taker){&semaphore, 1, LONG, NULL, &clock, 0};
        tasks[i] = fixture_spawn(take, &takers[i]);
    }
    CHECK_EQUAL(tug_sleep(5 * TUG_MILLISECOND), 0);
    CHECK_EQUAL(clock_now(&clock), 0);
    CHECK_EQUAL(tug_semaphore_release(&semaphore, COUNT + 2), 0);
    for (int i = 0; i < COUNT; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    CHECK_EQUAL(tug_semaphore_available(&semaphore), 2);
    return 0;
}

/* The first has got two of its three when it gives up: they go to the next. */
static int64_t who_gives_up_passes_on_what_it_has(void *argument)
{
    (void)argument;
    struct tug_semaphore semaphore = TUG_SEMAPHORE_INIT(1);
    struct tug_token token;
    tug_token_init(&token, NULL);
    struct taker takers[] = {{.permits = 3, .token = &token}, {.permits = 2}, {.permits = 1}};
    struct tug_task *tasks[3];
    int clock = 0;
    queue_up(takers, tasks, 3, &semaphore, &clock);
    CHECK_EQUAL(tug_semaphore_release(&semaphore, 1), 0);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    CHECK_EQUAL(clock_now(&clock), 0);
    tug_token_cancel(&token);
    CHECK_EQUAL(fixture_join(tasks[0]), -ECANCELED);
    CHECK_EQUAL(fixture_join(tasks[1]), 0);
    CHECK_EQUAL(takers[1].when, 1);
    CHECK(!tug_task_is_finished(tasks[2]));
    CHECK_EQUAL(tug_semaphore_release(&semaphore, 1), 0);
    CHECK_EQUAL(fixture_join(tasks[2]), 0);
    CHECK_EQUAL(tug_semaphore_available(&semaphore), 0);
    tug_token_destroy(&token);
    return 0;
}

/* From the middle, the end, and as the only one. */
static int64_t anybody_may_give_up(void *argument)
{
    (void)argument;
    struct tug_semaphore semaphore = TUG_SEMAPHORE_INIT(1);
    struct tug_token token;
    tug_token_init(&token, NULL);
    struct taker takers[] = {{.permits = 2},
                             {.permits = 2, .token = &token},
                             {.permits = 1},
                             {.permits = 1, .timeout = 2 * TUG_MILLISECOND}};
    struct tug_task *tasks[4];
    int clock = 0;
    queue_up(takers, tasks, 4, &semaphore, &clock);
    CHECK_EQUAL(fixture_join(tasks[3]), -ETIMEDOUT);
    tug_token_cancel(&token);
    CHECK_EQUAL(fixture_join(tasks[1]), -ECANCELED);
    CHECK_EQUAL(tug_semaphore_release(&semaphore, 2), 0);
    CHECK_EQUAL(fixture_join(tasks[0]), 0);
    CHECK_EQUAL(fixture_join(tasks[2]), 0);
    CHECK_EQUAL(tug_semaphore_available(&semaphore), 0);

    CHECK_EQUAL(tug_semaphore_release(&semaphore, 1), 0);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_semaphore_acquire(&semaphore, 2)), -ETIMEDOUT);
    CHECK_EQUAL(tug_semaphore_available(&semaphore), 1);
    tug_token_destroy(&token);
    return 0;
}

static int64_t a_cancelled_scope_takes_nothing(void *argument)
{
    (void)argument;
    struct tug_semaphore semaphore = TUG_SEMAPHORE_INIT(1);
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    CHECK_EQUAL(tug_semaphore_acquire(&semaphore, 1), -ECANCELED);
    CHECK_EQUAL(tug_scope_end(&scope, 0), 0);
    CHECK_EQUAL(tug_semaphore_available(&semaphore), 1);
    return 0;
}

/* ---- as futures ---- */

static int64_t a_loser_of_a_select_returns_its_permits(void *argument)
{
    (void)argument;
    struct tug_semaphore full = TUG_SEMAPHORE_INIT(1), empty = TUG_SEMAPHORE_INIT(1);
    struct tug_semaphore_future wait, ready;
    tug_semaphore_future_init(&wait, &empty, 2);
    tug_semaphore_future_init(&ready, &full, 1);
    struct tug_future *futures[] = {&wait.future, &ready.future};
    CHECK_EQUAL(tug_select_biased(futures, 2), 1);
    CHECK_EQUAL(wait.future.result, -ECANCELED);
    CHECK_EQUAL(ready.future.result, 0);
    CHECK_EQUAL(tug_semaphore_available(&empty), 1);
    CHECK_EQUAL(tug_semaphore_available(&full), 0);
    return 0;
}

static void test_the_last_waker_is_woken(void **state)
{
    (void)state;
    struct tug_semaphore semaphore = TUG_SEMAPHORE_INIT(0);
    struct tug_semaphore_future acquisition;
    int first = 0, second = 0;
    tug_semaphore_future_init(&acquisition, &semaphore, 1);
    assert_int_equal(poll_once(&acquisition.future, &first), TUG_PENDING);
    assert_int_equal(poll_once(&acquisition.future, &first), TUG_PENDING);
    assert_int_equal(poll_once(&acquisition.future, &second), TUG_PENDING);
    assert_int_equal(tug_semaphore_release(&semaphore, 1), 0);
    assert_int_equal(first, 0);
    assert_int_equal(second, 1);
    assert_int_equal(poll_once(&acquisition.future, &first), TUG_READY);
    assert_int_equal(acquisition.future.result, 0);
}

static void test_a_permit_that_came_first_is_given_back(void **state)
{
    (void)state;
    struct tug_semaphore semaphore = TUG_SEMAPHORE_INIT(0);
    struct tug_semaphore_future first, second;
    int wakes = 0;
    tug_semaphore_future_init(&first, &semaphore, 1);
    tug_semaphore_future_init(&second, &semaphore, 1);
    assert_int_equal(poll_once(&first.future, &wakes), TUG_PENDING);
    assert_int_equal(poll_once(&second.future, &wakes), TUG_PENDING);
    assert_int_equal(tug_semaphore_release(&semaphore, 1), 0);
    cancel_now(&first.future);
    assert_int_equal(poll_once(&first.future, &wakes), TUG_READY);
    assert_int_equal(first.future.result, -ECANCELED);
    assert_int_equal(poll_once(&second.future, &wakes), TUG_READY);
    assert_int_equal(second.future.result, 0);
    assert_int_equal(wakes, 2);
    assert_int_equal(tug_semaphore_available(&semaphore), 0);
}

static void test_a_future_that_was_forgotten_took_nothing(void **state)
{
    (void)state;
    struct tug_semaphore semaphore = TUG_SEMAPHORE_INIT(1);
    struct tug_semaphore_future acquisition;
    tug_semaphore_future_init(&acquisition, &semaphore, 1);
    assert_int_equal(tug_semaphore_available(&semaphore), 1);
}

/* ---- the end ---- */

static int64_t a_close_ends_all_waits(void *argument)
{
    (void)argument;
    struct tug_semaphore semaphore = TUG_SEMAPHORE_INIT(1);
    struct taker takers[] = {{.permits = 3}, {.permits = 1}};
    struct tug_task *tasks[2];
    int clock = 0;
    queue_up(takers, tasks, 2, &semaphore, &clock);
    CHECK(!tug_semaphore_is_closed(&semaphore));
    tug_semaphore_close(&semaphore);
    CHECK(tug_semaphore_is_closed(&semaphore));
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), -EPIPE);
    CHECK_EQUAL(tug_semaphore_acquire(&semaphore, 1), -EPIPE);
    CHECK_EQUAL(tug_semaphore_acquire(&semaphore, 10), -EPIPE);
    CHECK_EQUAL(tug_semaphore_try_acquire(&semaphore, 1), -EPIPE);
    /* What the first had been given is there again, and what is released. */
    CHECK_EQUAL(tug_semaphore_available(&semaphore), 1);
    CHECK_EQUAL(tug_semaphore_release(&semaphore, 1), 0);
    CHECK_EQUAL(tug_semaphore_available(&semaphore), 2);
    tug_semaphore_close(&semaphore);
    return 0;
}

/* ---- the budget ---- */

static int64_t note_a_turn(void *argument)
{
    ++*(int *)argument;
    return 0;
}

/* Permits that are always there do not keep a worker to one task. */
static int64_t acquiring_is_cooperative(void *argument)
{
    (void)argument;
    struct tug_semaphore semaphore = TUG_SEMAPHORE_INIT(1);
    int turns = 0, rounds = 0;
    struct tug_task *other = fixture_spawn(note_a_turn, &turns);
    while (turns == 0) {
        CHECK_EQUAL(tug_semaphore_acquire(&semaphore, 1), 0);
        CHECK_EQUAL(tug_semaphore_release(&semaphore, 1), 0);
        CHECK(++rounds < 1000);
    }
    CHECK_RANGE(rounds, 100, 130);
    CHECK_EQUAL(fixture_join(other), 0);
    return 0;
}

/* ---- who may call ---- */

struct from_a_poll_task {
    struct tug_future future;
    struct tug_semaphore *semaphore;
};

static int acquire_in_a_poll(struct tug_future *future, const struct tug_waker *waker)
{
    (void)waker;
    struct from_a_poll_task *self = (struct from_a_poll_task *)(void *)future;
    future->result = tug_semaphore_acquire(self->semaphore, 1);
    return TUG_READY;
}

static int64_t a_poll_task_must_not_wait(void *argument)
{
    (void)argument;
    static const struct tug_future_vtable vtable = {.poll = acquire_in_a_poll};
    struct tug_semaphore semaphore = TUG_SEMAPHORE_INIT(1);
    struct from_a_poll_task body = {{&vtable, 0}, &semaphore};
    struct tug_task *task;
    CHECK_EQUAL(tug_spawn_future(&task, NULL, &body.future), 0);
    CHECK_EQUAL(fixture_join(task), -EPERM);

    /* A future does it there. */
    struct tug_semaphore_future acquisition;
    tug_semaphore_future_init(&acquisition, &semaphore, 2);
    CHECK_EQUAL(tug_spawn_future(&task, NULL, &acquisition.future), 0);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    CHECK_EQUAL(tug_semaphore_release(&semaphore, 1), 0);
    CHECK_EQUAL(fixture_join(task), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permits_are_counted),
        cmocka_unit_test(test_there_is_a_largest_number),
        cmocka_unit_test(test_permits_are_forgotten),
        IN_EACH(first_come_first_served),
        IN_EACH(one_release_serves_many),
        IN_EACH(who_gives_up_passes_on_what_it_has),
        IN_EACH(anybody_may_give_up),
        IN_EACH(a_cancelled_scope_takes_nothing),
        IN_EACH(a_loser_of_a_select_returns_its_permits),
        cmocka_unit_test(test_the_last_waker_is_woken),
        cmocka_unit_test(test_a_permit_that_came_first_is_given_back),
        cmocka_unit_test(test_a_future_that_was_forgotten_took_nothing),
        IN_EACH(a_close_ends_all_waits),
        IN_CURRENT_THREAD(acquiring_is_cooperative),
        IN_EACH(a_poll_task_must_not_wait),
    };
    return cmocka_run_group_tests_name("sync/semaphore", tests, NULL, NULL);
}

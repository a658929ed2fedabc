/* SPDX-License-Identifier: MIT */
/*
 * Poll tasks, with a future that counts what is done to it: a wake leads to exactly one poll, none
 * is lost, cancel() comes once and between two polls, drop() once and last. The same counts for a
 * future that a coroutine waits for.
 */
#include <errno.h>
#include <fcntl.h>

#include "../runtime/fixture.h"

/* Becomes ready when `signals` reaches `wanted`. All members atomic, or touched by the task only
 * until `drops` is set. */
struct probe {
    struct tug_future future;
    int wanted, signals;
    int polls, cancels, drops;
    int worker;        /* that polled last */
    bool stubborn;     /* does not end when it is cancelled */
    bool wakes_itself; /* once, inside the first poll */
    struct tug_waker waker;
    bool has_waker;
};

static int get(const int *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void add(int *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_ACQ_REL);
}

static void drop_waker(struct probe *probe)
{
    if (probe->has_waker)
        tug_waker_drop(probe->waker);
    probe->has_waker = false;
}

static int probe_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct probe *probe = (struct probe *)self;
    CHECK_EQUAL(probe->drops, 0);
    probe->worker = tug_worker_index();
    if (!probe->has_waker) {
        probe->waker = tug_waker_clone(waker);
        __atomic_store_n(&probe->has_waker, true, __ATOMIC_RELEASE);
    }
    CHECK(tug_waker_will_wake(&probe->waker, waker));
    int done = get(&probe->signals) >= probe->wanted || (probe->cancels > 0 && !probe->stubborn);
    if (done)
        self->result = probe->cancels > 0 && !probe->stubborn ? -ECANCELED : probe->wanted;
    if (probe->wakes_itself && probe->polls == 0)
        tug_waker_wake_by_ref(waker);
    add(&probe->polls);
    return done ? TUG_READY : TUG_PENDING;
}

static void probe_cancel(struct tug_future *self)
{
    struct probe *probe = (struct probe *)self;
    CHECK(probe->polls > 0);
    CHECK_EQUAL(probe->drops, 0);
    CHECK(tug_task_current() != NULL);
    add(&probe->cancels);
}

static void probe_drop(struct tug_future *self)
{
    add(&((struct probe *)self)->drops);
}

static const struct tug_future_vtable probe_vtable = {
    .poll = probe_poll,
    .cancel = probe_cancel,
    .drop = probe_drop,
};

static void probe_init(struct probe *probe, int wanted)
{
    *probe = (struct probe){.future = {&probe_vtable, 0}, .wanted = wanted, .worker = -1};
}

/* Polls that a task has had, once that number stands still. */
static int settled_polls(struct probe *probe)
{
    int polls = get(&probe->polls);
    for (int quiet = 0; quiet < 3;) {
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
        int now = get(&probe->polls);
        quiet = now == polls ? quiet + 1 : 0;
        polls = now;
    }
    return polls;
}

static struct tug_task *spawn_probe(struct probe *probe)
{
    struct tug_task *task;
    CHECK_EQUAL(tug_spawn_future(&task, NULL, &probe->future), 0);
    return task;
}

static void signal_probe(struct probe *probe)
{
    add(&probe->signals);
    tug_waker_wake_by_ref(&probe->waker);
}

/* ---- one wake, one poll ---- */

static int64_t a_wake_is_a_poll(void *argument)
{
    (void)argument;
    struct probe probe;
    probe_init(&probe, 5);
    struct tug_task *task = spawn_probe(&probe);
    CHECK_EQUAL(settled_polls(&probe), 1);
    for (int i = 1; i < 5; i++) {
        signal_probe(&probe);
        CHECK_EQUAL(settled_polls(&probe), 1 + i);
        CHECK(!tug_task_is_finished(task));
    }
    signal_probe(&probe);
    CHECK_EQUAL(fixture_join(task), 5);
    CHECK_EQUAL(probe.polls, 6);
    CHECK_EQUAL(probe.drops, 1);
    CHECK_EQUAL(probe.cancels, 0);
    /* A waker may be older than its task. */
    tug_waker_wake_by_ref(&probe.waker);
    CHECK_EQUAL(settled_polls(&probe), 6);
    drop_waker(&probe);
    return 0;
}

static int64_t wake_from_outside(void *probe)
{
    signal_probe(probe);
    return 0;
}

static int64_t a_wake_from_outside_is_a_poll(void *argument)
{
    (void)argument;
    struct probe probe;
    probe_init(&probe, 10);
    struct tug_task *task = spawn_probe(&probe);
    CHECK_EQUAL(settled_polls(&probe), 1);
    for (int i = 1; i < 10; i++) {
        fixture_on_thread(wake_from_outside, &probe);
        CHECK_EQUAL(settled_polls(&probe), 1 + i);
    }
    fixture_on_thread(wake_from_outside, &probe);
    CHECK_EQUAL(fixture_join(task), 10);
    CHECK_EQUAL(probe.polls, 11);
    drop_waker(&probe);
    return 0;
}

/* On one worker nobody runs between the wakes. */
static int64_t wakes_before_the_poll_are_one(void *argument)
{
    (void)argument;
    struct probe probe;
    probe_init(&probe, 1);
    struct tug_task *task = spawn_probe(&probe);
    CHECK_EQUAL(settled_polls(&probe), 1);
    for (int i = 0; i < 10; i++)
        tug_waker_wake_by_ref(&probe.waker);
    CHECK_EQUAL(settled_polls(&probe), 2);
    add(&probe.signals);
    for (int i = 0; i < 10; i++) {
        struct tug_waker clone = tug_waker_clone(&probe.waker);
        tug_waker_wake(clone);
    }
    CHECK_EQUAL(fixture_join(task), 1);
    CHECK_EQUAL(probe.polls, 3);
    drop_waker(&probe);
    return 0;
}

static int64_t a_wake_inside_the_poll_is_one_more(void *argument)
{
    (void)argument;
    struct probe probe;
    probe_init(&probe, 1);
    probe.wakes_itself = true;
    struct tug_task *task = spawn_probe(&probe);
    CHECK_EQUAL(settled_polls(&probe), 2);
    signal_probe(&probe);
    CHECK_EQUAL(fixture_join(task), 1);
    CHECK_EQUAL(probe.polls, 3);
    drop_waker(&probe);
    return 0;
}

static int64_t ready_at_once_is_one_poll(void *argument)
{
    (void)argument;
    struct probe probe;
    probe_init(&probe, 0);
    CHECK_EQUAL(fixture_join(spawn_probe(&probe)), 0);
    CHECK_EQUAL(probe.polls, 1);
    CHECK_EQUAL(probe.drops, 1);
    drop_waker(&probe);
    /* With a wake on top of it, which the end makes void. */
    probe_init(&probe, 0);
    probe.wakes_itself = true;
    CHECK_EQUAL(fixture_join(spawn_probe(&probe)), 0);
    CHECK_EQUAL(settled_polls(&probe), 1);
    CHECK_EQUAL(probe.drops, 1);
    drop_waker(&probe);
    return 0;
}

static int64_t waking_without_a_signal_is_allowed(void *argument)
{
    (void)argument;
    struct probe probe;
    probe_init(&probe, 1);
    struct tug_task *task = spawn_probe(&probe);
    CHECK_EQUAL(settled_polls(&probe), 1);
    tug_waker_wake_by_ref(&probe.waker);
    CHECK_EQUAL(settled_polls(&probe), 2);
    CHECK(!tug_task_is_finished(task));
    signal_probe(&probe);
    CHECK_EQUAL(fixture_join(task), 1);
    drop_waker(&probe);
    return 0;
}

/* ---- no wake is lost ---- */

enum { WAKERS = 3, SIGNALS_OF_EACH = 2000 };

static int64_t signal_many(void *argument)
{
    struct probe *probe = argument;
    AWAIT_ON_THREAD(__atomic_load_n(&probe->has_waker, __ATOMIC_ACQUIRE));
    struct tug_waker waker = tug_waker_clone(&probe->waker);
    for (int i = 0; i < SIGNALS_OF_EACH; i++) {
        add(&probe->signals);
        if (i % 3 == 0)
            tug_waker_wake(tug_waker_clone(&waker));
        else
            tug_waker_wake_by_ref(&waker);
    }
    tug_waker_drop(waker);
    return 0;
}

static int64_t no_wake_is_lost(void *argument)
{
    (void)argument;
    for (int round = 0; round < 5; round++) {
        struct fixture_thread threads[WAKERS];
        struct probe probe;
        probe_init(&probe, WAKERS * SIGNALS_OF_EACH);
        struct tug_task *task = spawn_probe(&probe);
        for (int i = 0; i < WAKERS; i++)
            fixture_thread_start(&threads[i], signal_many, &probe);
        CHECK_EQUAL(fixture_join(task), WAKERS * SIGNALS_OF_EACH);
        for (int i = 0; i < WAKERS; i++)
            fixture_thread_await(&threads[i]);
        CHECK_RANGE(probe.polls, 2, 1 + WAKERS * SIGNALS_OF_EACH);
        drop_waker(&probe);
    }
    return 0;
}

/* ---- abort ---- */

static int64_t abort_comes_between_two_polls(void *argument)
{
    (void)argument;
    struct probe probe;
    probe_init(&probe, 1);
    struct tug_task *task = spawn_probe(&probe);
    CHECK_EQUAL(settled_polls(&probe), 1);
    tug_task_abort(task);
    tug_task_abort(task);
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    CHECK_EQUAL(probe.cancels, 1);
    CHECK_EQUAL(probe.polls, 2);
    CHECK_EQUAL(probe.drops, 1);
    drop_waker(&probe);
    return 0;
}

/* Who has a result in spite of the abort keeps it. */
static int64_t an_aborted_future_may_have_its_result(void *argument)
{
    (void)argument;
    struct probe probe;
    probe_init(&probe, 1);
    probe.stubborn = true;
    struct tug_task *task = spawn_probe(&probe);
    CHECK_EQUAL(settled_polls(&probe), 1);
    tug_task_abort(task);
    CHECK_EQUAL(settled_polls(&probe), 2);
    CHECK_EQUAL(probe.cancels, 1);
    tug_task_abort(task);
    settled_polls(&probe);
    CHECK_EQUAL(probe.cancels, 1);
    signal_probe(&probe);
    CHECK_EQUAL(fixture_join(task), 1);
    CHECK_EQUAL(probe.drops, 1);
    drop_waker(&probe);
    return 0;
}

/* On one worker the abort comes before the task can run. A future that was never polled is not
 * cancelled either: it is dropped as it is. */
static int64_t aborted_before_its_first_poll(void *argument)
{
    (void)argument;
    struct probe probe;
    probe_init(&probe, 1);
    struct tug_task *task = spawn_probe(&probe);
    tug_task_abort(task);
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    CHECK_EQUAL(probe.polls, 0);
    CHECK_EQUAL(probe.cancels, 0);
    CHECK_EQUAL(probe.drops, 1);
    return 0;
}

/* The futures of the library as poll tasks, aborted before they begin and after. */
static int64_t futures_of_the_library_end_when_aborted(void *argument)
{
    (void)argument;
    int pipe_fds[2];
    CHECK_EQUAL(pipe2(pipe_fds, O_CLOEXEC), 0);
    for (int late = 0; late < 2; late++) {
        struct tug_sleep_future sleep;
        struct tug_token token;
        struct tug_token_future wait;
        struct tug_oneshot channel;
        struct tug_op read;
        struct tug_join_future join;
        char byte;
        struct tug_task *forever = fixture_spawn(fixture_sleep_forever, NULL);
        tug_sleep_future_init(&sleep, TUG_FOREVER);
        tug_token_init(&token, NULL);
        tug_token_future_init(&wait, &token);
        tug_oneshot_init(&channel);
        tug_op_read(&read, pipe_fds[0], &byte, 1, TUG_CURRENT_POSITION);
        tug_join_future_init(&join, forever);
        struct tug_future *futures[] = {&sleep.future, &wait.future, &channel.future, &read.future,
                                        &join.future};
        enum { COUNT = sizeof futures / sizeof futures[0] };
        struct tug_task *tasks[COUNT];
        for (int i = 0; i < COUNT; i++)
            CHECK_EQUAL(tug_spawn_future(&tasks[i], NULL, futures[i]), 0);
        if (late)
            CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
        for (int i = 0; i < COUNT; i++)
            tug_task_abort(tasks[i]);
        for (int i = 0; i < COUNT; i++)
            CHECK_EQUAL(fixture_join(tasks[i]), -ECANCELED);
        CHECK(join.task == forever);
        tug_task_abort(forever);
        CHECK_EQUAL(fixture_join(forever), -ECANCELED);
        tug_token_destroy(&token);
    }
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return 0;
}

static int64_t futures_of_the_library_run_as_tasks(void *argument)
{
    (void)argument;
    struct tug_sleep_future sleep;
    struct tug_token token;
    struct tug_token_future wait;
    struct tug_oneshot channel;
    struct tug_op nop;
    struct tug_join_future join;
    tug_sleep_future_init(&sleep, tug_deadline_after(TUG_MILLISECOND));
    tug_token_init(&token, NULL);
    tug_token_future_init(&wait, &token);
    tug_oneshot_init(&channel);
    tug_op_nop(&nop);
    tug_join_future_init(&join, fixture_spawn(fixture_return, fixture_argument(6)));
    struct tug_future *futures[] = {&sleep.future, &wait.future, &channel.future, &nop.future,
                                    &join.future};
    enum { COUNT = sizeof futures / sizeof futures[0] };
    struct tug_task *tasks[COUNT];
    for (int i = 0; i < COUNT; i++)
        CHECK_EQUAL(tug_spawn_future(&tasks[i], NULL, futures[i]), 0);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_token_cancel(&token);
    CHECK_EQUAL(tug_oneshot_send(&channel, 99), 0);
    for (int i = 0; i < COUNT; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), i == COUNT - 1 ? 6 : 0);
    int64_t value;
    CHECK_EQUAL(tug_oneshot_try_receive(&channel, &value), 0);
    CHECK_EQUAL(value, 99);
    tug_token_destroy(&token);
    return 0;
}

/* ---- memory that the task frees ---- */

struct heap_future {
    struct tug_future future;
    int *freed;
    int left;
};

static int heap_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct heap_future *future = (struct heap_future *)self;
    if (future->left-- == 0)
        return TUG_READY;
    tug_waker_wake_by_ref(waker);
    return TUG_PENDING;
}

static void heap_drop(struct tug_future *self)
{
    add(((struct heap_future *)self)->freed);
    free(self);
}

/* Without cancel(): it always becomes ready by itself. */
static const struct tug_future_vtable heap_vtable = {.poll = heap_poll, .drop = heap_drop};

static int64_t drop_may_free_the_future(void *argument)
{
    (void)argument;
    enum { COUNT = 1000 };
    int freed = 0;
    for (int i = 0; i < COUNT; i++) {
        struct heap_future *future = malloc(sizeof *future);
        CHECK(future != NULL);
        *future = (struct heap_future){{&heap_vtable, 0}, &freed, i % 5};
        struct tug_task *task;
        CHECK_EQUAL(tug_spawn_future(&task, NULL, &future->future), 0);
        if (i % 3 == 0)
            tug_task_abort(task);
        if (i % 2 == 0)
            tug_task_detach(task);
        else
            CHECK_RANGE(fixture_join(task), -ECANCELED, 0);
    }
    AWAIT(get(&freed) == COUNT);
    return 0;
}

/* ---- the same future under a coroutine ---- */

static int64_t await_probe(void *argument)
{
    return tug_await(&((struct probe *)argument)->future);
}

static int64_t await_polls_once_per_wake(void *argument)
{
    (void)argument;
    struct probe probe;
    probe_init(&probe, 3);
    struct tug_task *task = fixture_spawn(await_probe, &probe);
    CHECK_EQUAL(settled_polls(&probe), 1);
    signal_probe(&probe);
    CHECK_EQUAL(settled_polls(&probe), 2);
    fixture_on_thread(wake_from_outside, &probe);
    CHECK_EQUAL(settled_polls(&probe), 3);
    signal_probe(&probe);
    CHECK_EQUAL(fixture_join(task), 3);
    CHECK_EQUAL(probe.polls, 4);
    CHECK_EQUAL(probe.drops, 0); /* only a poll task drops */
    drop_waker(&probe);
    return 0;
}

static int64_t await_cancels_once(void *argument)
{
    (void)argument;
    struct probe probe;
    probe_init(&probe, 1);
    struct tug_task *task = fixture_spawn(await_probe, &probe);
    CHECK_EQUAL(settled_polls(&probe), 1);
    tug_task_abort(task);
    tug_task_abort(task);
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    CHECK_EQUAL(probe.cancels, 1);
    CHECK_EQUAL(probe.polls, 2);
    drop_waker(&probe);

    /* The result that came in spite of it is what the wait returns. */
    probe_init(&probe, 1);
    probe.stubborn = true;
    task = fixture_spawn(await_probe, &probe);
    CHECK_EQUAL(settled_polls(&probe), 1);
    tug_task_abort(task);
    CHECK_EQUAL(settled_polls(&probe), 2);
    signal_probe(&probe);
    CHECK_EQUAL(fixture_join(task), 1);
    CHECK_EQUAL(probe.cancels, 1);
    drop_waker(&probe);
    return 0;
}

static int64_t await_in_a_cancelled_scope_touches_nothing(void *argument)
{
    (void)argument;
    struct probe probe;
    probe_init(&probe, 0);
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    CHECK_EQUAL(tug_await(&probe.future), -ECANCELED);
    CHECK_EQUAL(tug_scope_end(&scope, 0), 0);
    CHECK_EQUAL(probe.polls + probe.cancels, 0);
    CHECK_EQUAL(tug_await(&probe.future), 0);
    drop_waker(&probe);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(a_wake_is_a_poll),
        IN_EACH(a_wake_from_outside_is_a_poll),
        IN_CURRENT_THREAD(wakes_before_the_poll_are_one),
        IN_WORKERS(wakes_before_the_poll_are_one, 1),
        IN_EACH(a_wake_inside_the_poll_is_one_more),
        IN_EACH(ready_at_once_is_one_poll),
        IN_EACH(waking_without_a_signal_is_allowed),
        IN_EACH(no_wake_is_lost),
        IN_EACH(abort_comes_between_two_polls),
        IN_EACH(an_aborted_future_may_have_its_result),
        IN_CURRENT_THREAD(aborted_before_its_first_poll),
        IN_WORKERS(aborted_before_its_first_poll, 1),
        IN_EACH(futures_of_the_library_end_when_aborted),
        IN_EACH(futures_of_the_library_run_as_tasks),
        IN_EACH(drop_may_free_the_future),
        IN_EACH(await_polls_once_per_wake),
        IN_EACH(await_cancels_once),
        IN_EACH(await_in_a_cancelled_scope_touches_nothing),
    };
    return cmocka_run_group_tests_name("task/poll_task", tests, NULL, NULL);
}

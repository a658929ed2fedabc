/* SPDX-License-Identifier: MIT */
/*
 * Several futures, one waiting coroutine: who wins, what the losers are left with, how often each
 * is polled.
 */
#include <errno.h>
#include <fcntl.h>

#include "../runtime/fixture.h"

/* Is ready at its `ready_at`-th poll; wakes itself until then, or, if `silent`, does not. */
struct counted {
    struct tug_future future;
    int ready_at, polls, cancels;
    int64_t value;
    bool silent;
    bool slow_to_cancel; /* ready only at the second poll after the cancel */
};

static int counted_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct counted *counted = (struct counted *)self;
    counted->polls++;
    if (counted->cancels > 0) {
        if (counted->slow_to_cancel) {
            counted->slow_to_cancel = false;
            tug_waker_wake_by_ref(waker);
            return TUG_PENDING;
        }
        self->result = -ECANCELED;
        return TUG_READY;
    }
    if (counted->polls >= counted->ready_at) {
        self->result = counted->value;
        return TUG_READY;
    }
    if (!counted->silent)
        tug_waker_wake_by_ref(waker);
    return TUG_PENDING;
}

static void counted_cancel(struct tug_future *self)
{
    struct counted *counted = (struct counted *)self;
    CHECK(counted->polls > 0);
    counted->cancels++;
}

static const struct tug_future_vtable counted_vtable = {
    .poll = counted_poll,
    .cancel = counted_cancel,
};

static struct counted make(int ready_at, int64_t value)
{
    return (struct counted){.future = {&counted_vtable, 0}, .ready_at = ready_at, .value = value};
}

enum { NEVER = 1 << 30 };

/* ---- select ---- */

static int64_t the_first_in_order_wins(void *argument)
{
    (void)argument;
    struct counted a = make(1, 10), b = make(1, 20);
    struct tug_future *futures[] = {&a.future, &b.future};
    CHECK_EQUAL(tug_select_biased(futures, 2), 0);
    CHECK_EQUAL(a.future.result, 10);
    CHECK_EQUAL(b.polls, 0); /* never polled: untouched, and may be forgotten */
    CHECK_EQUAL(b.cancels, 0);
    return 0;
}

static int64_t losers_are_cancelled_and_waited_for(void *argument)
{
    (void)argument;
    struct counted a = make(NEVER, 0), b = make(3, 20), c = make(NEVER, 0);
    a.slow_to_cancel = true;
    c.silent = true;
    struct tug_future *futures[] = {&a.future, &b.future, &c.future};
    CHECK_EQUAL(tug_select_biased(futures, 3), 1);
    CHECK_EQUAL(b.future.result, 20);
    CHECK_EQUAL(b.cancels, 0);
    CHECK_EQUAL(a.cancels, 1);
    CHECK_EQUAL(c.cancels, 1);
    CHECK_EQUAL(a.future.result, -ECANCELED);
    CHECK_EQUAL(c.future.result, -ECANCELED);
    CHECK_EQUAL(b.polls, 3);
    CHECK_EQUAL(a.polls, 3 + 2); /* three rounds, and two after the cancel */
    CHECK_EQUAL(c.polls, 2 + 1);
    return 0;
}

/* A loser that is done all the same keeps its result. */
static int64_t a_losers_result_is_not_lost(void *argument)
{
    (void)argument;
    struct tug_oneshot first, second;
    tug_oneshot_init(&first);
    tug_oneshot_init(&second);
    struct tug_future *futures[] = {&first.future, &second.future};
    CHECK_EQUAL(tug_oneshot_send(&second, 2), 0);
    CHECK_EQUAL(tug_oneshot_send(&first, 1), 0);
    int64_t value;
    CHECK_EQUAL(tug_select_biased(futures, 2), 0);
    CHECK_EQUAL(tug_oneshot_try_receive(&first, &value), 0);
    CHECK_EQUAL(value, 1);
    CHECK_EQUAL(tug_oneshot_receive(&second, &value), 0);
    CHECK_EQUAL(value, 2);
    return 0;
}

static int64_t every_winner_is_drawn(void *argument)
{
    (void)argument;
    enum { COUNT = 4, ROUNDS = 400 };
    int wins[COUNT] = {0};
    for (int i = 0; i < ROUNDS; i++) {
        struct counted all[COUNT];
        struct tug_future *futures[COUNT];
        for (int f = 0; f < COUNT; f++) {
            all[f] = make(1, f);
            futures[f] = &all[f].future;
        }
        int64_t winner = tug_select(futures, COUNT);
        CHECK_RANGE(winner, 0, COUNT - 1);
        wins[winner]++;
    }
    /* Of 400 draws with a probability of 1/4, 40 are 7 standard deviations below the mean. */
    for (int f = 0; f < COUNT; f++)
        CHECK_RANGE(wins[f], 40, ROUNDS);
    return 0;
}

/* The winners of some draws, as the digits of a number. */
static int64_t draw(void *argument)
{
    int64_t winners = 0;
    for (int i = 0; i < 16; i++) {
        struct counted all[8];
        struct tug_future *futures[8];
        for (int f = 0; f < 8; f++) {
            all[f] = make(1, f);
            futures[f] = &all[f].future;
        }
        winners = winners << 3 | tug_select(futures, 8);
    }
    (void)argument;
    return winners;
}

static int64_t draw_with_seed(unsigned workers, uint64_t seed)
{
    struct tug_runtime_options options = fixture_options(workers);
    options.seed = seed;
    return fixture_run(&options, draw, NULL);
}

static void a_seed_makes_draws_come_again(unsigned workers)
{
    int64_t first = draw_with_seed(workers, 1234);
    CHECK_EQUAL(draw_with_seed(workers, 1234), first);
    CHECK(draw_with_seed(workers, 1235) != first);
}

static int64_t the_number_of_futures_is_checked(void *argument)
{
    (void)argument;
    struct counted all[65];
    struct tug_future *futures[65];
    for (int i = 0; i < 65; i++) {
        all[i] = make(i == 63 ? 2 : NEVER, i);
        all[i].silent = i != 63;
        futures[i] = &all[i].future;
    }
    CHECK_EQUAL(tug_select(futures, 0), -EINVAL);
    CHECK_EQUAL(tug_select(futures, 65), -EINVAL);
    CHECK_EQUAL(tug_select_biased(futures, 65), -EINVAL);
    CHECK_EQUAL(all[0].polls, 0);
    CHECK_EQUAL(tug_select(futures, 64), 63);
    for (int i = 0; i < 63; i++)
        CHECK_EQUAL(all[i].future.result, -ECANCELED);
    CHECK_EQUAL(all[64].polls, 0);
    return 0;
}

static int64_t select_tasks(void *argument)
{
    (void)argument;
    struct tug_task *slow = fixture_spawn(fixture_sleep_forever, NULL);
    struct tug_task *fast = fixture_spawn(fixture_return, fixture_argument(33));
    struct tug_join_future joins[2];
    struct tug_sleep_future sleep;
    tug_join_future_init(&joins[0], slow);
    tug_join_future_init(&joins[1], fast);
    tug_sleep_future_init(&sleep, TUG_FOREVER);
    struct tug_future *futures[] = {&joins[0].future, &sleep.future, &joins[1].future};
    CHECK_EQUAL(tug_select(futures, 3), 2);
    CHECK_EQUAL(joins[1].future.result, 33);
    CHECK(joins[1].task == NULL);
    /* The loser goes on, and its handle is the caller's. */
    CHECK(joins[0].task == slow);
    CHECK(!tug_task_is_finished(slow));
    tug_task_abort(slow);
    CHECK_EQUAL(fixture_join(slow), -ECANCELED);
    return 0;
}

static int64_t select_operations(void *argument)
{
    (void)argument;
    int pipes[3][2];
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(pipe2(pipes[i], O_CLOEXEC), 0);
    for (int round = 0; round < 60; round++) {
        struct tug_op ops[3];
        char bytes[3] = {0};
        struct tug_future *futures[3];
        for (int i = 0; i < 3; i++) {
            tug_op_read(&ops[i], pipes[i][0], &bytes[i], 1, TUG_CURRENT_POSITION);
            futures[i] = &ops[i].future;
        }
        int ready = round % 3;
        CHECK_EQUAL(write(pipes[ready][1], "y", 1), 1);
        CHECK_EQUAL(tug_select(futures, 3), ready);
        CHECK_EQUAL(ops[ready].future.result, 1);
        for (int i = 0; i < 3; i++)
            CHECK_EQUAL(bytes[i], i == ready ? 'y' : 0);
    }
    for (int i = 0; i < 3; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
    return 0;
}

static int64_t write_to_both(void *argument)
{
    const int *fds = argument;
    CHECK_EQUAL(write(fds[0], "a", 1), 1);
    CHECK_EQUAL(write(fds[1], "b", 1), 1);
    return 0;
}

/* Both become ready at about the same time: no byte is lost, whoever wins. */
static int64_t select_loses_no_byte(void *argument)
{
    (void)argument;
    int first[2], second[2], received = 0;
    CHECK_EQUAL(pipe2(first, O_CLOEXEC), 0);
    CHECK_EQUAL(pipe2(second, O_CLOEXEC), 0);
    int ends[] = {first[1], second[1]};
    enum { ROUNDS = 200 };
    for (int round = 0; round < ROUNDS; round++) {
        struct tug_op ops[2];
        char bytes[2];
        struct fixture_thread writer;
        tug_op_read(&ops[0], first[0], &bytes[0], 1, TUG_CURRENT_POSITION);
        tug_op_read(&ops[1], second[0], &bytes[1], 1, TUG_CURRENT_POSITION);
        struct tug_future *futures[] = {&ops[0].future, &ops[1].future};
        fixture_thread_start(&writer, write_to_both, ends);
        int64_t winner = tug_select_biased(futures, 2);
        CHECK_EQUAL(ops[winner].future.result, 1);
        received++;
        received += winner == 1 ? ops[0].future.result == 1 : ops[1].future.result == 1;
        fixture_thread_await(&writer);
    }
    close(first[1]);
    close(second[1]);
    for (char byte; read(first[0], &byte, 1) == 1;)
        received++;
    for (char byte; read(second[0], &byte, 1) == 1;)
        received++;
    CHECK_EQUAL(received, 2 * ROUNDS);
    close(first[0]);
    close(second[0]);
    return 0;
}

static int64_t a_cancelled_select_ends_all(void *argument)
{
    (void)argument;
    struct counted a = make(NEVER, 0), b = make(NEVER, 0);
    a.silent = b.silent = true;
    struct tug_future *futures[] = {&a.future, &b.future};
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_select(futures, 2)), -ETIMEDOUT);
    CHECK_EQUAL(a.cancels, 1);
    CHECK_EQUAL(b.cancels, 1);
    CHECK_EQUAL(a.future.result, -ECANCELED);
    CHECK_EQUAL(b.future.result, -ECANCELED);
    return 0;
}

/* ---- join_all, try_join_all ---- */

static int64_t join_all_waits_for_all(void *argument)
{
    (void)argument;
    enum { COUNT = 200 }; /* more than fit the frame of the call */
    static struct counted all[COUNT];
    static struct tug_future *futures[COUNT];
    for (int i = 0; i < COUNT; i++) {
        all[i] = make(1 + i % 7, i % 5 == 0 ? -EIO : i);
        futures[i] = &all[i].future;
    }
    CHECK_EQUAL(tug_join_all(futures, COUNT), 0);
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQUAL(all[i].polls, 1 + i % 7);
        CHECK_EQUAL(all[i].cancels, 0);
        CHECK_EQUAL(all[i].future.result, i % 5 == 0 ? -EIO : i);
    }
    CHECK_EQUAL(tug_join_all(futures, 0), 0);
    CHECK_EQUAL(tug_try_join_all(futures, 0), 0);
    return 0;
}

static int64_t try_join_all_stops_at_an_error(void *argument)
{
    (void)argument;
    struct counted a = make(1, 1), b = make(2, -EIO), c = make(NEVER, 0), d = make(3, -ENOENT);
    c.slow_to_cancel = true;
    struct tug_future *futures[] = {&a.future, &b.future, &c.future, &d.future};
    CHECK_EQUAL(tug_try_join_all(futures, 4), -EIO);
    CHECK_EQUAL(a.future.result, 1);
    CHECK_EQUAL(a.cancels, 0);
    CHECK_EQUAL(c.future.result, -ECANCELED);
    CHECK_EQUAL(c.cancels, 1);
    CHECK_EQUAL(d.future.result, -ECANCELED);
    CHECK_EQUAL(d.cancels, 1);

    struct counted e = make(1, 1), f = make(4, 2);
    struct tug_future *good[] = {&e.future, &f.future};
    CHECK_EQUAL(tug_try_join_all(good, 2), 0);
    CHECK_EQUAL(f.future.result, 2);
    return 0;
}

static int64_t a_cancelled_join_all_ends_all(void *argument)
{
    (void)argument;
    for (int count = 2; count <= 100; count += 98) {
        static struct counted all[100];
        static struct tug_future *futures[100];
        for (int i = 0; i < count; i++) {
            all[i] = make(i == 0 ? 1 : NEVER, 5);
            all[i].silent = true;
            futures[i] = &all[i].future;
        }
        CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_join_all(futures, (size_t)count)), -ETIMEDOUT);
        CHECK_EQUAL(all[0].future.result, 5);
        for (int i = 1; i < count; i++)
            CHECK_EQUAL(all[i].future.result, -ECANCELED);
    }
    return 0;
}

static int64_t sleep_and_return(void *argument)
{
    tug_sleep((uint64_t)(100 - fixture_number(argument)) * 20 * TUG_MICROSECOND);
    return fixture_number(argument);
}

static int64_t tasks_are_joined_all_at_once(void *argument)
{
    (void)argument;
    enum { COUNT = 100 };
    struct tug_join_future joins[COUNT];
    struct tug_future *futures[COUNT];
    for (int i = 0; i < COUNT; i++) {
        tug_join_future_init(&joins[i], fixture_spawn(sleep_and_return, fixture_argument(i)));
        futures[i] = &joins[i].future;
    }
    CHECK_EQUAL(tug_join_all(futures, COUNT), 0);
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQUAL(joins[i].future.result, i);
        CHECK(joins[i].task == NULL);
    }
    return 0;
}

static int64_t operations_are_in_flight_together(void *argument)
{
    (void)argument;
    int fds[2];
    char in = 0;
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < 50; i++) {
        struct tug_op read, write;
        tug_op_read(&read, fds[0], &in, 1, TUG_CURRENT_POSITION);
        tug_op_write(&write, fds[1], "z", 1, TUG_CURRENT_POSITION);
        /* One after the other this would never end. */
        struct tug_future *futures[] = {&read.future, &write.future};
        CHECK_EQUAL(tug_join_all(futures, 2), 0);
        CHECK_EQUAL(read.future.result, 1);
        CHECK_EQUAL(write.future.result, 1);
        CHECK_EQUAL(in, 'z');
        in = 0;
    }
    close(fds[0]);
    close(fds[1]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(the_first_in_order_wins),
        IN_EACH(losers_are_cancelled_and_waited_for),
        IN_EACH(a_losers_result_is_not_lost),
        IN_EACH(every_winner_is_drawn),
        ALONE_CURRENT_THREAD(a_seed_makes_draws_come_again),
        ALONE_WORKERS(a_seed_makes_draws_come_again, 1),
        IN_EACH(the_number_of_futures_is_checked),
        IN_EACH(select_tasks),
        IN_EACH(select_operations),
        IN_EACH(select_loses_no_byte),
        IN_EACH(a_cancelled_select_ends_all),
        IN_EACH(join_all_waits_for_all),
        IN_EACH(try_join_all_stops_at_an_error),
        IN_EACH(a_cancelled_join_all_ends_all),
        IN_EACH(tasks_are_joined_all_at_once),
        IN_EACH(operations_are_in_flight_together),
    };
    return cmocka_run_group_tests_name("task/select", tests, NULL, NULL);
}

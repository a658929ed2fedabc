/* SPDX-License-Identifier: MIT */
/*
 * The mpsc channel: order, room, the budget, and what a thread outside sees. Its permits and ends
 * are tested in test_mpsc_end.c, cancelled calls in test_mpsc_cancel.c.
 */
#include "mpsc_channel.h"
#include "sys/fault.h"

/* ---- order ---- */

static int64_t values_arrive_in_order(void *argument)
{
    (void)argument;
    FOR_BOTH(channel)
    {
        int64_t value;
        CHECK_EQUAL(tug_mpsc_try_receive(channel.receiver, &value), -EAGAIN);
        /* Over the ends of blocks, with the queue empty, short and long there. */
        for (int64_t length = 1; length <= 300; length += 37) {
            for (int64_t i = 0; i < length; i++)
                CHECK_EQUAL(i % 2 != 0 ? try_send(channel, i) : send_value(channel, i), 0);
            CHECK_EQUAL(tug_mpsc_length(channel.receiver), length);
            for (int64_t i = 0; i < length; i++) {
                expect(channel, i);
                CHECK_EQUAL(tug_mpsc_length(channel.receiver), length - 1 - i);
            }
        }
        CHECK_EQUAL(tug_mpsc_try_receive(channel.receiver, &value), -EAGAIN);
        end(channel);
    }
    return 0;
}

/* 31 values fill a block: the length is right before and behind the boundary. */
static int64_t the_length_is_right_at_the_end_of_a_block(void *argument)
{
    (void)argument;
    FOR_BOTH(channel)
    {
        int64_t value;
        for (int64_t i = 0; i < 100; i++) {
            CHECK_EQUAL(tug_mpsc_length(channel.receiver), 0);
            CHECK_EQUAL(try_send(channel, i), 0);
            CHECK_EQUAL(tug_mpsc_length(channel.receiver), 1);
            CHECK_EQUAL(tug_mpsc_try_receive(channel.receiver, &value), 0);
            CHECK_EQUAL(value, i);
        }
        end(channel);
    }
    return 0;
}

static int64_t values_of_any_size_are_copied(void *argument)
{
    (void)argument;
    static const size_t sizes[] = {1, 3, 8, 9, 16, 24, 100, 512, 5000, 32768};
    unsigned char *in = malloc(32768), *out = malloc(32768);
    CHECK(in != NULL && out != NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t kind = 0; kind < 2; kind++) {
            struct channel channel;
            CHECK_EQUAL(tug_mpsc_create(&channel.sender, &channel.receiver,
                                        kind == 0 ? 20 : TUG_MPSC_UNBOUNDED, sizes[i], NULL),
                        0);
            for (int round = 0; round < 10; round++) {
                for (int n = 0; n < 20; n++) {
                    memset(in, round * 20 + n, sizes[i]);
                    CHECK_EQUAL(tug_mpsc_send(channel.sender, in), 0);
                }
                for (int n = 0; n < 20; n++) {
                    memset(in, round * 20 + n, sizes[i]);
                    CHECK_EQUAL(tug_mpsc_receive(channel.receiver, out), 0);
                    CHECK(memcmp(in, out, sizes[i]) == 0);
                }
            }
            end(channel);
        }
    }
    free(in);
    free(out);
    return 0;
}

static int64_t many_are_received_at_once(void *argument)
{
    (void)argument;
    FOR_BOTH(channel)
    {
        int64_t values[100];
        CHECK_EQUAL(tug_mpsc_receive_many(channel.receiver, values, 0), 0);
        for (int64_t i = 0; i < 150; i++)
            CHECK_EQUAL(try_send(channel, i), 0);
        CHECK_EQUAL(tug_mpsc_receive_many(channel.receiver, values, 100), 100);
        for (int64_t i = 0; i < 100; i++)
            CHECK_EQUAL(values[i], i);
        CHECK_EQUAL(tug_mpsc_receive_many(channel.receiver, values, 100), 50);
        for (int64_t i = 0; i < 50; i++)
            CHECK_EQUAL(values[i], 100 + i);
        end(channel);
    }
    return 0;
}

static int64_t send_three_later(void *argument)
{
    struct channel *channel = argument;
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    for (int64_t i = 0; i < 3; i++) {
        CHECK_EQUAL(send_value(*channel, i), 0);
        CHECK_EQUAL(tug_yield(), 0);
    }
    tug_mpsc_sender_drop(channel->sender);
    return 0;
}

static int64_t a_receiver_that_waits_is_woken(void *argument)
{
    (void)argument;
    FOR_BOTH(channel)
    {
        struct tug_task *sender = fixture_spawn(send_three_later, &channel);
        for (int64_t i = 0; i < 3; i++)
            expect(channel, i);
        expect_end(channel);
        CHECK_EQUAL(fixture_join(sender), 0);
        channel.sender = NULL;
        end(channel);
    }
    return 0;
}

/* ---- room ---- */

static int64_t a_full_channel_takes_no_more(void *argument)
{
    (void)argument;
    struct channel channel = make(2);
    CHECK_EQUAL(tug_mpsc_available(channel.sender), 2);
    CHECK_EQUAL(try_send(channel, 1), 0);
    CHECK_EQUAL(try_send(channel, 2), 0);
    CHECK_EQUAL(tug_mpsc_available(channel.sender), 0);
    CHECK_EQUAL(try_send(channel, 3), -EAGAIN);
    expect(channel, 1);
    CHECK_EQUAL(try_send(channel, 3), 0);
    expect(channel, 2);
    expect(channel, 3);
    end(channel);

    channel = make(TUG_MPSC_UNBOUNDED);
    CHECK(tug_mpsc_available(channel.sender) == SIZE_MAX);
    end(channel);
    return 0;
}

static int64_t senders_are_served_in_their_order(void *argument)
{
    (void)argument;
    enum { SENDERS = 10 };
    struct waiting_send sends[SENDERS];
    struct tug_task *tasks[SENDERS];
    struct channel channel = make(1);
    CHECK_EQUAL(try_send(channel, -1), 0);
    for (int64_t i = 0; i < SENDERS; i++) {
        sends[i] = (struct waiting_send){.channel = channel, .value = i};
        tasks[i] = fixture_spawn(send_waiting, &sends[i]);
        /* Until it waits: a channel for which somebody waits has no room for others. */
        CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    }
    for (int64_t i = -1; i < SENDERS; i++) {
        expect(channel, i);
        if (i < SENDERS - 2)
            CHECK_EQUAL(try_send(channel, 100), -EAGAIN); /* it is the next one's */
    }
    for (int i = 0; i < SENDERS; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    end(channel);
    return 0;
}

static int64_t sum_all(void *argument)
{
    struct channel *channel = argument;
    int64_t sum = 0, value;
    while (tug_mpsc_receive(channel->receiver, &value) == 0)
        sum += value;
    return sum;
}

static int64_t a_channel_of_one_passes_all(void *argument)
{
    (void)argument;
    struct channel channel = make(1);
    struct tug_task *receiver = fixture_spawn(sum_all, &channel);
    for (int64_t i = 1; i <= 1000; i++)
        CHECK_EQUAL(send_value(channel, i), 0);
    tug_mpsc_sender_drop(channel.sender);
    CHECK_EQUAL(fixture_join(receiver), 500500);
    channel.sender = NULL;
    end(channel);
    return 0;
}

/* ---- the budget ---- */

struct watcher {
    int turns;
    bool stop;
};

static int64_t count_turns(void *argument)
{
    struct watcher *watcher = argument;
    while (!__atomic_load_n(&watcher->stop, __ATOMIC_ACQUIRE)) {
        watcher->turns++;
        CHECK_EQUAL(tug_yield(), 0);
    }
    return watcher->turns;
}

/* A thousand receives that are ready give way some seven times, 128 at a time. */
static int64_t ready_receives_give_way(void *argument)
{
    (void)argument;
    FOR_BOTH(channel)
    {
        struct watcher watcher = {.turns = 0};
        for (int64_t i = 0; i < 1000; i++)
            CHECK_EQUAL(try_send(channel, i), 0);
        struct tug_task *task = fixture_spawn(count_turns, &watcher);
        CHECK_EQUAL(tug_yield(), 0);
        for (int64_t i = 0; i < 1000; i++)
            expect(channel, i);
        __atomic_store_n(&watcher.stop, true, __ATOMIC_RELEASE);
        CHECK_RANGE(fixture_join(task), 7, 10);
        end(channel);
    }
    return 0;
}

/* What waits for others polls again and again; a wait that finds nothing is not charged. */
static int64_t sends_give_way(void *argument)
{
    (void)argument;
    struct channel channel = make(1000);
    struct watcher watcher = {.turns = 0};
    struct tug_task *task = fixture_spawn(count_turns, &watcher);
    CHECK_EQUAL(tug_yield(), 0);
    for (int64_t i = 0; i < 1000; i++)
        CHECK_EQUAL(send_value(channel, i), 0);
    __atomic_store_n(&watcher.stop, true, __ATOMIC_RELEASE);
    CHECK_RANGE(fixture_join(task), 7, 10);
    end(channel);
    return 0;
}

/* ---- outside ---- */

static int64_t send_100_on_thread(void *argument)
{
    struct channel *channel = argument;
    for (int64_t i = 0; i < 100; i++)
        CHECK_EQUAL(send_value(*channel, i), 0);
    return 0;
}

static int64_t receive_100_on_thread(void *argument)
{
    struct channel *channel = argument;
    for (int64_t i = 0; i < 100; i++)
        expect(*channel, i);
    return tug_mpsc_wait_closed(channel->sender);
}

static int64_t threads_block(void *argument)
{
    (void)argument;
    struct channel channel = make(2);
    struct fixture_thread thread;
    fixture_thread_start(&thread, send_100_on_thread, &channel);
    for (int64_t i = 0; i < 100; i++)
        expect(channel, i);
    CHECK_EQUAL(fixture_thread_await(&thread), 0);
    fixture_thread_start(&thread, receive_100_on_thread, &channel);
    for (int64_t i = 0; i < 100; i++)
        CHECK_EQUAL(send_value(channel, i), 0);
    AWAIT(tug_mpsc_length(channel.receiver) == 0);
    tug_mpsc_close(channel.receiver);
    CHECK_EQUAL(fixture_thread_await(&thread), 0);
    end(channel);
    return 0;
}

static void sizes_are_checked(void **state)
{
    (void)state;
    struct channel channel;
    assert_int_equal(tug_mpsc_create(&channel.sender, &channel.receiver, 0, 8, NULL), -EINVAL);
    assert_int_equal(tug_mpsc_create(&channel.sender, &channel.receiver, SIZE_MAX - 1, 8, NULL),
                     -EINVAL);
    assert_int_equal(tug_mpsc_create(&channel.sender, &channel.receiver, 1, 0, NULL), -EINVAL);
    assert_int_equal(tug_mpsc_create(&channel.sender, &channel.receiver, 1, SIZE_MAX, NULL),
                     -EINVAL);
    assert_int_equal(
        tug_mpsc_create(&channel.sender, &channel.receiver, TUG_MPSC_CAPACITY_MAX, 4096, NULL),
        -ENOMEM);
}

#if TUG_FAULT_INJECTION
/* Each allocation of a new channel once. */
static void creating_fails_without_memory(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < 2; kind++) {
        struct channel channel;
        unsigned tries = 0;
        int error = -ENOMEM;
        while (error != 0) {
            assert_int_equal(tug_fault_fail("malloc", ++tries, 1, ENOMEM), 0);
            error = tug_mpsc_create(&channel.sender, &channel.receiver, capacities[kind],
                                    sizeof(int64_t), NULL);
            tug_fault_reset();
            assert_true(error == 0 || error == -ENOMEM);
        }
        assert_int_equal(tries, 3);
        end(channel);
    }
}

/* A send to an unbounded channel for which there is no memory has not happened; one to a bounded
 * channel needs none. */
static void sends_without_memory(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < 2; kind++) {
        struct channel channel = make(capacities[kind]);
        int64_t value, sent = 0;
        assert_int_equal(tug_fault_fail("malloc", 1, TUG_FAULT_ALWAYS, ENOMEM), 0);
        while (sent < 100 && try_send(channel, sent) == 0)
            sent++;
        assert_int_equal(sent, capacities[kind] == TUG_MPSC_UNBOUNDED ? 31 : 100);
        if (sent == 31)
            assert_int_equal(try_send(channel, sent), -ENOMEM);
        tug_fault_reset();
        for (int64_t i = 0; i < 3; i++)
            assert_int_equal(try_send(channel, sent++), 0);
        for (int64_t i = 0; i < sent; i++) {
            assert_int_equal(tug_mpsc_try_receive(channel.receiver, &value), 0);
            assert_int_equal(value, i);
        }
        end(channel);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(values_arrive_in_order),
        IN_EACH(the_length_is_right_at_the_end_of_a_block),
        IN_EACH(values_of_any_size_are_copied),
        IN_EACH(many_are_received_at_once),
        IN_EACH(a_receiver_that_waits_is_woken),
        IN_EACH(a_full_channel_takes_no_more),
        IN_EACH(senders_are_served_in_their_order),
        IN_EACH(a_channel_of_one_passes_all),
        IN_CURRENT_THREAD(ready_receives_give_way),
        IN_CURRENT_THREAD(sends_give_way),
        IN_EACH(threads_block),
        cmocka_unit_test(sizes_are_checked),
#if TUG_FAULT_INJECTION
        cmocka_unit_test(creating_fails_without_memory),
        cmocka_unit_test(sends_without_memory),
#endif
    };
    return cmocka_run_group_tests_name("sync/mpsc", tests, NULL, NULL);
}

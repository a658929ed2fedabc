/* SPDX-License-Identifier: MIT */
/*
 * The broadcast channel: each receiver gets each value or is told how many it has missed; owners
 * of values are counted; ends.
 */
#include <errno.h>

#include "../runtime/fixture.h"
#include "sys/fault.h"

struct channel {
    struct tug_broadcast_sender *sender;
    struct tug_broadcast_receiver receiver;
};

static const struct tug_broadcast_values numbers = {.size = sizeof(int64_t)};

static void make(struct channel *channel, size_t capacity)
{
    CHECK_EQUAL(tug_broadcast_create(&channel->sender, &channel->receiver, capacity, &numbers), 0);
}

static void end(struct channel *channel)
{
    if (channel->sender != NULL)
        tug_broadcast_sender_drop(channel->sender);
    tug_broadcast_receiver_drop(&channel->receiver);
}

static int64_t send_value(struct channel *channel, int64_t value)
{
    return tug_broadcast_send(channel->sender, &value);
}

static void expect(struct tug_broadcast_receiver *receiver, int64_t value, uint64_t missed)
{
    int64_t received = -1;
    uint64_t lost = 99;
    CHECK_EQUAL(tug_broadcast_receive(receiver, &received, &lost), 0);
    CHECK_EQUAL(received, value);
    CHECK_EQUAL(lost, missed);
}

static void expect_nothing(struct tug_broadcast_receiver *receiver, int error)
{
    int64_t received;
    CHECK_EQUAL(tug_broadcast_try_receive(receiver, &received, NULL), error);
    if (error == -EPIPE)
        CHECK_EQUAL(tug_broadcast_receive(receiver, &received, NULL), -EPIPE);
}

static int64_t each_receiver_gets_each_value(void *argument)
{
    (void)argument;
    struct channel channel;
    struct tug_broadcast_receiver second, late;
    make(&channel, 16);
    tug_broadcast_subscribe(channel.sender, &second);
    CHECK_EQUAL(tug_broadcast_receiver_count(channel.sender), 2);
    expect_nothing(&second, -EAGAIN);
    for (int64_t i = 0; i < 10; i++)
        CHECK_EQUAL(send_value(&channel, i), 2);
    tug_broadcast_resubscribe(&second, &late);
    CHECK_EQUAL(tug_broadcast_length(&second), 10);
    for (int64_t i = 0; i < 10; i++) {
        expect(&channel.receiver, i, 0);
        expect(&second, i, 0);
    }
    expect_nothing(&late, -EAGAIN);
    CHECK_EQUAL(send_value(&channel, 10), 3);
    expect(&late, 10, 0);
    expect(&second, 10, 0);
    tug_broadcast_receiver_drop(&late);
    tug_broadcast_receiver_drop(&second);
    expect(&channel.receiver, 10, 0);
    CHECK_EQUAL(send_value(&channel, 11), 1);
    end(&channel);
    return 0;
}

/* The buffer has 2, 4 or 8 slots, as the power of two above the capacity says. */
static int64_t who_lags_is_told_how_much(void *argument)
{
    (void)argument;
    static const int64_t capacities[][2] = {{1, 1}, {2, 2}, {3, 4}, {4, 4}, {5, 8}};
    for (int c = 0; c < 5; c++) {
        int64_t slots = capacities[c][1];
        for (int64_t sent = 0; sent < 4 * slots; sent++) {
            struct channel channel;
            make(&channel, (size_t)capacities[c][0]);
            for (int64_t i = 0; i < sent; i++)
                CHECK_EQUAL(send_value(&channel, i), 1);
            int64_t first = sent > slots ? sent - slots : 0;
            CHECK_EQUAL(tug_broadcast_length(&channel.receiver), sent);
            for (int64_t i = first; i < sent; i++)
                expect(&channel.receiver, i, i == first ? (uint64_t)first : 0);
            expect_nothing(&channel.receiver, -EAGAIN);
            CHECK_EQUAL(send_value(&channel, 77), 1);
            expect(&channel.receiver, 77, 0);
            end(&channel);
        }
    }
    return 0;
}

static int64_t who_lags_recovers_after_the_end(void *argument)
{
    (void)argument;
    struct channel channel;
    make(&channel, 2);
    for (int64_t i = 0; i < 5; i++)
        CHECK_EQUAL(send_value(&channel, i), 1);
    tug_broadcast_sender_drop(channel.sender);
    channel.sender = NULL;
    expect(&channel.receiver, 3, 3);
    expect(&channel.receiver, 4, 0);
    expect_nothing(&channel.receiver, -EPIPE);
    end(&channel);
    return 0;
}

static int64_t nothing_is_sent_to_nobody(void *argument)
{
    (void)argument;
    struct channel channel;
    make(&channel, 4);
    tug_broadcast_receiver_drop(&channel.receiver);
    CHECK_EQUAL(send_value(&channel, 1), -EPIPE);
    CHECK_EQUAL(tug_broadcast_wait_closed(channel.sender), 0);
    tug_broadcast_subscribe(channel.sender, &channel.receiver);
    expect_nothing(&channel.receiver, -EAGAIN);
    CHECK_EQUAL(send_value(&channel, 2), 1);
    expect(&channel.receiver, 2, 0);
    end(&channel);
    return 0;
}

/* ---- owners ---- */

static int owners;

static void retain(void *value)
{
    (void)value;
    __atomic_fetch_add(&owners, 1, __ATOMIC_RELAXED);
}

static void destroy(void *value)
{
    (void)value;
    __atomic_fetch_sub(&owners, 1, __ATOMIC_RELAXED);
}

static const struct tug_broadcast_values owned = {sizeof(int64_t), retain, destroy};

static int64_t own_and_send(struct channel *channel, int64_t value)
{
    owners++;
    int64_t result = send_value(channel, value);
    if (result < 0)
        owners--;
    return result;
}

static int64_t owners_are_counted(void *argument)
{
    (void)argument;
    struct channel channel;
    struct tug_broadcast_receiver second;
    int64_t value;
    owners = 0;
    CHECK_EQUAL(tug_broadcast_create(&channel.sender, &channel.receiver, 4, &owned), 0);
    tug_broadcast_subscribe(channel.sender, &second);
    CHECK_EQUAL(own_and_send(&channel, 1), 2);
    CHECK_EQUAL(tug_broadcast_try_receive(&channel.receiver, &value, NULL), 0);
    CHECK_EQUAL(owners, 2);
    CHECK_EQUAL(tug_broadcast_try_receive(&second, &value, NULL), 0);
    CHECK_EQUAL(owners, 2); /* the last one has got the channel's */
    owners = 0;
    /* Overwritten while both lag; then taken by one and given up by the other. */
    for (int64_t i = 0; i < 6; i++)
        CHECK_EQUAL(own_and_send(&channel, i), 2);
    CHECK_EQUAL(owners, 4);
    expect(&channel.receiver, 2, 2);
    CHECK_EQUAL(owners, 5);
    tug_broadcast_receiver_drop(&second);
    CHECK_EQUAL(owners, 4);
    tug_broadcast_receiver_drop(&channel.receiver);
    CHECK_EQUAL(owners, 1);
    CHECK_EQUAL(own_and_send(&channel, 7), -EPIPE);
    CHECK_EQUAL(owners, 1);
    tug_broadcast_sender_drop(channel.sender);
    CHECK_EQUAL(owners, 1);
    return 0;
}

/* ---- waiting ---- */

static int64_t send_later(void *argument)
{
    struct channel *channel = argument;
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    CHECK_EQUAL(send_value(channel, 5), 1);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_broadcast_sender_drop(tug_broadcast_sender_clone(channel->sender));
    tug_broadcast_sender_drop(channel->sender);
    channel->sender = NULL;
    return 0;
}

static int64_t drop_later(void *argument)
{
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_broadcast_receiver_drop(argument);
    return 0;
}

static int64_t who_waits_is_woken(void *argument)
{
    (void)argument;
    struct channel channel;
    int64_t value;
    make(&channel, 4);
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(
            TUG_TIMEOUT(TUG_MILLISECOND, tug_broadcast_receive(&channel.receiver, &value, NULL)),
            -ETIMEDOUT);
    struct tug_task *task = fixture_spawn(send_later, &channel);
    expect(&channel.receiver, 5, 0);
    CHECK_EQUAL(tug_broadcast_receive(&channel.receiver, &value, NULL), -EPIPE);
    CHECK_EQUAL(fixture_join(task), 0);
    end(&channel);

    make(&channel, 4);
    task = fixture_spawn(drop_later, &channel.receiver);
    CHECK_EQUAL(tug_broadcast_wait_closed(channel.sender), 0);
    CHECK_EQUAL(fixture_join(task), 0);
    tug_broadcast_sender_drop(channel.sender);
    return 0;
}

static int64_t in_a_cancelled_scope(void *argument)
{
    (void)argument;
    struct channel channel;
    int64_t value;
    make(&channel, 4);
    CHECK_EQUAL(send_value(&channel, 1), 1);
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    CHECK_EQUAL(tug_broadcast_receive(&channel.receiver, &value, NULL), -ECANCELED);
    CHECK_EQUAL(tug_broadcast_wait_closed(channel.sender), -ECANCELED);
    tug_scope_end(&scope, 0);
    expect(&channel.receiver, 1, 0);
    end(&channel);
    return 0;
}

static int64_t receives_can_be_selected(void *argument)
{
    (void)argument;
    struct channel channels[2];
    struct tug_broadcast_receive_future receives[2];
    struct tug_future *futures[] = {&receives[0].future, &receives[1].future};
    int64_t values[2];
    make(&channels[0], 4);
    make(&channels[1], 4);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 2; i++)
            tug_broadcast_receive_future_init(&receives[i], &channels[i].receiver, &values[i],
                                              NULL);
        CHECK_EQUAL(send_value(&channels[round % 2], round), 1);
        CHECK_EQUAL(tug_select(futures, 2), round % 2);
        CHECK_EQUAL(values[round % 2], round);
        CHECK_EQUAL(receives[1 - round % 2].future.result, -ECANCELED);
    }
    end(&channels[0]);
    end(&channels[1]);
    return 0;
}

static int64_t ready_receives_give_way(void *argument)
{
    (void)argument;
    struct channel channel;
    make(&channel, 1000);
    for (int64_t i = 0; i < 1000; i++)
        CHECK_EQUAL(send_value(&channel, i), 1);
    uint64_t before = fixture_budget_exhausted();
    for (int64_t i = 0; i < 1000; i++)
        expect(&channel.receiver, i, 0);
    CHECK_RANGE(fixture_budget_exhausted() - before, 7, 8);
    end(&channel);
    return 0;
}

/* ---- many ---- */

enum { RECEIVERS = 20, SENDERS = 2, VALUES = 300 };

/* What two senders send arrives in the order of each; what did not arrive was told as missed. */
static int64_t receive_all(void *argument)
{
    struct tug_broadcast_receiver *receiver = argument;
    int64_t last[SENDERS] = {-1, -1}, value;
    uint64_t received = 0, lost = 0, missed;
    while (tug_broadcast_receive(receiver, &value, &missed) == 0) {
        int64_t sender = value / VALUES, number = value % VALUES;
        CHECK_RANGE(sender, 0, SENDERS - 1);
        CHECK(number > last[sender]);
        last[sender] = number;
        destroy(&value);
        received++;
        lost += missed;
    }
    tug_broadcast_receiver_drop(receiver);
    return (int64_t)(received + lost);
}

struct source {
    struct channel *channel;
    int64_t index;
};

static int64_t send_all(void *argument)
{
    const struct source *source = argument;
    for (int64_t i = 0; i < VALUES; i++) {
        int64_t value = source->index * VALUES + i;
        retain(&value);
        CHECK(tug_broadcast_send(source->channel->sender, &value) > 0);
        if (i % 16 == 0)
            usleep(20);
    }
    tug_broadcast_sender_drop(source->channel->sender);
    return 0;
}

static int64_t nothing_is_lost_in_silence(void *argument)
{
    (void)argument;
    static const size_t capacities[] = {1, 4, 64, 1024};
    for (size_t c = 0; c < 4; c++) {
        struct channel channel;
        struct tug_broadcast_receiver receivers[RECEIVERS];
        struct tug_task *tasks[RECEIVERS];
        struct fixture_thread threads[SENDERS + 1];
        struct source sources[SENDERS];
        owners = 0;
        CHECK_EQUAL(tug_broadcast_create(&channel.sender, &channel.receiver, capacities[c], &owned),
                    0);
        for (int i = 0; i < RECEIVERS; i++) {
            tug_broadcast_subscribe(channel.sender, &receivers[i]);
            if (i > 0)
                tasks[i] = fixture_spawn(receive_all, &receivers[i]);
            else
                fixture_thread_start(&threads[SENDERS], receive_all, &receivers[i]);
        }
        tug_broadcast_sender_clone(channel.sender);
        for (int i = 0; i < SENDERS; i++) {
            sources[i] = (struct source){&channel, i};
            fixture_thread_start(&threads[i], send_all, &sources[i]);
        }
        for (int i = 0; i < RECEIVERS; i++)
            CHECK_EQUAL(i > 0 ? fixture_join(tasks[i]) : fixture_thread_await(&threads[SENDERS]),
                        SENDERS * VALUES);
        for (int i = 0; i < SENDERS; i++)
            CHECK_EQUAL(fixture_thread_await(&threads[i]), 0);
        tug_broadcast_receiver_drop(&channel.receiver);
        CHECK_EQUAL(owners, 0);
    }
    return 0;
}

static void sizes_are_checked(void **state)
{
    (void)state;
    struct channel channel;
    struct tug_broadcast_values values = {.size = 8};
    assert_int_equal(tug_broadcast_create(&channel.sender, &channel.receiver, 0, &values), -EINVAL);
    assert_int_equal(tug_broadcast_create(&channel.sender, &channel.receiver, SIZE_MAX, &values),
                     -EINVAL);
    values.size = 0;
    assert_int_equal(tug_broadcast_create(&channel.sender, &channel.receiver, 1, &values), -EINVAL);
    values.size = (size_t)1 << 30;
    assert_int_equal(
        tug_broadcast_create(&channel.sender, &channel.receiver, (size_t)1 << 40, &values),
        -ENOMEM);
}

#if TUG_FAULT_INJECTION
static void creating_fails_without_memory(void **state)
{
    (void)state;
    struct channel channel;
    assert_int_equal(tug_fault_fail("malloc", 1, 1, ENOMEM), 0);
    assert_int_equal(tug_broadcast_create(&channel.sender, &channel.receiver, 4, &numbers),
                     -ENOMEM);
    tug_fault_reset();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(each_receiver_gets_each_value),
        IN_EACH(who_lags_is_told_how_much),
        IN_EACH(who_lags_recovers_after_the_end),
        IN_EACH(nothing_is_sent_to_nobody),
        IN_EACH(owners_are_counted),
        IN_EACH(who_waits_is_woken),
        IN_EACH(in_a_cancelled_scope),
        IN_EACH(receives_can_be_selected),
        IN_CURRENT_THREAD(ready_receives_give_way),
        IN_EACH(nothing_is_lost_in_silence),
        cmocka_unit_test(sizes_are_checked),
#if TUG_FAULT_INJECTION
        cmocka_unit_test(creating_fails_without_memory),
#endif
    };
    return cmocka_run_group_tests_name("sync/broadcast", tests, NULL, NULL);
}

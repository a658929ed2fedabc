/* SPDX-License-Identifier: MIT */
/*
 * The mpsc channel: order, room, permits, ends, handles, what is destroyed, what a cancelled call
 * loses, and the budget.
 */
#include <errno.h>

#include "../runtime/fixture.h"
#include "sys/fault.h"

struct channel {
    struct tug_mpsc_sender *sender;
    struct tug_mpsc_receiver *receiver;
};

static struct channel make(size_t capacity)
{
    struct channel channel;
    CHECK_EQUAL(
        tug_mpsc_create(&channel.sender, &channel.receiver, capacity, sizeof(int64_t), NULL), 0);
    return channel;
}

static void end(struct channel channel)
{
    if (channel.sender != NULL)
        tug_mpsc_sender_drop(channel.sender);
    if (channel.receiver != NULL)
        tug_mpsc_receiver_drop(channel.receiver);
}

static int try_send(struct channel channel, int64_t value)
{
    return tug_mpsc_try_send(channel.sender, &value);
}

static int64_t send_value(struct channel channel, int64_t value)
{
    return tug_mpsc_send(channel.sender, &value);
}

static void expect(struct channel channel, int64_t value)
{
    int64_t received = -1;
    CHECK_EQUAL(tug_mpsc_receive(channel.receiver, &received), 0);
    CHECK_EQUAL(received, value);
}

static void expect_end(struct channel channel)
{
    int64_t received;
    CHECK_EQUAL(tug_mpsc_receive(channel.receiver, &received), -EPIPE);
    CHECK_EQUAL(tug_mpsc_try_receive(channel.receiver, &received), -EPIPE);
    CHECK_EQUAL(tug_mpsc_receive_many(channel.receiver, &received, 1), -EPIPE);
}

/* For both kinds. */
static const size_t capacities[] = {1000, TUG_MPSC_UNBOUNDED};
#define FOR_BOTH(channel)                                                                          \
    for (size_t kind_ = 0; kind_ < 2; kind_++)                                                     \
        for (struct channel channel = make(capacities[kind_]), *once_ = &channel; once_ != NULL;   \
             once_ = NULL)

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

struct waiting_send {
    struct channel channel;
    int64_t value;
    int64_t *order, *ended;
};

static int64_t send_waiting(void *argument)
{
    struct waiting_send *send = argument;
    CHECK_EQUAL(send_value(send->channel, send->value), 0);
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

/* ---- permits ---- */

static int64_t permits_hold_room(void *argument)
{
    (void)argument;
    struct channel channel = make(5);
    struct tug_mpsc_permit permit, other;
    int64_t value = 1;
    CHECK_EQUAL(tug_mpsc_reserve(channel.sender, 3, &permit), 0);
    CHECK_EQUAL(tug_mpsc_available(channel.sender), 2);
    CHECK_EQUAL(tug_mpsc_try_reserve(channel.sender, 3, &other), -EAGAIN);
    CHECK_EQUAL(tug_mpsc_try_reserve(channel.sender, 2, &other), 0);
    CHECK_EQUAL(try_send(channel, 9), -EAGAIN);
    CHECK_EQUAL(tug_mpsc_send_reserved(&permit, &value), 0);
    expect(channel, 1);
    CHECK_EQUAL(tug_mpsc_available(channel.sender), 1);
    tug_mpsc_permit_drop(&other);
    tug_mpsc_permit_drop(&other);
    CHECK_EQUAL(tug_mpsc_available(channel.sender), 3);
    CHECK_EQUAL(tug_mpsc_send_reserved(&other, &value), -EINVAL);
    tug_mpsc_permit_drop(&permit);
    CHECK_EQUAL(tug_mpsc_available(channel.sender), 5);

    CHECK_EQUAL(tug_mpsc_reserve(channel.sender, 6, &permit), -EINVAL);
    CHECK_EQUAL(tug_mpsc_try_reserve(channel.sender, 6, &permit), -EINVAL);
    CHECK_EQUAL(tug_mpsc_reserve(channel.sender, 0, &permit), 0);
    tug_mpsc_permit_drop(&permit);
    end(channel);
    channel = make(TUG_MPSC_UNBOUNDED);
    CHECK_EQUAL(tug_mpsc_reserve(channel.sender, 1, &permit), -EINVAL);
    CHECK_EQUAL(tug_mpsc_try_reserve(channel.sender, 1, &permit), -EINVAL);
    end(channel);
    return 0;
}

static int64_t reserve_all(void *argument)
{
    struct channel *channel = argument;
    struct tug_mpsc_permit permit;
    CHECK_EQUAL(tug_mpsc_reserve(channel->sender, 3, &permit), 0);
    for (int64_t i = 10; i < 13; i++)
        CHECK_EQUAL(tug_mpsc_send_reserved(&permit, &i), 0);
    return 0;
}

/* Who asks for much is not passed by those who ask for little. */
static int64_t many_permits_are_waited_for(void *argument)
{
    (void)argument;
    struct channel channel = make(3);
    for (int64_t i = 0; i < 3; i++)
        CHECK_EQUAL(try_send(channel, i), 0);
    struct tug_task *task = fixture_spawn(reserve_all, &channel);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    for (int64_t i = 0; i < 3; i++) {
        CHECK_EQUAL(try_send(channel, 99), -EAGAIN);
        expect(channel, i);
    }
    for (int64_t i = 10; i < 13; i++)
        expect(channel, i);
    CHECK_EQUAL(fixture_join(task), 0);
    end(channel);
    return 0;
}

static int64_t drop_permit_later(void *argument)
{
    struct tug_mpsc_permit *permit = argument;
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_mpsc_permit_drop(permit);
    return 0;
}

static void ignore(void *data)
{
    (void)data;
}

/* Of nobody. */
static struct tug_waker deaf_waker(void)
{
    static const struct tug_waker_vtable vtable = {ignore, ignore, ignore, ignore};
    return (struct tug_waker){&vtable, NULL};
}

static int64_t cancel_later(void *argument)
{
    struct tug_future *future = argument;
    const struct tug_waker waker = deaf_waker();
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    future->vtable->cancel(future);
    CHECK_EQUAL(future->vtable->poll(future, &waker), TUG_READY);
    CHECK_EQUAL(future->result, -ECANCELED);
    return 0;
}

static int64_t a_closed_receiver_waits_for_permits(void *argument)
{
    (void)argument;
    struct channel channel = make(3);
    struct tug_mpsc_permit first, last;
    int64_t value = 7;
    CHECK_EQUAL(tug_mpsc_reserve(channel.sender, 1, &first), 0);
    CHECK_EQUAL(tug_mpsc_reserve(channel.sender, 2, &last), 0);
    tug_mpsc_close(channel.receiver);
    CHECK(tug_mpsc_is_closed(channel.sender));
    CHECK_EQUAL(try_send(channel, 1), -EPIPE);
    CHECK_EQUAL(tug_mpsc_try_receive(channel.receiver, &value), -EAGAIN);
    CHECK_EQUAL(tug_mpsc_send_reserved(&first, &value), 0);
    expect(channel, 7);
    CHECK_EQUAL(tug_mpsc_try_receive(channel.receiver, &value), -EAGAIN);
    struct tug_task *task = fixture_spawn(drop_permit_later, &last);
    expect_end(channel);
    CHECK_EQUAL(fixture_join(task), 0);
    end(channel);
    return 0;
}

/* A reservation that was granted, and then cancelled, has given its room back. */
static int64_t a_closed_receiver_waits_for_cancelled_reservations(void *argument)
{
    (void)argument;
    struct channel channel = make(1);
    struct tug_mpsc_permit permit;
    struct tug_mpsc_send_future reservation;
    const struct tug_waker waker = deaf_waker();
    CHECK_EQUAL(try_send(channel, 1), 0);
    tug_mpsc_reserve_future_init(&reservation, channel.sender, 1, &permit);
    CHECK_EQUAL(reservation.future.vtable->poll(&reservation.future, &waker), TUG_PENDING);
    expect(channel, 1);
    tug_mpsc_close(channel.receiver);
    int64_t value;
    CHECK_EQUAL(tug_mpsc_try_receive(channel.receiver, &value), -EAGAIN);
    struct tug_task *task = fixture_spawn(cancel_later, &reservation.future);
    expect_end(channel);
    CHECK_EQUAL(fixture_join(task), 0);
    end(channel);
    return 0;
}

/* ---- ends ---- */

static int64_t what_was_sent_is_received_after_the_end(void *argument)
{
    (void)argument;
    FOR_BOTH(channel)
    {
        CHECK_EQUAL(try_send(channel, 1), 0);
        CHECK_EQUAL(try_send(channel, 2), 0);
        tug_mpsc_close(channel.receiver);
        tug_mpsc_close(channel.receiver);
        CHECK_EQUAL(try_send(channel, 3), -EPIPE);
        CHECK_EQUAL(send_value(channel, 3), -EPIPE);
        expect(channel, 1);
        expect(channel, 2);
        expect_end(channel);
        end(channel);
    }
    FOR_BOTH(channel)
    {
        CHECK_EQUAL(try_send(channel, 1), 0);
        CHECK_EQUAL(try_send(channel, 2), 0);
        tug_mpsc_sender_drop(channel.sender);
        channel.sender = NULL;
        expect(channel, 1);
        expect(channel, 2);
        expect_end(channel);
        end(channel);
    }
    /* At the end of a block. */
    FOR_BOTH(channel)
    {
        for (int64_t i = 0; i < 31; i++)
            CHECK_EQUAL(try_send(channel, i), 0);
        tug_mpsc_sender_drop(channel.sender);
        channel.sender = NULL;
        for (int64_t i = 0; i < 31; i++)
            expect(channel, i);
        expect_end(channel);
        end(channel);
    }
    return 0;
}

static int64_t drop_sender_later(void *argument)
{
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_mpsc_sender_drop(argument);
    return 0;
}

static int64_t close_later(void *argument)
{
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_mpsc_close(argument);
    return 0;
}

static int64_t the_end_wakes_who_waits(void *argument)
{
    (void)argument;
    FOR_BOTH(channel)
    {
        struct tug_task *task = fixture_spawn(drop_sender_later, channel.sender);
        expect_end(channel);
        CHECK_EQUAL(fixture_join(task), 0);
        channel.sender = NULL;
        end(channel);
    }
    FOR_BOTH(channel)
    {
        struct tug_task *task = fixture_spawn(close_later, channel.receiver);
        CHECK_EQUAL(tug_mpsc_wait_closed(channel.sender), 0);
        CHECK_EQUAL(tug_mpsc_wait_closed(channel.sender), 0);
        CHECK_EQUAL(fixture_join(task), 0);
        end(channel);
    }
    struct channel channel = make(1);
    CHECK_EQUAL(try_send(channel, 1), 0);
    struct tug_task *task = fixture_spawn(close_later, channel.receiver);
    CHECK_EQUAL(send_value(channel, 2), -EPIPE);
    CHECK_EQUAL(fixture_join(task), 0);
    expect(channel, 1);
    expect_end(channel);
    end(channel);
    return 0;
}

static int64_t handles_are_counted(void *argument)
{
    (void)argument;
    FOR_BOTH(channel)
    {
        int64_t value;
        struct tug_mpsc_sender *clone = tug_mpsc_sender_clone(channel.sender);
        struct tug_mpsc_weak_sender *weak = tug_mpsc_downgrade(channel.sender);
        CHECK_EQUAL(tug_mpsc_sender_count(channel.receiver), 2);
        tug_mpsc_sender_drop(channel.sender);
        CHECK_EQUAL(tug_mpsc_try_receive(channel.receiver, &value), -EAGAIN);
        struct tug_mpsc_sender *upgraded = tug_mpsc_upgrade(weak);
        CHECK(upgraded != NULL);
        tug_mpsc_sender_drop(clone);
        CHECK_EQUAL(tug_mpsc_sender_count(channel.receiver), 1);
        value = 3;
        CHECK_EQUAL(tug_mpsc_try_send(upgraded, &value), 0);
        tug_mpsc_sender_drop(upgraded);
        CHECK(tug_mpsc_upgrade(weak) == NULL);
        expect(channel, 3);
        expect_end(channel);
        channel.sender = NULL;
        end(channel);
        CHECK(tug_mpsc_upgrade(weak) == NULL); /* it keeps the memory */
        tug_mpsc_weak_sender_drop(weak);
    }
    return 0;
}

static int destroyed;

static void count_destroyed(void *value)
{
    CHECK_EQUAL(*(int64_t *)value, destroyed);
    destroyed++;
}

static int64_t what_is_left_is_destroyed(void *argument)
{
    (void)argument;
    for (int receiver_first = 0; receiver_first < 2; receiver_first++) {
        struct channel channel;
        destroyed = 0;
        CHECK_EQUAL(tug_mpsc_create(&channel.sender, &channel.receiver, 100, sizeof(int64_t),
                                    count_destroyed),
                    0);
        for (int64_t i = -50; i < 40; i++)
            CHECK_EQUAL(try_send(channel, i), 0);
        for (int64_t i = -50; i < 0; i++)
            expect(channel, i);
        if (receiver_first) {
            tug_mpsc_receiver_drop(channel.receiver);
            CHECK_EQUAL(destroyed, 40);
            tug_mpsc_sender_drop(channel.sender);
        } else {
            end(channel);
        }
        CHECK_EQUAL(destroyed, 40);
    }
    /* Into room that was reserved, after the receiver has gone. */
    struct channel channel;
    struct tug_mpsc_permit permit;
    int64_t value = 0;
    destroyed = 0;
    CHECK_EQUAL(
        tug_mpsc_create(&channel.sender, &channel.receiver, 1, sizeof(int64_t), count_destroyed),
        0);
    CHECK_EQUAL(tug_mpsc_reserve(channel.sender, 1, &permit), 0);
    tug_mpsc_receiver_drop(channel.receiver);
    CHECK_EQUAL(tug_mpsc_send_reserved(&permit, &value), 0);
    tug_mpsc_sender_drop(channel.sender);
    CHECK_EQUAL(destroyed, 1);
    return 0;
}

/* ---- cancelling ---- */

static int64_t a_cancelled_call_loses_nothing(void *argument)
{
    (void)argument;
    FOR_BOTH(channel)
    {
        int64_t value;
        for (int i = 0; i < 3; i++) {
            CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_mpsc_receive(channel.receiver, &value)),
                        -ETIMEDOUT);
            CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_mpsc_wait_closed(channel.sender)),
                        -ETIMEDOUT);
        }
        CHECK_EQUAL(try_send(channel, 4), 0);
        expect(channel, 4);
        end(channel);
    }
    struct channel channel = make(1);
    CHECK_EQUAL(try_send(channel, 1), 0);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, send_value(channel, 2)), -ETIMEDOUT);
    expect(channel, 1);
    CHECK_EQUAL(tug_mpsc_available(channel.sender), 1);
    CHECK_EQUAL(try_send(channel, 3), 0);
    expect(channel, 3);
    end(channel);
    return 0;
}

static int64_t in_a_cancelled_scope(void *argument)
{
    (void)argument;
    struct channel channel = make(10);
    struct tug_mpsc_permit permit;
    int64_t value;
    CHECK_EQUAL(try_send(channel, 1), 0);
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    CHECK_EQUAL(tug_mpsc_receive(channel.receiver, &value), -ECANCELED);
    CHECK_EQUAL(tug_mpsc_receive_many(channel.receiver, &value, 1), -ECANCELED);
    CHECK_EQUAL(send_value(channel, 2), -ECANCELED);
    CHECK_EQUAL(tug_mpsc_reserve(channel.sender, 1, &permit), -ECANCELED);
    CHECK_EQUAL(tug_mpsc_wait_closed(channel.sender), -ECANCELED);
    tug_scope_end(&scope, 0);
    CHECK_EQUAL(tug_mpsc_available(channel.sender), 9);
    expect(channel, 1);
    end(channel);
    return 0;
}

static int64_t the_futures_can_be_selected(void *argument)
{
    (void)argument;
    FOR_BOTH(channel)
    {
        struct channel other = make(TUG_MPSC_UNBOUNDED);
        struct tug_mpsc_receive_future receives[2];
        struct tug_future *futures[] = {&receives[0].future, &receives[1].future};
        int64_t values[2];
        for (int round = 0; round < 100; round++) {
            tug_mpsc_receive_future_init(&receives[0], channel.receiver, &values[0], 1);
            tug_mpsc_receive_future_init(&receives[1], other.receiver, &values[1], 1);
            struct channel *sender = round % 2 == 0 ? &channel : &other;
            struct waiting_send send = {.channel = *sender, .value = round};
            struct tug_task *task = fixture_spawn(send_waiting, &send);
            CHECK_EQUAL(tug_select(futures, 2), round % 2);
            CHECK_EQUAL(receives[round % 2].future.result, 1);
            CHECK_EQUAL(receives[1 - round % 2].future.result, -ECANCELED);
            CHECK_EQUAL(values[round % 2], round);
            CHECK_EQUAL(fixture_join(task), 0);
        }
        end(other);
        end(channel);
    }
    return 0;
}

static int64_t sends_can_be_selected(void *argument)
{
    (void)argument;
    struct channel full = make(1), empty = make(1);
    struct tug_mpsc_send_future sends[2];
    struct tug_mpsc_permit permit;
    struct tug_future *futures[] = {&sends[0].future, &sends[1].future};
    int64_t value = 5;
    CHECK_EQUAL(try_send(full, 1), 0);
    tug_mpsc_send_future_init(&sends[0], full.sender, &value);
    tug_mpsc_send_future_init(&sends[1], empty.sender, &value);
    CHECK_EQUAL(tug_select_biased(futures, 2), 1);
    CHECK_EQUAL(sends[0].future.result, -ECANCELED);
    expect(empty, 5);
    expect(full, 1);
    CHECK_EQUAL(tug_mpsc_available(full.sender), 1);
    tug_mpsc_reserve_future_init(&sends[0], full.sender, 1, &permit);
    CHECK_EQUAL(tug_await(&sends[0].future), 0);
    CHECK_EQUAL(tug_mpsc_send_reserved(&permit, &value), 0);
    expect(full, 5);
    end(full);
    end(empty);
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
        IN_EACH(permits_hold_room),
        IN_EACH(many_permits_are_waited_for),
        IN_EACH(a_closed_receiver_waits_for_permits),
        IN_EACH(a_closed_receiver_waits_for_cancelled_reservations),
        IN_EACH(what_was_sent_is_received_after_the_end),
        IN_EACH(the_end_wakes_who_waits),
        IN_EACH(handles_are_counted),
        IN_EACH(what_is_left_is_destroyed),
        IN_EACH(a_cancelled_call_loses_nothing),
        IN_EACH(in_a_cancelled_scope),
        IN_EACH(the_futures_can_be_selected),
        IN_EACH(sends_can_be_selected),
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

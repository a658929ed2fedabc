/* SPDX-License-Identifier: MIT */
/*
 * The mpsc channel: room that is reserved, how either side ends, handles, and what is destroyed.
 */
#include "mpsc_channel.h"

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

/* Room for two that is taken: by a permit or by a reservation that was granted, which nobody has
 * polled since. */
struct taken {
    struct tug_mpsc_permit permit;
    struct tug_mpsc_send_future reservation;
    bool reserved;
};

static void take(struct channel channel, struct taken *taken)
{
    struct tug_future *future = &taken->reservation.future;
    const struct tug_waker waker = deaf_waker();
    if (!taken->reserved) {
        CHECK_EQUAL(tug_mpsc_reserve(channel.sender, 2, &taken->permit), 0);
        return;
    }
    for (int64_t i = 0; i < 2; i++)
        CHECK_EQUAL(try_send(channel, i), 0);
    tug_mpsc_reserve_future_init(&taken->reservation, channel.sender, 2, &taken->permit);
    CHECK_EQUAL(future->vtable->poll(future, &waker), TUG_PENDING);
    for (int64_t i = 0; i < 2; i++)
        expect(channel, i);
}

static int64_t give_back_later(void *argument)
{
    struct taken *taken = argument;
    struct tug_future *future = &taken->reservation.future;
    const struct tug_waker waker = deaf_waker();
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    if (taken->reserved) {
        future->vtable->cancel(future);
        CHECK_EQUAL(future->vtable->poll(future, &waker), TUG_READY);
        CHECK_EQUAL(future->result, -ECANCELED);
    } else {
        tug_mpsc_permit_drop(&taken->permit);
    }
    return 0;
}

static int64_t a_closed_receiver_waits_for_room_that_is_taken(void *argument)
{
    (void)argument;
    for (int reserved = 0; reserved < 2; reserved++) {
        struct channel channel = make(3);
        struct tug_mpsc_permit first;
        struct taken taken = {.reserved = reserved};
        int64_t value = 7;
        CHECK_EQUAL(tug_mpsc_reserve(channel.sender, 1, &first), 0);
        take(channel, &taken);
        tug_mpsc_close(channel.receiver);
        CHECK(tug_mpsc_is_closed(channel.sender));
        CHECK_EQUAL(try_send(channel, 1), -EPIPE);
        CHECK_EQUAL(tug_mpsc_try_receive(channel.receiver, &value), -EAGAIN);
        CHECK_EQUAL(tug_mpsc_send_reserved(&first, &value), 0);
        expect(channel, 7);
        CHECK_EQUAL(tug_mpsc_try_receive(channel.receiver, &value), -EAGAIN);
        struct tug_task *task = fixture_spawn(give_back_later, &taken);
        expect_end(channel);
        CHECK_EQUAL(fixture_join(task), 0);
        end(channel);
    }
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
    struct tug_mpsc_permit permit;
    CHECK_EQUAL(tug_mpsc_reserve(channel.sender, 1, &permit), -EPIPE);
    CHECK_EQUAL(tug_mpsc_try_reserve(channel.sender, 1, &permit), -EPIPE);
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

static struct channel make_counting(size_t capacity)
{
    struct channel channel;
    destroyed = 0;
    CHECK_EQUAL(tug_mpsc_create(&channel.sender, &channel.receiver, capacity, sizeof(int64_t),
                                count_destroyed),
                0);
    return channel;
}

/* `left` of `sent` values, in order: in one block, over the ends of several, to the end of one. */
static void leave_behind(size_t capacity, int64_t sent, int64_t left, bool receiver_first)
{
    struct channel channel = make_counting(capacity);
    for (int64_t i = left - sent; i < left; i++)
        CHECK_EQUAL(try_send(channel, i), 0);
    for (int64_t i = left - sent; i < 0; i++)
        expect(channel, i);
    CHECK_EQUAL(destroyed, 0);
    if (receiver_first) {
        tug_mpsc_receiver_drop(channel.receiver);
        CHECK_EQUAL(destroyed, left);
        tug_mpsc_sender_drop(channel.sender);
    } else {
        end(channel);
    }
    CHECK_EQUAL(destroyed, left);
}

static int64_t what_is_left_is_destroyed(void *argument)
{
    (void)argument;
    static const int64_t left[] = {0, 1, 30, 31, 32, 40, 62, 63, 100};
    for (size_t kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
            for (int receiver_first = 0; receiver_first < 2; receiver_first++) {
                leave_behind(capacities[kind], left[i], left[i], receiver_first);
                leave_behind(capacities[kind], left[i] + 50, left[i], receiver_first);
            }
        }
    }
    /* Into room that was reserved, after the receiver has gone. */
    struct channel channel = make_counting(1);
    struct tug_mpsc_permit permit;
    int64_t value = 0;
    CHECK_EQUAL(tug_mpsc_reserve(channel.sender, 1, &permit), 0);
    tug_mpsc_receiver_drop(channel.receiver);
    CHECK_EQUAL(tug_mpsc_send_reserved(&permit, &value), 0);
    tug_mpsc_sender_drop(channel.sender);
    CHECK_EQUAL(destroyed, 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(permits_hold_room),
        IN_EACH(many_permits_are_waited_for),
        IN_EACH(a_closed_receiver_waits_for_room_that_is_taken),
        IN_EACH(what_was_sent_is_received_after_the_end),
        IN_EACH(the_end_wakes_who_waits),
        IN_EACH(handles_are_counted),
        IN_EACH(what_is_left_is_destroyed),
    };
    return cmocka_run_group_tests_name("sync/mpsc_end", tests, NULL, NULL);
}

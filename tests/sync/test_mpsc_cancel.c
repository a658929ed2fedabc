/* SPDX-License-Identifier: MIT */
/*
 * The mpsc channel: what a call that is cancelled loses, and its futures in a select.
 */
#include "mpsc_channel.h"

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

static int64_t wait_on_thread(void *argument)
{
    struct channel *channel = argument;
    struct tug_mpsc_send_future send;
    struct tug_mpsc_receive_future receive;
    int64_t value = 1;
    tug_mpsc_receive_future_init(&receive, channel->receiver, &value, 1);
    CHECK_EQUAL(tug_await_blocking(&receive.future, tug_deadline_after(TUG_MILLISECOND)),
                -ETIMEDOUT);
    tug_mpsc_send_future_init(&send, channel->sender, &value);
    CHECK_EQUAL(tug_await_blocking(&send.future, tug_deadline_after(TUG_SECOND)), 0);
    tug_mpsc_send_future_init(&send, channel->sender, &value);
    CHECK_EQUAL(tug_await_blocking(&send.future, tug_deadline_after(TUG_MILLISECOND)), -ETIMEDOUT);
    return 0;
}

/* Threads have no scopes: they wait for the futures. */
static int64_t a_thread_has_a_deadline(void *argument)
{
    (void)argument;
    struct channel channel = make(1);
    int64_t value;
    CHECK_EQUAL(fixture_on_thread(wait_on_thread, &channel), 0);
    expect(channel, 1);
    CHECK_EQUAL(tug_mpsc_try_receive(channel.receiver, &value), -EAGAIN);
    CHECK_EQUAL(tug_mpsc_available(channel.sender), 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(a_cancelled_call_loses_nothing), IN_EACH(a_thread_has_a_deadline),
        IN_EACH(in_a_cancelled_scope),           IN_EACH(the_futures_can_be_selected),
        IN_EACH(sends_can_be_selected),
    };
    return cmocka_run_group_tests_name("sync/mpsc_cancel", tests, NULL, NULL);
}

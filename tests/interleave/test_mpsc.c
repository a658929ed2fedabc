/* SPDX-License-Identifier: MIT */
/*
 * The channel from many senders to one receiver, in all orders. Values are so large that a block
 * has one slot: each value crosses from block to block.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "instrument.h"
#include "memory.h"

#include "sync/event.c"
#include "sync/semaphore.c"
#include "sync/wait_queue.c"

#include "sync/mpsc.c"
#include "sync/mpsc_queue.c"
#include "sync/mpsc_receive.c"
#include "sync/mpsc_send.c"

struct large {
    int from, number;
    unsigned char rest[2100];
};

static struct tug_mpsc_sender *sender;
static struct tug_mpsc_weak_sender *weak;
static struct tug_mpsc_receiver *receiver;
static struct tug_mpsc_send_future sends[INTERLEAVE_THREADS];
static struct large values[INTERLEAVE_THREADS], received_value;
static int last_number[INTERLEAVE_THREADS], sent, received, destroyed;

static void destroy_large(void *value)
{
    INTERLEAVE_CHECK(((struct large *)value)->number > 0);
    destroyed++;
}

/* All senders are made, one for each thread that has one. */
static void begin(size_t capacity, int senders)
{
    memory_begin();
    weak = NULL;
    sent = received = destroyed = 0;
    for (int i = 0; i < INTERLEAVE_THREADS; i++) {
        values[i].from = i;
        last_number[i] = values[i].number = 0;
    }
    INTERLEAVE_CHECK(
        tug_mpsc_create(&sender, &receiver, capacity, sizeof(struct large), destroy_large) == 0);
    for (int i = 1; i < senders; i++)
        tug_mpsc_sender_clone(sender);
}

static void begin_with_room_for_one(void)
{
    begin(1, 2);
}

static void begin_with_room_for_two(void)
{
    begin(2, 2);
}

static void begin_with_a_sender_more(void)
{
    begin(1, 3);
}

static void begin_unbounded(void)
{
    begin(TUG_MPSC_UNBOUNDED, 2);
}

static void begin_weakly(void)
{
    begin(1, 1);
    weak = tug_mpsc_downgrade(sender);
}

static void nothing_is_lost(void)
{
    INTERLEAVE_CHECK(sent == received + destroyed);
    memory_end();
}

static void all_is_received(void)
{
    nothing_is_lost();
    INTERLEAVE_CHECK(destroyed == 0);
}

/* The last sender goes when all is over: so nobody is woken by that. */
static void a_sender_was_left(void)
{
    tug_mpsc_sender_drop(sender);
    all_is_received();
}

/* ---- sending ---- */

static struct large *next_value(void)
{
    struct large *value = &values[interleave_self()];
    value->number++;
    return value;
}

static int64_t send_next(void)
{
    struct tug_mpsc_send_future *send = &sends[interleave_self()];
    tug_mpsc_send_future_init(send, sender, next_value());
    int64_t result = interleave_await(&send->future);
    INTERLEAVE_CHECK(result == 0 || result == -EPIPE);
    sent += result == 0;
    return result;
}

static void send_one(void)
{
    send_next();
    tug_mpsc_sender_drop(sender);
}

static void send_two(void)
{
    send_next();
    send_next();
    tug_mpsc_sender_drop(sender);
}

/* Polls once, and gives up: has sent it or has not. */
static void give_up_sending(void)
{
    struct tug_mpsc_send_future *send = &sends[interleave_self()];
    const struct tug_waker waker = interleave_waker();
    tug_mpsc_send_future_init(send, sender, next_value());
    if (send->future.vtable->poll(&send->future, &waker) == TUG_PENDING) {
        send->future.vtable->cancel(&send->future);
        interleave_await(&send->future);
    }
    sent += send->future.result == 0;
    tug_mpsc_sender_drop(sender);
}

/* Room that was reserved stays so when the receiver closes. */
static void reserve_and_send(void)
{
    struct tug_mpsc_permit permit;
    if (tug_mpsc_reserve(sender, 1, &permit) == 0) {
        INTERLEAVE_CHECK(tug_mpsc_send_reserved(&permit, next_value()) == 0);
        sent++;
    }
    tug_mpsc_sender_drop(sender);
}

static void reserve_and_drop(void)
{
    struct tug_mpsc_permit permit;
    if (tug_mpsc_reserve(sender, 1, &permit) == 0)
        tug_mpsc_permit_drop(&permit);
    tug_mpsc_sender_drop(sender);
}

/* Has the room or has not, and gives it back. */
static void give_up_reserving(void)
{
    struct tug_mpsc_send_future *reservation = &sends[interleave_self()];
    const struct tug_waker waker = interleave_waker();
    struct tug_mpsc_permit permit;
    tug_mpsc_reserve_future_init(reservation, sender, 1, &permit);
    if (reservation->future.vtable->poll(&reservation->future, &waker) == TUG_PENDING) {
        reservation->future.vtable->cancel(&reservation->future);
        interleave_await(&reservation->future);
    }
    if (reservation->future.result == 0)
        tug_mpsc_permit_drop(&permit);
    tug_mpsc_sender_drop(sender);
}

static void send_if_there_is_a_sender(void)
{
    if (tug_mpsc_upgrade(weak) != NULL)
        send_one();
    tug_mpsc_weak_sender_drop(weak);
}

static void wait_for_the_end(void)
{
    struct tug_mpsc_closed_future wait;
    tug_mpsc_closed_future_init(&wait, sender);
    INTERLEAVE_CHECK(interleave_await(&wait.future) == 0);
    INTERLEAVE_CHECK(tug_mpsc_is_closed(sender));
    INTERLEAVE_CHECK(tug_mpsc_try_send(sender, next_value()) == -EPIPE);
    tug_mpsc_sender_drop(sender);
}

/* ---- receiving ---- */

/* Of each sender in order, and as they were sent. */
static void look_at_value(void)
{
    INTERLEAVE_CHECK(received_value.number == last_number[received_value.from] + 1);
    last_number[received_value.from]++;
    received++;
}

static int receive_next(void)
{
    int result = tug_mpsc_receive(receiver, &received_value);
    INTERLEAVE_CHECK(result == 0 || result == -EPIPE);
    if (result == 0)
        look_at_value();
    return result;
}

static void receive_all(void)
{
    while (receive_next() == 0)
        continue;
    INTERLEAVE_CHECK(tug_mpsc_try_receive(receiver, &received_value) == -EPIPE);
    tug_mpsc_receiver_drop(receiver);
}

static void close_and_receive_the_rest(void)
{
    receive_next();
    tug_mpsc_close(receiver);
    receive_all();
}

static void close_and_receive_all(void)
{
    tug_mpsc_close(receiver);
    receive_all();
}

static void receive_one_and_go(void)
{
    receive_next();
    tug_mpsc_receiver_drop(receiver);
}

/* Gives up a wait in the middle. */
static void give_up_receiving(void)
{
    const struct tug_waker waker = interleave_waker();
    struct tug_mpsc_receive_future wait;
    tug_mpsc_receive_future_init(&wait, receiver, &received_value, 1);
    if (wait.future.vtable->poll(&wait.future, &waker) == TUG_PENDING) {
        wait.future.vtable->cancel(&wait.future);
        interleave_await(&wait.future);
    }
    if (wait.future.result == 1)
        look_at_value();
}

static void give_up_and_receive_all(void)
{
    give_up_receiving();
    receive_all();
}

static void give_up_and_go(void)
{
    give_up_receiving();
    tug_mpsc_receiver_drop(receiver);
}

static void poll_and_receive_all(void)
{
    int result;
    while ((result = tug_mpsc_try_receive(receiver, &received_value)) != -EPIPE)
        if (result == 0)
            look_at_value();
        else
            interleave_yield();
    tug_mpsc_receiver_drop(receiver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("two senders", 2, begin_with_room_for_one, all_is_received, send_one,
                         receive_all, send_one),
        INTERLEAVE_MODEL("room for two", 2, begin_with_room_for_two, all_is_received, send_two,
                         receive_all, send_one),
        INTERLEAVE_MODEL("unbounded", 2, begin_unbounded, all_is_received, send_one, receive_all,
                         send_one),
        INTERLEAVE_MODEL("trying", 2, begin_with_room_for_one, all_is_received, send_one,
                         poll_and_receive_all, send_one),
        INTERLEAVE_MODEL("closing", 2, begin_with_room_for_one, all_is_received, send_one,
                         close_and_receive_the_rest, send_one),
        INTERLEAVE_MODEL("closing, unbounded", 2, begin_unbounded, all_is_received, send_one,
                         close_and_receive_the_rest, send_one),
        INTERLEAVE_MODEL("reserving", 2, begin_with_room_for_one, all_is_received, reserve_and_send,
                         close_and_receive_the_rest, reserve_and_drop),
        INTERLEAVE_MODEL("room comes back", 2, begin_with_a_sender_more, a_sender_was_left,
                         reserve_and_drop, close_and_receive_all, give_up_reserving),
        INTERLEAVE_MODEL("going", 2, begin_with_room_for_one, nothing_is_lost, send_one,
                         receive_one_and_go, send_one),
        INTERLEAVE_MODEL("giving up a send", 2, begin_with_room_for_one, all_is_received, send_one,
                         receive_all, give_up_sending),
        INTERLEAVE_MODEL("giving up a wait", 2, begin_with_room_for_one, all_is_received, send_one,
                         give_up_and_receive_all, send_one),
        INTERLEAVE_MODEL("giving up a wait, and going", 2, begin_with_room_for_one, nothing_is_lost,
                         send_one, give_up_and_go, send_one),
        INTERLEAVE_MODEL("a weak sender", 2, begin_weakly, all_is_received, send_one, receive_all,
                         send_if_there_is_a_sender),
        INTERLEAVE_MODEL("waiting for the end", 2, begin_with_room_for_one, nothing_is_lost,
                         send_one, receive_one_and_go, wait_for_the_end),
    };
    return cmocka_run_group_tests_name("interleave/mpsc", tests, NULL, NULL);
}

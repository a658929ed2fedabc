/* SPDX-License-Identifier: MIT */
/*
 * The channel from which each receiver gets each value, in all orders. A value is a number, and
 * how many hold it is counted as its `retain` and `destroy` tell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "executors.h"
#include "instrument.h"
#include "memory.h"

#include "sync/event.c"
#include "sync/wait_queue.c"

#include "sync/broadcast.c"

enum { NUMBERS = 4 };

static struct tug_broadcast_sender *sender;
static struct tug_broadcast_receiver receivers[INTERLEAVE_THREADS];
static struct tug_broadcast_receive_future waits[INTERLEAVE_THREADS];
static int64_t next_number;
static int holders[NUMBERS];

static void retain_number(void *value)
{
    INTERLEAVE_CHECK(holders[*(int64_t *)value]++ > 0);
}

static void destroy_number(void *value)
{
    INTERLEAVE_CHECK(holders[*(int64_t *)value]-- > 0);
}

/* Receivers are for the first threads. */
static void begin(size_t capacity, int receiver_count)
{
    static const struct tug_broadcast_values values = {sizeof(int64_t), retain_number,
                                                       destroy_number};
    executors_begin();
    memory_begin();
    next_number = 0;
    for (int i = 0; i < NUMBERS; i++)
        holders[i] = 0;
    INTERLEAVE_CHECK(tug_broadcast_create(&sender, &receivers[0], capacity, &values) == 0);
    for (int i = 1; i < receiver_count; i++)
        tug_broadcast_subscribe(sender, &receivers[i]);
}

static void begin_with_room_for_one(void)
{
    begin(1, 1);
}

static void begin_with_two_receivers(void)
{
    begin(2, 2);
}

static void begin_with_two_senders(void)
{
    begin(2, 1);
    tug_broadcast_sender_clone(sender);
}

static void nobody_holds_anything(void)
{
    for (int i = 0; i < NUMBERS; i++)
        INTERLEAVE_CHECK(holders[i] == 0);
    memory_end();
}

/* ---- sending ---- */

static int64_t send_number(int64_t number)
{
    holders[number] = 1;
    int64_t result = tug_broadcast_send(sender, &number);
    INTERLEAVE_CHECK(result > 0 || result == -EPIPE);
    if (result < 0)
        holders[number] = 0; /* it is the caller's again */
    return result;
}

static void send_three(void)
{
    for (int i = 0; i < 3; i++)
        send_number(next_number++);
    tug_broadcast_sender_drop(sender);
}

static void send_two(void)
{
    send_number(next_number++);
    send_number(next_number++);
    tug_broadcast_sender_drop(sender);
}

static void send_its_own(void)
{
    send_number(interleave_self());
    tug_broadcast_sender_drop(sender);
}

static void send_until_nobody_receives(void)
{
    send_number(0);
    INTERLEAVE_CHECK(tug_broadcast_wait_closed(sender) == 0);
    INTERLEAVE_CHECK(tug_broadcast_receiver_count(sender) == 0);
    INTERLEAVE_CHECK(send_number(1) == -EPIPE);
    tug_broadcast_sender_drop(sender);
}

/* ---- receiving ---- */

static struct tug_broadcast_receiver *own_receiver(void)
{
    return &receivers[interleave_self()];
}

/* Returns how many were received or missed, up to the end. */
static int64_t receive_to_the_end(struct tug_broadcast_receiver *receiver, int64_t first)
{
    int64_t number, expected = first;
    uint64_t missed;
    int result;
    while ((result = tug_broadcast_receive(receiver, &number, &missed)) == 0) {
        INTERLEAVE_CHECK(number == expected + (int64_t)missed);
        INTERLEAVE_CHECK(holders[number] > 0);
        destroy_number(&number);
        expected = number + 1;
    }
    INTERLEAVE_CHECK(result == -EPIPE);
    tug_broadcast_receiver_drop(receiver);
    return expected;
}

static void receive_three(void)
{
    INTERLEAVE_CHECK(receive_to_the_end(own_receiver(), 0) == 3);
}

static void receive_two(void)
{
    INTERLEAVE_CHECK(receive_to_the_end(own_receiver(), 0) == 2);
}

/* Of two senders, in any order. */
static void receive_both(void)
{
    int64_t number, sum = 0;
    while (tug_broadcast_receive(own_receiver(), &number, NULL) == 0) {
        destroy_number(&number);
        sum += number;
    }
    tug_broadcast_receiver_drop(own_receiver());
    INTERLEAVE_CHECK(sum == 1 + 2);
}

/* Without waiting: the end is not told before the last value. */
static void try_three(void)
{
    int64_t number, expected = 0;
    uint64_t missed;
    int result;
    while ((result = tug_broadcast_try_receive(own_receiver(), &number, &missed)) != -EPIPE) {
        if (result == -EAGAIN) {
            interleave_yield();
            continue;
        }
        INTERLEAVE_CHECK(number == expected + (int64_t)missed);
        destroy_number(&number);
        expected = number + 1;
    }
    INTERLEAVE_CHECK(expected == 3);
    tug_broadcast_receiver_drop(own_receiver());
}

static void just_go(void)
{
    tug_broadcast_receiver_drop(own_receiver());
}

static void receive_one_and_go(void)
{
    int64_t number;
    if (tug_broadcast_receive(own_receiver(), &number, NULL) == 0)
        destroy_number(&number);
    tug_broadcast_receiver_drop(own_receiver());
}

/* Another receiver, which hears what is sent from now on. */
static void receive_with_another(void)
{
    struct tug_broadcast_receiver other;
    int64_t number;
    tug_broadcast_resubscribe(own_receiver(), &other);
    tug_broadcast_receiver_drop(own_receiver());
    int64_t last = -1;
    while (tug_broadcast_receive(&other, &number, NULL) == 0) {
        INTERLEAVE_CHECK(number > last && holders[number] > 0);
        destroy_number(&number);
        last = number;
    }
    tug_broadcast_receiver_drop(&other);
}

static void give_up_and_receive_three(void)
{
    struct tug_broadcast_receive_future *wait = &waits[interleave_self()];
    const struct tug_waker waker = interleave_waker();
    int64_t number, first = 0;
    tug_broadcast_receive_future_init(wait, own_receiver(), &number, NULL);
    if (wait->future.vtable->poll(&wait->future, &waker) == TUG_PENDING) {
        wait->future.vtable->cancel(&wait->future);
        INTERLEAVE_CHECK(interleave_await(&wait->future) == -ECANCELED);
    } else {
        destroy_number(&number);
        first = number + 1;
    }
    INTERLEAVE_CHECK(receive_to_the_end(own_receiver(), first) == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("lagging behind", 3, begin_with_room_for_one, nobody_holds_anything,
                         receive_three, send_three),
        INTERLEAVE_MODEL("trying", 3, begin_with_room_for_one, nobody_holds_anything, try_three,
                         send_three),
        INTERLEAVE_MODEL("two receivers", 2, begin_with_two_receivers, nobody_holds_anything,
                         receive_two, receive_two, send_two),
        INTERLEAVE_MODEL("two receivers, lagging behind", 1, begin_with_two_receivers,
                         nobody_holds_anything, receive_three, receive_three, send_three),
        INTERLEAVE_MODEL("two senders", 2, begin_with_two_senders, nobody_holds_anything,
                         receive_both, send_its_own, send_its_own),
        INTERLEAVE_MODEL("one goes", 2, begin_with_two_receivers, nobody_holds_anything,
                         receive_three, just_go, send_three),
        INTERLEAVE_MODEL("one comes", 2, begin_with_two_receivers, nobody_holds_anything,
                         receive_with_another, receive_two, send_two),
        INTERLEAVE_MODEL("all go", 2, begin_with_two_receivers, nobody_holds_anything, just_go,
                         receive_one_and_go, send_until_nobody_receives),
        INTERLEAVE_MODEL("giving up a wait", 3, begin_with_room_for_one, nobody_holds_anything,
                         give_up_and_receive_three, send_three),
    };
    return cmocka_run_group_tests_name("interleave/broadcast", tests, NULL, NULL);
}

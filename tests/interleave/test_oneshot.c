/* SPDX-License-Identifier: MIT */
/*
 * The oneshot channel in all orders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "instrument.h"

#include "sync/oneshot.c"

static struct tug_oneshot channel;
static int64_t sent, received;

static void begin(void)
{
    tug_oneshot_init(&channel);
    sent = received = 1;
}

static void send_value(void)
{
    sent = tug_oneshot_send(&channel, 42);
    INTERLEAVE_CHECK(sent == 0 || sent == -EPIPE);
}

static void close_sender(void)
{
    tug_oneshot_close_sender(&channel);
}

static void receive_and_free(void)
{
    received = interleave_await(&channel.future);
    INTERLEAVE_CHECK(received == -EPIPE || (received == 0 && channel.value == 42));
    interleave_give_up(&channel, sizeof channel);
}

static void it_was_received(void)
{
    INTERLEAVE_CHECK(received == 0);
}

static void it_was_closed(void)
{
    INTERLEAVE_CHECK(received == -EPIPE);
}

/* Gives up waiting, and closes: whoever sent knows whether that was in time. */
static void give_up_and_close(void)
{
    const struct tug_waker waker = interleave_waker();
    int64_t value = 0;
    if (channel.future.vtable->poll(&channel.future, &waker) == TUG_PENDING) {
        channel.future.vtable->cancel(&channel.future);
        interleave_await(&channel.future);
    }
    received = tug_oneshot_close_receiver(&channel, &value);
    INTERLEAVE_CHECK(received == 0 || value == 42);
}

static void both_agree(void)
{
    INTERLEAVE_CHECK((received == 1) == (sent == 0));
}

/* One waits, gives up, and another waits in its place. */
static void wait_and_give_up(void)
{
    const struct tug_waker waker = interleave_waker();
    if (channel.future.vtable->poll(&channel.future, &waker) == TUG_PENDING) {
        channel.future.vtable->cancel(&channel.future);
        interleave_await(&channel.future);
        channel.future.result = 0;
    }
    interleave_unpark(1);
}

static void wait_after_that(void)
{
    interleave_park();
    received = interleave_await(&channel.future);
}

/* The waker changes in the middle. */
static void poll_and_leave(void)
{
    const struct tug_waker waker = interleave_waker();
    channel.future.vtable->poll(&channel.future, &waker);
    interleave_unpark(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("send", 100, begin, it_was_received, receive_and_free, send_value),
        INTERLEAVE_MODEL("close", 100, begin, it_was_closed, receive_and_free, close_sender),
        INTERLEAVE_MODEL("close the receiver", 100, begin, both_agree, give_up_and_close,
                         send_value),
        INTERLEAVE_MODEL("another waits", 4, begin, it_was_received, wait_and_give_up,
                         wait_after_that, send_value),
        INTERLEAVE_MODEL("another waker", 4, begin, it_was_received, poll_and_leave,
                         wait_after_that, send_value),
    };
    return cmocka_run_group_tests_name("interleave/oneshot", tests, NULL, NULL);
}

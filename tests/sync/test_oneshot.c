/* SPDX-License-Identifier: MIT */
/*
 * The oneshot channel: every order of send, receive, close and cancel, inside and from threads.
 */
#include <errno.h>

#include "../runtime/fixture.h"

static int64_t send_later(void *channel)
{
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    return tug_oneshot_send(channel, 41);
}

static int64_t close_later(void *channel)
{
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    tug_oneshot_close_sender(channel);
    return 0;
}

static int64_t the_value_arrives(void *argument)
{
    (void)argument;
    struct tug_oneshot channel;
    int64_t value = 0;
    tug_oneshot_init(&channel);
    CHECK_EQUAL(tug_oneshot_try_receive(&channel, &value), -EAGAIN);
    CHECK_EQUAL(tug_oneshot_send(&channel, 40), 0);
    CHECK_EQUAL(tug_oneshot_send(&channel, 1), -EALREADY);
    CHECK_EQUAL(tug_oneshot_receive(&channel, &value), 0);
    CHECK_EQUAL(value, 40);

    tug_oneshot_init(&channel);
    struct tug_task *sender = fixture_spawn(send_later, &channel);
    CHECK_EQUAL(tug_oneshot_receive(&channel, &value), 0);
    CHECK_EQUAL(value, 41);
    CHECK_EQUAL(fixture_join(sender), 0);
    return 0;
}

static int64_t either_end_may_close(void *argument)
{
    (void)argument;
    struct tug_oneshot channel;
    int64_t value = 0;
    tug_oneshot_init(&channel);
    struct tug_task *closer = fixture_spawn(close_later, &channel);
    CHECK_EQUAL(tug_oneshot_receive(&channel, &value), -EPIPE);
    CHECK_EQUAL(tug_oneshot_try_receive(&channel, &value), -EPIPE);
    CHECK_EQUAL(fixture_join(closer), 0);

    tug_oneshot_init(&channel);
    CHECK_EQUAL(tug_oneshot_close_receiver(&channel, &value), 0);
    CHECK_EQUAL(tug_oneshot_send(&channel, 1), -EPIPE);

    tug_oneshot_init(&channel);
    CHECK_EQUAL(tug_oneshot_send(&channel, 7), 0);
    tug_oneshot_close_sender(&channel); /* after a send it does nothing */
    CHECK_EQUAL(tug_oneshot_close_receiver(&channel, &value), 1);
    CHECK_EQUAL(value, 7);
    return 0;
}

static int64_t a_cancelled_wait_loses_nothing(void *argument)
{
    (void)argument;
    struct tug_oneshot channel;
    int64_t value = 0;
    tug_oneshot_init(&channel);
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_oneshot_receive(&channel, &value)),
                    -ETIMEDOUT);
    CHECK_EQUAL(tug_oneshot_send(&channel, 5), 0);
    CHECK_EQUAL(tug_oneshot_receive(&channel, &value), 0);
    CHECK_EQUAL(value, 5);
    return 0;
}

/* The waiter of a timed-out wait and a new one take turns while the value is on its way: the wake
 * must reach whoever waits last. */
struct handed_on {
    struct tug_oneshot channel;
    int64_t value;
};

static int64_t receive_first(void *argument)
{
    struct handed_on *handed = argument;
    return TUG_TIMEOUT(100 * TUG_MICROSECOND,
                       tug_oneshot_receive(&handed->channel, &handed->value));
}

static int64_t receive_second(void *argument)
{
    struct handed_on *handed = argument;
    return tug_oneshot_receive(&handed->channel, &handed->value);
}

static int64_t send_from_thread(void *argument)
{
    struct handed_on *handed = argument;
    usleep((useconds_t)(rand() % 1500));
    return tug_oneshot_send(&handed->channel, 99);
}

static int64_t the_wake_reaches_the_last_waiter(void *argument)
{
    (void)argument;
    srand(7);
    for (int round = 0; round < 60; round++) {
        struct handed_on handed = {.value = 0};
        struct fixture_thread sender;
        tug_oneshot_init(&handed.channel);
        fixture_thread_start(&sender, send_from_thread, &handed);
        if (fixture_join(fixture_spawn(receive_first, &handed)) != 0)
            CHECK_EQUAL(fixture_join(fixture_spawn(receive_second, &handed)), 0);
        CHECK_EQUAL(handed.value, 99);
        CHECK_EQUAL(fixture_thread_await(&sender), 0);
    }
    return 0;
}

/* ---- the sender waits for the receiver's end, threads for a value ---- */

static int64_t close_receiver_later(void *channel)
{
    int64_t value;
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    return tug_oneshot_close_receiver(channel, &value);
}

static int64_t the_sender_is_told_that_nobody_waits(void *argument)
{
    (void)argument;
    struct tug_oneshot channel;
    tug_oneshot_init(&channel);
    CHECK(!tug_oneshot_is_closed(&channel));
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_oneshot_wait_closed(&channel)), -ETIMEDOUT);
    struct tug_task *closer = fixture_spawn(close_receiver_later, &channel);
    CHECK_EQUAL(tug_oneshot_wait_closed(&channel), 0);
    CHECK(tug_oneshot_is_closed(&channel));
    CHECK_EQUAL(tug_oneshot_wait_closed(&channel), 0);
    CHECK_EQUAL(tug_oneshot_send(&channel, 1), -EPIPE);
    CHECK_EQUAL(fixture_join(closer), 0);
    return 0;
}

static int64_t receive_on_thread(void *channel)
{
    int64_t value = 0;
    CHECK_EQUAL(tug_oneshot_receive(channel, &value), 0);
    return value;
}

static int64_t a_thread_may_wait_for_the_value(void *argument)
{
    (void)argument;
    struct tug_oneshot channel;
    struct fixture_thread thread;
    tug_oneshot_init(&channel);
    fixture_thread_start(&thread, receive_on_thread, &channel);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    CHECK_EQUAL(tug_oneshot_send(&channel, 12), 0);
    CHECK_EQUAL(fixture_thread_await(&thread), 12);
    return 0;
}

static int64_t ready_values_give_way(void *argument)
{
    (void)argument;
    uint64_t before = fixture_budget_exhausted();
    for (int64_t i = 0; i < 1000; i++) {
        struct tug_oneshot channel;
        int64_t value;
        tug_oneshot_init(&channel);
        CHECK_EQUAL(tug_oneshot_send(&channel, i), 0);
        CHECK_EQUAL(tug_oneshot_receive(&channel, &value), 0);
        CHECK_EQUAL(value, i);
    }
    CHECK_RANGE(fixture_budget_exhausted() - before, 7, 8);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(the_value_arrives),
        IN_EACH(either_end_may_close),
        IN_EACH(a_cancelled_wait_loses_nothing),
        IN_EACH(the_wake_reaches_the_last_waiter),
        IN_EACH(the_sender_is_told_that_nobody_waits),
        IN_EACH(a_thread_may_wait_for_the_value),
        IN_CURRENT_THREAD(ready_values_give_way),
    };
    return cmocka_run_group_tests_name("sync/oneshot", tests, NULL, NULL);
}

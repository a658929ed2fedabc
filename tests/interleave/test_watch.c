/* SPDX-License-Identifier: MIT */
/*
 * The value that changes, in all orders: each receiver sees the last one, whatever it misses
 * before.
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

#include "sync/watch.c"

enum { LAST = 2 };

/* Its halves are written one after the other. */
struct pair {
    int first, second;
};

static struct tug_watch_sender *sender;
static struct tug_watch_receiver receivers[INTERLEAVE_THREADS];
static struct tug_watch_changed_future waits[INTERLEAVE_THREADS];
static int values;

static void destroy_pair(void *value)
{
    (void)value;
    values--;
}

static void begin(int senders, int receiver_count)
{
    static const struct pair zero = {0, 0};
    executors_begin();
    memory_begin();
    values = 1;
    INTERLEAVE_CHECK(
        tug_watch_create(&sender, &receivers[0], sizeof(struct pair), &zero, destroy_pair) == 0);
    for (int i = 1; i < receiver_count; i++)
        tug_watch_receiver_clone(&receivers[0], &receivers[i]);
    for (int i = 1; i < senders; i++)
        tug_watch_sender_clone(sender);
}

static void begin_with_one(void)
{
    begin(1, 1);
}

static void begin_with_two_receivers(void)
{
    begin(1, 2);
}

static void begin_with_two_senders(void)
{
    begin(2, 1);
}

static void each_was_destroyed(void)
{
    INTERLEAVE_CHECK(values == 0);
    memory_end();
}

/* The last sender goes when all is over: so nobody is woken by that. */
static void a_sender_was_left(void)
{
    tug_watch_sender_drop(sender);
    each_was_destroyed();
}

/* ---- sending ---- */

static void send_both(void)
{
    for (int i = 1; i <= LAST; i++) {
        struct pair pair = {i, -i};
        int result = tug_watch_send(sender, &pair);
        INTERLEAVE_CHECK(result == 0 || result == -EPIPE);
        values += result == 0;
    }
    tug_watch_sender_drop(sender);
}

static void replace_both(void)
{
    for (int i = 1; i <= LAST; i++) {
        struct pair pair = {i, -i}, old;
        tug_watch_replace(sender, &pair, &old);
        INTERLEAVE_CHECK(old.first == i - 1 && old.second == 1 - i);
    }
    tug_watch_sender_drop(sender);
}

static bool add_one(void *value, void *unused)
{
    struct pair *pair = value;
    (void)unused;
    pair->first++;
    interleave_step(NULL);
    pair->second--;
    return true;
}

static void modify(void)
{
    INTERLEAVE_CHECK(tug_watch_modify(sender, add_one, NULL));
    tug_watch_sender_drop(sender);
}

static void wait_for_the_end(void)
{
    INTERLEAVE_CHECK(tug_watch_wait_closed(sender) == 0);
    INTERLEAVE_CHECK(tug_watch_send(sender, &(struct pair){9, -9}) == -EPIPE);
    tug_watch_sender_drop(sender);
}

/* ---- receiving ---- */

static struct tug_watch_receiver *own_receiver(void)
{
    return &receivers[interleave_self()];
}

static int look(void)
{
    struct pair pair;
    tug_watch_read(own_receiver(), &pair);
    INTERLEAVE_CHECK(pair.first == -pair.second);
    return pair.first;
}

/* Each change that is told is a later value, and the last is seen before the end is. */
static void watch_to_the_end(void)
{
    int last = look(), result;
    while ((result = tug_watch_changed(own_receiver())) == 0) {
        int now = look();
        INTERLEAVE_CHECK(now >= last);
        last = now;
    }
    INTERLEAVE_CHECK(result == -EPIPE && last == LAST);
    tug_watch_receiver_drop(own_receiver());
}

static bool is_last(const void *value, void *unused)
{
    (void)unused;
    interleave_step(NULL);
    return ((const struct pair *)value)->first == LAST;
}

static void wait_for_the_last(void)
{
    struct pair pair;
    INTERLEAVE_CHECK(tug_watch_wait_for(own_receiver(), is_last, NULL, &pair) == 0);
    INTERLEAVE_CHECK(pair.second == -LAST);
    tug_watch_receiver_drop(own_receiver());
}

static void give_up_and_watch(void)
{
    struct tug_watch_changed_future *wait = &waits[interleave_self()];
    const struct tug_waker waker = interleave_waker();
    tug_watch_changed_future_init(wait, own_receiver());
    if (wait->future.vtable->poll(&wait->future, &waker) == TUG_PENDING) {
        wait->future.vtable->cancel(&wait->future);
        INTERLEAVE_CHECK(interleave_await(&wait->future) == -ECANCELED);
    }
    watch_to_the_end();
}

static void just_go(void)
{
    tug_watch_receiver_drop(own_receiver());
}

/* A receiver of its own, from the sender. */
static void subscribe_and_watch(void)
{
    tug_watch_subscribe(sender, own_receiver());
    tug_watch_sender_drop(sender);
    watch_to_the_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("two changes", 3, begin_with_one, each_was_destroyed, watch_to_the_end,
                         send_both),
        INTERLEAVE_MODEL("two receivers", 2, begin_with_two_receivers, each_was_destroyed,
                         watch_to_the_end, wait_for_the_last, send_both),
        INTERLEAVE_MODEL("a sender is left", 3, begin_with_two_senders, a_sender_was_left,
                         wait_for_the_last, send_both),
        INTERLEAVE_MODEL("replacing", 3, begin_with_one, each_was_destroyed, watch_to_the_end,
                         replace_both),
        INTERLEAVE_MODEL("two senders", 2, begin_with_two_senders, each_was_destroyed,
                         watch_to_the_end, modify, modify),
        INTERLEAVE_MODEL("giving up a wait", 3, begin_with_one, each_was_destroyed,
                         give_up_and_watch, send_both),
        INTERLEAVE_MODEL("nobody receives", 3, begin_with_two_receivers, each_was_destroyed,
                         just_go, just_go, wait_for_the_end),
        INTERLEAVE_MODEL("one goes", 2, begin_with_two_receivers, each_was_destroyed,
                         watch_to_the_end, just_go, send_both),
        INTERLEAVE_MODEL("one comes", 2, begin_with_two_senders, each_was_destroyed,
                         watch_to_the_end, subscribe_and_watch, send_both),
    };
    return cmocka_run_group_tests_name("interleave/watch", tests, NULL, NULL);
}

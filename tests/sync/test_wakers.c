/* SPDX-License-Identifier: MIT */
/*
 * A waker may use what it is woken by: none is called, woken or given up, under a lock. And as many
 * are given up as were cloned.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <tug/tug.h>

#include "../runtime/user_waker.h"
#include "polls.h"

/* A type under test: a future that waits, what ends the wait, and what a waker does with it. */
struct subject {
    struct tug_future *(*wait)(void);
    void (*tell)(void);
    void (*use)(void);
    void (*end)(void);
};

static void use(void *argument)
{
    ((const struct subject *)argument)->use();
}

/* Another waits for the same, and gives up. */
static void come_and_go(struct tug_future *future)
{
    int wakes = 0;
    if (poll_once(future, &wakes) == TUG_READY)
        return;
    cancel_now(future);
    assert_int_equal(poll_once(future, &wakes), TUG_READY);
}

/* ---- the semaphore ---- */

static struct tug_semaphore semaphore;
static struct tug_semaphore_future acquisition;

static struct tug_future *wait_for_permit(void)
{
    tug_semaphore_init(&semaphore, 0);
    tug_semaphore_future_init(&acquisition, &semaphore, 1);
    return &acquisition.future;
}

static void release_permit(void)
{
    tug_semaphore_release(&semaphore, 1);
}

static void come_and_go_for_permit(void)
{
    struct tug_semaphore_future other;
    tug_semaphore_future_init(&other, &semaphore, 2);
    come_and_go(&other.future);
}

static void nothing(void)
{
}

/* ---- notifications ---- */

static struct tug_notify notify;
static struct tug_notify_future notified;

static struct tug_future *wait_for_notification(void)
{
    tug_notify_init(&notify);
    tug_notify_future_init(&notified, &notify);
    return &notified.future;
}

static void notify_one(void)
{
    tug_notify_one(&notify);
}

static void notify_in_waker(void)
{
    tug_notify_waiters(&notify);
    tug_notify_one(&notify);
}

/* ---- the barrier ---- */

static struct tug_barrier barrier;
static struct tug_barrier_future arrival;

static struct tug_future *wait_at_barrier(void)
{
    tug_barrier_init(&barrier, 2);
    tug_barrier_future_init(&arrival, &barrier);
    return &arrival.future;
}

static void come_and_go_at_barrier(void)
{
    struct tug_barrier_future other;
    tug_barrier_future_init(&other, &barrier);
    come_and_go(&other.future);
}

/* ---- the value that is set once ---- */

static struct tug_once once;
static struct tug_once_future made;

static struct tug_future *wait_for_value(void)
{
    tug_once_init(&once);
    tug_once_future_init(&made, &once);
    return &made.future;
}

static void set_value(void)
{
    tug_once_set(&once, 1);
}

static void come_and_go_for_value(void)
{
    struct tug_once_future other;
    tug_once_future_init(&other, &once);
    come_and_go(&other.future);
}

/* ---- mpsc ---- */

static struct tug_mpsc_sender *sender;
static struct tug_mpsc_receiver *receiver;
static struct tug_mpsc_receive_future receive;
static struct tug_mpsc_send_future sending;
static struct tug_mpsc_closed_future closed;
static const int64_t one = 1;
static int64_t received;

static void make_channel(size_t capacity)
{
    assert_int_equal(tug_mpsc_create(&sender, &receiver, capacity, sizeof one, NULL), 0);
}

static struct tug_future *wait_to_receive(void)
{
    make_channel(TUG_MPSC_UNBOUNDED);
    tug_mpsc_receive_future_init(&receive, receiver, &received, 1);
    return &receive.future;
}

static void send_one(void)
{
    tug_mpsc_try_send(sender, &one);
}

static struct tug_future *wait_to_send(void)
{
    make_channel(1);
    send_one();
    tug_mpsc_send_future_init(&sending, sender, &one);
    return &sending.future;
}

static void receive_one(void)
{
    tug_mpsc_try_receive(receiver, &received);
}

static struct tug_future *wait_for_close(void)
{
    make_channel(1);
    tug_mpsc_closed_future_init(&closed, sender);
    return &closed.future;
}

static void close_channel(void)
{
    tug_mpsc_close(receiver);
}

static void come_and_go_for_close(void)
{
    struct tug_mpsc_closed_future other;
    tug_mpsc_closed_future_init(&other, sender);
    come_and_go(&other.future);
}

static void end_channel(void)
{
    tug_mpsc_sender_drop(sender);
    tug_mpsc_receiver_drop(receiver);
}

/* ---- broadcast and watch ---- */

static struct tug_broadcast_sender *broadcast;
static struct tug_broadcast_receiver listener;
static struct tug_broadcast_receive_future heard;

static struct tug_future *wait_to_hear(void)
{
    static const struct tug_broadcast_values values = {sizeof one, NULL, NULL};
    assert_int_equal(tug_broadcast_create(&broadcast, &listener, 4, &values), 0);
    tug_broadcast_receive_future_init(&heard, &listener, &received, NULL);
    return &heard.future;
}

static void broadcast_one(void)
{
    assert_int_equal(tug_broadcast_send(broadcast, &one), 1);
}

static void end_broadcast(void)
{
    tug_broadcast_sender_drop(broadcast);
    tug_broadcast_receiver_drop(&listener);
}

static struct tug_watch_sender *watch;
static struct tug_watch_receiver watcher;
static struct tug_watch_changed_future changed;

static struct tug_future *wait_for_change(void)
{
    assert_int_equal(tug_watch_create(&watch, &watcher, sizeof one, &one, NULL), 0);
    tug_watch_changed_future_init(&changed, &watcher);
    return &changed.future;
}

static void change(void)
{
    assert_int_equal(tug_watch_send(watch, &one), 0);
}

static void end_watch(void)
{
    tug_watch_sender_drop(watch);
    tug_watch_receiver_drop(&watcher);
}

/* ---- oneshot ---- */

static struct tug_oneshot oneshot;

static struct tug_future *wait_for_oneshot(void)
{
    tug_oneshot_init(&oneshot);
    return &oneshot.future;
}

static void send_oneshot(void)
{
    tug_oneshot_send(&oneshot, 1);
}

/* ---- tokens ---- */

static struct tug_token token;
static struct tug_token_future cancelled;

static struct tug_future *wait_for_token(void)
{
    tug_token_init(&token, NULL);
    tug_token_future_init(&cancelled, &token);
    return &cancelled.future;
}

static void cancel_token(void)
{
    tug_token_cancel(&token);
}

static void come_and_go_for_token(void)
{
    struct tug_token child;
    struct tug_token_future other;
    tug_token_init(&child, &token);
    tug_token_future_init(&other, &child);
    come_and_go(&other.future);
    tug_token_destroy(&child);
}

/* ---- for each of them ---- */

static struct user_waker user_of(const struct subject *subject)
{
    return (struct user_waker){.use = use, .argument = (void *)subject};
}

static void told(const struct subject *subject)
{
    struct user_waker user = user_of(subject);
    struct tug_future *wait = subject->wait();
    assert_int_equal(poll_by(wait, &user), TUG_PENDING);
    subject->tell();
    assert_true(user.wakes > 0);
    assert_int_equal(poll_by(wait, &user), TUG_READY);
    assert_int_equal(user.clones, 0);
    subject->end();
}

/* One waker takes the place of another, which may end the wait as it goes. */
static void replaced(const struct subject *subject)
{
    struct user_waker first = user_of(subject), second = first;
    struct tug_future *wait = subject->wait();
    assert_int_equal(poll_by(wait, &first), TUG_PENDING);
    int outcome = poll_by(wait, &second);
    assert_int_equal(first.clones, 0);
    if (outcome == TUG_PENDING) {
        subject->tell();
        assert_true(second.wakes > 0);
        assert_int_equal(poll_by(wait, &second), TUG_READY);
    }
    assert_int_equal(second.clones, 0);
    subject->end();
}

static void given_up(const struct subject *subject)
{
    struct user_waker user = user_of(subject);
    struct tug_future *wait = subject->wait();
    assert_int_equal(poll_by(wait, &user), TUG_PENDING);
    cancel_now(wait);
    assert_int_equal(poll_by(wait, &user), TUG_READY);
    assert_int_equal(user.clones, 0);
    subject->end();
}

static void test_a_waker_may_use_what_wakes_it(void **state)
{
    told(*state);
    replaced(*state);
    given_up(*state);
}

#define OF(name, wait, tell, use, end)                                                             \
    {                                                                                              \
        name, test_a_waker_may_use_what_wakes_it, NULL, NULL, &(struct subject)                    \
        {                                                                                          \
            wait, tell, use, end                                                                   \
        }                                                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        OF("semaphore", wait_for_permit, release_permit, come_and_go_for_permit, nothing),
        OF("notify", wait_for_notification, notify_one, notify_in_waker, nothing),
        OF("barrier", wait_at_barrier, come_and_go_at_barrier, come_and_go_at_barrier, nothing),
        OF("once", wait_for_value, set_value, come_and_go_for_value, nothing),
        OF("oneshot", wait_for_oneshot, send_oneshot, send_oneshot, nothing),
        OF("mpsc receive", wait_to_receive, send_one, send_one, end_channel),
        OF("mpsc send", wait_to_send, receive_one, send_one, end_channel),
        OF("mpsc close", wait_for_close, close_channel, come_and_go_for_close, end_channel),
        OF("broadcast", wait_to_hear, broadcast_one, broadcast_one, end_broadcast),
        OF("watch", wait_for_change, change, change, end_watch),
        OF("token", wait_for_token, cancel_token, come_and_go_for_token, nothing),
    };
    return cmocka_run_group_tests_name("sync/wakers", tests, NULL, NULL);
}

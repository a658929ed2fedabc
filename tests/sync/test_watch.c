/* SPDX-License-Identifier: MIT */
/*
 * The watch channel: what counts as seen, ends, conditions, ownership, and everybody being told.
 */
#include <errno.h>

#include "../runtime/fixture.h"
#include "sys/fault.h"

struct channel {
    struct tug_watch_sender *sender;
    struct tug_watch_receiver receiver;
};

static void make(struct channel *channel, int64_t value)
{
    CHECK_EQUAL(tug_watch_create(&channel->sender, &channel->receiver, sizeof value, &value, NULL),
                0);
}

static void end(struct channel *channel)
{
    if (channel->sender != NULL)
        tug_watch_sender_drop(channel->sender);
    tug_watch_receiver_drop(&channel->receiver);
}

static int send_value(struct channel *channel, int64_t value)
{
    return tug_watch_send(channel->sender, &value);
}

static int64_t latest(struct tug_watch_receiver *receiver)
{
    int64_t value = -1;
    tug_watch_read(receiver, &value);
    return value;
}

static int64_t the_latest_value_is_seen_once(void *argument)
{
    (void)argument;
    struct channel channel;
    make(&channel, 1);
    CHECK_EQUAL(tug_watch_has_changed(&channel.receiver), 0);
    CHECK_EQUAL(latest(&channel.receiver), 1);
    CHECK_EQUAL(send_value(&channel, 2), 0);
    CHECK_EQUAL(send_value(&channel, 3), 0);
    CHECK_EQUAL(tug_watch_has_changed(&channel.receiver), 1);
    CHECK_EQUAL(tug_watch_changed(&channel.receiver), 0);
    CHECK_EQUAL(tug_watch_has_changed(&channel.receiver), 0);
    CHECK_EQUAL(latest(&channel.receiver), 3);
    /* Reading counts as seeing. */
    CHECK_EQUAL(send_value(&channel, 4), 0);
    CHECK_EQUAL(latest(&channel.receiver), 4);
    CHECK_EQUAL(tug_watch_has_changed(&channel.receiver), 0);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_watch_changed(&channel.receiver)), -ETIMEDOUT);
    tug_watch_mark_changed(&channel.receiver);
    CHECK_EQUAL(tug_watch_changed(&channel.receiver), 0);
    CHECK_EQUAL(send_value(&channel, 5), 0);
    tug_watch_mark_unchanged(&channel.receiver);
    CHECK_EQUAL(tug_watch_has_changed(&channel.receiver), 0);
    end(&channel);
    return 0;
}

static void add_up(const void *value, void *sum)
{
    *(int64_t *)sum += *(const int64_t *)value;
}

static bool increment_if_even(void *value, void *argument)
{
    (void)argument;
    if (*(int64_t *)value % 2 != 0)
        return false;
    ++*(int64_t *)value;
    return true;
}

static int64_t values_can_be_looked_at_and_changed_in_place(void *argument)
{
    (void)argument;
    struct channel channel;
    int64_t sum = 0, value = 20, old = 0;
    make(&channel, 10);
    tug_watch_look(&channel.receiver, add_up, &sum);
    CHECK_EQUAL(sum, 10);
    CHECK(tug_watch_modify(channel.sender, increment_if_even, NULL));
    CHECK_EQUAL(tug_watch_has_changed(&channel.receiver), 1);
    tug_watch_look(&channel.receiver, add_up, &sum);
    CHECK_EQUAL(sum, 21);
    CHECK_EQUAL(tug_watch_has_changed(&channel.receiver), 1);
    CHECK_EQUAL(latest(&channel.receiver), 11);
    CHECK(!tug_watch_modify(channel.sender, increment_if_even, NULL));
    CHECK_EQUAL(tug_watch_has_changed(&channel.receiver), 0);
    tug_watch_replace(channel.sender, &value, &old);
    CHECK_EQUAL(old, 11);
    CHECK_EQUAL(latest(&channel.receiver), 20);
    end(&channel);
    return 0;
}

static int64_t the_last_value_is_seen_after_the_end(void *argument)
{
    (void)argument;
    struct channel channel;
    make(&channel, 1);
    CHECK_EQUAL(send_value(&channel, 2), 0);
    tug_watch_sender_drop(channel.sender);
    channel.sender = NULL;
    CHECK_EQUAL(tug_watch_has_changed(&channel.receiver), 1);
    CHECK_EQUAL(tug_watch_changed(&channel.receiver), 0);
    CHECK_EQUAL(latest(&channel.receiver), 2);
    CHECK_EQUAL(tug_watch_has_changed(&channel.receiver), -EPIPE);
    CHECK_EQUAL(tug_watch_changed(&channel.receiver), -EPIPE);
    CHECK_EQUAL(latest(&channel.receiver), 2);
    end(&channel);
    return 0;
}

static int64_t nothing_is_sent_to_nobody(void *argument)
{
    (void)argument;
    struct channel channel;
    int64_t value = 5;
    make(&channel, 1);
    struct tug_watch_receiver other;
    tug_watch_receiver_clone(&channel.receiver, &other);
    CHECK_EQUAL(tug_watch_receiver_count(channel.sender), 2);
    tug_watch_receiver_drop(&channel.receiver);
    CHECK_EQUAL(send_value(&channel, 2), 0);
    CHECK_EQUAL(latest(&other), 2);
    tug_watch_receiver_drop(&other);
    CHECK_EQUAL(tug_watch_receiver_count(channel.sender), 0);
    CHECK_EQUAL(tug_watch_wait_closed(channel.sender), 0);
    CHECK_EQUAL(send_value(&channel, 3), -EPIPE);
    tug_watch_subscribe(channel.sender, &channel.receiver);
    CHECK_EQUAL(tug_watch_has_changed(&channel.receiver), 0);
    CHECK_EQUAL(latest(&channel.receiver), 2);
    tug_watch_replace(channel.sender, &value, NULL);
    CHECK_EQUAL(latest(&channel.receiver), 5);
    end(&channel);
    return 0;
}

static int64_t drop_later(void *argument)
{
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_watch_receiver_drop(argument);
    return 0;
}

static int64_t end_later(void *argument)
{
    struct channel *channel = argument;
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_watch_sender_drop(tug_watch_sender_clone(channel->sender));
    tug_watch_sender_drop(channel->sender);
    channel->sender = NULL;
    return 0;
}

static int64_t the_end_wakes_who_waits(void *argument)
{
    (void)argument;
    struct channel channel;
    make(&channel, 1);
    struct tug_task *task = fixture_spawn(end_later, &channel);
    CHECK_EQUAL(tug_watch_changed(&channel.receiver), -EPIPE);
    CHECK_EQUAL(fixture_join(task), 0);
    end(&channel);

    make(&channel, 1);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_watch_wait_closed(channel.sender)), -ETIMEDOUT);
    task = fixture_spawn(drop_later, &channel.receiver);
    CHECK_EQUAL(tug_watch_wait_closed(channel.sender), 0);
    CHECK_EQUAL(fixture_join(task), 0);
    tug_watch_sender_drop(channel.sender);
    return 0;
}

static bool is_at_least(const void *value, void *limit)
{
    return *(const int64_t *)value >= *(int64_t *)limit;
}

static int64_t count_to_ten(void *argument)
{
    struct channel *channel = argument;
    for (int64_t i = 2; i <= 10; i++) {
        CHECK_EQUAL(tug_yield(), 0);
        CHECK_EQUAL(send_value(channel, i), 0);
    }
    tug_watch_sender_drop(channel->sender);
    channel->sender = NULL;
    return 0;
}

static int64_t conditions_are_waited_for(void *argument)
{
    (void)argument;
    struct channel channel;
    int64_t limit = 1, value = 0;
    make(&channel, 1);
    CHECK_EQUAL(tug_watch_wait_for(&channel.receiver, is_at_least, &limit, &value), 0);
    CHECK_EQUAL(value, 1); /* although it was seen */
    struct tug_task *task = fixture_spawn(count_to_ten, &channel);
    limit = 10;
    CHECK_EQUAL(tug_watch_wait_for(&channel.receiver, is_at_least, &limit, &value), 0);
    CHECK_EQUAL(value, 10);
    CHECK_EQUAL(fixture_join(task), 0);
    limit = 11;
    CHECK_EQUAL(tug_watch_wait_for(&channel.receiver, is_at_least, &limit, NULL), -EPIPE);
    limit = 10;
    CHECK_EQUAL(tug_watch_wait_for(&channel.receiver, is_at_least, &limit, NULL), 0);
    end(&channel);
    return 0;
}

static int64_t destroyed;

static void add_destroyed(void *value)
{
    destroyed += *(int64_t *)value;
}

static int64_t replaced_values_are_destroyed(void *argument)
{
    (void)argument;
    struct channel channel;
    int64_t value = 1, old;
    destroyed = 0;
    CHECK_EQUAL(
        tug_watch_create(&channel.sender, &channel.receiver, sizeof value, &value, add_destroyed),
        0);
    CHECK_EQUAL(send_value(&channel, 10), 0);
    CHECK_EQUAL(destroyed, 1);
    value = 100;
    tug_watch_replace(channel.sender, &value, &old);
    CHECK_EQUAL(destroyed, 1);
    end(&channel);
    CHECK_EQUAL(destroyed, 101);
    return 0;
}

static int64_t in_a_cancelled_scope(void *argument)
{
    (void)argument;
    struct channel channel;
    int64_t limit = 0;
    make(&channel, 1);
    CHECK_EQUAL(send_value(&channel, 2), 0);
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    CHECK_EQUAL(tug_watch_changed(&channel.receiver), -ECANCELED);
    CHECK_EQUAL(tug_watch_wait_for(&channel.receiver, is_at_least, &limit, NULL), -ECANCELED);
    CHECK_EQUAL(tug_watch_wait_closed(channel.sender), -ECANCELED);
    tug_scope_end(&scope, 0);
    CHECK_EQUAL(tug_watch_changed(&channel.receiver), 0);
    end(&channel);
    return 0;
}

static int64_t changes_can_be_selected(void *argument)
{
    (void)argument;
    struct channel channels[2];
    struct tug_watch_changed_future changes[2];
    struct tug_future *futures[] = {&changes[0].future, &changes[1].future};
    make(&channels[0], 0);
    make(&channels[1], 0);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 2; i++)
            tug_watch_changed_future_init(&changes[i], &channels[i].receiver);
        CHECK_EQUAL(send_value(&channels[round % 2], round), 0);
        CHECK_EQUAL(tug_select(futures, 2), round % 2);
        CHECK_EQUAL(changes[1 - round % 2].future.result, -ECANCELED);
    }
    end(&channels[0]);
    end(&channels[1]);
    return 0;
}

/* ---- many ---- */

enum { RECEIVERS = 50, LAST = 200 };

struct follower {
    struct tug_watch_receiver receiver;
};

static int64_t follow(void *argument)
{
    struct follower *follower = argument;
    int64_t before = 0, value;
    while (tug_watch_changed(&follower->receiver) == 0) {
        value = latest(&follower->receiver);
        CHECK(value >= before); /* it may have been read ahead of */
        before = value;
    }
    tug_watch_receiver_drop(&follower->receiver);
    return before;
}

static int64_t count_on_thread(void *argument)
{
    struct channel *channel = argument;
    for (int64_t i = 1; i <= LAST; i++) {
        CHECK_EQUAL(send_value(channel, i), 0);
        if (i % 10 == 0)
            usleep(50);
    }
    tug_watch_sender_drop(channel->sender);
    return 0;
}

static int64_t all_see_the_last_value(void *argument)
{
    (void)argument;
    struct channel channel;
    struct follower followers[RECEIVERS];
    struct tug_task *tasks[RECEIVERS];
    struct fixture_thread threads[2];
    make(&channel, 0);
    for (int i = 0; i < RECEIVERS; i++) {
        tug_watch_receiver_clone(&channel.receiver, &followers[i].receiver);
        if (i >= 2)
            tasks[i] = fixture_spawn(follow, &followers[i]);
        else
            fixture_thread_start(&threads[i], follow, &followers[i]);
    }
    CHECK_EQUAL(fixture_on_thread(count_on_thread, &channel), 0);
    for (int i = 0; i < RECEIVERS; i++)
        CHECK_EQUAL(i >= 2 ? fixture_join(tasks[i]) : fixture_thread_await(&threads[i]), LAST);
    tug_watch_receiver_drop(&channel.receiver);
    return 0;
}

/* Waits that end by a timeout at the moment of a change. */
static int64_t follow_impatiently(void *argument)
{
    struct follower *follower = argument;
    uint64_t random = (uint64_t)(uintptr_t)argument;
    for (;;) {
        random = random * UINT64_C(6364136223846793005) + 1;
        int64_t result = TUG_TIMEOUT((random >> 33) % 2 * TUG_MILLISECOND,
                                     tug_watch_changed(&follower->receiver));
        if (result == -EPIPE)
            break;
        CHECK(result == 0 || result == -ETIMEDOUT);
    }
    int64_t value = latest(&follower->receiver);
    tug_watch_receiver_drop(&follower->receiver);
    return value;
}

static int64_t slow_count_on_thread(void *argument)
{
    struct channel *channel = argument;
    for (int64_t i = 1; i <= 20; i++) {
        CHECK_EQUAL(send_value(channel, i), 0);
        usleep(500);
    }
    tug_watch_sender_drop(channel->sender);
    return 0;
}

static int64_t impatient_waits_see_the_end(void *argument)
{
    (void)argument;
    struct channel channel;
    struct follower followers[10];
    struct tug_task *tasks[10];
    make(&channel, 0);
    for (int i = 0; i < 10; i++) {
        tug_watch_receiver_clone(&channel.receiver, &followers[i].receiver);
        tasks[i] = fixture_spawn(follow_impatiently, &followers[i]);
    }
    CHECK_EQUAL(fixture_on_thread(slow_count_on_thread, &channel), 0);
    for (int i = 0; i < 10; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 20);
    tug_watch_receiver_drop(&channel.receiver);
    return 0;
}

static int64_t ready_changes_give_way(void *argument)
{
    (void)argument;
    struct channel channel;
    make(&channel, 0);
    uint64_t before = fixture_budget_exhausted();
    for (int i = 0; i < 1000; i++) {
        tug_watch_mark_changed(&channel.receiver);
        CHECK_EQUAL(tug_watch_changed(&channel.receiver), 0);
    }
    CHECK_RANGE(fixture_budget_exhausted() - before, 7, 8);
    end(&channel);
    return 0;
}

static void sizes_are_checked(void **state)
{
    (void)state;
    struct channel channel;
    assert_int_equal(tug_watch_create(&channel.sender, &channel.receiver, 0, "", NULL), -EINVAL);
    assert_int_equal(tug_watch_create(&channel.sender, &channel.receiver, SIZE_MAX, "", NULL),
                     -EINVAL);
}

#if TUG_FAULT_INJECTION
static void creating_fails_without_memory(void **state)
{
    (void)state;
    struct channel channel;
    assert_int_equal(tug_fault_fail("malloc", 1, 1, ENOMEM), 0);
    assert_int_equal(tug_watch_create(&channel.sender, &channel.receiver, 1, "", NULL), -ENOMEM);
    tug_fault_reset();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(the_latest_value_is_seen_once),
        IN_EACH(values_can_be_looked_at_and_changed_in_place),
        IN_EACH(the_last_value_is_seen_after_the_end),
        IN_EACH(nothing_is_sent_to_nobody),
        IN_EACH(the_end_wakes_who_waits),
        IN_EACH(conditions_are_waited_for),
        IN_EACH(replaced_values_are_destroyed),
        IN_EACH(in_a_cancelled_scope),
        IN_EACH(changes_can_be_selected),
        IN_EACH(all_see_the_last_value),
        IN_EACH(impatient_waits_see_the_end),
        IN_CURRENT_THREAD(ready_changes_give_way),
        cmocka_unit_test(sizes_are_checked),
#if TUG_FAULT_INJECTION
        cmocka_unit_test(creating_fails_without_memory),
#endif
    };
    return cmocka_run_group_tests_name("sync/watch", tests, NULL, NULL);
}

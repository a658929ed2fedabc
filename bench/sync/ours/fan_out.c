/* SPDX-License-Identifier: MIT */
/*
 * One sender and many receivers, by broadcast and by watch: the next value is sent when all have
 * told that they have got the last one. An operation is one value got by one receiver.
 */
#include "../../runtime/ours/bench.h"

#include <stdatomic.h>
#include <stdlib.h>

struct round {
    atomic_size_t left;
    struct tug_oneshot done;
};

struct receiver {
    struct round *round;
    union {
        struct tug_broadcast_receiver broadcast;
        struct tug_watch_receiver watch;
    };
};

static void tell(struct round *round)
{
    if (atomic_fetch_sub_explicit(&round->left, 1, memory_order_acq_rel) == 1)
        bench_check(tug_oneshot_send(&round->done, 0), "tug_oneshot_send");
}

static int64_t receive_broadcast(void *argument)
{
    struct receiver *receiver = argument;
    size_t value;
    while (tug_broadcast_receive(&receiver->broadcast, &value, NULL) == 0)
        tell(receiver->round);
    tug_broadcast_receiver_drop(&receiver->broadcast);
    return 0;
}

static int64_t receive_watch(void *argument)
{
    struct receiver *receiver = argument;
    size_t value;
    while (tug_watch_changed(&receiver->watch) == 0) {
        tug_watch_read(&receiver->watch, &value);
        tell(receiver->round);
    }
    tug_watch_receiver_drop(&receiver->watch);
    return 0;
}

/* Sends in rounds, and waits for all receivers after each. */
static void run_rounds(size_t n, size_t count, struct round *round, int64_t (*send)(void *, size_t),
                       void *sender)
{
    for (size_t i = 0; i == 0 || i < n / count; i++) {
        int64_t value;
        atomic_store_explicit(&round->left, count, memory_order_relaxed);
        tug_oneshot_init(&round->done);
        bench_check(send(sender, i), "send");
        bench_check(tug_oneshot_receive(&round->done, &value), "tug_oneshot_receive");
    }
}

static int64_t send_broadcast(void *sender, size_t value)
{
    return tug_broadcast_send(sender, &value);
}

static int64_t send_watch(void *sender, size_t value)
{
    return tug_watch_send(sender, &value);
}

static void join_all(struct tug_task **tasks, struct receiver *receivers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bench_check(tug_join(tasks[i], NULL), "tug_join");
    free(tasks);
    free(receivers);
}

static void broadcast(size_t n, size_t count)
{
    struct tug_broadcast_sender *sender;
    struct tug_broadcast_receiver first;
    struct tug_broadcast_values values = {.size = sizeof(size_t)};
    struct round round;
    struct receiver *receivers = bench_check_pointer(calloc(count, sizeof *receivers), "calloc");
    struct tug_task **tasks = bench_check_pointer(calloc(count, sizeof(void *)), "calloc");
    bench_check(tug_broadcast_create(&sender, &first, 1000, &values), "tug_broadcast_create");
    for (size_t i = 0; i < count; i++) {
        receivers[i].round = &round;
        tug_broadcast_subscribe(sender, &receivers[i].broadcast);
        tasks[i] = bench_check_pointer(tug_spawn(receive_broadcast, &receivers[i]), "tug_spawn");
    }
    tug_broadcast_receiver_drop(&first);
    run_rounds(n, count, &round, send_broadcast, sender);
    tug_broadcast_sender_drop(sender);
    join_all(tasks, receivers, count);
}

static void watch(size_t n, size_t count)
{
    struct tug_watch_sender *sender;
    struct tug_watch_receiver first;
    struct round round;
    size_t value = 0;
    struct receiver *receivers = bench_check_pointer(calloc(count, sizeof *receivers), "calloc");
    struct tug_task **tasks = bench_check_pointer(calloc(count, sizeof(void *)), "calloc");
    bench_check(tug_watch_create(&sender, &first, sizeof value, &value, NULL), "tug_watch_create");
    for (size_t i = 0; i < count; i++) {
        receivers[i].round = &round;
        tug_watch_subscribe(sender, &receivers[i].watch);
        tasks[i] = bench_check_pointer(tug_spawn(receive_watch, &receivers[i]), "tug_spawn");
    }
    tug_watch_receiver_drop(&first);
    run_rounds(n, count, &round, send_watch, sender);
    tug_watch_sender_drop(sender);
    join_all(tasks, receivers, count);
}

void bench_broadcast_10(size_t n)
{
    broadcast(n, 10);
}

void bench_broadcast_100(size_t n)
{
    broadcast(n, 100);
}

void bench_broadcast_500(size_t n)
{
    broadcast(n, 500);
}

void bench_broadcast_1000(size_t n)
{
    broadcast(n, 1000);
}

void bench_watch_10(size_t n)
{
    watch(n, 10);
}

void bench_watch_100(size_t n)
{
    watch(n, 100);
}

void bench_watch_500(size_t n)
{
    watch(n, 500);
}

void bench_watch_1000(size_t n)
{
    watch(n, 1000);
}

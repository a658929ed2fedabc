/* SPDX-License-Identifier: MIT */
/*
 * Mpsc channels: one sender, five at once, and one task alone that sends and receives.
 */
#include "../../runtime/ours/bench.h"

#include <stdlib.h>

enum {
    SENDERS = 5,
    EACH = 1000, /* values of each sender in a round */
    ROUND = SENDERS * EACH,
    LARGE = 1000000,
};

struct channel {
    struct tug_mpsc_sender *sender;
    struct tug_mpsc_receiver *receiver;
};

static struct channel make_channel(size_t capacity)
{
    struct channel channel;
    bench_check(tug_mpsc_create(&channel.sender, &channel.receiver, capacity, sizeof(size_t), NULL),
                "tug_mpsc_create");
    return channel;
}

struct source {
    struct tug_mpsc_sender *sender;
    size_t count;
};

static int64_t send_all(void *argument)
{
    struct source source = *(struct source *)argument;
    for (size_t i = 0; i < source.count; i++)
        bench_check(tug_mpsc_send(source.sender, &i), "tug_mpsc_send");
    tug_mpsc_sender_drop(source.sender);
    return 0;
}

/* Of an unbounded channel a send never waits. */
static int64_t send_all_at_once(void *argument)
{
    struct source source = *(struct source *)argument;
    for (size_t i = 0; i < source.count; i++)
        bench_check(tug_mpsc_try_send(source.sender, &i), "tug_mpsc_try_send");
    tug_mpsc_sender_drop(source.sender);
    return 0;
}

static void receive_all(struct channel channel, size_t n)
{
    size_t value;
    while (n-- > 0)
        bench_check(tug_mpsc_receive(channel.receiver, &value), "tug_mpsc_receive");
    tug_mpsc_receiver_drop(channel.receiver);
}

static void receive_all_many(struct channel channel, size_t n)
{
    static size_t values[ROUND];
    while (n > 0)
        n -= (size_t)bench_check(tug_mpsc_receive_many(channel.receiver, values, ROUND),
                                 "tug_mpsc_receive_many");
    tug_mpsc_receiver_drop(channel.receiver);
}

/* ---- one sender ---- */

static void one_to_one(size_t n, size_t capacity)
{
    struct channel channel = make_channel(capacity);
    struct source source = {channel.sender, n};
    bench_spawn_detached(send_all, &source);
    receive_all(channel, n);
}

void bench_mpsc_1_1000(size_t n)
{
    one_to_one(n, 1000);
}

void bench_mpsc_1_1(size_t n)
{
    one_to_one(n, 1);
}

/* ---- five senders ---- */

static void contended(size_t n, size_t capacity, tug_task_fn send,
                      void (*receive)(struct channel channel, size_t n))
{
    for (size_t round = 0; round == 0 || round < n / ROUND; round++) {
        struct channel channel = make_channel(capacity);
        struct source source = {channel.sender, EACH};
        for (size_t i = 0; i < SENDERS; i++) {
            if (i > 0)
                tug_mpsc_sender_clone(channel.sender);
            bench_spawn_detached(send, &source);
        }
        receive(channel, ROUND);
    }
}

void bench_mpsc_5_bounded(size_t n)
{
    contended(n, LARGE, send_all, receive_all);
}

void bench_mpsc_5_many(size_t n)
{
    contended(n, LARGE, send_all, receive_all_many);
}

void bench_mpsc_5_full(size_t n)
{
    contended(n, 100, send_all, receive_all);
}

void bench_mpsc_5_full_many(size_t n)
{
    contended(n, 100, send_all, receive_all_many);
}

void bench_mpsc_5_unbounded(size_t n)
{
    contended(n, TUG_MPSC_UNBOUNDED, send_all_at_once, receive_all);
}

/* ---- a task alone ---- */

static void send_and_receive(size_t n, void *value, size_t size)
{
    struct channel channel;
    bench_check(tug_mpsc_create(&channel.sender, &channel.receiver, 1000, size, NULL),
                "tug_mpsc_create");
    for (size_t i = 0; i < n; i++) {
        bench_check(tug_mpsc_send(channel.sender, value), "tug_mpsc_send");
        bench_check(tug_mpsc_receive(channel.receiver, value), "tug_mpsc_receive");
    }
    tug_mpsc_sender_drop(channel.sender);
    tug_mpsc_receiver_drop(channel.receiver);
}

void bench_mpsc_512(size_t n)
{
    static char value[512];
    send_and_receive(n, value, sizeof value);
}

void bench_mpsc_32k(size_t n)
{
    static char value[32768];
    send_and_receive(n, value, sizeof value);
}

static void uncontended(size_t n, size_t capacity, tug_task_fn send)
{
    for (size_t round = 0; round == 0 || round < n / ROUND; round++) {
        struct channel channel = make_channel(capacity);
        struct source source = {channel.sender, ROUND};
        send(&source);
        receive_all(channel, ROUND);
    }
}

void bench_mpsc_alone_bounded(size_t n)
{
    uncontended(n, LARGE, send_all);
}

void bench_mpsc_alone_unbounded(size_t n)
{
    uncontended(n, TUG_MPSC_UNBOUNDED, send_all_at_once);
}

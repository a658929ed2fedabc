/* SPDX-License-Identifier: MIT */
/*
 * Oneshot channels: one used by a task alone; and as the way back of a request that goes over an
 * mpsc channel.
 */
#include "../../runtime/ours/bench.h"

void bench_oneshot(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct tug_oneshot channel;
        int64_t value;
        tug_oneshot_init(&channel);
        bench_check(tug_oneshot_send(&channel, 1), "tug_oneshot_send");
        bench_check(tug_oneshot_receive(&channel, &value), "tug_oneshot_receive");
    }
}

static int64_t reply_to_all(void *argument)
{
    struct tug_mpsc_receiver *receiver = argument;
    struct tug_oneshot *request;
    while (tug_mpsc_receive(receiver, &request) == 0)
        bench_check(tug_oneshot_send(request, 1), "tug_oneshot_send");
    tug_mpsc_receiver_drop(receiver);
    return 0;
}

void bench_request_reply(size_t n)
{
    struct tug_mpsc_sender *sender;
    struct tug_mpsc_receiver *receiver;
    bench_check(tug_mpsc_create(&sender, &receiver, 10, sizeof(struct tug_oneshot *), NULL),
                "tug_mpsc_create");
    bench_spawn_detached(reply_to_all, receiver);
    for (size_t i = 0; i < n; i++) {
        struct tug_oneshot reply, *request = &reply;
        int64_t value;
        tug_oneshot_init(&reply);
        bench_check(tug_mpsc_send(sender, &request), "tug_mpsc_send");
        bench_check(tug_oneshot_receive(&reply, &value), "tug_oneshot_receive");
    }
    tug_mpsc_sender_drop(sender);
}

/* SPDX-License-Identifier: MIT */
/*
 * A channel of numbers, and what is expected of it, in short forms.
 */
#ifndef TUG_TESTS_SYNC_MPSC_CHANNEL_H
#define TUG_TESTS_SYNC_MPSC_CHANNEL_H

#include <errno.h>

#include "../runtime/fixture.h"

struct channel {
    struct tug_mpsc_sender *sender;
    struct tug_mpsc_receiver *receiver;
};

static inline struct channel make(size_t capacity)
{
    struct channel channel;
    CHECK_EQUAL(
        tug_mpsc_create(&channel.sender, &channel.receiver, capacity, sizeof(int64_t), NULL), 0);
    return channel;
}

static inline void end(struct channel channel)
{
    if (channel.sender != NULL)
        tug_mpsc_sender_drop(channel.sender);
    if (channel.receiver != NULL)
        tug_mpsc_receiver_drop(channel.receiver);
}

static inline int try_send(struct channel channel, int64_t value)
{
    return tug_mpsc_try_send(channel.sender, &value);
}

static inline int64_t send_value(struct channel channel, int64_t value)
{
    return tug_mpsc_send(channel.sender, &value);
}

static inline void expect(struct channel channel, int64_t value)
{
    int64_t received = -1;
    CHECK_EQUAL(tug_mpsc_receive(channel.receiver, &received), 0);
    CHECK_EQUAL(received, value);
}

static inline void expect_end(struct channel channel)
{
    int64_t received;
    CHECK_EQUAL(tug_mpsc_receive(channel.receiver, &received), -EPIPE);
    CHECK_EQUAL(tug_mpsc_try_receive(channel.receiver, &received), -EPIPE);
    CHECK_EQUAL(tug_mpsc_receive_many(channel.receiver, &received, 1), -EPIPE);
}

/* For both kinds. */
static const size_t capacities[] __attribute__((unused)) = {1000, TUG_MPSC_UNBOUNDED};
#define FOR_BOTH(channel)                                                                          \
    for (size_t kind_ = 0; kind_ < 2; kind_++)                                                     \
        for (struct channel channel = make(capacities[kind_]), *once_ = &channel; once_ != NULL;   \
             once_ = NULL)

/* A task that sends. */
struct waiting_send {
    struct channel channel;
    int64_t value;
    int64_t *order, *ended;
};

static inline int64_t send_waiting(void *argument)
{
    struct waiting_send *send = argument;
    CHECK_EQUAL(send_value(send->channel, send->value), 0);
    return 0;
}

#endif

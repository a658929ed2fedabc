/* SPDX-License-Identifier: MIT */
/*
 * Who has subscribed to what. A subscription ties a channel and the outbox of a subscriber; a
 * channel is there as long as somebody has subscribed to it.
 */
#ifndef MINIKV_CHANNELS_H
#define MINIKV_CHANNELS_H

#include "outbox.h"

struct channel;

struct subscription {
    struct channel *channel;
    struct outbox *outbox;
    struct subscription *next, *prev;           /* of the same channel */
    struct subscription *mine_next, *mine_prev; /* of the same subscriber */
};

struct channels {
    pthread_mutex_t lock;
    struct channel *by_name;
};

void channels_init(struct channels *channels);
void channels_destroy(struct channels *channels);

/* The name of the channel of a subscription. */
struct bytes channel_name(const struct subscription *subscription);

/* Adds to the subscriber's list, which begins at `*mine`. Returns 1; 0: it is there already;
 * -ENOMEM. */
int channels_subscribe(struct channels *channels, struct bytes name, struct outbox *outbox,
                       struct subscription **mine);

/* Ends a subscription of the list at `*mine`. Nothing comes to the outbox through it after that. */
void channels_unsubscribe(struct channels *channels, struct subscription *subscription,
                          struct subscription **mine);

/* The subscription to a channel, or NULL. */
struct subscription *channels_mine(struct subscription *mine, struct bytes name);

/* Leaves a message in the outboxes of all who have subscribed. Does not wait for anybody. Returns
 * their number. */
size_t channels_publish(struct channels *channels, struct bytes name, struct bytes message);

#endif

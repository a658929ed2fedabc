/* SPDX-License-Identifier: MIT */
/*
 * Invariants: the lock guards the table and the lists of the channels; a subscriber's own list is
 * his task's alone. An outbox is locked inside of that lock, never around it: so an outbox that has
 * no subscription any more is nobody else's.
 */
#include "channels.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

struct channel {
    UT_hash_handle hh;
    struct subscription *subscriptions;
    char name[];
};

void channels_init(struct channels *channels)
{
    channels->by_name = NULL;
    pthread_mutex_init(&channels->lock, NULL);
}

void channels_destroy(struct channels *channels)
{
    pthread_mutex_destroy(&channels->lock);
}

struct bytes channel_name(const struct subscription *subscription)
{
    const struct channel *channel = subscription->channel;
    return (struct bytes){.data = channel->name, .length = channel->hh.keylen};
}

static struct channel *find(struct channels *channels, struct bytes name)
{
    struct channel *channel;
    HASH_FIND(hh, channels->by_name, name.data, name.length, channel);
    return channel;
}

static struct channel *find_or_add(struct channels *channels, struct bytes name)
{
    struct channel *channel = find(channels, name);
    if (channel != NULL)
        return channel;
    channel = calloc(1, sizeof(*channel) + name.length);
    if (channel == NULL)
        return NULL;
    memcpy(channel->name, name.data, name.length);
    HASH_ADD_KEYPTR(hh, channels->by_name, channel->name, name.length, channel);
    if (channel->hh.tbl != NULL)
        return channel;
    free(channel);
    return NULL;
}

struct subscription *channels_mine(struct subscription *mine, struct bytes name)
{
    for (; mine != NULL; mine = mine->mine_next) {
        struct bytes other = channel_name(mine);
        if (other.length == name.length && memcmp(other.data, name.data, name.length) == 0)
            return mine;
    }
    return NULL;
}

int channels_subscribe(struct channels *channels, struct bytes name, struct outbox *outbox,
                       struct subscription **mine)
{
    if (channels_mine(*mine, name) != NULL)
        return 0;
    struct subscription *subscription = calloc(1, sizeof(*subscription));
    if (subscription == NULL)
        return -ENOMEM;
    subscription->outbox = outbox;
    pthread_mutex_lock(&channels->lock);
    struct channel *channel = find_or_add(channels, name);
    if (channel != NULL) {
        subscription->channel = channel;
        DL_APPEND(channel->subscriptions, subscription);
    }
    pthread_mutex_unlock(&channels->lock);
    if (channel == NULL) {
        free(subscription);
        return -ENOMEM;
    }
    DL_APPEND2(*mine, subscription, mine_prev, mine_next);
    return 1;
}

void channels_unsubscribe(struct channels *channels, struct subscription *subscription,
                          struct subscription **mine)
{
    struct channel *channel = subscription->channel;
    DL_DELETE2(*mine, subscription, mine_prev, mine_next);
    pthread_mutex_lock(&channels->lock);
    DL_DELETE(channel->subscriptions, subscription);
    bool unused = channel->subscriptions == NULL;
    if (unused)
        HASH_DELETE(hh, channels->by_name, channel);
    pthread_mutex_unlock(&channels->lock);
    if (unused)
        free(channel);
    free(subscription);
}

size_t channels_publish(struct channels *channels, struct bytes name, struct bytes message)
{
    struct reply push = {0};
    struct subscription *subscription;
    size_t count = 0;
    reply_array(&push, 3);
    reply_bulk(&push, bytes_of("message"));
    reply_bulk(&push, name);
    reply_bulk(&push, message);
    pthread_mutex_lock(&channels->lock);
    struct channel *channel = push.failed ? NULL : find(channels, name);
    if (channel != NULL) {
        DL_FOREACH(channel->subscriptions, subscription)
        {
            outbox_put(subscription->outbox, push.data, push.length);
            count++;
        }
    }
    pthread_mutex_unlock(&channels->lock);
    reply_free(&push);
    return count;
}

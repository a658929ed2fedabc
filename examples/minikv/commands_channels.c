/* SPDX-License-Identifier: MIT */
/*
 * Commands about channels. What is published comes by the outbox and is sent behind the replies, so
 * that a subscription is confirmed before its first message.
 */
#include "commands.h"

void command_publish(struct client *client, const struct bytes *words, size_t count)
{
    (void)count;
    size_t receivers = channels_publish(&client->minikv->channels, words[1], words[2]);
    reply_integer(&client->reply, (int64_t)receivers);
}

/* `name` NULL: of no channel. */
static void confirm(struct reply *reply, const char *what, const struct bytes *name, size_t left)
{
    reply_array(reply, 3);
    reply_bulk(reply, bytes_of(what));
    if (name != NULL)
        reply_bulk(reply, *name);
    else
        reply_null(reply);
    reply_integer(reply, (int64_t)left);
}

void command_subscribe(struct client *client, const struct bytes *words, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        int added = channels_subscribe(&client->minikv->channels, words[i], &client->outbox,
                                       &client->subscriptions);
        if (added < 0) {
            reply_error(&client->reply, "OOM out of memory");
            return;
        }
        client->subscription_count += (size_t)added;
        confirm(&client->reply, "subscribe", &words[i], client->subscription_count);
    }
}

/* What has come through a subscription goes before the confirmation of its end, which is written
 * while the channel still has a name. */
static void end_subscription(struct client *client, struct subscription *subscription)
{
    struct reply confirmation = {0};
    struct bytes name = channel_name(subscription);
    confirm(&confirmation, "unsubscribe", &name, --client->subscription_count);
    channels_unsubscribe(&client->minikv->channels, subscription, &client->subscriptions);
    outbox_take(&client->outbox, &client->reply);
    reply_raw(&client->reply, confirmation.data, confirmation.length);
    client->reply.failed |= confirmation.failed;
    reply_free(&confirmation);
}

void command_unsubscribe(struct client *client, const struct bytes *words, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct subscription *subscription = channels_mine(client->subscriptions, words[i]);
        if (subscription != NULL)
            end_subscription(client, subscription);
        else
            confirm(&client->reply, "unsubscribe", &words[i], client->subscription_count);
    }
    if (count > 1)
        return;
    if (client->subscriptions == NULL)
        confirm(&client->reply, "unsubscribe", NULL, 0);
    while (client->subscriptions != NULL)
        end_subscription(client, client->subscriptions);
}

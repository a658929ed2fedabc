/* SPDX-License-Identifier: MIT */
/*
 * Invariants: the bytes input[start..end) are one command that is not complete, once the task
 * waits. Subscriptions have ended before the descriptor is closed: who publishes may shut it down.
 */
#include "client.h"

#include <errno.h>
#include <stdlib.h>

#include <tug/coop.h>
#include <tug/file.h>
#include <tug/op.h>
#include <tug/socket.h>

#include "commands.h"

#define INPUT_SIZE ((size_t)16 << 10)
#define LEAST_ROOM ((size_t)4 << 10)   /* worth a call */
#define REPLY_SIZE ((size_t)256 << 10) /* sent before the batch is done */

/* ---- Input ---- */

static int resize_input(struct client *client, size_t capacity)
{
    char *input = realloc(client->input, capacity);
    if (input == NULL)
        return -ENOMEM;
    client->input = input;
    client->capacity = capacity;
    return 0;
}

/* Makes room for more bytes behind those of a command that is not complete. What a large command
 * has needed is given back. */
static int make_room(struct client *client)
{
    if (client->start == client->end) {
        client->start = client->end = 0;
        if (client->capacity > INPUT_SIZE)
            return resize_input(client, INPUT_SIZE);
    }
    if (client->capacity - client->end >= LEAST_ROOM)
        return 0;
    if (client->start > 0) {
        memmove(client->input, client->input + client->start, client->end - client->start);
        client->end -= client->start;
        client->start = 0;
    }
    if (client->capacity - client->end >= LEAST_ROOM)
        return 0;
    return resize_input(client, client->capacity > 0 ? 2 * client->capacity : INPUT_SIZE);
}

/* Waits for the peer and for the outbox. -EAGAIN: the outbox was first. */
static int64_t receive_or_wake(struct client *client, void *room, size_t size)
{
    struct tug_op op;
    struct tug_future *either[] = {&op.future, &client->outbox.future};
    tug_op_recv(&op, client->peer.fd, room, size, 0);
    outbox_rearm(&client->outbox);
    int64_t first = tug_select_biased(either, 2);
    /* One that is cancelled may have received something all the same. */
    if (first == 1 && op.future.result == -ECANCELED)
        return -EAGAIN;
    return first < 0 && op.future.result <= 0 ? first : op.future.result;
}

/* Returns the number of bytes; 0: the peer has ended its side; -EAGAIN as above. */
static int64_t receive(struct client *client)
{
    int error = make_room(client);
    if (error < 0)
        return error;
    char *room = client->input + client->end;
    size_t size = client->capacity - client->end;
    int64_t length = client->subscription_count > 0 ? receive_or_wake(client, room, size)
                                                    : tug_recv(client->peer.fd, room, size, 0);
    if (length > 0)
        client->end += (size_t)length;
    return length;
}

/* ---- Replies ---- */

static int64_t send_replies(struct client *client)
{
    if (client->subscription_count > 0 && !outbox_take(&client->outbox, &client->reply))
        return -ECONNABORTED;
    if (client->reply.failed)
        return -ENOMEM;
    int64_t result = 0;
    if (client->reply.length > 0)
        result = tug_send_all(client->peer.fd, client->reply.data, client->reply.length, 0);
    reply_clear(&client->reply);
    return result;
}

/* ---- The connection ---- */

/* Carries out what is complete. Returns >= 0, or why the connection has to end. */
static int64_t run_commands(struct client *client)
{
    struct resp_parser *parser = &client->parser;
    int64_t result = 0;
    while (result >= 0 && !client->leaving) {
        enum resp_result state =
            resp_parse(parser, client->input + client->start, client->end - client->start);
        if (state == RESP_MORE)
            break;
        if (state == RESP_ERROR) {
            reply_error(&client->reply, "ERR Protocol error: %s", parser->error);
            client->leaving = true;
            break;
        }
        if (parser->count > 0)
            command_run(client, parser->arguments, parser->count);
        client->start += parser->position;
        resp_next(parser);
        if (client->reply.length >= REPLY_SIZE)
            result = send_replies(client);
        if (result >= 0)
            result = tug_coop_consume();
    }
    return result;
}

static bool converse(struct peer *peer)
{
    struct client *client = (struct client *)peer;
    int64_t result;
    do {
        result = receive(client);
        if (result == 0 || (result < 0 && result != -EAGAIN))
            break;
        result = run_commands(client);
        if (result >= 0)
            result = send_replies(client);
    } while (result >= 0 && !client->leaving);
    while (client->subscriptions != NULL)
        channels_unsubscribe(&client->minikv->channels, client->subscriptions,
                             &client->subscriptions);
    return result >= 0 && client->leaving;
}

static struct peer *open_client(void *argument, int fd)
{
    struct minikv *minikv = argument;
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return NULL;
    client->minikv = minikv;
    resp_init(&client->parser, &minikv->limits);
    outbox_init(&client->outbox, fd, minikv->backlog_limit);
    return &client->peer;
}

static void free_client(struct peer *peer)
{
    struct client *client = (struct client *)peer;
    outbox_destroy(&client->outbox);
    reply_free(&client->reply);
    resp_free(&client->parser);
    free(client->input);
    free(client);
}

const struct server_program client_program = {open_client, converse, free_client};

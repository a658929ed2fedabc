/* SPDX-License-Identifier: MIT */
/*
 * One operation at a time: receive, send until all is sent, receive again; close at the end.
 */
#include "client.h"

#include <stdbool.h>
#include <stdlib.h>

enum step { RECEIVING, SENDING, CLOSING };

struct client {
    struct tug_future future; /* first: its address is the client's */
    struct tug_op op;
    enum step step;
    int fd;
    size_t sent, length;
    void *buffer; /* NULL while it waits */
};

static struct client *client_of(struct tug_future *future)
{
    return (struct client *)future;
}

static void begin(struct client *client, enum step step)
{
    client->step = step;
    switch (step) {
    case RECEIVING:
        tug_recv_buffer_release(client->buffer);
        tug_op_recv_buffer(&client->op, client->fd, &client->buffer, 0);
        break;
    case SENDING:
        tug_op_send(&client->op, client->fd, (char *)client->buffer + client->sent,
                    client->length - client->sent, 0);
        break;
    case CLOSING:
        tug_recv_buffer_release(client->buffer);
        client->buffer = NULL;
        tug_op_close(&client->op, client->fd);
        break;
    }
}

/* After the end of an operation: begins the next. False: there is none. */
static bool go_on(struct client *client)
{
    int64_t result = client->op.future.result;
    if (client->step == CLOSING)
        return false;
    if (result <= 0) {
        begin(client, CLOSING);
    } else if (client->step == RECEIVING) {
        client->length = (size_t)result;
        client->sent = 0;
        begin(client, SENDING);
    } else {
        client->sent += (size_t)result;
        begin(client, client->sent < client->length ? SENDING : RECEIVING);
    }
    return true;
}

static int client_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct client *client = client_of(future);
    do {
        if (client->op.future.vtable->poll(&client->op.future, waker) == TUG_PENDING)
            return TUG_PENDING;
    } while (go_on(client));
    return TUG_READY;
}

static void client_cancel(struct tug_future *future)
{
    struct client *client = client_of(future);
    client->op.future.vtable->cancel(&client->op.future);
}

static void client_drop(struct tug_future *future)
{
    free(client_of(future));
}

static const struct tug_future_vtable client_vtable = {
    .poll = client_poll,
    .cancel = client_cancel,
    .drop = client_drop,
};

struct tug_task *client_spawn(int fd)
{
    struct tug_task *task = NULL;
    struct client *client = malloc(sizeof(*client));
    if (client == NULL)
        return NULL;
    client->future = (struct tug_future){&client_vtable, 0};
    client->fd = fd;
    client->buffer = NULL;
    begin(client, RECEIVING);
    if (tug_spawn_future(&task, NULL, &client->future) < 0)
        free(client);
    return task;
}

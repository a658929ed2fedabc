/* SPDX-License-Identifier: MIT */
/*
 * What others send to a subscriber: bytes that any task leaves there, on any worker and without
 * waiting, and that the subscriber's own task takes and sends. The outbox is a future, which is
 * ready when there is something in it.
 *
 * A subscriber that reads more slowly than others publish is dropped when its backlog exceeds a
 * limit: its connection is shut down, which ends whatever its task waits for.
 */
#ifndef MINIKV_OUTBOX_H
#define MINIKV_OUTBOX_H

#include <pthread.h>

#include <tug/future.h>

#include "reply.h"

struct outbox {
    struct tug_future future; /* result 0 */
    pthread_mutex_t lock;     /* guards what follows */
    struct reply bytes;
    struct tug_waker waker; /* of who waits; without a vtable: nobody does */
    size_t limit;
    int fd;
    bool cancelled, dropped;
};

/* For the connection `fd`, of which no more than `limit` bytes may wait. */
void outbox_init(struct outbox *outbox, int fd, size_t limit);
void outbox_destroy(struct outbox *outbox);

/* Leaves bytes there, all or none. From any thread. */
void outbox_put(struct outbox *outbox, const char *data, size_t length);

/* Moves what is there to the end of `reply`. Returns whether the subscriber is wanted still. */
bool outbox_take(struct outbox *outbox, struct reply *reply);

/* Makes the future wait anew, by one task. */
void outbox_rearm(struct outbox *outbox);

#endif

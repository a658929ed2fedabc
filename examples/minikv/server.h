/* SPDX-License-Identifier: MIT */
/*
 * The listener, what all clients share, and the end: when a signal comes no more connections are
 * taken, what has been asked is answered, and whoever has not left after a while is cut off.
 */
#ifndef MINIKV_SERVER_H
#define MINIKV_SERVER_H

#include <tug/group.h>

#include "channels.h"
#include "client.h"
#include "resp.h"
#include "store.h"

struct server_options {
    const char *host, *port;
    struct resp_limits limits;
    size_t backlog_limit; /* bytes that may wait for a subscriber */
    uint64_t grace;       /* ns that clients have to leave */
};

struct server {
    const struct server_options *options;
    struct store *store;
    struct channels channels;
    struct tug_group group; /* the clients' tasks */
    pthread_mutex_t lock;   /* guards `clients` */
    struct client *clients;
};

/* Serves until a SIGINT or SIGTERM. A coroutine task; `options`: struct server_options. Prints the
 * address at which it listens. Returns 0 or why it could not. */
int64_t server_run(void *options);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The listener, the connections, and the end: when a signal comes no more connections are taken,
 * what has been asked is answered, and whoever has not left after a while is cut off.
 */
#ifndef HTTPD_SERVER_H
#define HTTPD_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <tug/group.h>

struct connection;

/* Times in ns. */
struct server_options {
    const char *host, *port, *root;
    uint64_t body_limit;   /* bytes */
    uint64_t idle_time;    /* between requests, and while the peer takes nothing */
    uint64_t request_time; /* for a request to come, from its first byte on */
    uint64_t grace;        /* for clients to leave at the end */
};

struct server {
    const struct server_options *options;
    int root; /* a descriptor */
    atomic_bool ending;
    struct tug_group group; /* of the connections' tasks */
    pthread_mutex_t lock;   /* guards `connections` */
    struct connection *connections;
};

/* Serves until a SIGINT or SIGTERM. A coroutine task; `options`: struct server_options. Prints the
 * address at which it listens. Returns 0 or why it could not. */
int64_t server_run(void *options);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The life of a TCP server, from its options to its end: a listener, a task for each connection,
 * and when a signal comes no more connections are taken, what has been asked is answered, and
 * whoever has not left after a while is cut off. What is said on a connection is the program's.
 */
#ifndef FRAME_SERVER_H
#define FRAME_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <tug/group.h>
#include <tug/time.h>

#include "options.h"

struct server_options {
    const char *host, *port;
    uint64_t threads; /* that serve clients */
    uint64_t grace;   /* ns for clients to leave at the end */
};

/* One connection. The program's struct begins with it. */
struct peer {
    struct server *server;
    struct peer *next, *prev; /* of the same server */
    int fd;
};

/* What the program does with a connection. `open` allocates the rest of it, and may set the socket
 * up; NULL: it is closed at once. `converse` runs in a task of its own and returns whether the peer
 * may still be reading what was sent. `free` follows, whatever has become of the task. */
struct server_program {
    struct peer *(*open)(void *argument, int fd);
    bool (*converse)(struct peer *peer);
    void (*free)(struct peer *peer);
};

/* All but the first three members are private. */
struct server {
    struct server_options options;
    const struct server_program *program;
    void *argument; /* of the program's `open` */
    atomic_bool ending;
    struct tug_group group; /* of the connections' tasks */
    pthread_mutex_t lock;   /* guards `peers` */
    struct peer *peers;
};

/* The entries of these options in a table. */
#define SERVER_ENTRIES(options)                                                                    \
    {"address", "HOST", "where to listen", &(options)->host, NULL, 0, 0, 0},                       \
        {"port", "PORT", "0: a free one", &(options)->port, NULL, 0, 0, 0},                        \
        {"threads", "COUNT", "that serve clients", NULL, &(options)->threads, 1, 1024, 1},         \
    {                                                                                              \
        "grace", "MS", "in which clients may leave after SIGINT or SIGTERM", NULL,                 \
            &(options)->grace, 0, OPTION_MOST, TUG_MILLISECOND                                     \
    }

/* Serves until a SIGINT or SIGTERM, after which both do what they do elsewhere. Prints the address
 * at which it listens. Suspends. Returns 0 or why it could not. */
int64_t server_run(struct server *server);

/* Whether the end has begun, for programs that tell their clients. */
bool server_is_ending(const struct server *server);

#endif

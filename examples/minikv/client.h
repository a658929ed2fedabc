/* SPDX-License-Identifier: MIT */
/*
 * One connection, which is one task: it receives what there is, carries out the commands in it, and
 * sends all replies at once. While it has subscriptions it also waits for its outbox.
 */
#ifndef MINIKV_CLIENT_H
#define MINIKV_CLIENT_H

#include "channels.h"
#include "reply.h"
#include "resp.h"

struct server;

struct client {
    struct server *server;
    struct client *next, *prev; /* of the same server */
    int fd;
    bool leaving; /* once the replies have been sent */
    char *input;
    size_t start, end, capacity; /* of `input`: what has come and was not carried out yet */
    struct resp_parser parser;
    struct reply reply;
    struct outbox outbox;
    struct subscription *subscriptions;
    size_t subscription_count;
};

/* Serves the connection `fd`, and closes it. If there is no memory for that, closes it at once. */
void client_start(struct server *server, int fd);

#endif

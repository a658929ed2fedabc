/* SPDX-License-Identifier: MIT */
/*
 * One connection, which is one task: it receives what there is, carries out the commands in it, and
 * sends all replies at once. While it has subscriptions it also waits for its outbox.
 */
#ifndef MINIKV_CLIENT_H
#define MINIKV_CLIENT_H

#include "../frame/server.h"
#include "channels.h"
#include "reply.h"
#include "resp.h"
#include "store.h"

/* What all clients share. */
struct minikv {
    struct server server;
    struct resp_limits limits;
    uint64_t backlog_limit; /* bytes that may wait for a subscriber */
    struct store *store;
    struct channels channels;
};

struct client {
    struct peer peer;
    struct minikv *minikv;
    bool leaving; /* once the replies have been sent */
    char *input;
    size_t start, end, capacity; /* of `input`: what has come and was not carried out yet */
    struct resp_parser parser;
    struct reply reply;
    struct outbox outbox;
    struct subscription *subscriptions;
    size_t subscription_count;
};

/* `argument` of the server: struct minikv. */
extern const struct server_program client_program;

#endif

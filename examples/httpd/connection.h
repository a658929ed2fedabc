/* SPDX-License-Identifier: MIT */
/*
 * One connection, which is one task: it waits for a request, answers it, and so on. Requests that
 * come in a heap are answered in turn.
 */
#ifndef HTTPD_CONNECTION_H
#define HTTPD_CONNECTION_H

#include "../frame/server.h"
#include "request.h"
#include "response.h"

#define INPUT_SIZE 8192

/* What all connections share. Times in ns. */
struct httpd {
    struct server server;
    int root;              /* a descriptor */
    uint64_t body_limit;   /* bytes */
    uint64_t idle_time;    /* between requests, and while the peer takes nothing */
    uint64_t request_time; /* for a request to come, from its first byte on */
};

struct connection {
    struct peer peer;
    struct httpd *httpd;
    size_t start, end; /* of `input`: what has come and was not parsed yet */
    struct request request;
    struct response response;
    char input[INPUT_SIZE];
};

/* `argument` of the server: struct httpd. */
extern const struct server_program connection_program;

#endif

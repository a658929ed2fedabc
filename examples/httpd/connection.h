/* SPDX-License-Identifier: MIT */
/*
 * One connection, which is one task: it waits for a request, answers it, and so on. Requests that
 * come in a heap are answered in turn.
 */
#ifndef HTTPD_CONNECTION_H
#define HTTPD_CONNECTION_H

#include "request.h"
#include "response.h"
#include "server.h"

#define INPUT_SIZE 8192

struct connection {
    struct server *server;
    struct connection *next, *prev; /* of the same server */
    int fd;
    size_t start, end; /* of `input`: what has come and was not parsed yet */
    struct request request;
    struct response response;
    char input[INPUT_SIZE];
};

/* Serves the connection `fd`, and closes it. If there is no memory for that, closes it at once. */
void connection_start(struct server *server, int fd);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Time is limited wherever a peer can keep the task waiting: for the first byte of a request, for
 * the rest of it (however slowly it comes), and for room in the peer's window.
 *
 * Invariant: the socket is in O_NONBLOCK mode, so that sendfile(2), which runs on the blocking
 * pool because it may wait for a disk, never waits for the peer there.
 */
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#include <tug/cancel.h>
#include <tug/file.h>
#include <tug/op.h>
#include <tug/socket.h>
#include <tug/sys.h>
#include <tug/time.h>

#include "file.h"

#define CHUNK ((size_t)1 << 20)

/* ---- Sending ---- */

struct transfer {
    int out, in;
    int64_t offset;
    size_t length;
};

static int64_t send_some(void *argument)
{
    struct transfer *transfer = argument;
    return tug_sys_sendfile(transfer->out, transfer->in, &transfer->offset, transfer->length);
}

/* The part of a file that the response ends with. */
static int64_t send_file(struct connection *connection)
{
    struct response *response = &connection->response;
    uint64_t idle = connection->httpd->idle_time;
    while (response->left > 0) {
        struct transfer transfer = {connection->peer.fd, response->file, (int64_t)response->offset,
                                    response->left < CHUNK ? response->left : CHUNK};
        struct tug_op op;
        tug_op_blocking(&op, send_some, &transfer);
        int64_t result = tug_op_await(&op);
        if (result == -EAGAIN)
            result = TUG_TIMEOUT(idle, tug_poll_fd(connection->peer.fd, POLLOUT));
        else if (result == 0)
            return -EIO; /* it has become shorter */
        else if (result > 0) {
            response->offset += (uint64_t)result;
            response->left -= (uint64_t)result;
        }
        if (result < 0)
            return result;
    }
    return 0;
}

static int64_t send_response(struct connection *connection)
{
    struct response *response = &connection->response;
    if (response->failed)
        return -EIO;
    int more = response->left > 0 ? MSG_MORE : 0;
    size_t sent = 0;
    while (sent < response->length) {
        int64_t result = TUG_TIMEOUT(
            connection->httpd->idle_time,
            tug_send(connection->peer.fd, response->data + sent, response->length - sent, more));
        if (result < 0)
            return result;
        sent += (size_t)result;
    }
    return send_file(connection);
}

/* ---- Receiving ---- */

/* Waits for a whole request, or for one that makes no sense. Returns 1; 0: the peer has gone, or
 * says nothing; a negative errno. */
static int64_t receive_request(struct connection *connection)
{
    struct request *request = &connection->request;
    const struct httpd *httpd = connection->httpd;
    uint64_t deadline = tug_deadline_after(httpd->idle_time);
    bool begun = false;
    for (;;) {
        connection->start += request_parse(request, connection->input + connection->start,
                                           connection->end - connection->start);
        if (request->done || request->status != 0)
            return 1;
        if (request->begun && !begun) {
            begun = true;
            deadline = tug_deadline_after(httpd->request_time);
        }
        struct tug_scope scope;
        tug_scope_begin(&scope, deadline, NULL);
        int64_t length = tug_recv(connection->peer.fd, connection->input, INPUT_SIZE, 0);
        length = tug_scope_end(&scope, length);
        if (length == -ETIMEDOUT && begun) {
            request->status = 408;
            return 1;
        }
        if (length <= 0)
            return length == -ETIMEDOUT ? 0 : length;
        connection->start = 0;
        connection->end = (size_t)length;
    }
}

/* ---- The connection ---- */

static void respond(struct connection *connection)
{
    struct request *request = &connection->request;
    struct response *response = &connection->response;
    unsigned method = request->parser.method;
    int status = request->status;
    response->keep_alive =
        status == 0 && request->keep_alive && !server_is_ending(&connection->httpd->server);
    response->head_only = status == 0 && method == HTTP_HEAD;
    if (status == 0 && method != HTTP_GET && method != HTTP_HEAD)
        status = 405;
    if (status != 0)
        response_status(response, status, status == 405 ? "Allow: GET, HEAD\r\n" : "");
    else
        file_respond(connection->httpd->root, request, response);
}

static bool converse(struct peer *peer)
{
    struct connection *connection = (struct connection *)peer;
    bool keep_alive = true;
    while (keep_alive) {
        if (receive_request(connection) <= 0)
            return false;
        respond(connection);
        keep_alive = connection->response.keep_alive;
        int64_t result = send_response(connection);
        response_clear(&connection->response);
        if (result < 0)
            return false;
        request_next(&connection->request);
    }
    return true;
}

static struct peer *open_connection(void *argument, int fd)
{
    struct httpd *httpd = argument;
    struct connection *connection = malloc(sizeof(*connection));
    if (connection == NULL || tug_sys_fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
        free(connection);
        return NULL;
    }
    connection->httpd = httpd;
    connection->start = connection->end = 0;
    connection->response = (struct response){.file = -1};
    connection->request.done = false;
    request_init(&connection->request, httpd->body_limit);
    return &connection->peer;
}

static void free_connection(struct peer *peer)
{
    struct connection *connection = (struct connection *)peer;
    response_free(&connection->response);
    free(connection);
}

const struct server_program connection_program = {open_connection, converse, free_connection};

/* SPDX-License-Identifier: MIT */
/*
 * Tasks: one accepts, one for each connection, and the first one waits for a signal. They end in
 * this order: the one that accepts, so that there are no new connections; the connections.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include <tug/tug.h>
#include <utlist.h>

#include "connection.h"

struct acceptor {
    struct server *server;
    int listener;
};

static int64_t accept_connections(void *argument)
{
    struct acceptor *acceptor = argument;
    for (;;) {
        int fd = tug_accept_next(acceptor->listener, NULL);
        if (fd < 0)
            return fd;
        connection_start(acceptor->server, fd);
    }
}

/* Waits for either signal; from then on the signals do what they do elsewhere. */
static int64_t wait_for_signal(struct tug_signal signals[2])
{
    struct tug_signal_future first, second;
    struct tug_future *either[] = {&first.future, &second.future};
    tug_signal_future_init(&first, &signals[0]);
    tug_signal_future_init(&second, &signals[1]);
    int64_t result = tug_select(either, 2);
    tug_signal_restore(SIGINT);
    tug_signal_restore(SIGTERM);
    return result < 0 ? result : 0;
}

static int open_signals(struct tug_signal signals[2])
{
    int result = tug_signal_open(&signals[0], SIGINT);
    if (result < 0)
        return result;
    result = tug_signal_open(&signals[1], SIGTERM);
    if (result < 0)
        tug_signal_close(&signals[0]);
    return result;
}

/* Ends the clients' side of all connections: what they have sent is read to its end, and answered.
 * Whoever does not take the answers is cut off when the time is up. */
static void see_clients_off(struct server *server)
{
    struct connection *connection;
    atomic_store(&server->ending, true);
    pthread_mutex_lock(&server->lock);
    DL_FOREACH(server->connections, connection)
    tug_shutdown(connection->fd, SHUT_RD);
    pthread_mutex_unlock(&server->lock);
    struct tug_scope scope;
    tug_scope_begin(&scope, tug_deadline_after(server->options->grace), NULL);
    tug_scope_end(&scope, tug_group_wait(&server->group));
}

static void end_task(struct tug_task *task)
{
    if (task == NULL)
        return;
    tug_task_abort(task);
    tug_join(task, NULL);
}

static int64_t serve(struct server *server, int listener)
{
    struct tug_signal signals[2];
    struct acceptor acceptor = {server, listener};
    int64_t result = open_signals(signals);
    if (result < 0) {
        tug_close(listener);
        return result;
    }
    struct tug_task *accepting = tug_spawn(accept_connections, &acceptor);
    result = accepting != NULL ? wait_for_signal(signals) : -ENOMEM;
    end_task(accepting);
    tug_close(listener);
    see_clients_off(server);
    tug_signal_close(&signals[0]);
    tug_signal_close(&signals[1]);
    return result;
}

static int open_listener(const struct server_options *options)
{
    struct tug_address address;
    char text[TUG_ADDRESS_TEXT_SIZE];
    int listener = tug_listen_on(options->host, options->port, NULL);
    if (listener < 0)
        return listener;
    tug_address_of_socket(listener, &address);
    tug_address_format(&address, text, sizeof(text));
    printf("listening on %s\n", text);
    fflush(stdout);
    return listener;
}

int64_t server_run(void *argument)
{
    const struct server_options *options = argument;
    struct server server = {.options = options};
    server.root = tug_open(options->root, O_PATH | O_DIRECTORY, 0);
    if (server.root < 0)
        return server.root;
    pthread_mutex_init(&server.lock, NULL);
    tug_group_init(&server.group, 0);
    int64_t result = open_listener(options);
    if (result >= 0)
        result = serve(&server, (int)result);
    pthread_mutex_destroy(&server.lock);
    tug_close(server.root);
    return result;
}

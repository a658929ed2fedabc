/* SPDX-License-Identifier: MIT */
/*
 * Tasks: one accepts, one for each connection, and the caller's waits for a signal. They end in
 * this order: the one that accepts, so that there are no new connections; the connections.
 *
 * Invariant: a peer is in its server's list exactly while its descriptor is open.
 */
#include "server.h"

#include <errno.h>
#include <stdio.h>

#include <tug/tug.h>
#include <utlist.h>

#include "program.h"

#define LINGER TUG_SECOND

/* ---- A connection ---- */

/* A connection that is closed while there is something to be read is reset, and the peer may never
 * see the last of what was sent. */
static void say_goodbye(struct peer *peer)
{
    struct tug_scope scope;
    char rest[4096];
    tug_shutdown(peer->fd, SHUT_WR);
    tug_scope_begin(&scope, tug_deadline_after(LINGER), NULL);
    while (tug_recv(peer->fd, rest, sizeof(rest), 0) > 0)
        continue;
    tug_scope_end(&scope, 0);
}

static void end_peer(struct peer *peer)
{
    struct server *server = peer->server;
    pthread_mutex_lock(&server->lock);
    DL_DELETE(server->peers, peer);
    pthread_mutex_unlock(&server->lock);
    tug_close(peer->fd);
    server->program->free(peer);
}

static int64_t serve_peer(void *argument)
{
    struct peer *peer = argument;
    if (peer->server->program->converse(peer))
        say_goodbye(peer);
    end_peer(peer);
    return 0;
}

static void start_peer(struct server *server, int fd)
{
    struct peer *peer = server->program->open(server->argument, fd);
    if (peer == NULL) {
        tug_close(fd);
        return;
    }
    tug_socket_set_nodelay(fd, true);
    peer->server = server;
    peer->fd = fd;
    pthread_mutex_lock(&server->lock);
    DL_APPEND(server->peers, peer);
    pthread_mutex_unlock(&server->lock);
    if (tug_group_spawn(&server->group, serve_peer, peer) < 0)
        end_peer(peer);
}

/* ---- The server ---- */

struct acceptor {
    struct server *server;
    int listener;
};

static int64_t accept_peers(void *argument)
{
    struct acceptor *acceptor = argument;
    for (;;) {
        int fd = tug_accept_next(acceptor->listener, NULL);
        if (fd < 0)
            return fd;
        start_peer(acceptor->server, fd);
    }
}

/* Ends the clients' side of all connections: what they have sent is read to its end, and answered.
 * Whoever does not take the answers is cut off when the time is up. */
static void see_peers_off(struct server *server)
{
    struct peer *peer;
    atomic_store(&server->ending, true);
    pthread_mutex_lock(&server->lock);
    DL_FOREACH(server->peers, peer)
    tug_shutdown(peer->fd, SHUT_RD);
    pthread_mutex_unlock(&server->lock);
    struct tug_scope scope;
    tug_scope_begin(&scope, tug_deadline_after(server->options.grace), NULL);
    tug_scope_end(&scope, tug_group_wait(&server->group));
}

static int64_t accept_until_signal(struct server *server, int listener, struct end_signals *signals)
{
    struct acceptor acceptor = {server, listener};
    struct tug_task *accepting = tug_spawn(accept_peers, &acceptor);
    if (accepting == NULL)
        return -ENOMEM;
    int64_t result = end_signals_wait(signals);
    tug_task_abort(accepting);
    tug_join(accepting, NULL);
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

int64_t server_run(struct server *server)
{
    struct end_signals signals;
    int64_t result = end_signals_open(&signals);
    if (result < 0)
        return result;
    atomic_init(&server->ending, false);
    server->peers = NULL;
    pthread_mutex_init(&server->lock, NULL);
    tug_group_init(&server->group, 0);
    int listener = open_listener(&server->options);
    result = listener;
    if (listener >= 0) {
        result = accept_until_signal(server, listener, &signals);
        tug_close(listener);
        see_peers_off(server);
    }
    pthread_mutex_destroy(&server->lock);
    end_signals_close(&signals);
    return result;
}

bool server_is_ending(const struct server *server)
{
    return atomic_load(&server->ending);
}

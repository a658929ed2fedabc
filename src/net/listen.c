/* SPDX-License-Identifier: MIT */
/*
 * Listeners, and the accept of a server that goes on.
 */
#include <errno.h>

#include <tug/net.h>
#include <tug/socket.h>
#include <tug/sys.h>

#include "net/bind.h"
#include "net/pause.h"

/* As many as a name ever has. */
#define MOST_ADDRESSES 16

/* Between two attempts to accept while there is a shortage, in ns. */
#define FIRST_PAUSE TUG_MILLISECOND
#define LAST_PAUSE TUG_SECOND

int tug_listen(const struct tug_address *address, const struct tug_listen_options *options)
{
    static const struct tug_listen_options usual = TUG_LISTEN_OPTIONS;
    if (options == NULL)
        options = &usual;
    bool local = address->storage.ss_family == AF_UNIX;
    int fd =
        tug_bind_new(SOCK_STREAM, address,
                     (struct tug_bind_options){.reuse_address = options->reuse_address && !local,
                                               .reuse_port = options->reuse_port});
    if (fd < 0)
        return fd;
    int error = tug_sys_listen(fd, options->backlog);
    if (error == 0)
        return fd;
    tug_sys_close(fd);
    return error;
}

int tug_listen_on(const char *host, const char *service, const struct tug_listen_options *options)
{
    struct tug_address addresses[MOST_ADDRESSES];
    int count = tug_resolve(host, service, true, addresses, MOST_ADDRESSES);
    int fd = count;
    for (int i = 0; i < count; i++) {
        fd = tug_listen(&addresses[i], options);
        if (fd >= 0)
            break;
    }
    return fd;
}

/* ---- Accepting ---- */

/* Errors of one connection, which is taken off the queue. Those of the network are passed on from
 * the connection to be accepted (accept(2), "Error handling"; EOPNOTSUPP and EPERM, which are told
 * there too, may also be said of the listener, and for ever). */
static bool concerns_connection(int error)
{
    switch (error) {
    case -ECONNABORTED:
    case -ECONNRESET:
    case -EPROTO:
    case -ENETDOWN:
    case -ENOPROTOOPT:
    case -EHOSTDOWN:
    case -ENONET:
    case -EHOSTUNREACH:
    case -ENETUNREACH:
        return true;
    default:
        return false;
    }
}

static bool is_shortage(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

int tug_accept_next(int fd, struct tug_address *peer)
{
    uint64_t pause = FIRST_PAUSE;
    for (;;) {
        if (peer != NULL)
            peer->length = sizeof(peer->storage);
        int result = tug_accept(fd, peer != NULL ? (struct sockaddr *)&peer->storage : NULL,
                                peer != NULL ? &peer->length : NULL, 0);
        if (concerns_connection(result))
            continue;
        if (!is_shortage(result))
            return result;
        int reason = tug_pause(&pause, LAST_PAUSE);
        if (reason < 0)
            return reason;
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * Two sockets that are connected to each other, and the readiness of both.
 */
#ifndef TUG_TESTS_IO_READY_PAIR_H
#define TUG_TESTS_IO_READY_PAIR_H

#include <sys/socket.h>

#include "script.h"

struct ready_pair {
    int fds[2];
    struct tug_async_fd *ready[2];
};

static inline struct ready_pair ready_pair_make(void)
{
    struct ready_pair pair;
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.fds), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(tug_async_fd_create(&pair.ready[i], pair.fds[i]), 0);
    return pair;
}

static inline void ready_pair_destroy(struct ready_pair *pair)
{
    for (int i = 0; i < 2; i++) {
        tug_async_fd_destroy(pair->ready[i]);
        close(pair->fds[i]);
    }
}

#endif

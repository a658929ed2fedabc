/* SPDX-License-Identifier: MIT */
/*
 * bench-net-epoll: the floor of readiness. An echo server that is nothing but a loop around
 * epoll_wait(2), recv(2) and send(2), with one buffer for all clients. It waits where a client does
 * not take its answer, which no server may do.
 */
#include "listener.h"

#include <sys/epoll.h>
#include <unistd.h>

#define BATCH 256

static int epoll;

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static void echo(int fd)
{
    static char buffer[16384];
    ssize_t length = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (length <= 0 || send(fd, buffer, (size_t)length, MSG_NOSIGNAL) < 0)
        close(fd);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        puts("bare loop");
        return 0;
    }
    int listener = listen_somewhere();
    epoll = epoll_create1(0);
    check(epoll, "epoll_create1");
    watch(listener);
    for (;;) {
        struct epoll_event events[BATCH];
        int count = epoll_wait(epoll, events, BATCH, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                echo(fd);
                continue;
            }
            int client = accept(listener, NULL, NULL);
            check(client, "accept");
            watch(client);
        }
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * What both floors begin with: a listening socket whose port is printed.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void check(int result, const char *what)
{
    if (result >= 0)
        return;
    perror(what);
    exit(1);
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    check(fd, "socket");
    check(bind(fd, (struct sockaddr *)&address, length), "bind");
    check(listen(fd, 1024), "listen");
    check(getsockname(fd, (struct sockaddr *)&address, &length), "getsockname");
    printf("%u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

#endif

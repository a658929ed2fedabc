/* SPDX-License-Identifier: MIT */
/*
 * bench-net-tug uring|epoll|poll: an echo server on one thread, with one coroutine per client; or,
 * as `poll`, on a ring with one poll task per client. Prints its port and serves until it is
 * killed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/tug.h>

#include "client.h"

static bool with_poll_tasks;

static int64_t check(int64_t result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "bench-net-tug: %s: %s\n", what, strerror((int)-result));
        exit(1);
    }
    return result;
}

static int64_t serve(void *client)
{
    int fd = (int)(intptr_t)client;
    void *buffer;
    int64_t length;
    while ((length = tug_recv_buffer(fd, &buffer, 0)) > 0) {
        int64_t sent = tug_send_all(fd, buffer, (size_t)length, 0);
        tug_recv_buffer_release(buffer);
        if (sent < 0)
            break;
    }
    tug_close(fd);
    return 0;
}

static int64_t listen_and_serve(void *argument)
{
    (void)argument;
    struct tug_address address;
    check(tug_address_parse(&address, "127.0.0.1:0"), "tug_address_parse");
    int listener = (int)check(tug_listen(&address, NULL), "tug_listen");
    check(tug_address_of_socket(listener, &address), "tug_address_of_socket");
    char text[TUG_ADDRESS_TEXT_SIZE];
    tug_address_format(&address, text, sizeof(text));
    printf("%s\n", strrchr(text, ':') + 1);
    fflush(stdout);
    for (;;) {
        int client = tug_accept_next(listener, NULL);
        if (client < 0)
            return client;
        struct tug_task *task =
            with_poll_tasks ? client_spawn(client) : tug_spawn(serve, (void *)(intptr_t)client);
        if (task == NULL)
            check(-ENOMEM, "tug_spawn");
        tug_task_detach(task);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        printf("tug %s\n", TUG_VERSION);
        return 0;
    }
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    tug_runtime_options_init(&options);
    options.flavour = TUG_CURRENT_THREAD;
    with_poll_tasks = argc == 2 && strcmp(argv[1], "poll") == 0;
    options.driver =
        argc == 2 && strcmp(argv[1], "epoll") == 0 ? TUG_DRIVER_EPOLL : TUG_DRIVER_URING;
    check(tug_runtime_create(&runtime, &options), "tug_runtime_create");
    int64_t result;
    check(tug_runtime_block_on(runtime, listen_and_serve, NULL, &result), "tug_runtime_block_on");
    check(result, "tug_accept_next");
    return 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * echo [ADDRESS]: a TCP echo server, one task per client. ADDRESS is "[::1]:7000", ":7000" or
 * "unix:/path", and "127.0.0.1:7000" if none is given. Port 0 is a free one, which is printed.
 *
 *     ./echo & nc -N 127.0.0.1 7000 </etc/hostname
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <tug/tug.h>

static int64_t serve(void *client)
{
    int fd = (int)(intptr_t)client;
    char buffer[16384];
    int64_t length;
    while ((length = tug_recv(fd, buffer, sizeof(buffer), 0)) > 0)
        if (tug_send_all(fd, buffer, (size_t)length, 0) < 0)
            break;
    tug_close(fd);
    return 0;
}

static int64_t listen_and_serve(void *argument)
{
    struct tug_address address;
    char text[TUG_ADDRESS_TEXT_SIZE];
    int result = tug_address_parse(&address, argument);
    int listener = result == 0 ? tug_listen(&address, NULL) : result;
    if (listener < 0)
        return listener;
    tug_address_of_socket(listener, &address);
    tug_address_format(&address, text, sizeof(text));
    printf("listening on %s\n", text);
    fflush(stdout);
    for (;;) {
        int client = tug_accept(listener, NULL, NULL, 0);
        if (client == -EMFILE || client == -ENFILE || client == -ECONNABORTED) {
            tug_sleep(10 * TUG_MILLISECOND); /* until somebody has left */
            continue;
        }
        if (client < 0)
            return client;
        struct tug_task *task = tug_spawn(serve, (void *)(intptr_t)client);
        if (task == NULL)
            tug_close(client);
        tug_task_detach(task);
    }
}

int main(int argc, char **argv)
{
    char usual[] = "127.0.0.1:7000", *address = argc > 1 ? argv[1] : usual;
    int64_t result = tug_run(listen_and_serve, address);
    fprintf(stderr, "echo: %s: %s\n", address, strerror((int)-result));
    return 1;
}

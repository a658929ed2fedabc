/* SPDX-License-Identifier: MIT */
/*
 * proxy LISTEN HOST SERVICE: a TCP proxy, one task per client, which passes on what either side
 * sends, and the end of either side as well. LISTEN is "127.0.0.1:7000", "[::1]:7000", ":7000" or
 * "unix:/path"; port 0 is a free one, which is printed.
 *
 *     ./proxy 127.0.0.1:7000 example.org http & curl -H 'Host: example.org' 127.0.0.1:7000
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/tug.h>

struct arguments {
    const char *listen, *host, *service;
};

struct client {
    const struct arguments *arguments;
    int fd;
};

static int pass_on(struct tug_fd_stream *client, struct tug_fd_stream *server)
{
    const struct tug_io_side a = {&client->reader, &client->writer};
    const struct tug_io_side b = {&server->reader, &server->writer};
    uint64_t copied[2];
    int result = tug_io_copy_bidirectional(&a, &b, NULL, copied);
    printf("%" PRIu64 " bytes to the server, %" PRIu64 " to the client%s%s\n", copied[0], copied[1],
           result < 0 ? ": " : "", result < 0 ? strerror(-result) : "");
    fflush(stdout);
    return result;
}

static int64_t serve(void *argument)
{
    struct client client = *(struct client *)argument;
    struct tug_fd_stream from, to;
    free(argument);
    int fd = tug_connect_to(client.arguments->host, client.arguments->service);
    if (fd < 0) {
        fprintf(stderr, "proxy: %s: %s\n", client.arguments->host, strerror(-fd));
        tug_close(client.fd);
        return fd;
    }
    int result = tug_fd_stream_open(&from, client.fd);
    if (result < 0) {
        tug_close(client.fd);
        tug_close(fd);
        return result;
    }
    result = tug_fd_stream_open(&to, fd);
    if (result < 0) {
        tug_close(fd);
    } else {
        result = pass_on(&from, &to);
        tug_fd_stream_close(&to);
    }
    tug_fd_stream_close(&from);
    return result;
}

static void start(const struct arguments *arguments, int fd)
{
    struct client *client = malloc(sizeof *client);
    struct tug_task *task = NULL;
    if (client != NULL) {
        *client = (struct client){arguments, fd};
        task = tug_spawn(serve, client);
    }
    if (task == NULL) {
        free(client);
        tug_close(fd);
    }
    tug_task_detach(task);
}

static int64_t listen_and_serve(void *argument)
{
    const struct arguments *arguments = argument;
    struct tug_address address;
    char text[TUG_ADDRESS_TEXT_SIZE];
    int result = tug_address_parse(&address, arguments->listen);
    int listener = result == 0 ? tug_listen(&address, NULL) : result;
    if (listener < 0)
        return listener;
    tug_address_of_socket(listener, &address);
    tug_address_format(&address, text, sizeof(text));
    printf("listening on %s\n", text);
    fflush(stdout);
    for (;;) {
        int fd = tug_accept(listener, NULL, NULL, 0);
        if (fd >= 0)
            start(arguments, fd);
        else if (fd == -EMFILE || fd == -ENFILE || fd == -ECONNABORTED)
            tug_sleep(10 * TUG_MILLISECOND); /* until somebody has left */
        else
            return fd;
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: proxy LISTEN HOST SERVICE\n");
        return 2;
    }
    struct arguments arguments = {argv[1], argv[2], argv[3]};
    int64_t result = tug_run(listen_and_serve, &arguments);
    fprintf(stderr, "proxy: %s: %s\n", argv[1], strerror((int)-result));
    return 1;
}

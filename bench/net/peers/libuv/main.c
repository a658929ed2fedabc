/* SPDX-License-Identifier: MIT */
/*
 * bench-net-libuv: an echo server on one loop. Prints its port and serves until it is killed.
 *
 * A client has one buffer, which its answer is written from; no more is read before the answer has
 * been taken. What the socket takes at once needs no request.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define BACKLOG 1024

struct client {
    uv_tcp_t socket; /* first: a handle of ours is a client */
    uv_write_t request;
    char buffer[16384];
};

static void check(int result)
{
    if (result < 0) {
        fprintf(stderr, "bench-net-libuv: %s\n", uv_strerror(result));
        exit(1);
    }
}

static void on_close(uv_handle_t *handle)
{
    free(handle);
}

static void leave(struct client *client)
{
    uv_close((uv_handle_t *)&client->socket, on_close);
}

static void on_allocate(uv_handle_t *handle, size_t size, uv_buf_t *buffer)
{
    (void)size;
    struct client *client = (struct client *)handle;
    *buffer = uv_buf_init(client->buffer, sizeof(client->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer);

static void on_written(uv_write_t *request, int status)
{
    struct client *client = (struct client *)request->handle;
    if (uv_is_closing((uv_handle_t *)&client->socket))
        return;
    if (status < 0)
        leave(client);
    else
        check(uv_read_start(request->handle, on_allocate, on_read));
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct client *client = (struct client *)stream;
    if (length < 0) {
        leave(client);
        return;
    }
    uv_buf_t answer = uv_buf_init(buffer->base, (unsigned)length);
    int written = length == 0 ? 0 : uv_try_write(stream, &answer, 1);
    if (written == length)
        return;
    if (written < 0 && written != UV_EAGAIN) {
        leave(client);
        return;
    }
    written = written < 0 ? 0 : written;
    answer = uv_buf_init(buffer->base + written, (unsigned)(length - written));
    uv_read_stop(stream);
    check(uv_write(&client->request, stream, &answer, 1, on_written));
}

static void on_connection(uv_stream_t *listener, int status)
{
    check(status);
    struct client *client = malloc(sizeof(*client));
    if (client == NULL)
        check(UV_ENOMEM);
    check(uv_tcp_init(listener->loop, &client->socket));
    check(uv_accept(listener, (uv_stream_t *)&client->socket));
    check(uv_read_start((uv_stream_t *)&client->socket, on_allocate, on_read));
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        printf("libuv %s\n", uv_version_string());
        return 0;
    }
    uv_tcp_t listener;
    struct sockaddr_in address;
    int length = sizeof(address);
    check(uv_tcp_init(uv_default_loop(), &listener));
    check(uv_ip4_addr("127.0.0.1", 0, &address));
    check(uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0));
    check(uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection));
    check(uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length));
    printf("%u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

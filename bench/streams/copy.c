/* SPDX-License-Identifier: MIT */
/*
 * bench-io [CASE]: what a copy from a descriptor to a descriptor moves per second, by the size of
 * its buffer. Producer, copy and consumer are tasks of one runtime with two workers; the producer
 * writes, and the consumer reads, 256 KiB at a time. Of five rounds the median is printed, in GB/s;
 * the last column is splice(2). The sizes take turns, so that what else the machine does concerns
 * all.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tug/tug.h>

#define TOTAL ((uint64_t)64 << 20)
#define PIECE ((size_t)256 << 10)
#define ROUNDS 5

static const size_t sizes[] = {4 << 10,   8 << 10,   16 << 10,  32 << 10, 64 << 10,
                               128 << 10, 256 << 10, 512 << 10, 1 << 20};
#define SIZES (sizeof sizes / sizeof *sizes)

static void check(int64_t result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "bench-io: %s: %s\n", what, strerror((int)-result));
    exit(1);
}

/* ---- Connections: fds[0] is read, fds[1] written ---- */

static void connect_pipe(int fds[2])
{
    check(pipe(fds) < 0 ? -1 : 0, "pipe");
}

static void connect_local(int fds[2])
{
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ? -1 : 0, "socketpair");
}

static void connect_tcp(int fds[2])
{
    struct tug_address address;
    check(tug_address_parse(&address, "127.0.0.1:0"), "tug_address_parse");
    int listener = tug_listen(&address, NULL);
    check(listener, "tug_listen");
    check(tug_address_of_socket(listener, &address), "tug_address_of_socket");
    fds[1] = tug_connect_to_address(&address);
    check(fds[1], "tug_connect_to_address");
    fds[0] = tug_accept(listener, NULL, NULL, 0);
    check(fds[0], "tug_accept");
    close(listener);
}

/* ---- The three tasks ---- */

static int64_t produce(void *stream)
{
    struct tug_fd_stream *to = stream;
    unsigned char *piece = calloc(1, PIECE);
    for (uint64_t left = TOTAL; left > 0; left -= PIECE)
        check(tug_io_write_all(&to->writer, piece, PIECE), "write");
    free(piece);
    return tug_io_shutdown(&to->writer);
}

static int64_t consume(void *stream)
{
    struct tug_fd_stream *from = stream;
    unsigned char *piece = malloc(PIECE);
    uint64_t total = 0;
    int64_t n;
    while ((n = tug_io_read(&from->reader, piece, PIECE)) > 0)
        total += (uint64_t)n;
    check(n, "read");
    free(piece);
    return total == TOTAL ? 0 : -1;
}

/* Returns GB/s. */
static double copy_once(void (*connect)(int fds[2]), size_t size, bool in_memory)
{
    int fds[4];
    struct tug_fd_stream streams[4];
    connect(fds);
    connect(fds + 2);
    for (int i = 0; i < 4; i++)
        check(tug_fd_stream_open(&streams[i], fds[i]), "tug_fd_stream_open");
    const struct tug_io_copy_options options = {.buffer_size = size, .in_memory = in_memory};
    uint64_t start = tug_now();
    struct tug_task *producer = tug_spawn(produce, &streams[1]);
    struct tug_task *consumer = tug_spawn(consume, &streams[2]);
    check(tug_io_copy(&streams[0].reader, &streams[3].writer, &options), "tug_io_copy");
    check(tug_io_shutdown(&streams[3].writer), "tug_io_shutdown");
    int64_t result;
    check(tug_join(producer, &result), "tug_join");
    check(tug_join(consumer, &result), "tug_join");
    check(result, "what was received");
    double seconds = (double)(tug_now() - start) / 1e9;
    for (int i = 0; i < 4; i++)
        tug_fd_stream_close(&streams[i]);
    return (double)TOTAL / 1e9 / seconds;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void measure(const char *name, void (*connect)(int fds[2]))
{
    double rates[SIZES + 1][ROUNDS]; /* the last: within the kernel */
    copy_once(connect, sizes[0], true);
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i <= SIZES; i++)
            rates[i][round] = copy_once(connect, i < SIZES ? sizes[i] : 0, i < SIZES);
    printf("%-6s", name);
    for (size_t i = 0; i <= SIZES; i++) {
        qsort(rates[i], ROUNDS, sizeof **rates, compare);
        printf(" %6.2f", rates[i][ROUNDS / 2]);
    }
    printf("\n");
    fflush(stdout);
}

static int64_t run(void *argument)
{
    static const struct {
        const char *name;
        void (*connect)(int fds[2]);
    } cases[] = {{"pipe", connect_pipe}, {"local", connect_local}, {"tcp", connect_tcp}};
    const char *only = argument;
    printf("GB/s  ");
    for (size_t i = 0; i < SIZES; i++)
        printf(" %4zuKi", sizes[i] >> 10);
    printf(" splice\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (only == NULL || strcmp(only, cases[i].name) == 0)
            measure(cases[i].name, cases[i].connect);
    return 0;
}

int main(int argc, char **argv)
{
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    int64_t result;
    tug_runtime_options_init(&options);
    options.worker_threads = 2;
    check(tug_runtime_create(&runtime, &options), "tug_runtime_create");
    check(tug_runtime_block_on(runtime, run, argc > 1 ? argv[1] : NULL, &result), "block_on");
    check(tug_runtime_shutdown(runtime, TUG_FOREVER), "tug_runtime_shutdown");
    return 0;
}

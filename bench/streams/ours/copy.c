/* SPDX-License-Identifier: MIT */
/*
 * bench-streams-tug CASE ct [MIB]: tug_io_copy() between memory, a TCP connection and a file, on a
 * current-thread runtime. The other end of the connection is a thread that makes blocking calls.
 * Prints several samples, in GB/s.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tug/tug.h>

#define PIECE ((size_t)256 << 10)
#define SAMPLES 5

static int64_t check(int64_t result, const char *what)
{
    if (result >= 0)
        return result;
    fprintf(stderr, "bench-streams-tug: %s: %s\n", what, strerror((int)-result));
    exit(1);
}

/* What a sample copies, and between what. */
struct bench {
    const char *name;
    size_t size; /* bytes */
    unsigned char *source, *target;
    int file, client, peer;
};

static void copy(struct bench *bench, struct tug_reader *reader, struct tug_writer *writer)
{
    int64_t copied = check(tug_io_copy(reader, writer, NULL), "tug_io_copy");
    check((size_t)copied == bench->size ? 0 : -EIO, "the length");
}

static void memory_to_memory(struct bench *bench)
{
    struct tug_bytes_reader reader;
    struct tug_bytes_writer writer;
    tug_bytes_reader_init(&reader, bench->source, bench->size);
    tug_bytes_writer_init(&writer, bench->target, bench->size);
    copy(bench, &reader.reader, &writer.writer);
}

/* ---- The connection ---- */

static void connect_peer(struct bench *bench)
{
    struct tug_address address;
    check(tug_address_parse(&address, "127.0.0.1:0"), "tug_address_parse");
    int listener = (int)check(tug_listen(&address, NULL), "tug_listen");
    check(tug_address_of_socket(listener, &address), "tug_address_of_socket");
    bench->client = (int)check(tug_connect_to_address(&address), "tug_connect_to_address");
    bench->peer = (int)check(tug_accept(listener, NULL, NULL, 0), "tug_accept");
    close(listener);
}

static void *feed(void *argument)
{
    struct bench *bench = argument;
    for (size_t sent = 0; sent < bench->size;) {
        size_t left = bench->size - sent;
        ssize_t n = write(bench->peer, bench->source + sent, left < PIECE ? left : PIECE);
        check(n, "write");
        sent += (size_t)n;
    }
    close(bench->peer);
    return NULL;
}

static void *drain(void *argument)
{
    struct bench *bench = argument;
    size_t received = 0;
    ssize_t n;
    while ((n = read(bench->peer, bench->target, PIECE)) > 0)
        received += (size_t)n;
    check(received == bench->size ? 0 : -EIO, "what was received");
    close(bench->peer);
    return NULL;
}

static void over_connection(struct bench *bench, void *(*peer)(void *), bool to_file)
{
    struct tug_fd_stream socket, file;
    pthread_t thread;
    check(-pthread_create(&thread, NULL, peer, bench), "pthread_create");
    check(tug_lseek(bench->file, 0, SEEK_SET), "lseek");
    check(tug_fd_stream_open(&socket, bench->client), "tug_fd_stream_open");
    check(tug_fd_stream_open(&file, bench->file), "tug_fd_stream_open");
    if (to_file)
        copy(bench, &socket.reader, &file.writer);
    else
        copy(bench, &file.reader, &socket.writer);
    check(tug_io_flush(&file.writer), "tug_io_flush");
    tug_fd_stream_release(&file);
    check(tug_fd_stream_close(&socket), "tug_fd_stream_close");
    pthread_join(thread, NULL);
}

static void socket_to_file(struct bench *bench)
{
    over_connection(bench, feed, true);
}

static void file_to_socket(struct bench *bench)
{
    over_connection(bench, drain, false);
}

/* ---- The cases ---- */

static const struct {
    const char *name;
    bool connected;
    void (*run)(struct bench *bench);
} cases[] = {
    {"memory_to_memory", false, memory_to_memory},
    {"socket_to_file", true, socket_to_file},
    {"file_to_socket", true, file_to_socket},
};

static void measure(struct bench *bench, size_t which)
{
    for (int sample = -1; sample < SAMPLES; sample++) {
        if (cases[which].connected)
            connect_peer(bench);
        uint64_t start = tug_now();
        cases[which].run(bench);
        double seconds = (double)(tug_now() - start) / 1e9;
        if (sample >= 0) /* the first warms up */
            printf("%s ct %.3f GB/s\n", bench->name, (double)bench->size / 1e9 / seconds);
    }
}

/* A file of the size of all, without a name, in the present directory. */
static int make_file(const struct bench *bench)
{
    char name[] = "bench-io.XXXXXX";
    int file = mkstemp(name);
    check(file, "mkstemp");
    unlink(name);
    check(tug_pwrite_all(file, bench->source, bench->size, 0), "writing the file");
    return file;
}

static int64_t run(void *argument)
{
    struct bench *bench = argument;
    bench->source = malloc(bench->size);
    bench->target = malloc(bench->size);
    check(bench->source != NULL && bench->target != NULL ? 0 : -ENOMEM, "malloc");
    memset(bench->source, 1, bench->size);
    memset(bench->target, 2, bench->size);
    bench->file = make_file(bench);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (strcmp(cases[i].name, bench->name) == 0) {
            measure(bench, i);
            return 0;
        }
    return -EINVAL;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        printf("tug %s\n", TUG_VERSION);
        return 0;
    }
    if (argc < 3 || strcmp(argv[2], "ct") != 0)
        return fputs("usage: bench-streams-tug CASE ct [MIB]\n", stderr), 2;
    struct bench bench = {.name = argv[1]};
    bench.size = (argc > 3 ? strtoull(argv[3], NULL, 10) : 128) << 20;
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    int64_t result;
    tug_runtime_options_init(&options);
    options.flavour = TUG_CURRENT_THREAD;
    check(tug_runtime_create(&runtime, &options), "tug_runtime_create");
    check(tug_runtime_block_on(runtime, run, &bench, &result), "tug_runtime_block_on");
    check(result, argv[1]);
    check(tug_runtime_shutdown(runtime, TUG_FOREVER), "tug_runtime_shutdown");
    return 0;
}

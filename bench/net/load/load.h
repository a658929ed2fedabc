/* SPDX-License-Identifier: MIT */
/*
 * bench-net-load: the load of the suite "net". It starts an echo server on the first processor,
 * connects to it from the last one, and sends it messages, one at a time per connection.
 *
 * It knows nothing of the servers but that they print their port and return what they get.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MESSAGE_SIZE 64

/* Ends the program with a message, and with it the server. `error`: an errno, or 0. */
_Noreturn void fail(const char *what, int error);

/* In ns, monotonic. */
uint64_t now(void);

/* ---- server.c: the process under test ---- */

struct perf_event_mmap_page;

struct server {
    pid_t pid;
    uint16_t port;
    const struct perf_event_mmap_page *samples; /* NULL: there are none */
};

/* In seconds, of all its threads, and in bytes. */
struct usage {
    double user, system, memory;
};

/* Starts `path` with at most one argument, which may be NULL, and waits until it listens. It ends
 * with us, whatever ends us. */
struct server server_start(const char *path, const char *argument);
struct usage server_usage(const struct server *server);
void server_stop(const struct server *server);

/* Keeps the calling thread on one processor: the n-th of those that it may run on, or, if n is
 * negative, the last. */
void pin_to_processor(int n);

/* ---- samples.c: how much of its time a process spends outside of the kernel ---- */

/* Watches a process that runs on `processor`, and the threads that it will start. Returns a
 * descriptor, or -1 where the kernel does not let us. */
int samples_open(pid_t pid, int processor);

/* NULL, also for a descriptor of -1: there are no samples. */
const struct perf_event_mmap_page *samples_map(int event);

/* In seconds, since samples_open(). */
double samples_seconds(const struct perf_event_mmap_page *page);

/* ---- histogram.c: latencies by size, to within 1.6 % ---- */

struct histogram {
    uint64_t counts[64 * 64];
    uint64_t total;
};

void histogram_add(struct histogram *histogram, uint64_t ns);

/* The latency, in ns, that this share (0 to 1) of all does not exceed. */
double histogram_quantile(const struct histogram *histogram, double share);

/* ---- connections.c: the messages ---- */

struct connections;

struct connections *connections_open(uint16_t port, unsigned count);

/* Sends and receives for `ns`; adds each latency to `histogram` unless it is NULL. Returns how many
 * answers came. Messages stay under way from one call to the next. */
uint64_t connections_run(struct connections *connections, uint64_t ns, struct histogram *histogram);

#endif

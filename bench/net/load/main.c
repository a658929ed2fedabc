/* SPDX-License-Identifier: MIT */
/*
 * bench-net-load SERVER [ARGUMENT] CASE FLAVOUR [MILLISECONDS]: measures an echo server, and prints
 * one line per sample, "name flavour value unit". CASE is echo_N, with N connections.
 *
 * One run has a warm-up of a third of MILLISECONDS and then one sample of each kind. It ends by
 * itself, and an alarm ends it if the server does not answer.
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define USUAL_MILLISECONDS 1500
#define PATIENCE 30 /* seconds for the connections, beyond the time that was asked for */

/* What one run measures. */
struct sample {
    struct usage before, after;
    double seconds, own_seconds; /* of the clock, and of our own processor */
    uint64_t answers;
    struct histogram latencies;
};

static struct sample sample;

void fail(const char *what, int error)
{
    fprintf(stderr, "bench-net-load: %s%s%s\n", what, error ? ": " : "",
            error ? strerror(error) : "");
    exit(1);
}

/* Both sides have a descriptor per connection; the server inherits the limit. */
static void raise_descriptor_limit(unsigned connections)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)connections + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        fail("getrlimit", errno);
    if (limit.rlim_max < wanted)
        limit.rlim_max = wanted; /* which root may do */
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        fail("so many connections need a higher limit of descriptors (ulimit -Hn)", errno);
}

static double own_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void measure(const struct server *server, unsigned connection_count, uint64_t ns)
{
    struct connections *connections = connections_open(server->port, connection_count);
    connections_run(connections, ns / 3, NULL);
    sample.before = server_usage(server);
    sample.own_seconds = -own_seconds();
    uint64_t start = now();
    sample.answers = connections_run(connections, ns, &sample.latencies);
    sample.seconds = (double)(now() - start) / 1e9;
    sample.own_seconds += own_seconds();
    sample.after = server_usage(server);
}

static void print_latency(const char *name, const char *flavour, const char *which, double share)
{
    printf("%s_%s %s %.2f us\n", name, which, flavour,
           histogram_quantile(&sample.latencies, share) / 1e3);
}

static void print(const char *name, const char *flavour)
{
    double answers = (double)sample.answers;
    printf("%s %s %.3f k/s\n", name, flavour, answers / sample.seconds / 1e3);
    print_latency(name, flavour, "p50", 0.50);
    print_latency(name, flavour, "p99", 0.99);
    print_latency(name, flavour, "p999", 0.999);
    printf("%s_user %s %.3f us\n", name, flavour,
           (sample.after.user - sample.before.user) / answers * 1e6);
    printf("%s_system %s %.3f us\n", name, flavour,
           (sample.after.system - sample.before.system) / answers * 1e6);
    printf("%s_memory %s %.2f MiB\n", name, flavour, sample.after.memory / (1 << 20));
    printf("%s_load %s %.0f %%\n", name, flavour, sample.own_seconds / sample.seconds * 100);
}

static unsigned read_number(const char *text, const char *what)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || number == 0 || number > 1000000)
        fail(what, 0);
    return (unsigned)number;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        puts("load");
        return 0;
    }
    /* CASE is the first argument behind SERVER that looks like one. */
    int at = argc > 2 && strncmp(argv[2], "echo_", 5) != 0 ? 3 : 2;
    if (argc < at + 2 || strncmp(argv[at], "echo_", 5) != 0)
        fail("usage: bench-net-load SERVER [ARGUMENT] echo_N FLAVOUR [MILLISECONDS]", 0);
    unsigned connections = read_number(argv[at] + 5, "echo_N: how many connections?");
    unsigned milliseconds =
        argc > at + 2 ? read_number(argv[at + 2], "MILLISECONDS?") : USUAL_MILLISECONDS;
    raise_descriptor_limit(connections);
    alarm(milliseconds / 1000 * 4 / 3 + PATIENCE);
    struct server server = server_start(argv[1], at == 3 ? argv[2] : NULL);
    pin_to_processor(-1);
    measure(&server, connections, (uint64_t)milliseconds * 1000000);
    server_stop(&server);
    print(argv[at], argv[at + 1]);
    return 0;
}

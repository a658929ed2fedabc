/* SPDX-License-Identifier: MIT */
/*
 * minikv: a small store of keys and values that speaks Redis's protocol.
 *
 *     ./minikv --port=7379 & redis-cli -p 7379 set greeting hello ex 60
 *
 * It has GET, SET (EX, PX, NX, XX), DEL, EXISTS, EXPIRE, TTL, DBSIZE, PUBLISH, SUBSCRIBE,
 * UNSUBSCRIBE, PING, ECHO, QUIT, and as much of COMMAND and CONFIG as redis-cli and redis-benchmark
 * ask for. Nothing is ever written to a disk.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <tug/runtime.h>
#include <tug/time.h>

#include "server.h"

static const char usage[] =
    "usage: minikv [OPTION]...\n"
    "  --address=HOST          where to listen (127.0.0.1)\n"
    "  --port=PORT             0: a free one (6379)\n"
    "  --threads=COUNT         that serve clients (1)\n"
    "  --bulk-limit=BYTES      of one argument (16777216)\n"
    "  --argument-limit=COUNT  of one command (1048576)\n"
    "  --command-limit=BYTES   of one command (67108864)\n"
    "  --backlog-limit=BYTES   of messages that a subscriber has not read (8388608)\n"
    "  --grace=MILLISECONDS    in which clients may leave after SIGINT or SIGTERM (5000)\n";

enum option_code { ADDRESS = 1, PORT, THREADS, BULK, ARGUMENTS, COMMAND, BACKLOG, GRACE };

static const struct option option_table[] = {
    {"address", required_argument, NULL, ADDRESS},
    {"port", required_argument, NULL, PORT},
    {"threads", required_argument, NULL, THREADS},
    {"bulk-limit", required_argument, NULL, BULK},
    {"argument-limit", required_argument, NULL, ARGUMENTS},
    {"command-limit", required_argument, NULL, COMMAND},
    {"backlog-limit", required_argument, NULL, BACKLOG},
    {"grace", required_argument, NULL, GRACE},
    {NULL, 0, NULL, 0},
};

/* A number from `least` to 2^40, which is 34 years in ms. Returns whether it is one. */
static bool parse_number(const char *text, uint64_t least, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *number >= least &&
           *number <= UINT64_C(1) << 40;
}

static bool apply(struct server_options *options, uint64_t *threads, int code)
{
    uint64_t number = 0;
    if (code != ADDRESS && code != PORT &&
        !parse_number(optarg, code == GRACE || code == BACKLOG ? 0 : 1, &number))
        return false;
    switch (code) {
    case ADDRESS:
        options->host = optarg;
        break;
    case PORT:
        options->port = optarg;
        break;
    case THREADS:
        *threads = number;
        return number <= 1024;
    case BULK:
        options->limits.bulk = number;
        break;
    case ARGUMENTS:
        options->limits.count = number;
        break;
    case COMMAND:
        options->limits.command = number;
        break;
    case BACKLOG:
        options->backlog_limit = number;
        break;
    default:
        options->grace = number * TUG_MILLISECOND;
        break;
    }
    return true;
}

/* One thread needs no others to steal from it. */
static int64_t run(struct server_options *options, uint64_t threads)
{
    struct tug_runtime_options runtime_options;
    struct tug_runtime *runtime;
    int64_t result = 0;
    tug_runtime_options_init(&runtime_options);
    runtime_options.flavour = threads == 1 ? TUG_CURRENT_THREAD : TUG_MULTI_THREAD;
    runtime_options.worker_threads = (unsigned)threads;
    int error = tug_runtime_create(&runtime, &runtime_options);
    if (error < 0)
        return error;
    error = tug_runtime_block_on(runtime, server_run, options, &result);
    tug_runtime_shutdown(runtime, TUG_FOREVER);
    return error < 0 ? error : result;
}

int main(int argc, char **argv)
{
    struct server_options options = {
        .host = "127.0.0.1",
        .port = "6379",
        .limits = {(size_t)16 << 20, (size_t)1 << 20, (size_t)64 << 20},
        .backlog_limit = (size_t)8 << 20,
        .grace = 5 * TUG_SECOND,
    };
    uint64_t threads = 1;
    int code;
    while ((code = getopt_long(argc, argv, "", option_table, NULL)) != -1)
        if (code == '?' || !apply(&options, &threads, code))
            return fputs(usage, stderr), 2;
    if (optind < argc)
        return fputs(usage, stderr), 2;
    int64_t result = run(&options, threads);
    if (result < 0)
        fprintf(stderr, "minikv: %s port %s: %s\n", options.host, options.port,
                strerror((int)-result));
    return result < 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * httpd: serves the files of a directory by HTTP/1.1.
 *
 *     ./httpd --port=8080 /usr/share/doc & curl -r 0-99 http://127.0.0.1:8080/
 *
 * GET and HEAD, connections that stay, pipelining, ranges, conditions, listings. Only what is below
 * the directory is ever opened.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/runtime.h>
#include <tug/time.h>

#include "request.h"
#include "server.h"

static const char usage[] =
    "usage: httpd [OPTION]... DIRECTORY\n"
    "  --address=HOST       where to listen (127.0.0.1)\n"
    "  --port=PORT          0: a free one (8080)\n"
    "  --threads=COUNT      that serve clients (1)\n"
    "  --head-limit=BYTES   of one request's line and headers (8192)\n"
    "  --body-limit=BYTES   of one request's body, which nobody reads (65536)\n"
    "  --idle=MS            between requests, and while a client takes nothing (30000)\n"
    "  --request-time=MS    for a request to come (10000)\n"
    "  --grace=MS           in which clients may leave after SIGINT or SIGTERM (5000)\n";

enum option_code { ADDRESS = 1, PORT, THREADS, HEAD, BODY, IDLE, REQUEST, GRACE };

static const struct option option_table[] = {
    {"address", required_argument, NULL, ADDRESS},
    {"port", required_argument, NULL, PORT},
    {"threads", required_argument, NULL, THREADS},
    {"head-limit", required_argument, NULL, HEAD},
    {"body-limit", required_argument, NULL, BODY},
    {"idle", required_argument, NULL, IDLE},
    {"request-time", required_argument, NULL, REQUEST},
    {"grace", required_argument, NULL, GRACE},
    {NULL, 0, NULL, 0},
};

/* A number from 1 to 2^31 - 1. Returns whether it is one. */
static bool parse_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *number >= 1 &&
           *number <= INT32_MAX;
}

static bool apply(struct server_options *options, uint64_t *threads, int code)
{
    uint64_t number = 0;
    if (code != ADDRESS && code != PORT && !parse_number(optarg, &number))
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
    case HEAD:
        request_set_head_limit((uint32_t)number);
        break;
    case BODY:
        options->body_limit = number;
        break;
    case IDLE:
        options->idle_time = number * TUG_MILLISECOND;
        break;
    case REQUEST:
        options->request_time = number * TUG_MILLISECOND;
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
        .port = "8080",
        .body_limit = 65536,
        .idle_time = 30 * TUG_SECOND,
        .request_time = 10 * TUG_SECOND,
        .grace = 5 * TUG_SECOND,
    };
    uint64_t threads = 1;
    int code;
    request_set_head_limit(8192);
    while ((code = getopt_long(argc, argv, "", option_table, NULL)) != -1)
        if (code == '?' || !apply(&options, &threads, code))
            return fputs(usage, stderr), 2;
    if (optind + 1 != argc)
        return fputs(usage, stderr), 2;
    options.root = argv[optind];
    int64_t result = run(&options, threads);
    if (result < 0)
        fprintf(stderr, "httpd: %s at %s port %s: %s\n", options.root, options.host, options.port,
                strerror((int)-result));
    return result < 0;
}

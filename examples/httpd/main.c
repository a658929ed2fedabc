/* SPDX-License-Identifier: MIT */
/*
 * httpd: serves the files of a directory by HTTP/1.1.
 *
 *     ./httpd --port=8080 /usr/share/doc & curl -r 0-99 http://127.0.0.1:8080/
 *
 * GET and HEAD, connections that stay, pipelining, ranges, conditions, listings. Only what is below
 * the directory is ever opened.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <tug/file.h>
#include <tug/time.h>

#include "../frame/program.h"
#include "connection.h"

static int64_t serve(void *argument)
{
    struct httpd *httpd = argument;
    int64_t result = server_run(&httpd->server);
    tug_close(httpd->root);
    return result;
}

int main(int argc, char **argv)
{
    struct httpd httpd = {
        .server =
            {
                .options = {"127.0.0.1", "8080", 1, 5 * TUG_SECOND},
                .program = &connection_program,
                .argument = &httpd,
            },
        .body_limit = 65536,
        .idle_time = 30 * TUG_SECOND,
        .request_time = 10 * TUG_SECOND,
    };
    uint64_t head_limit = 8192;
    const struct option_entry entries[] = {
        SERVER_ENTRIES(&httpd.server.options),
        {"head-limit", "BYTES", "of one request's line and headers", NULL, &head_limit, 1,
         INT32_MAX, 1},
        {"body-limit", "BYTES", "of one request's body, which nobody reads", NULL,
         &httpd.body_limit, 1, OPTION_MOST, 1},
        {"idle", "MS", "between requests, and while a client takes nothing", NULL, &httpd.idle_time,
         1, OPTION_MOST, TUG_MILLISECOND},
        {"request-time", "MS", "for a request to come", NULL, &httpd.request_time, 1, OPTION_MOST,
         TUG_MILLISECOND},
        {0},
    };
    const struct option_table table = {"httpd", "DIRECTORY", entries};
    int operand = options_parse(&table, argc, argv);
    if (operand < 0 || operand + 1 != argc)
        return options_usage(&table);
    request_set_head_limit((uint32_t)head_limit);
    int64_t result = httpd.root = tug_open(argv[operand], O_PATH | O_DIRECTORY, 0);
    if (result >= 0)
        result = program_run(httpd.server.options.threads, serve, &httpd);
    if (result < 0)
        fprintf(stderr, "httpd: %s at %s port %s: %s\n", argv[operand], httpd.server.options.host,
                httpd.server.options.port, strerror((int)-result));
    return result < 0;
}

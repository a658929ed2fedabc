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
#include <stdio.h>
#include <string.h>

#include <tug/task.h>
#include <tug/time.h>

#include "../frame/program.h"
#include "client.h"

#define SWEEP_PERIOD (100 * TUG_MILLISECOND)

/* Removes keys that have expired and that nobody asks for. */
static int64_t sweep(void *store)
{
    struct tug_interval interval;
    tug_interval_init(&interval, tug_now(), SWEEP_PERIOD, TUG_MISSED_TICK_DELAY);
    while (tug_interval_tick(&interval, NULL) == 0)
        while (store_sweep(store) && tug_yield() == 0)
            continue;
    return 0;
}

static int64_t serve(void *argument)
{
    struct minikv *minikv = argument;
    struct tug_task *sweeping = tug_spawn(sweep, minikv->store);
    if (sweeping == NULL)
        return -ENOMEM;
    int64_t result = server_run(&minikv->server);
    tug_task_abort(sweeping);
    tug_join(sweeping, NULL);
    return result;
}

static int64_t run(struct minikv *minikv)
{
    minikv->store = store_create();
    if (minikv->store == NULL)
        return -ENOMEM;
    channels_init(&minikv->channels);
    int64_t result = program_run(minikv->server.options.threads, serve, minikv);
    channels_destroy(&minikv->channels);
    store_destroy(minikv->store);
    return result;
}

int main(int argc, char **argv)
{
    struct minikv minikv = {
        .server =
            {
                .options = {"127.0.0.1", "6379", 1, 5 * TUG_SECOND},
                .program = &client_program,
                .argument = &minikv,
            },
        .limits = {(size_t)16 << 20, (size_t)1 << 20, (size_t)64 << 20},
        .backlog_limit = (uint64_t)8 << 20,
    };
    const struct option_entry entries[] = {
        SERVER_ENTRIES(&minikv.server.options),
        {"bulk-limit", "BYTES", "of one argument", NULL, &minikv.limits.bulk, 1, OPTION_MOST, 1},
        {"argument-limit", "COUNT", "of one command", NULL, &minikv.limits.count, 1, OPTION_MOST,
         1},
        {"command-limit", "BYTES", "of one command", NULL, &minikv.limits.command, 1, OPTION_MOST,
         1},
        {"backlog-limit", "BYTES", "of messages that a subscriber has not read", NULL,
         &minikv.backlog_limit, 0, OPTION_MOST, 1},
        {0},
    };
    const struct option_table table = {"minikv", "", entries};
    if (options_parse(&table, argc, argv) != argc)
        return options_usage(&table);
    int64_t result = run(&minikv);
    if (result < 0)
        fprintf(stderr, "minikv: %s port %s: %s\n", minikv.server.options.host,
                minikv.server.options.port, strerror((int)-result));
    return result < 0;
}

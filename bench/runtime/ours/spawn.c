/* SPDX-License-Identifier: MIT */
/*
 * Spawning: coroutine tasks that return at once, joined in batches; and chains of tasks that each
 * start the next.
 */
#include "bench.h"

#include <stdlib.h>

static int64_t nothing(void *argument)
{
    (void)argument;
    return 0;
}

/* Spawns `batch` empty tasks, then joins them, until `n` have been joined. */
static void spawn_join(size_t n, size_t batch)
{
    struct tug_task **tasks = bench_check_pointer(malloc(batch * sizeof *tasks), "malloc");
    for (size_t left = n; left > 0;) {
        size_t count = batch < left ? batch : left;
        for (size_t i = 0; i < count; i++)
            tasks[i] = bench_check_pointer(tug_spawn(nothing, NULL), "tug_spawn");
        for (size_t i = 0; i < count; i++)
            bench_check(tug_join(tasks[i], NULL), "tug_join");
        left -= count;
    }
    free(tasks);
}

void bench_spawn_join_1(size_t n)
{
    spawn_join(n, 1);
}

void bench_spawn_join_1000(size_t n)
{
    spawn_join(n, 1000);
}

void bench_spawn_join_all(size_t n)
{
    spawn_join(n, n);
}

enum { CHAIN_DEPTH = 1000 };

struct chain {
    size_t left; /* touched by one link at a time */
    struct tug_oneshot done;
};

static int64_t run_link(void *argument)
{
    struct chain *chain = argument;
    if (--chain->left > 0)
        bench_spawn_detached(run_link, chain);
    else
        bench_check(tug_oneshot_send(&chain->done, 0), "tug_oneshot_send");
    return 0;
}

void bench_chained_spawn(size_t n)
{
    for (size_t round = 0; round == 0 || round < n / CHAIN_DEPTH; round++) {
        struct chain chain = {.left = CHAIN_DEPTH};
        int64_t value;
        tug_oneshot_init(&chain.done);
        bench_spawn_detached(run_link, &chain);
        bench_check(tug_oneshot_receive(&chain.done, &value), "tug_oneshot_receive");
    }
}

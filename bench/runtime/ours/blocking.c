/* SPDX-License-Identifier: MIT */
/*
 * Round trips to the pool of blocking threads with a function that does nothing, `batch` at a time.
 */
#include "bench.h"

static int64_t nothing(void *argument)
{
    (void)argument;
    return 0;
}

enum { BATCH_MAX = 16 };

static void blocking(size_t n, size_t batch)
{
    struct tug_task *tasks[BATCH_MAX];
    for (size_t round = 0; round == 0 || round < n / batch; round++) {
        for (size_t i = 0; i < batch; i++)
            bench_check(tug_spawn_blocking(&tasks[i], NULL, nothing, NULL), "tug_spawn_blocking");
        for (size_t i = 0; i < batch; i++)
            bench_check(tug_join(tasks[i], NULL), "tug_join");
    }
}

void bench_blocking_1(size_t n)
{
    blocking(n, 1);
}

void bench_blocking_16(size_t n)
{
    blocking(n, BATCH_MAX);
}

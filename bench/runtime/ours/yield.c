/* SPDX-License-Identifier: MIT */
/*
 * Giving way: tasks that do nothing but yield, alone and among 1,000.
 */
#include "bench.h"

#include <stdlib.h>

static int64_t yield_many(void *argument)
{
    const size_t *count = argument;
    for (size_t left = *count; left > 0; left--)
        bench_check(tug_yield(), "tug_yield");
    return 0;
}

/* `tasks` tasks share `n` yields. */
static void yields(size_t n, size_t tasks)
{
    size_t each = n / tasks;
    struct tug_task **handles = bench_check_pointer(malloc(tasks * sizeof *handles), "malloc");
    for (size_t i = 0; i < tasks; i++)
        handles[i] = bench_check_pointer(tug_spawn(yield_many, &each), "tug_spawn");
    for (size_t i = 0; i < tasks; i++)
        bench_check(tug_join(handles[i], NULL), "tug_join");
    free(handles);
}

void bench_yield_1(size_t n)
{
    yields(n, 1);
}

void bench_yield_1000(size_t n)
{
    yields(n, 1000);
}

/* SPDX-License-Identifier: MIT */
/*
 * Ping-pong: rounds of 1,000 pairs of tasks, in each of them one message there and one back, each
 * through a oneshot channel of its own.
 */
#include "bench.h"

#include <stdatomic.h>

enum { PAIRS = 1000 };

struct round {
    atomic_size_t left;
    struct tug_oneshot done;
};

struct pair {
    struct tug_oneshot ping, pong;
};

static int64_t answer(void *argument)
{
    struct pair *pair = argument;
    int64_t value;
    bench_check(tug_oneshot_receive(&pair->ping, &value), "tug_oneshot_receive");
    bench_check(tug_oneshot_send(&pair->pong, value), "tug_oneshot_send");
    return 0;
}

static int64_t ask(void *argument)
{
    struct round *round = argument;
    struct pair pair;
    int64_t value;
    tug_oneshot_init(&pair.ping);
    tug_oneshot_init(&pair.pong);
    bench_spawn_detached(answer, &pair);
    bench_check(tug_oneshot_send(&pair.ping, 1), "tug_oneshot_send");
    bench_check(tug_oneshot_receive(&pair.pong, &value), "tug_oneshot_receive");
    if (atomic_fetch_sub_explicit(&round->left, 1, memory_order_acq_rel) == 1)
        bench_check(tug_oneshot_send(&round->done, 0), "tug_oneshot_send");
    return 0;
}

void bench_ping_pong(size_t n)
{
    for (size_t i = 0; i == 0 || i < n / PAIRS; i++) {
        struct round round = {.left = PAIRS};
        int64_t value;
        tug_oneshot_init(&round.done);
        for (size_t pair = 0; pair < PAIRS; pair++)
            bench_spawn_detached(ask, &round);
        bench_check(tug_oneshot_receive(&round.done, &value), "tug_oneshot_receive");
    }
}

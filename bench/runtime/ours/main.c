/* SPDX-License-Identifier: MIT */
/*
 * bench-tug CASE FLAVOUR [N]: runs one case and prints one line per sample,
 * "case flavour value unit". Flavour `ct` is the current-thread flavour, `mt` two workers.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench_case {
    const char *name;
    size_t n; /* operations per sample */
    int samples;
    const char *unit;
    void (*work)(size_t n);
};

static const struct bench_case timed_cases[] = {
    {"spawn_join_1", 100000, 3, "ns", bench_spawn_join_1},
    {"spawn_join_1000", 1000000, 3, "ns", bench_spawn_join_1000},
    {"spawn_join_all", 1000000, 1, "ns", bench_spawn_join_all},
    {"chained_spawn", 500000, 3, "ns", bench_chained_spawn},
    {"yield_1", 1000000, 3, "ns", bench_yield_1},
    {"yield_1000", 3000000, 3, "ns", bench_yield_1000},
    {"ping_pong", 200000, 3, "ns", bench_ping_pong},
    {"sleepers", 1000000, 1, "s", bench_sleepers},
    {"sleepers_coroutine", 1000000, 1, "s", bench_sleepers_coroutine},
    {"blocking_1", 10000, 3, "ns", bench_blocking_1},
    {"blocking_16", 48000, 3, "ns", bench_blocking_16},
    {"mpsc_1_1000", 1000000, 3, "ns", bench_mpsc_1_1000},
    {"mpsc_1_1", 300000, 3, "ns", bench_mpsc_1_1},
    {"mpsc_5_bounded", 1000000, 3, "ns", bench_mpsc_5_bounded},
    {"mpsc_5_many", 1000000, 3, "ns", bench_mpsc_5_many},
    {"mpsc_5_full", 1000000, 3, "ns", bench_mpsc_5_full},
    {"mpsc_5_full_many", 1000000, 3, "ns", bench_mpsc_5_full_many},
    {"mpsc_5_unbounded", 1000000, 3, "ns", bench_mpsc_5_unbounded},
    {"mpsc_alone_bounded", 1000000, 3, "ns", bench_mpsc_alone_bounded},
    {"mpsc_alone_unbounded", 1000000, 3, "ns", bench_mpsc_alone_unbounded},
    {"mpsc_512", 1000000, 3, "ns", bench_mpsc_512},
    {"mpsc_32k", 100000, 3, "ns", bench_mpsc_32k},
    {"oneshot", 1000000, 3, "ns", bench_oneshot},
    {"request_reply", 200000, 3, "ns", bench_request_reply},
    {"broadcast_10", 300000, 3, "ns", bench_broadcast_10},
    {"broadcast_100", 300000, 3, "ns", bench_broadcast_100},
    {"broadcast_500", 300000, 3, "ns", bench_broadcast_500},
    {"broadcast_1000", 300000, 3, "ns", bench_broadcast_1000},
    {"watch_10", 300000, 3, "ns", bench_watch_10},
    {"watch_100", 300000, 3, "ns", bench_watch_100},
    {"watch_500", 300000, 3, "ns", bench_watch_500},
    {"watch_1000", 300000, 3, "ns", bench_watch_1000},
    {"notify_1", 300000, 3, "ns", bench_notify_1},
    {"notify_10", 300000, 3, "ns", bench_notify_10},
    {"notify_100", 300000, 3, "ns", bench_notify_100},
    {"notify_500", 300000, 3, "ns", bench_notify_500},
    {"mutex_alone", 1000000, 3, "ns", bench_mutex_alone},
    {"mutex_6", 1000000, 3, "ns", bench_mutex_6},
    {"rwlock_alone", 1000000, 3, "ns", bench_rwlock_alone},
    {"rwlock_6", 1000000, 3, "ns", bench_rwlock_6},
    {"rwlock_written", 120000, 3, "ns", bench_rwlock_written},
    {"semaphore_10", 1000000, 3, "ns", bench_semaphore_10},
    {"semaphore_5", 300000, 3, "ns", bench_semaphore_5},
};

struct idle_case {
    const char *name, *left_name;
    size_t n;
    struct bench_idle_bytes (*work)(const struct tug_runtime_options *options, size_t n);
};

static const struct idle_case idle_cases[] = {
    {"idle", "idle_left", 1000000, bench_idle},
    {"idle_coroutine", "idle_coroutine_left", 100000, bench_idle_coroutine},
};

_Noreturn void bench_fail(int64_t error, const char *what)
{
    fprintf(stderr, "bench-tug: %s: %s\n", what, strerror((int)-error));
    exit(1);
}

void *bench_check_pointer(void *pointer, const char *what)
{
    if (!pointer)
        bench_check(-ENOMEM, what);
    return pointer;
}

void bench_spawn_detached(tug_task_fn fn, void *argument)
{
    tug_task_detach(bench_check_pointer(tug_spawn(fn, argument), "tug_spawn"));
}

struct sample {
    void (*work)(size_t n);
    size_t n;
};

/* Returns how long the work took, in ns. */
static int64_t take_sample(void *argument)
{
    const struct sample *sample = argument;
    uint64_t start = tug_now();
    sample->work(sample->n);
    return (int64_t)(tug_now() - start);
}

/* A warm-up with a tenth of the operations, then the samples. */
static void run_timed(const struct bench_case *chosen, const struct tug_runtime_options *options,
                      const char *flavour, size_t n)
{
    struct tug_runtime *runtime;
    bench_check(tug_runtime_create(&runtime, options), "tug_runtime_create");
    for (int i = -1; i < chosen->samples; i++) {
        struct sample sample = {chosen->work, i >= 0 ? n : n >= 10 ? n / 10 : 1};
        int64_t elapsed;
        bench_check(tug_runtime_block_on(runtime, take_sample, &sample, &elapsed), "block_on");
        double value =
            strcmp(chosen->unit, "s") == 0 ? (double)elapsed / 1e9 : (double)elapsed / (double)n;
        if (i >= 0)
            printf("%s %s %.6f %s\n", chosen->name, flavour, value, chosen->unit);
    }
    bench_check(tug_runtime_shutdown(runtime, TUG_FOREVER), "tug_runtime_shutdown");
}

static int64_t print_version_here(void *runtime)
{
    return printf("tug %s (%s)\n", TUG_VERSION, tug_runtime_driver_name(runtime));
}

/* From inside, since a current-thread runtime has no driver before it runs. */
static void print_version(void)
{
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    tug_runtime_options_init(&options);
    options.flavour = TUG_CURRENT_THREAD;
    bench_check(tug_runtime_create(&runtime, &options), "tug_runtime_create");
    bench_check(tug_runtime_block_on(runtime, print_version_here, runtime, NULL), "block_on");
    bench_check(tug_runtime_shutdown(runtime, TUG_FOREVER), "tug_runtime_shutdown");
}

static int run(const char *name, const char *flavour, size_t n)
{
    struct tug_runtime_options options;
    tug_runtime_options_init(&options);
    options.flavour = strcmp(flavour, "ct") == 0 ? TUG_CURRENT_THREAD : TUG_MULTI_THREAD;
    options.worker_threads = strcmp(flavour, "ct") == 0 ? 0 : 2;

    for (size_t i = 0; i < sizeof timed_cases / sizeof timed_cases[0]; i++) {
        const struct bench_case *candidate = &timed_cases[i];
        if (strcmp(candidate->name, name) == 0) {
            run_timed(candidate, &options, flavour, n ? n : candidate->n);
            return 0;
        }
    }
    for (size_t i = 0; i < sizeof idle_cases / sizeof idle_cases[0]; i++) {
        const struct idle_case *candidate = &idle_cases[i];
        if (strcmp(candidate->name, name) == 0) {
            struct bench_idle_bytes bytes = candidate->work(&options, n ? n : candidate->n);
            printf("%s %s %.6f bytes\n", candidate->name, flavour, bytes.during);
            printf("%s %s %.6f bytes\n", candidate->left_name, flavour, bytes.left);
            return 0;
        }
    }
    fprintf(stderr, "bench-tug: no such case: %s\n", name);
    return 2;
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "version") == 0) {
        print_version();
        return 0;
    }
    if (count < 3 || (strcmp(arguments[2], "ct") != 0 && strcmp(arguments[2], "mt") != 0)) {
        fprintf(stderr, "usage: bench-tug CASE ct|mt [N]\n");
        return 2;
    }
    size_t n = count > 3 ? strtoul(arguments[3], NULL, 10) : 0;
    if (count > 3 && n == 0) {
        fprintf(stderr, "bench-tug: not a number of operations: %s\n", arguments[3]);
        return 2;
    }
    return run(arguments[1], arguments[2], n);
}

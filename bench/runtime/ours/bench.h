/* SPDX-License-Identifier: MIT */
/*
 * The micro-benchmarks of the suites "runtime" and "sync", for libtug, written against its public
 * headers alone.
 *
 * A case is a function that does `n` operations; it runs inside a coroutine task, so on a worker.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>

#include <tug/tug.h>

/* Ends the program with a message about a negative errno. */
_Noreturn void bench_fail(int64_t error, const char *what);

/* Ends the program if `result` is a negative errno; else returns it. Inline, as a user's own `if`
 * would be. */
static inline int64_t bench_check(int64_t result, const char *what)
{
    if (result < 0)
        bench_fail(result, what);
    return result;
}

/* Ends the program if `pointer` is NULL; else returns it. */
void *bench_check_pointer(void *pointer, const char *what);

/* Starts a coroutine task that nobody joins. */
void bench_spawn_detached(tug_task_fn fn, void *argument);

/* spawn.c */
void bench_spawn_join_1(size_t n);
void bench_spawn_join_1000(size_t n);
void bench_spawn_join_all(size_t n);
void bench_chained_spawn(size_t n);

/* yield.c */
void bench_yield_1(size_t n);
void bench_yield_1000(size_t n);

/* ping_pong.c */
void bench_ping_pong(size_t n);

/* sleepers.c */
void bench_sleepers(size_t n);
void bench_sleepers_coroutine(size_t n);

/* blocking.c */
void bench_blocking_1(size_t n);
void bench_blocking_16(size_t n);

/* ../../sync/ours/locks.c */
void bench_mutex_alone(size_t n);
void bench_mutex_6(size_t n);
void bench_rwlock_alone(size_t n);
void bench_rwlock_6(size_t n);
void bench_rwlock_written(size_t n);
void bench_semaphore_10(size_t n);
void bench_semaphore_5(size_t n);

/* ../../sync/ours/notify.c */
void bench_notify_1(size_t n);
void bench_notify_10(size_t n);
void bench_notify_100(size_t n);
void bench_notify_500(size_t n);

/* ../../sync/ours/mpsc.c */
void bench_mpsc_1_1000(size_t n);
void bench_mpsc_1_1(size_t n);
void bench_mpsc_5_bounded(size_t n);
void bench_mpsc_5_many(size_t n);
void bench_mpsc_5_full(size_t n);
void bench_mpsc_5_full_many(size_t n);
void bench_mpsc_5_unbounded(size_t n);
void bench_mpsc_alone_bounded(size_t n);
void bench_mpsc_alone_unbounded(size_t n);
void bench_mpsc_512(size_t n);
void bench_mpsc_32k(size_t n);

/* ../../sync/ours/fan_out.c */
void bench_broadcast_10(size_t n);
void bench_broadcast_100(size_t n);
void bench_broadcast_500(size_t n);
void bench_broadcast_1000(size_t n);
void bench_watch_10(size_t n);
void bench_watch_100(size_t n);
void bench_watch_500(size_t n);
void bench_watch_1000(size_t n);

/* ../../sync/ours/oneshot.c */
void bench_oneshot(size_t n);
void bench_request_reply(size_t n);

/* What idle.c prints, per task. */
struct bench_idle_bytes {
    double during; /* resident bytes while all tasks wait */
    double left;   /* of those, still resident when all have ended and free memory was given back */
};

/* idle.c: makes a runtime, starts `n` tasks that wait, measures, ends the runtime. */
struct bench_idle_bytes bench_idle(const struct tug_runtime_options *options, size_t n);
struct bench_idle_bytes bench_idle_coroutine(const struct tug_runtime_options *options, size_t n);

#endif

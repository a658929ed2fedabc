/* SPDX-License-Identifier: MIT */
/*
 * Notifications: two tasks that notify each other in turn, and many that are notified at once, the
 * next time when all have told. An operation is one notification that was waited for.
 */
#include "../../runtime/ours/bench.h"

#include <stdatomic.h>

enum { MOST = 500 };

static struct {
    struct tug_notify there, back;
    size_t rounds;
} pair;

static int64_t answer_all(void *argument)
{
    (void)argument;
    for (size_t i = 0; i < pair.rounds; i++) {
        bench_check(tug_notify_wait(&pair.there), "tug_notify_wait");
        tug_notify_one(&pair.back);
    }
    return 0;
}

void bench_notify_1(size_t n)
{
    tug_notify_init(&pair.there);
    tug_notify_init(&pair.back);
    pair.rounds = n / 2;
    struct tug_task *partner = bench_check_pointer(tug_spawn(answer_all, NULL), "tug_spawn");
    for (size_t i = 0; i < pair.rounds; i++) {
        tug_notify_one(&pair.there);
        bench_check(tug_notify_wait(&pair.back), "tug_notify_wait");
    }
    bench_check(tug_join(partner, NULL), "tug_join");
}

static struct {
    struct tug_notify all, done;
    atomic_size_t left;
    atomic_bool end;
} group;

/* Who is notified waits for the next time before it tells. */
static int64_t be_notified(void *argument)
{
    struct tug_notify_future wait;
    (void)argument;
    do {
        tug_notify_future_init(&wait, &group.all);
        if (atomic_fetch_sub_explicit(&group.left, 1, memory_order_acq_rel) == 1)
            tug_notify_one(&group.done);
        bench_check(tug_await(&wait.future), "tug_await");
    } while (!atomic_load_explicit(&group.end, memory_order_acquire));
    return 0;
}

/* At first all tell that they are ready. */
static void notify_all(size_t n, size_t count)
{
    struct tug_task *tasks[MOST];
    tug_notify_init(&group.all);
    tug_notify_init(&group.done);
    atomic_store(&group.end, false);
    atomic_store(&group.left, count);
    for (size_t i = 0; i < count; i++)
        tasks[i] = bench_check_pointer(tug_spawn(be_notified, NULL), "tug_spawn");
    bench_check(tug_notify_wait(&group.done), "tug_notify_wait");
    for (size_t i = 0; i == 0 || i < n / count; i++) {
        atomic_store_explicit(&group.left, count, memory_order_relaxed);
        tug_notify_waiters(&group.all);
        bench_check(tug_notify_wait(&group.done), "tug_notify_wait");
    }
    atomic_store_explicit(&group.end, true, memory_order_release);
    tug_notify_waiters(&group.all);
    for (size_t i = 0; i < count; i++)
        bench_check(tug_join(tasks[i], NULL), "tug_join");
}

void bench_notify_10(size_t n)
{
    notify_all(n, 10);
}

void bench_notify_100(size_t n)
{
    notify_all(n, 100);
}

void bench_notify_500(size_t n)
{
    notify_all(n, 500);
}

/* SPDX-License-Identifier: MIT */
/*
 * A loop on several threads. Each takes chunks from a common cursor until there are no more. How
 * large a chunk is it finds out by itself: the next is twice or half as large if the last took less
 * or more than the time that makes the cursor's cost negligible; and never more than its share of
 * half of what is left, so that all threads end at about the same time (guided self-scheduling,
 * Polychronopoulos and Kuck 1987).
 */
#include <tug/parallel.h>

#include <errno.h>
#include <stdbool.h>

#include <tug/future.h>
#include <tug/op.h>
#include <tug/time.h>

#include "sys/call.h"
#include "sys/clock.h"
#include "sys/list.h"
#include "sys/mutex.h"
#include "task/coroutine.h"

#define SHORT_CHUNK (100 * TUG_MICROSECOND)
#define LONG_CHUNK (400 * TUG_MICROSECOND)

struct loop {
    size_t cursor, end; /* cursor: atomic */
    unsigned jobs;
    int64_t (*fn)(void *context, size_t index);
    void *context;
    struct tug_sys_mutex lock; /* guards the two below */
    size_t failed_index;
    int64_t error;
    bool stopped; /* atomic */
};

/* One thread's part. Its future is the operation's, which does not reach what runs: its cancel
 * does, through the loop. */
struct part {
    struct tug_future future;
    struct tug_op op;
    struct loop *loop;
};

static bool is_stopped(const struct loop *loop)
{
    return __atomic_load_n(&loop->stopped, __ATOMIC_RELAXED);
}

static void stop(struct loop *loop)
{
    __atomic_store_n(&loop->stopped, true, __ATOMIC_RELAXED);
}

static void fail(struct loop *loop, size_t index, int64_t error)
{
    tug_sys_mutex_lock(&loop->lock);
    if (loop->error == 0 || index < loop->failed_index) {
        loop->failed_index = index;
        loop->error = error;
    }
    tug_sys_mutex_unlock(&loop->lock);
    stop(loop);
}

/* Takes at most `wanted` turns, from *first on. Returns how many. */
static size_t claim(struct loop *loop, size_t wanted, size_t *first)
{
    size_t cursor = __atomic_load_n(&loop->cursor, __ATOMIC_RELAXED), count;
    do {
        size_t share = (loop->end - cursor) / (2 * (size_t)loop->jobs) + 1;
        count = wanted < share ? wanted : share;
        if (cursor == loop->end)
            return 0;
    } while (!__atomic_compare_exchange_n(&loop->cursor, &cursor, cursor + count, true,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    *first = cursor;
    return count;
}

static int64_t run_part(void *argument)
{
    struct loop *loop = argument;
    size_t wanted = 1, first, count;
    uint64_t before = tug_clock_now();
    while (!is_stopped(loop) && (count = claim(loop, wanted, &first)) > 0) {
        for (size_t i = first; i < first + count && !is_stopped(loop); i++) {
            int64_t result = loop->fn(loop->context, i);
            if (result < 0)
                fail(loop, i, result);
        }
        uint64_t now = tug_clock_now();
        if (now - before < SHORT_CHUNK && count == wanted)
            wanted *= 2;
        else if (now - before > LONG_CHUNK && wanted > 1)
            wanted /= 2;
        before = now;
    }
    return 0;
}

static int part_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct part *part = TUG_CONTAINER_OF(future, struct part, future);
    if (part->op.future.vtable->poll(&part->op.future, waker) == TUG_PENDING)
        return TUG_PENDING;
    future->result = part->op.future.result;
    return TUG_READY;
}

static void part_cancel(struct tug_future *future)
{
    struct part *part = TUG_CONTAINER_OF(future, struct part, future);
    stop(part->loop);
    part->op.future.vtable->cancel(&part->op.future);
}

static const struct tug_future_vtable part_vtable = {.poll = part_poll, .cancel = part_cancel};

static int64_t run_parts(struct loop *loop, struct part *parts, struct tug_future **futures)
{
    for (unsigned i = 0; i < loop->jobs; i++) {
        parts[i].future = (struct tug_future){&part_vtable, 0};
        parts[i].loop = loop;
        tug_op_blocking(&parts[i].op, run_part, loop);
        futures[i] = &parts[i].future;
    }
    int64_t reason = tug_join_all(futures, loop->jobs);
    if (loop->error != 0)
        return loop->error;
    /* One thread is enough. */
    for (unsigned i = 0; reason == 0 && loop->cursor != loop->end && i < loop->jobs; i++)
        reason = parts[i].future.result;
    return reason;
}

static int64_t run_in_place(struct loop *loop)
{
    for (size_t i = loop->cursor; i < loop->end; i++) {
        int64_t result = loop->fn(loop->context, i);
        if (result < 0)
            return result;
    }
    return 0;
}

int64_t tug_parallel_for(size_t begin, size_t end, unsigned jobs,
                         int64_t (*fn)(void *context, size_t index), void *context)
{
    struct loop loop = {.cursor = begin, .end = end, .fn = fn, .context = context};
    if (begin >= end)
        return 0;
    if (tug_coroutine_current() == NULL)
        return run_in_place(&loop);
    loop.jobs = jobs > 0 ? jobs : (unsigned)tug_sys_cpu_count();
    if (loop.jobs > end - begin)
        loop.jobs = (unsigned)(end - begin);
    struct part *parts =
        tug_sys_calloc(loop.jobs, sizeof(struct part) + sizeof(struct tug_future *));
    if (parts == NULL)
        return -ENOMEM;
    int64_t result = run_parts(&loop, parts, (void *)(parts + loop.jobs));
    tug_sys_free(parts);
    return result;
}

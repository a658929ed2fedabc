/* SPDX-License-Identifier: MIT */
/*
 * Readiness of descriptors when the runtime that has the operation ends: whoever waits is told, in
 * other runtimes too, whenever it is; and later nobody hears of it.
 */
#include "ready_pair.h"

#include <errno.h>
#include <poll.h>

#include "sys/sanitizer.h"

enum { ROUNDS = TUG_TSAN ? 30 : 100 };

/* So that neither direction is ready. */
static void fill_up(int fd)
{
    static const char much[65536];
    while (write(fd, much, sizeof(much)) > 0)
        ;
    CHECK_EQUAL(errno, EAGAIN);
}

static void drain(int fd)
{
    char much[65536];
    while (read(fd, much, sizeof(much)) > 0)
        ;
    CHECK_EQUAL(errno, EAGAIN);
}

struct pending {
    struct tug_async_fd *ready;
    enum tug_interest interest;
    struct tug_waker waker;
};

static int64_t poll_once(void *argument)
{
    struct pending *pending = argument;
    return tug_async_fd_poll(pending->ready, pending->interest, &pending->waker);
}

/* The operation ends with the runtime that has it; the next one is another runtime's. */
static void driver_shutdown_wakes(unsigned workers)
{
    struct tug_runtime_options options = fixture_options(workers);
    for (enum tug_interest interest = TUG_READABLE; interest <= TUG_WRITABLE; interest++) {
        struct ready_pair pair = ready_pair_make();
        struct script_waker counters;
        struct pending pending = {pair.ready[0], interest, script_waker(&counters)};
        fill_up(pair.fds[0]);
        for (unsigned round = 1; round <= 3; round++) {
            CHECK_EQUAL(fixture_run(&options, poll_once, &pending), -EAGAIN);
            CHECK_EQUAL(counters.wakes, 2 * round - 1);
            CHECK_EQUAL(fixture_run(&options, poll_once, &pending), -ECANCELED);
            /* Who has been told may forget it unseen. */
            CHECK_EQUAL(fixture_run(&options, poll_once, &pending), -EAGAIN);
            CHECK_EQUAL(counters.wakes, 2 * round);
            tug_async_fd_clear(pair.ready[0], interest);
        }
        CHECK_EQUAL(counters.drops, counters.clones);
        ready_pair_destroy(&pair);
    }
}

/* What ended with a runtime while nobody waited for it is nobody's business later. */
static int64_t wait_in_vain(void *ready)
{
    return TUG_TIMEOUT(TUG_MILLISECOND, tug_async_fd_wait(ready, TUG_READABLE));
}

static void a_wait_given_up_is_forgotten(unsigned workers)
{
    struct ready_pair pair = ready_pair_make();
    struct tug_runtime_options options = fixture_options(workers);
    for (int round = 0; round < 3; round++)
        CHECK_EQUAL(fixture_run(&options, wait_in_vain, pair.ready[0]), -ETIMEDOUT);
    ready_pair_destroy(&pair);
}

/* Given up outside, while the operation is in flight in a runtime that is asleep. */
static void destroyed_from_outside(struct tug_runtime *runtime)
{
    struct ready_pair pair = ready_pair_make();
    struct script_waker counters;
    struct pending pending = {pair.ready[0], TUG_READABLE, script_waker(&counters)};
    int64_t result;
    CHECK_EQUAL(tug_runtime_block_on(runtime, poll_once, &pending, &result), 0);
    CHECK_EQUAL(result, -EAGAIN);
    ready_pair_destroy(&pair);
    CHECK_EQUAL(counters.drops, counters.clones);
    CHECK_EQUAL(counters.wakes, 0);
}

/* ---- The end beside the beginning of a wait in another runtime ---- */

static int64_t wait_until_readable(void *ready)
{
    return tug_async_fd_wait(ready, TUG_READABLE);
}

static int64_t wait_until_writable(void *ready)
{
    return tug_async_fd_wait(ready, TUG_WRITABLE);
}

static struct tug_task *spawn_on(struct tug_runtime *runtime, tug_task_fn fn, void *argument)
{
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *task;
    options.runtime = runtime;
    CHECK_EQUAL(tug_spawn_with(&task, &options, fn, argument), 0);
    return task;
}

static void spin(uint64_t ns)
{
    uint64_t end = tug_now() + ns;
    while (tug_now() < end)
        ;
}

/* Told of the end, or of what became ready after it. */
static bool join_has(struct tug_task *task, int event)
{
    int64_t result = fixture_join(task);
    return result == -ECANCELED || (result > 0 && (result & event) != 0);
}

static void shutdown_beside_waits(unsigned workers)
{
    struct ready_pair pair = ready_pair_make();
    struct script_waker counters[2];
    struct pending pending[2] = {
        {pair.ready[0], TUG_READABLE, script_waker(&counters[0])},
        {pair.ready[0], TUG_WRITABLE, script_waker(&counters[1])},
    };
    struct tug_runtime *other = fixture_create_with(1);
    unsigned told = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct tug_runtime *runtime = fixture_create_with(workers);
        int64_t result;
        fill_up(pair.fds[0]);
        for (int i = 0; i < 2; i++) {
            CHECK_EQUAL(tug_runtime_block_on(runtime, poll_once, &pending[i], &result), 0);
            CHECK_EQUAL(result, -EAGAIN);
        }
        struct tug_task *reading = spawn_on(other, wait_until_readable, pair.ready[0]);
        struct tug_task *writing = spawn_on(other, wait_until_writable, pair.ready[0]);
        spin(round % 10 * 10 * TUG_MICROSECOND);
        fixture_shutdown(runtime);
        CHECK_EQUAL(write(pair.fds[1], "x", 1), 1);
        drain(pair.fds[1]);
        told += join_has(reading, POLLIN);
        told += join_has(writing, POLLOUT);
        CHECK_EQUAL(counters[0].wakes, round + 1);
        CHECK_EQUAL(counters[1].wakes, round + 1);
        drain(pair.fds[0]);
        tug_async_fd_clear(pair.ready[0], TUG_READABLE);
        tug_async_fd_clear(pair.ready[0], TUG_WRITABLE);
    }
    CHECK_EQUAL(told, 2 * ROUNDS);
    fixture_shutdown(other);
    ready_pair_destroy(&pair);
    CHECK_EQUAL(counters[0].drops, counters[0].clones);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALONE_EACH(driver_shutdown_wakes),
        ALONE_EACH(a_wait_given_up_is_forgotten),
        OUTSIDE_EACH(destroyed_from_outside),
        ALONE_EACH(shutdown_beside_waits),
    };
    return cmocka_run_group_tests_name("io/async_fd_shutdown", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Readiness of descriptors: what holds is told, to all who wait, also from outside, and until it
 * has been used up; and nothing is left behind when somebody stops waiting.
 */
#include "ready_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "sys/fault.h"

static int64_t read_byte(int fd, void *byte)
{
    ssize_t n = read(fd, byte, 1);
    return n < 0 ? -errno : n;
}

static int64_t write_much(int fd, void *unused)
{
    static const char much[65536];
    (void)unused;
    ssize_t n = write(fd, much, sizeof(much));
    return n < 0 ? -errno : n;
}

/* Waits for a moment in vain. */
#define CHECK_NOT_READY(ready, interest)                                                           \
    CHECK_EQUAL(TUG_TIMEOUT(2 * TUG_MILLISECOND, tug_async_fd_wait(ready, interest)), -ETIMEDOUT)

static int64_t initially_writable(void *unused)
{
    (void)unused;
    struct ready_pair sockets = ready_pair_make();
    CHECK(tug_async_fd_wait(sockets.ready[0], TUG_WRITABLE) & POLLOUT);
    CHECK_NOT_READY(sockets.ready[0], TUG_READABLE);
    CHECK_EQUAL(tug_async_fd_descriptor(sockets.ready[0]), sockets.fds[0]);
    ready_pair_destroy(&sockets);
    return 0;
}

static int64_t reset_readable(void *unused)
{
    (void)unused;
    struct ready_pair sockets = ready_pair_make();
    char byte;
    CHECK_EQUAL(write(sockets.fds[1], "0", 1), 1);
    CHECK(tug_async_fd_wait(sockets.ready[0], TUG_READABLE) & POLLIN);
    CHECK(tug_async_fd_wait(sockets.ready[0], TUG_READABLE) & POLLIN);
    /* What still holds is told again. */
    tug_async_fd_clear(sockets.ready[0], TUG_READABLE);
    CHECK(tug_async_fd_wait(sockets.ready[0], TUG_READABLE) & POLLIN);
    CHECK_EQUAL(tug_async_fd_try(sockets.ready[0], TUG_READABLE, read_byte, &byte), 1);
    /* A hint, until a call has found out. */
    CHECK(tug_async_fd_wait(sockets.ready[0], TUG_READABLE) & POLLIN);
    CHECK_EQUAL(tug_async_fd_try(sockets.ready[0], TUG_READABLE, read_byte, &byte), -EAGAIN);
    CHECK_NOT_READY(sockets.ready[0], TUG_READABLE);
    CHECK_EQUAL(write(sockets.fds[1], "1", 1), 1);
    CHECK(tug_async_fd_wait(sockets.ready[0], TUG_READABLE) & POLLIN);
    CHECK_EQUAL(tug_async_fd_try(sockets.ready[0], TUG_READABLE, read_byte, &byte), 1);
    ready_pair_destroy(&sockets);
    return 0;
}

static int64_t reset_writable(void *unused)
{
    (void)unused;
    struct ready_pair sockets = ready_pair_make();
    char buffer[4096];
    while (tug_async_fd_try(sockets.ready[0], TUG_WRITABLE, write_much, NULL) > 0)
        ;
    CHECK_NOT_READY(sockets.ready[0], TUG_WRITABLE);
    while (read(sockets.fds[1], buffer, sizeof(buffer)) > 0)
        ;
    CHECK(tug_async_fd_wait(sockets.ready[0], TUG_WRITABLE) & POLLOUT);
    ready_pair_destroy(&sockets);
    return 0;
}

/* ---- Those who wait ---- */

struct waiter {
    struct tug_async_fd *ready;
    enum tug_interest interest;
    int64_t result;
};

static int64_t wait_for(void *argument)
{
    struct waiter *waiter = argument;
    return waiter->result = tug_async_fd_wait(waiter->ready, waiter->interest);
}

static int64_t multiple_waiters(void *unused)
{
    (void)unused;
    enum { WAITERS = 9 };
    struct ready_pair sockets = ready_pair_make();
    struct tug_task *tasks[WAITERS];
    struct waiter waiters[WAITERS];
    for (int i = 0; i < WAITERS; i++) {
        waiters[i] = (struct waiter){sockets.ready[0], TUG_READABLE, 0};
        tasks[i] = fixture_spawn(wait_for, &waiters[i]);
    }
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    for (int i = 0; i < WAITERS; i += 3)
        tug_task_abort(tasks[i]); /* the first, one in between */
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    CHECK_EQUAL(write(sockets.fds[1], "0", 1), 1);
    for (int i = 0; i < WAITERS; i++) {
        int64_t result = fixture_join(tasks[i]);
        CHECK(i % 3 == 0 ? result == -ECANCELED : (result & POLLIN) != 0);
    }
    ready_pair_destroy(&sockets);
    return 0;
}

static int64_t a_hang_up_concerns_both(void *unused)
{
    (void)unused;
    struct ready_pair sockets = ready_pair_make();
    while (tug_async_fd_try(sockets.ready[0], TUG_WRITABLE, write_much, NULL) > 0)
        ;
    struct waiter waiters[] = {{sockets.ready[0], TUG_READABLE, 0},
                               {sockets.ready[0], TUG_WRITABLE, 0}};
    struct tug_task *tasks[2];
    for (int i = 0; i < 2; i++)
        tasks[i] = fixture_spawn(wait_for, &waiters[i]);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_async_fd_destroy(sockets.ready[1]);
    close(sockets.fds[1]);
    CHECK(fixture_join(tasks[0]) & POLLHUP);
    CHECK(fixture_join(tasks[1]) & POLLHUP);
    tug_async_fd_destroy(sockets.ready[0]);
    close(sockets.fds[0]);
    return 0;
}

static int64_t poll_fns(void *unused)
{
    (void)unused;
    struct ready_pair sockets = ready_pair_make();
    struct script_waker counters[2];
    struct tug_waker first = script_waker(&counters[0]), last = script_waker(&counters[1]);
    CHECK_EQUAL(tug_async_fd_poll(sockets.ready[0], TUG_READABLE, &first), -EAGAIN);
    CHECK_EQUAL(tug_async_fd_poll(sockets.ready[0], TUG_READABLE, &last), -EAGAIN);
    CHECK_EQUAL(write(sockets.fds[1], "0", 1), 1);
    /* A wait beside the poll does not take its place. */
    CHECK(tug_async_fd_wait(sockets.ready[0], TUG_READABLE) & POLLIN);
    AWAIT(__atomic_load_n(&counters[1].wakes, __ATOMIC_SEQ_CST) == 1);
    AWAIT(__atomic_load_n(&counters[1].drops, __ATOMIC_SEQ_CST) == 1);
    CHECK(counters[0].wakes == 0 && counters[0].drops == counters[0].clones);
    CHECK(tug_async_fd_poll(sockets.ready[0], TUG_READABLE, &first) & POLLIN);
    ready_pair_destroy(&sockets);
    return 0;
}

static int64_t a_call_waits_until_it_can(void *unused)
{
    (void)unused;
    struct ready_pair sockets = ready_pair_make();
    char byte = 0;
    CHECK_EQUAL(TUG_TIMEOUT(2 * TUG_MILLISECOND,
                            tug_async_fd_call(sockets.ready[0], TUG_READABLE, read_byte, &byte)),
                -ETIMEDOUT);
    for (char i = 0; i < 100; i++) {
        CHECK_EQUAL(write(sockets.fds[1], &i, 1), 1);
        CHECK_EQUAL(tug_async_fd_call(sockets.ready[0], TUG_READABLE, read_byte, &byte), 1);
        CHECK_EQUAL(byte, i);
    }
    ready_pair_destroy(&sockets);
    return 0;
}

/* ---- Beginning and end ---- */

/* The wait that nobody wants any more must not stay in the driver: the number is used again. */
static int64_t reregister(void *unused)
{
    (void)unused;
    int first = -1;
    for (int round = 0; round < 20; round++) {
        struct ready_pair sockets = ready_pair_make();
        if (round == 0)
            first = sockets.fds[0];
        CHECK(tug_worker_index() >= 0);
        CHECK_NOT_READY(sockets.ready[0], TUG_READABLE);
        tug_async_fd_destroy(sockets.ready[0]);
        CHECK_EQUAL(tug_async_fd_create(&sockets.ready[0], sockets.fds[0]), 0);
        CHECK_EQUAL(write(sockets.fds[1], "0", 1), 1);
        CHECK(tug_async_fd_wait(sockets.ready[0], TUG_READABLE) & POLLIN);
        ready_pair_destroy(&sockets);
    }
    CHECK(first >= 0);
    return 0;
}

static int64_t what_cannot_be_polled(void *unused)
{
    (void)unused;
    struct tug_async_fd *ready;
    CHECK_EQUAL(tug_async_fd_create(&ready, -1), -EBADF);
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_async_fd_create(&ready, fd), 0);
    CHECK(tug_async_fd_wait(ready, TUG_READABLE) & POLLIN);
    tug_async_fd_destroy(ready);
    CHECK_EQUAL(tug_async_fd_create(&ready, fd), 0);
    close(fd);
    CHECK_EQUAL(tug_async_fd_wait(ready, TUG_READABLE), -EBADF);
    tug_async_fd_destroy(ready);
#if TUG_FAULT_INJECTION
    CHECK_EQUAL(tug_fault_fail("calloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_async_fd_create(&ready, 0), -ENOMEM);
    tug_fault_reset();
#endif
    return 0;
}

/* ---- Many tasks, one eventfd ---- */

enum { TAKERS = 6, TOKENS = 3000 };

struct tokens {
    struct tug_async_fd *ready;
    unsigned taken; /* atomic */
};

static int64_t take_token(int fd, void *unused)
{
    uint64_t value;
    (void)unused;
    ssize_t n = read(fd, &value, sizeof(value));
    return n < 0 ? -errno : (int64_t)value;
}

static int64_t take_tokens(void *argument)
{
    struct tokens *tokens = argument;
    for (;;) {
        int64_t result = TUG_TIMEOUT(
            TUG_MILLISECOND, tug_async_fd_call(tokens->ready, TUG_READABLE, take_token, NULL));
        if (result == 1)
            __atomic_add_fetch(&tokens->taken, 1, __ATOMIC_RELAXED);
        else if (result == -ECANCELED)
            return 0;
        else
            CHECK_EQUAL(result, -ETIMEDOUT);
    }
}

static int64_t no_wake_is_lost(void *unused)
{
    (void)unused;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    struct tokens tokens = {.taken = 0};
    struct tug_task *tasks[TAKERS];
    CHECK_EQUAL(tug_async_fd_create(&tokens.ready, fd), 0);
    for (int i = 0; i < TAKERS; i++)
        tasks[i] = fixture_spawn(take_tokens, &tokens);
    for (unsigned i = 0; i < TOKENS; i++) {
        const uint64_t one = 1;
        CHECK_EQUAL(write(fd, &one, sizeof(one)), sizeof(one));
        if (i % 16 == 0)
            CHECK_EQUAL(tug_yield(), 0);
    }
    AWAIT(__atomic_load_n(&tokens.taken, __ATOMIC_RELAXED) == TOKENS);
    for (int i = 0; i < TAKERS; i++) {
        tug_task_abort(tasks[i]);
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    }
    tug_async_fd_destroy(tokens.ready);
    close(fd);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(initially_writable),
        IN_EACH(reset_readable),
        IN_EACH(reset_writable),
        IN_EACH(multiple_waiters),
        IN_EACH(a_hang_up_concerns_both),
        IN_EACH(poll_fns),
        IN_EACH(a_call_waits_until_it_can),
        IN_EACH(reregister),
        IN_EACH(what_cannot_be_polled),
        IN_EACH(no_wake_is_lost),
    };
    return cmocka_run_group_tests_name("io/async_fd", tests, NULL, NULL);
}

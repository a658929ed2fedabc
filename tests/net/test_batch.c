/* SPDX-License-Identifier: MIT */
/*
 * Several messages at once: all that there are and no more, in their order, after a wait if need
 * be; and what they cost, exactly.
 */
#include "../fs/scratch.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUDGET = 128, PACKETS = 1024, MOST = 256 };

/* Two UDP sockets, connected to each other. */
static int64_t make_pair(int fds[2])
{
    struct tug_address addresses[2];
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL(tug_address_parse(&addresses[i], "127.0.0.1:0"), 0);
        fds[i] = tug_datagram_bind(&addresses[i], NULL);
        CHECK(fds[i] >= 0);
        CHECK_EQUAL(tug_address_of_socket(fds[i], &addresses[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(
            connect(fds[i], (struct sockaddr *)&addresses[1 - i].storage, addresses[1 - i].length),
            0);
    return 0;
}

static void close_pair(int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

/* Messages of one int each. */
struct batch {
    struct mmsghdr messages[MOST];
    struct iovec vectors[MOST];
    int values[MOST];
};

static struct batch *new_batch(int first)
{
    struct batch *batch = calloc(1, sizeof(*batch));
    for (int i = 0; batch != NULL && i < MOST; i++) {
        batch->values[i] = first + i;
        batch->vectors[i] = (struct iovec){&batch->values[i], sizeof(int)};
        batch->messages[i].msg_hdr.msg_iov = &batch->vectors[i];
        batch->messages[i].msg_hdr.msg_iovlen = 1;
    }
    return batch;
}

static int64_t all_there_are(void *unused)
{
    (void)unused;
    int fds[2];
    CHECK_EQUAL(make_pair(fds), 0);
    struct batch *out = new_batch(100), *in = new_batch(0);
    CHECK_EQUAL(tug_sendmmsg(fds[0], out->messages, 3, 0), 3);
    CHECK_EQUAL(tug_sendmmsg(fds[0], out->messages + 3, 4, 0), 4);
    for (int i = 0; i < 7; i++)
        CHECK_EQUAL(out->messages[i].msg_len, sizeof(int));
    CHECK_EQUAL(tug_recvmmsg(fds[1], in->messages, 5, 0), 5);
    CHECK_EQUAL(tug_recvmmsg(fds[1], in->messages + 5, 1, MSG_PEEK), 1);
    CHECK_EQUAL(tug_recvmmsg(fds[1], in->messages + 5, 5, 0), 2);
    for (int i = 0; i < 7; i++) {
        CHECK_EQUAL(in->values[i], 100 + i);
        CHECK_EQUAL(in->messages[i].msg_len, sizeof(int));
    }
    CHECK_EQUAL(tug_recvmmsg(fds[1], in->messages, 0, 0), 0);
    CHECK_EQUAL(tug_recvmmsg(-1, in->messages, 1, 0), -EBADF);
    CHECK_EQUAL(tug_sendmmsg(-1, out->messages, 1, 0), -EBADF);
    CHECK_EQUAL(TUG_TIMEOUT(2 * TUG_MILLISECOND, tug_recvmmsg(fds[1], in->messages, 1, 0)),
                -ETIMEDOUT);
    free(in);
    free(out);
    close_pair(fds);
    return 0;
}

static int64_t send_later(void *argument)
{
    int *fds = argument;
    struct batch *out = new_batch(0);
    int64_t result = tug_sleep(2 * TUG_MILLISECOND);
    if (result == 0)
        result = tug_sendmmsg(fds[0], out->messages, 9, 0);
    free(out);
    return result;
}

static int64_t one_wait(void *unused)
{
    (void)unused;
    int fds[2];
    CHECK_EQUAL(make_pair(fds), 0);
    struct batch *in = new_batch(-1);
    struct tug_task *task = tug_spawn(send_later, fds);
    int received = 0;
    while (received < 9) {
        int count = tug_recvmmsg(fds[1], in->messages + received, (unsigned)(MOST - received), 0);
        CHECK(count > 0);
        received += count;
    }
    for (int i = 0; i < 9; i++)
        CHECK_EQUAL(in->values[i], i);
    int64_t result;
    CHECK_EQUAL(tug_join(task, &result), 0);
    CHECK_EQUAL(result, 9);
    free(in);
    close_pair(fds);
    return 0;
}

/* Who sends waits for room: a local socket takes only so many. */
static int64_t receive_all(void *argument)
{
    int *fds = argument, received = 0;
    struct batch *in = new_batch(-1);
    while (received < MOST) {
        int count = tug_recvmmsg(fds[1], in->messages, 3, 0);
        if (count <= 0)
            break;
        for (int i = 0; i < count; i++)
            if (in->values[i] != received++)
                received = MOST + 1;
    }
    free(in);
    return received;
}

static int64_t waits_for_room(void *unused)
{
    (void)unused;
    int fds[2], sent = 0;
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
    CHECK_EQUAL(tug_socket_set_send_buffer(fds[0], 1), 0);
    struct batch *out = new_batch(0);
    struct tug_task *task = tug_spawn(receive_all, fds);
    while (sent < MOST) {
        int count = tug_sendmmsg(fds[0], out->messages + sent, (unsigned)(MOST - sent), 0);
        CHECK(count > 0);
        sent += count;
    }
    int64_t result;
    CHECK_EQUAL(tug_join(task, &result), 0);
    CHECK_EQUAL(result, MOST);
    close(fds[1]);
    CHECK_EQUAL(tug_sendmmsg(fds[0], out->messages, 1, 0), -ECONNREFUSED);
    free(out);
    close(fds[0]);
    return 0;
}

/* ---- The coop budget ---- */

/* How often tasks ran out of budget, and how often they were polled. */
struct counters {
    uint64_t exhausted, polls;
};

static struct counters read_counters(void)
{
    struct tug_runtime_metrics all;
    struct counters counters = {0, 0};
    tug_runtime_metrics(tug_runtime_current(), &all);
    for (unsigned i = 0; i < all.workers; i++) {
        struct tug_worker_metrics metrics;
        tug_runtime_worker_metrics(tug_runtime_current(), i, &metrics);
        counters.exhausted += metrics.budget_exhausted;
        counters.polls += metrics.polls;
    }
    return counters;
}

/* Loopback may deliver a moment later: nobody is to be seen to wait for that. */
static bool has_arrived(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, 10000) == 1;
}

/* 1,024 packets are 2,048 operations, and 128 are done in one go. What goes through a ring waits
 * for the ring each time, which gives way, and has a full budget afterwards. */
static int64_t packets_cost_exactly(void *unused)
{
    (void)unused;
    int fds[2];
    const char *driver = tug_runtime_driver_name(tug_runtime_current());
    bool epoll = strcmp(driver, "epoll") == 0;
    CHECK_EQUAL(make_pair(fds), 0);
    CHECK_EQUAL(tug_yield(), 0);
    struct counters before = read_counters();
    for (int i = 0; i < PACKETS; i++) {
        int value = i;
        CHECK_EQUAL(tug_send(fds[0], &value, sizeof(value), 0), sizeof(value));
        CHECK(has_arrived(fds[1]));
        CHECK_EQUAL(tug_recv(fds[1], &value, sizeof(value), 0), sizeof(value));
        CHECK_EQUAL(value, i);
    }
    struct counters after = read_counters();
    CHECK_EQUAL(after.exhausted - before.exhausted, epoll ? 2 * PACKETS / BUDGET - 1 : 0);
    if (epoll)
        CHECK_EQUAL(after.polls - before.polls, after.exhausted - before.exhausted);
    else
        CHECK_EQUAL(after.polls - before.polls, 2 * PACKETS);
    close_pair(fds);
    return 0;
}

/* In batches it is the same with both drivers, and batches end where the budget does. */
static int64_t batches_cost_exactly(void *unused)
{
    (void)unused;
    int fds[2];
    struct batch *batch = new_batch(0);
    CHECK_EQUAL(make_pair(fds), 0);
    CHECK_EQUAL(tug_yield(), 0);
    struct counters before = read_counters();
    for (int sent = 0; sent < PACKETS; sent += BUDGET) {
        CHECK_EQUAL(tug_sendmmsg(fds[0], batch->messages, MOST, 0), BUDGET);
        CHECK(!tug_coop_has_remaining());
        for (int received = 0; received < BUDGET;) {
            CHECK(has_arrived(fds[1]));
            int count = tug_recvmmsg(fds[1], batch->messages, (unsigned)(BUDGET - received), 0);
            CHECK(count > 0);
            received += count;
        }
        CHECK(!tug_coop_has_remaining());
    }
    CHECK_EQUAL(read_counters().exhausted - before.exhausted, 2 * PACKETS / BUDGET - 1);
    /* Without a budget there is no end but that of the messages. */
    tug_unconstrained_begin();
    CHECK_EQUAL(tug_sendmmsg(fds[0], batch->messages, BUDGET + 1, 0), BUDGET + 1);
    tug_unconstrained_end();
    free(batch);
    close_pair(fds);
    return 0;
}

static int64_t blocks_outside(void *unused)
{
    (void)unused;
    int fds[2];
    struct batch *batch = new_batch(0);
    CHECK_EQUAL(make_pair(fds), 0);
    CHECK_EQUAL(tug_sendmmsg(fds[0], batch->messages, BUDGET + 1, 0), BUDGET + 1);
    for (int received = 0; received < BUDGET + 1;) {
        int count = tug_recvmmsg(fds[1], batch->messages, MOST, 0);
        CHECK(count > 0);
        received += count;
    }
    free(batch);
    close_pair(fds);
    return 0;
}

static void works_outside(void **state)
{
    (void)state;
    scratch_run_outside(blocks_outside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(all_there_are),        SCRATCH_TEST(one_wait),
        SCRATCH_TEST(waits_for_room),       SCRATCH_TEST(packets_cost_exactly),
        SCRATCH_TEST(batches_cost_exactly), cmocka_unit_test(works_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

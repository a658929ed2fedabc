/* SPDX-License-Identifier: MIT */
/*
 * Receives into buffers of the runtime's: who waits has none, what was received is the caller's
 * until it gives it back, on any thread and whenever, and nothing is lost by a cancellation or
 * where there are too few of them.
 */
#include "../runtime/fixture.h"

#include <errno.h>
#include <sys/socket.h>

#include "sys/fault.h"

static void make_pair(int fds[2])
{
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void close_pair(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static void fill(unsigned char *bytes, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(seed * 7 + i * 31 + i / 256);
}

/* Receives exactly so many bytes, as they were filled in. */
static void expect(int fd, size_t size, unsigned seed)
{
    unsigned char *wanted = malloc(size);
    CHECK(wanted != NULL);
    fill(wanted, size, seed);
    for (size_t received = 0; received < size;) {
        void *buffer;
        int64_t n = tug_recv_buffer(fd, &buffer, 0);
        CHECK(n > 0 && (size_t)n <= TUG_RECV_BUFFER_SIZE && (size_t)n <= size - received);
        CHECK(memcmp(buffer, wanted + received, (size_t)n) == 0);
        received += (size_t)n;
        tug_recv_buffer_release(buffer);
    }
    free(wanted);
}

static int64_t receives_what_was_sent(void *unused)
{
    (void)unused;
    static const size_t sizes[] = {1, 16, 128, 129, 1024, 1025, 5000, 16384, 16385, 60000};
    unsigned char *bytes = malloc(60000);
    int fds[2];
    make_pair(fds);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        fill(bytes, sizes[i], (unsigned)i);
        CHECK_EQUAL(tug_send_all(fds[1], bytes, sizes[i], 0), sizes[i]);
        expect(fds[0], sizes[i], (unsigned)i);
    }
    free(bytes);
    void *buffer;
    CHECK_EQUAL(send(fds[1], "abc", 3, 0), 3);
    CHECK_EQUAL(tug_recv_buffer(fds[0], &buffer, MSG_PEEK), 3);
    CHECK(memcmp(buffer, "abc", 3) == 0);
    tug_recv_buffer_release(buffer);
    CHECK_EQUAL(tug_recv_buffer(fds[0], &buffer, 0), 3);
    memset(buffer, 'x', 3); /* it may be written to */
    tug_recv_buffer_release(buffer);
    CHECK_EQUAL(shutdown(fds[1], SHUT_WR), 0);
    CHECK_EQUAL(tug_recv_buffer(fds[0], &buffer, 0), 0);
    CHECK(buffer == NULL);
    tug_recv_buffer_release(buffer);
    close_pair(fds);
    CHECK_EQUAL(tug_recv_buffer(fds[0], &buffer, 0), -EBADF);
    CHECK(buffer == NULL);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQUAL(tug_recv_buffer(fd, &buffer, 0), -ENOTCONN);
    CHECK(buffer == NULL);
    close(fd);
    return 0;
}

/* A datagram that is longer than a buffer is cut off, whatever the flags. */
static int64_t a_long_datagram_is_cut_off(void *unused)
{
    (void)unused;
    int fds[2];
    void *buffer;
    unsigned char bytes[20000];
    fill(bytes, sizeof(bytes), 1);
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL(send(fds[1], bytes, sizeof(bytes), 0), sizeof(bytes));
        CHECK_EQUAL(tug_recv_buffer(fds[0], &buffer, i == 0 ? 0 : MSG_TRUNC), TUG_RECV_BUFFER_SIZE);
        CHECK(memcmp(buffer, bytes, TUG_RECV_BUFFER_SIZE) == 0);
        tug_recv_buffer_release(buffer);
    }
    close_pair(fds);
    return 0;
}

/* ---- Many at once, that give nothing back for a while ---- */

enum { MANY = 300 }; /* more than a driver has at hand */

struct receiver {
    int fds[2];
    size_t size;
    void *buffer;
    unsigned seed;
};

static unsigned received; /* atomic */

static int64_t receive_and_hold(void *argument)
{
    struct receiver *receiver = argument;
    unsigned char wanted[4000];
    CHECK_EQUAL(tug_recv_buffer(receiver->fds[0], &receiver->buffer, 0), receiver->size);
    __atomic_fetch_add(&received, 1, __ATOMIC_RELEASE);
    AWAIT(__atomic_load_n(&received, __ATOMIC_ACQUIRE) == MANY);
    fill(wanted, receiver->size, receiver->seed);
    CHECK(memcmp(receiver->buffer, wanted, receiver->size) == 0);
    tug_recv_buffer_release(receiver->buffer);
    return 0;
}

static int64_t many_hold_their_buffers(void *unused)
{
    (void)unused;
    static struct receiver receivers[MANY];
    struct tug_task *tasks[MANY];
    unsigned char bytes[4000];
    for (int round = 0; round < 2; round++) {
        __atomic_store_n(&received, 0, __ATOMIC_RELAXED);
        for (unsigned i = 0; i < MANY; i++) {
            receivers[i].seed = i + 1;
            receivers[i].size = i % 3 == 0 ? 1 + i : 2000 + 5 * i;
            make_pair(receivers[i].fds);
            tasks[i] = tug_spawn(receive_and_hold, &receivers[i]);
            CHECK(tasks[i] != NULL);
        }
        CHECK_EQUAL(tug_sleep(5 * TUG_MILLISECOND), 0);
        for (unsigned i = 0; i < MANY; i++) {
            fill(bytes, receivers[i].size, receivers[i].seed);
            CHECK_EQUAL(send(receivers[i].fds[1], bytes, receivers[i].size, 0), receivers[i].size);
        }
        for (unsigned i = 0; i < MANY; i++) {
            CHECK_EQUAL(tug_join(tasks[i], NULL), 0);
            close_pair(receivers[i].fds);
        }
    }
    return 0;
}

/* One task has more receives in flight than a driver has lent buffers, and the data of all is there
 * when they begin. */
static int64_t many_at_one_moment(void *unused)
{
    (void)unused;
    enum { COUNT = 250 };
    static struct tug_op ops[COUNT];
    static void *buffers[COUNT];
    struct tug_future *futures[COUNT];
    unsigned char bytes[1500];
    int fds[COUNT][2];
    for (unsigned i = 0; i < COUNT; i++) {
        make_pair(fds[i]);
        fill(bytes, sizeof(bytes), i);
        CHECK_EQUAL(send(fds[i][1], bytes, sizeof(bytes), 0), sizeof(bytes));
        tug_op_recv_buffer(&ops[i], fds[i][0], &buffers[i], 0);
        futures[i] = &ops[i].future;
    }
    CHECK_EQUAL(tug_join_all(futures, COUNT), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_EQUAL(ops[i].future.result, sizeof(bytes));
        fill(bytes, sizeof(bytes), i);
        CHECK(memcmp(buffers[i], bytes, sizeof(bytes)) == 0);
        tug_recv_buffer_release(buffers[i]);
        close_pair(fds[i]);
    }
    return 0;
}

/* ---- Cancelled ---- */

static int64_t nothing_is_lost_by_a_cancellation(void *unused)
{
    (void)unused;
    enum { ROUNDS = 300 };
    int fds[2];
    void *buffer;
    make_pair(fds);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_recv_buffer(fds[0], &buffer, 0)), -ETIMEDOUT);
    CHECK(buffer == NULL);
    CHECK_EQUAL(send(fds[1], "later", 5, 0), 5);
    CHECK_EQUAL(tug_recv_buffer(fds[0], &buffer, 0), 5);
    tug_recv_buffer_release(buffer);
    int64_t sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct tug_op receive, yield;
        struct tug_future *both[] = {&receive.future, &yield.future};
        tug_op_recv_buffer(&receive, fds[0], &buffer, 0);
        tug_op_nop(&yield);
        CHECK_EQUAL(send(fds[1], "xy", 2, 0), 2);
        CHECK(tug_select(both, 2) >= 0);
        CHECK_EQUAL(buffer != NULL, receive.future.result > 0);
        CHECK(receive.future.result > 0 || receive.future.result == -ECANCELED);
        sum += receive.future.result > 0 ? receive.future.result : 0;
        tug_recv_buffer_release(buffer);
    }
    shutdown(fds[1], SHUT_WR);
    for (int64_t n; (n = tug_recv_buffer(fds[0], &buffer, 0)) > 0; sum += n)
        tug_recv_buffer_release(buffer);
    CHECK_EQUAL(sum, 2 * ROUNDS);
    close_pair(fds);
    return 0;
}

/* ---- Beyond the runtime ---- */

struct left {
    int fds[2];
    void *small, *large;
};

static int64_t receive_two(void *argument)
{
    struct left *left = argument;
    CHECK_EQUAL(tug_recv_buffer(left->fds[0], &left->small, 0), 3);
    char bytes[3000] = "large";
    CHECK_EQUAL(send(left->fds[1], bytes, sizeof(bytes), 0), sizeof(bytes));
    CHECK_EQUAL(tug_recv_buffer(left->fds[0], &left->large, 0), sizeof(bytes));
    return 0;
}

static int64_t wait_in_vain(void *argument)
{
    void *buffer;
    CHECK_EQUAL(tug_recv_buffer(((struct left *)argument)->fds[0], &buffer, 0), -ECANCELED);
    CHECK(buffer == NULL);
    return 0;
}

static int64_t receive_and_leave(void *argument)
{
    CHECK_EQUAL(receive_two(argument), 0);
    struct tug_task *task = tug_spawn(wait_in_vain, argument);
    CHECK(task != NULL);
    tug_task_detach(task);
    return tug_sleep(TUG_MILLISECOND);
}

static void buffers_outlive_the_runtime(unsigned workers)
{
    struct left left;
    make_pair(left.fds);
    CHECK_EQUAL(send(left.fds[1], "abc", 3, 0), 3);
    struct tug_runtime_options options = fixture_options(workers);
    CHECK_EQUAL(fixture_run(&options, receive_and_leave, &left), 0);
    CHECK(memcmp(left.small, "abc", 3) == 0);
    CHECK(memcmp(left.large, "large", 6) == 0);
    tug_recv_buffer_release(left.small);
    tug_recv_buffer_release(left.large);
    close_pair(left.fds);
}

static int64_t release_both(void *argument)
{
    struct left *left = argument;
    tug_recv_buffer_release(left->small);
    tug_recv_buffer_release(left->large);
    return 0;
}

/* On a thread that runs no tasks the call blocks. */
static void without_a_runtime(void **state)
{
    (void)state;
    struct left left;
    make_pair(left.fds);
    CHECK_EQUAL(send(left.fds[1], "abc", 3, 0), 3);
    CHECK_EQUAL(receive_two(&left), 0);
    struct fixture_thread thread;
    fixture_thread_start(&thread, release_both, &left);
    CHECK_EQUAL(fixture_thread_join(&thread), 0);
    close_pair(left.fds);
}

/* ---- Where something is lacking ---- */

#if TUG_FAULT_INJECTION
static int64_t without_memory(void *unused)
{
    (void)unused;
    int fds[2];
    void *buffer;
    make_pair(fds);
    CHECK_EQUAL(send(fds[1], "abc", 3, 0), 3);
    CHECK_EQUAL(tug_fault_fail("malloc", 1, TUG_FAULT_ALWAYS, ENOMEM), 0);
    CHECK_EQUAL(tug_recv_buffer(fds[0], &buffer, 0), -ENOMEM);
    CHECK(buffer == NULL);
    tug_fault_reset();
    CHECK_EQUAL(tug_recv_buffer(fds[0], &buffer, 0), 3);
    tug_recv_buffer_release(buffer);
    /* Memory is short for the small block only: the buffer that it came in does. */
    CHECK_EQUAL(send(fds[1], "def", 3, 0), 3);
    CHECK_EQUAL(tug_fault_fail("malloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_recv_buffer(fds[0], &buffer, 0), 3);
    CHECK(memcmp(buffer, "def", 3) == 0);
    tug_fault_reset();
    tug_recv_buffer_release(buffer);
    close_pair(fds);
    return 0;
}

/* A kernel that knows no rings of buffers; no memory for one. */
static int64_t without_a_ring_of_buffers(void *unused)
{
    static const char *const calls[] = {"io_uring_register_buf_ring", "calloc"};
    static unsigned turn;
    (void)unused;
    CHECK_EQUAL(tug_fault_fail(calls[turn++ % 2], 1, 1, EINVAL), 0);
    CHECK_EQUAL(receives_what_was_sent(NULL), 0);
    tug_fault_reset();
    return many_hold_their_buffers(NULL);
}

/* Then -ENOBUFS is what the socket says: messages were lost. */
static int64_t a_socket_out_of_buffers(void *unused)
{
    (void)unused;
    int fds[2];
    void *buffer;
    make_pair(fds);
    CHECK_EQUAL(send(fds[1], "abc", 3, 0), 3);
    CHECK_EQUAL(tug_fault_fail("io_uring_register_buf_ring", 1, 1, EINVAL), 0);
    CHECK_EQUAL(tug_fault_fail("recv", 1, 1, ENOBUFS), 0);
    CHECK_EQUAL(tug_recv_buffer(fds[0], &buffer, 0), -ENOBUFS);
    CHECK(buffer == NULL);
    tug_fault_reset();
    CHECK_EQUAL(tug_recv_buffer(fds[0], &buffer, 0), 3);
    tug_recv_buffer_release(buffer);
    close_pair(fds);
    return 0;
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(receives_what_was_sent),
        IN_EACH(a_long_datagram_is_cut_off),
        IN_EACH(many_hold_their_buffers),
        IN_EACH(many_at_one_moment),
        IN_EACH(nothing_is_lost_by_a_cancellation),
        ALONE_EACH(buffers_outlive_the_runtime),
        cmocka_unit_test(without_a_runtime),
#if TUG_FAULT_INJECTION
        IN_EACH(without_memory),
        IN_EACH(without_a_ring_of_buffers),
        IN_EACH(without_a_ring_of_buffers),
        IN_EACH(a_socket_out_of_buffers),
#endif
    };
    return cmocka_run_group_tests_name("net/recv_buffer", tests, NULL, NULL);
}

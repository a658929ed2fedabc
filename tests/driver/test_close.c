/* SPDX-License-Identifier: MIT */
/*
 * Closing a driver with operations in flight: all of them end, and none writes to its memory later.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop.h"
#include "sys/clock.h"

static struct loop loop;

static void without_operations(void **state)
{
    (void)state;
    int before = count_fds();
    loop_open(&loop);
    loop_close(&loop);
    for (int i = 0; i < 50; i++) {
        loop_open(&loop);
        loop_turn(&loop, 0);
        loop_close(&loop);
    }
    assert_int_equal(count_fds(), before);
}

static void reads_that_were_and_were_not_submitted(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    int fds[2];
    make_pipe(fds, 0);
    for (int turns = 0; turns < 3; turns++) {
        loop_open_with(&loop, 8, 2);
        char bytes[COUNT];
        struct tug_op ops[COUNT];
        memset(bytes, 'o', sizeof(bytes));
        for (int i = 0; i < COUNT; i++) {
            tug_op_read(&ops[i], fds[0], &bytes[i], 1, TUG_CURRENT_POSITION);
            assert_false(loop_drive(&loop, &ops[i]));
        }
        for (int turn = 0; turn < turns; turn++)
            loop_turn(&loop, 0);
        loop_close(&loop);
        for (int i = 0; i < COUNT; i++) {
            assert_true(loop_drive(&loop, &ops[i]));
            assert_int_equal(ops[i].future.result, -ECANCELED);
        }
        assert_int_equal(loop.sleeper.wakes, COUNT);
    }
    close_pipe(fds);
}

/* Reads of a file that a thread of the kernel may be carrying out: their buffer is unmapped right
 * after the close, and the memory that takes its place stays as it is. */
static void buffers_are_free_after_the_close(void **state)
{
    (void)state;
    enum { COUNT = 4, LENGTH = 4 << 20 };
    char path[256];
    make_directory(path, sizeof(path));
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(directory, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    char *content = malloc(LENGTH);
    assert_non_null(content);
    memset(content, 'f', LENGTH);
    assert_int_equal(write(fd, content, LENGTH), LENGTH);
    for (int round = 0; round < 10; round++) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        loop_open(&loop);
        char *buffer = mmap(NULL, (size_t)COUNT * LENGTH, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(buffer != MAP_FAILED);
        struct tug_op ops[COUNT];
        for (int i = 0; i < COUNT; i++) {
            tug_op_read(&ops[i], fd, buffer + (size_t)i * LENGTH, LENGTH, 0);
            loop_drive(&loop, &ops[i]);
        }
        if (round % 2 == 1)
            loop_turn(&loop, 0);
        loop_close(&loop);
        for (int i = 0; i < COUNT; i++) {
            int64_t result = ops[i].future.result;
            assert_true(result == -ECANCELED || result > 0);
        }
        char *again = mmap(buffer, (size_t)COUNT * LENGTH, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        assert_ptr_equal(again, buffer);
        tug_clock_sleep(2 * MILLISECOND);
        for (size_t at = 0; at < (size_t)COUNT * LENGTH; at += 512)
            assert_int_equal(buffer[at], 0);
        munmap(buffer, (size_t)COUNT * LENGTH);
    }
    free(content);
    close(fd);
    close(directory);
    remove_directory(path);
}

/* Opens, also of a FIFO that nobody opens for writing, leave no descriptor behind. */
static void opens_in_flight(void **state)
{
    (void)state;
    char path[256];
    make_directory(path, sizeof(path));
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int before = count_fds();
    for (int round = 0; round < 20; round++) {
        loop_open(&loop);
        struct tug_op ops[8];
        for (int i = 0; i < 8; i++) {
            tug_op_openat(&ops[i], directory, "file", O_RDWR | O_CREAT, 0600);
            assert_false(loop_drive(&loop, &ops[i]));
        }
        if (round % 2 == 1)
            loop_turn(&loop, 0);
        loop_close(&loop);
        for (int i = 0; i < 8; i++)
            if (ops[i].future.result >= 0)
                close((int)ops[i].future.result);
        assert_int_equal(count_fds(), before);
    }
    close(directory);
    remove_directory(path);
}

static void open_of_a_fifo(void **state)
{
    (void)state;
    if (!loop_is_uring())
        skip(); /* the thread of the pool cannot be interrupted, and is waited for */
    char path[256];
    make_directory(path, sizeof(path));
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkfifoat(directory, "fifo", 0600), 0);
    loop_open(&loop);
    struct tug_op op;
    tug_op_openat(&op, directory, "fifo", O_RDONLY, 0);
    assert_false(loop_drive(&loop, &op));
    loop_turn(&loop, 5 * MILLISECOND);
    loop_close(&loop);
    assert_int_equal(op.future.result, -ECANCELED);
    close(directory);
    remove_directory(path);
}

/* A close that was started is carried out. */
static void closes_in_flight(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    int before = count_fds();
    loop_open_with(&loop, 8, 1);
    struct tug_op ops[COUNT];
    for (int i = 0; i < COUNT; i++) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        tug_op_close(&ops[i], fd);
        loop_drive(&loop, &ops[i]);
    }
    loop_close(&loop);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(ops[i].future.result, 0);
    assert_int_equal(count_fds(), before);
}

/* The driver may be closed before the pool, which goes on with the ops it has. */
static int64_t sleep_and_return(void *argument)
{
    tug_clock_sleep(*(uint64_t *)argument);
    return 11;
}

static void jobs_outlive_the_driver(void **state)
{
    (void)state;
    enum { JOBS = 10, THREADS = 8 };
    loop_open_with(&loop, 8, THREADS);
    uint64_t delay = 20 * MILLISECOND;
    struct sleeper sleeper = {0};
    struct tug_waker waker = sleeper_waker(&sleeper);
    struct tug_op ops[JOBS];
    for (int i = 0; i < JOBS; i++) {
        tug_op_blocking(&ops[i], sleep_and_return, &delay);
        assert_int_equal(tug_op_drive(&ops[i], &waker), TUG_PENDING);
    }
    struct tug_pool_metrics metrics;
    do
        tug_pool_metrics(loop.pool, &metrics);
    while (metrics.jobs < THREADS);
    tug_driver_set_current(NULL);
    tug_driver_close(loop.driver);
    tug_op_cancel(&ops[0]);
    tug_op_cancel(&ops[JOBS - 1]);
    assert_int_equal(tug_pool_shutdown(loop.pool, UINT64_MAX), 0);
    tug_pool_destroy(loop.pool);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(ops[i].future.result, 11);
    for (int i = THREADS; i < JOBS; i++)
        assert_true(ops[i].future.result == 11 || ops[i].future.result == -ECANCELED);
    assert_int_equal(sleeper.references, 0);
    assert_int_equal(sleeper.wakes, JOBS);
}

/* Cancellations from other threads are on their way while the driver closes. */
struct canceller {
    pthread_t thread;
    struct tug_op *ops;
    int count;
    const bool *go;
};

static void *cancel_all(void *argument)
{
    struct canceller *canceller = argument;
    while (!__atomic_load_n(canceller->go, __ATOMIC_ACQUIRE))
        ;
    for (int i = 0; i < canceller->count; i++)
        tug_op_cancel(&canceller->ops[i]);
    return NULL;
}

static void cancels_on_their_way(void **state)
{
    (void)state;
    enum { COUNT = 64 };
    for (int round = 0; round < 200; round++) {
        int fds[2];
        make_pipe(fds, 0);
        loop_open(&loop);
        static struct tug_op ops[COUNT];
        static char bytes[COUNT];
        for (int i = 0; i < COUNT; i++) {
            tug_op_read(&ops[i], fds[0], &bytes[i], 1, TUG_CURRENT_POSITION);
            assert_false(loop_drive(&loop, &ops[i]));
        }
        loop_turn(&loop, 0);
        bool go = false;
        struct canceller canceller = {.ops = ops, .count = COUNT, .go = &go};
        assert_int_equal(pthread_create(&canceller.thread, NULL, cancel_all, &canceller), 0);
        tug_clock_sleep(20000);
        __atomic_store_n(&go, true, __ATOMIC_RELEASE);
        loop_close(&loop);
        pthread_join(canceller.thread, NULL);
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(ops[i].future.result, -ECANCELED);
        close_pipe(fds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_operations),
        cmocka_unit_test(reads_that_were_and_were_not_submitted),
        cmocka_unit_test(buffers_are_free_after_the_close),
        cmocka_unit_test(opens_in_flight),
        cmocka_unit_test(open_of_a_fifo),
        cmocka_unit_test(closes_in_flight),
        cmocka_unit_test(jobs_outlive_the_driver),
        cmocka_unit_test(cancels_on_their_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

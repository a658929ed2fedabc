/* SPDX-License-Identifier: MIT */
/*
 * What the wrappers do when they succeed that have no file to do it to: memory, events, the process
 * and its signals.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/call.h"
#include "sys/clock.h"
#include "sys/thread.h"

#define MS 1000000

static void test_memory(void **state)
{
    (void)state;
    size_t size = 4 * (size_t)sysconf(_SC_PAGESIZE);
    void *address = NULL;
    assert_int_equal(
        tug_sys_mmap(&address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        0);
    memset(address, 1, size);
    assert_int_equal(tug_sys_madvise(address, size, MADV_DONTNEED), 0);
    assert_int_equal(*(char *)address, 0);
    assert_int_equal(tug_sys_mprotect(address, size, PROT_READ), 0);
    assert_int_equal(tug_sys_munmap(address, size), 0);
    assert_int_equal(tug_sys_mmap(&address, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                     -EINVAL);
    char *text = tug_sys_malloc(4);
    strcpy(text, "abc");
    text = tug_sys_realloc(text, 1000);
    assert_string_equal(text, "abc");
    tug_sys_free(text);
    text = tug_sys_calloc(3, 5);
    for (int i = 0; i < 15; i++)
        assert_int_equal(text[i], 0);
    tug_sys_free(text);
}

static void test_events(void **state)
{
    (void)state;
    int epoll = tug_sys_epoll_create1(EPOLL_CLOEXEC);
    int fd = tug_sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    uint64_t value = 3;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 42};
    assert_true(epoll >= 0 && fd >= 0);
    assert_int_equal(tug_sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
    assert_int_equal(tug_sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), -EEXIST);
    assert_int_equal(tug_sys_read(fd, &value, sizeof(value)), -EAGAIN);

    uint64_t start = tug_clock_now();
    assert_int_equal(tug_sys_epoll_pwait2(epoll, &event, 1, 0), 0);
    assert_int_equal(tug_sys_epoll_pwait2(epoll, &event, 1, 10 * MS), 0);
    assert_true(tug_clock_now() >= start + 10 * MS);

    assert_int_equal(tug_sys_write(fd, &value, sizeof(value)), sizeof(value));
    event.data.u64 = 0;
    assert_int_equal(tug_sys_epoll_pwait2(epoll, &event, 1, -1), 1);
    assert_int_equal(event.data.u64, 42);
    struct pollfd poll = {.fd = fd, .events = POLLIN};
    assert_int_equal(tug_sys_poll(&poll, 1, -1), 1);
    assert_int_equal(poll.revents, POLLIN);
    poll.fd = INT32_MAX;
    assert_int_equal(tug_sys_poll(&poll, 1, 0), 1);
    assert_int_equal(poll.revents, POLLNVAL);
    tug_sys_close(fd);
    tug_sys_close(epoll);
}

static void test_process(void **state)
{
    (void)state;
    unsigned char bytes[64] = {0}, none[64] = {0};
    assert_int_equal(tug_sys_getrandom(bytes, sizeof(bytes), 0), sizeof(bytes));
    assert_memory_not_equal(bytes, none, sizeof(bytes));
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
    assert_int_equal(tug_sys_cpu_count(), CPU_COUNT(&set));
    assert_int_equal(tug_sys_gettid(), getpid());
}

static void note_signal(int signal)
{
    (void)signal;
}

struct reader {
    int fd;
    int64_t result;
    uint32_t about_to_read;
};

static void read_one(void *argument)
{
    struct reader *reader = argument;
    char byte;
    __atomic_store_n(&reader->about_to_read, 1, __ATOMIC_RELEASE);
    reader->result = tug_sys_read(reader->fd, &byte, 1);
}

static void test_real_signals_do_not_end_a_read(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = note_signal}, before;
    sigaction(SIGUSR1, &action, &before);
    int pipe[2];
    assert_int_equal(tug_sys_pipe2(pipe, O_CLOEXEC), 0);
    struct reader reader = {.fd = pipe[0]};
    struct tug_thread thread;
    assert_int_equal(tug_thread_create(&thread, NULL, 0, false, read_one, &reader), 0);
    while (!__atomic_load_n(&reader.about_to_read, __ATOMIC_ACQUIRE))
        tug_clock_sleep(MS);
    for (int i = 0; i < 10; i++) {
        tug_clock_sleep(2 * MS);
        pthread_kill(thread.handle, SIGUSR1);
    }
    assert_int_equal(tug_sys_write(pipe[1], "x", 1), 1);
    tug_thread_join(&thread);
    assert_int_equal(reader.result, 1);
    tug_sys_close(pipe[0]);
    tug_sys_close(pipe[1]);
    sigaction(SIGUSR1, &before, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_real_signals_do_not_end_a_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Standard input and output: whatever they are, a wait blocks no worker, no shutdown and nobody
 * else's open file. Each test puts something else in the place of descriptor 0 or 1.
 */
#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "sys/fault.h"

/* Puts a descriptor in the place of a standard one; returns what was there. */
static int put(int standard, int fd)
{
    int saved = fcntl(standard, F_DUPFD_CLOEXEC, 3);
    CHECK(saved >= 0);
    CHECK_EQUAL(dup2(fd, standard), standard);
    return saved;
}

static void put_back(int standard, int saved)
{
    CHECK_EQUAL(dup2(saved, standard), standard);
    close(saved);
}

static struct tug_fd_stream opened(int standard)
{
    struct tug_fd_stream stream;
    CHECK_EQUAL(tug_fd_stream_open_standard(&stream, standard), 0);
    return stream;
}

/* A master and a slave of a terminal. */
static void make_terminal(int fds[2])
{
    char name[64];
    fds[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(fds[0] >= 0);
    CHECK_EQUAL(grantpt(fds[0]), 0);
    CHECK_EQUAL(unlockpt(fds[0]), 0);
    CHECK_EQUAL(ptsname_r(fds[0], name, sizeof(name)), 0);
    fds[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(fds[1] >= 0);
}

/* In waits of all kinds nothing is blocked and nothing lost; `fds`: the other side, and ours. */
static void check_input(const int fds[2])
{
    char buffer[16];
    int saved = put(0, fds[1]);
    int mode = fcntl(0, F_GETFL);
    struct tug_fd_stream stream = opened(0);
    CHECK_EQUAL(TUG_TIMEOUT(2 * TUG_MILLISECOND, tug_io_read(&stream.reader, buffer, 16)),
                -ETIMEDOUT);
    CHECK_EQUAL(write(fds[0], "line\n", 5), 5);
    CHECK_EQUAL(tug_io_read_exact(&stream.reader, buffer, 2), 2);
    CHECK_EQUAL(fcntl(0, F_GETFL), mode);
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    /* What nobody asked for is still there. */
    CHECK_EQUAL(read(0, buffer, 16), 3);
    CHECK(memcmp(buffer, "ne\n", 3) == 0);
    put_back(0, saved);
}

static int64_t input_from_a_pipe(void *unused)
{
    (void)unused;
    int fds[2];
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    const int sides[2] = {fds[1], fds[0]};
    check_input(sides);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static int64_t input_from_a_socket(void *unused)
{
    (void)unused;
    int fds[2];
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    check_input(fds);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static int64_t input_from_a_terminal(void *unused)
{
    (void)unused;
    int fds[2];
    make_terminal(fds);
    check_input(fds);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

/* Where /proc is not to be had. */
static int64_t input_that_cannot_be_opened_again(void *unused)
{
    (void)unused;
#if TUG_FAULT_INJECTION
    int fds[2];
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    const int sides[2] = {fds[1], fds[0]};
    tug_fault_only_path("/proc/self/fd");
    CHECK_EQUAL(tug_fault_fail("openat", 1, UINT32_MAX, EACCES), 0);
    check_input(sides);
    close(fds[0]);
    close(fds[1]);
    make_terminal(fds);
    check_input(fds);
    tug_fault_reset();
    close(fds[0]);
    close(fds[1]);
#endif
    return 0;
}

/* Then it is written to as it is, by calls of the stream's own: they raise no SIGPIPE, either. */
static int64_t output_that_nobody_reads(void *unused)
{
    (void)unused;
#if TUG_FAULT_INJECTION
    for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
        int fds[2];
        CHECK_EQUAL(pipe2(fds, O_CLOEXEC | flags), 0);
        int saved = put(1, fds[1]);
        close(fds[0]);
        tug_fault_only_path("/proc/self/fd");
        CHECK_EQUAL(tug_fault_fail("openat", 1, UINT32_MAX, EACCES), 0);
        struct tug_fd_stream stream = opened(1);
        tug_fault_reset();
        CHECK_EQUAL(tug_io_write(&stream.writer, "x", 1), -EPIPE);
        tug_fd_stream_close(&stream);
        put_back(1, saved);
        close(fds[1]);
    }
#endif
    return 0;
}

static int64_t input_from_a_file(void *unused)
{
    (void)unused;
    char buffer[16];
    int fd = memfd_create("test", MFD_CLOEXEC);
    CHECK_EQUAL(write(fd, "0123456789", 10), 10);
    CHECK_EQUAL(lseek(fd, 2, SEEK_SET), 2);
    int saved = put(0, fd);
    struct tug_fd_stream stream = opened(0);
    CHECK_EQUAL(tug_io_read(&stream.reader, buffer, 3), 3);
    CHECK(memcmp(buffer, "234", 3) == 0);
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    CHECK_EQUAL(lseek(fd, 0, SEEK_CUR), 5); /* for whoever reads on */
    put_back(0, saved);
    close(fd);
    return 0;
}

static int64_t output_to_a_full_pipe(void *unused)
{
    (void)unused;
    static char much[1 << 17];
    int fds[2];
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    int saved = put(1, fds[1]);
    struct tug_fd_stream stream = opened(1);
    int64_t n;
    while ((n = TUG_TIMEOUT(2 * TUG_MILLISECOND,
                            tug_io_write(&stream.writer, much, sizeof(much)))) > 0)
        ;
    CHECK_EQUAL(n, -ETIMEDOUT);
    CHECK(!(fcntl(1, F_GETFL) & O_NONBLOCK));
    CHECK_EQUAL(read(fds[0], much, 65536), 65536);
    CHECK(tug_io_write(&stream.writer, much, 100) == 100);
    /* Ends our writing, not that of others. */
    CHECK_EQUAL(tug_io_shutdown(&stream.writer), 0);
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    CHECK(fcntl(1, F_GETFD) >= 0);
    put_back(1, saved);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static int64_t output_to_a_terminal(void *unused)
{
    (void)unused;
    int fds[2];
    char buffer[16];
    make_terminal(fds);
    int saved = put(1, fds[1]);
    struct tug_fd_stream stream = opened(1);
    CHECK_EQUAL(tug_io_write_all(&stream.writer, "hello", 5), 5);
    CHECK_EQUAL(tug_io_flush(&stream.writer), 0);
    CHECK_EQUAL(read(fds[0], buffer, 16), 5);
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    put_back(1, saved);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static int64_t read_input(void *argument)
{
    struct tug_fd_stream stream = opened(0);
    char buffer[16];
    __atomic_store_n((bool *)argument, true, __ATOMIC_RELEASE);
    int64_t n = tug_io_read(&stream.reader, buffer, 16);
    CHECK_EQUAL(n, -ECANCELED);
    return tug_fd_stream_close(&stream);
}

static int64_t detach_reader(void *argument)
{
    tug_task_detach(fixture_spawn(read_input, argument));
    AWAIT(__atomic_load_n((bool *)argument, __ATOMIC_ACQUIRE));
    return tug_sleep(2 * TUG_MILLISECOND);
}

/* A read that never ends is no reason to wait. */
static void shutdown_does_not_wait_for_input(unsigned workers)
{
    bool reads = false;
    int fds[2];
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    int saved = put(0, fds[0]);
    struct tug_runtime_options options = fixture_options(workers);
    CHECK_EQUAL(fixture_run(&options, detach_reader, &reads), 0);
    put_back(0, saved);
    close(fds[0]);
    close(fds[1]);
}

static int64_t what_is_not_there(void *unused)
{
    (void)unused;
    struct tug_fd_stream stream;
    CHECK_EQUAL(tug_fd_stream_open_standard(&stream, 3), -EINVAL);
    CHECK_EQUAL(tug_fd_stream_open_standard(&stream, -1), -EINVAL);
    int saved = fcntl(0, F_DUPFD_CLOEXEC, 3);
    close(0);
    CHECK_EQUAL(tug_fd_stream_open_standard(&stream, 0), -EBADF);
    put_back(0, saved);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(input_from_a_pipe),
        IN_EACH(input_from_a_socket),
        IN_EACH(input_from_a_terminal),
        IN_EACH(input_that_cannot_be_opened_again),
        IN_EACH(output_that_nobody_reads),
        IN_EACH(input_from_a_file),
        IN_EACH(output_to_a_full_pipe),
        IN_EACH(output_to_a_terminal),
        ALONE_EACH(shutdown_does_not_wait_for_input),
        IN_EACH(what_is_not_there),
    };
    return cmocka_run_group_tests_name("io/standard", tests, NULL, NULL);
}

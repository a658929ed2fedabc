/* SPDX-License-Identifier: MIT */
/*
 * A child's standard descriptors: pipes, the null device, and whatever it is given.
 */
#include "children.h"

#include <fcntl.h>

static int64_t read_some(int fd, char *text, size_t size)
{
    struct tug_op op;
    tug_op_read(&op, fd, text, size, TUG_CURRENT_POSITION);
    return tug_op_await(&op);
}

static int64_t read_text(int fd, char *text, size_t size)
{
    size_t length = 0;
    int64_t count;
    while ((count = read_some(fd, text + length, size - length - 1)) > 0)
        length += (size_t)count;
    text[length] = '\0';
    return count;
}

static int64_t pipes(void *unused)
{
    (void)unused;
    char text[64];
    struct tug_process process;
    struct tug_process_status status;
    struct tug_process_options options = shell("read line; echo out $line; echo error >&2; exit 3");
    options.input.kind = options.output.kind = options.error.kind = TUG_STDIO_PIPE;
    CHECK_EQUAL(tug_process_spawn(&process, &options), 0);
    const int fds[] = {process.input, process.output, process.error};
    for (int i = 0; i < 3; i++)
        CHECK((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0);
    CHECK_EQUAL(tug_process_try_wait(&process, &status), -EAGAIN);
    CHECK_EQUAL(write(process.input, "word\n", 5), 5);
    CHECK_EQUAL(read_text(process.output, text, sizeof(text)), 0);
    CHECK(strcmp(text, "out word\n") == 0);
    CHECK_EQUAL(read_text(process.error, text, sizeof(text)), 0);
    CHECK(strcmp(text, "error\n") == 0);
    CHECK_EQUAL(tug_process_wait(&process, &status), 0);
    CHECK_EQUAL(status.code, 3);
    CHECK_EQUAL(process.input, -1);
    tug_process_close(&process);
    CHECK_EQUAL(process.output, -1);
    return 0;
}

/* The pipes as readers and writers. */
static int64_t streams(void *unused)
{
    (void)unused;
    char text[64];
    struct tug_process process;
    struct tug_fd_stream input, output;
    struct tug_process_options options = shell("read line; echo $line $line; cat");
    options.input.kind = options.output.kind = TUG_STDIO_PIPE;
    CHECK_EQUAL(tug_process_spawn(&process, &options), 0);
    CHECK_EQUAL(tug_fd_stream_open(&input, process.input), 0);
    CHECK_EQUAL(tug_fd_stream_open(&output, process.output), 0);
    process.input = process.output = -1;
    CHECK_EQUAL(tug_io_write_all(&input.writer, "a\nb\n", 4), 4);
    CHECK_EQUAL(tug_io_read_exact(&output.reader, text, 6), 6);
    CHECK(memcmp(text, "a a\nb\n", 6) == 0);
    CHECK_EQUAL(tug_io_shutdown(&input.writer), 0);
    CHECK_EQUAL(tug_io_read(&output.reader, text, sizeof(text)), 0);
    tug_fd_stream_close(&input);
    tug_fd_stream_close(&output);
    CHECK_EQUAL(tug_process_wait(&process, NULL), 0);
    tug_process_close(&process);
    return 0;
}

static int64_t null_device(void *unused)
{
    (void)unused;
    struct tug_process_options options =
        shell("read line && exit 1; [ -c /dev/stdin ] && echo nothing >&2");
    options.error.kind = TUG_STDIO_NULL;
    struct tug_process_output result;
    CHECK_EQUAL(tug_process_output(&result, &options, NULL, 0, 10), 0);
    CHECK_EQUAL(result.status.code, 0);
    CHECK(result.error == NULL && result.output_length == 0 && result.output[0] == '\0');
    free(result.output);
    return 0;
}

static int open_in_directory(const char *name)
{
    int fd = open(children_path(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    return fd;
}

static void expect_file(int fd, const char *expected)
{
    char text[64];
    ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
    CHECK_EQUAL(length, strlen(expected));
    CHECK(memcmp(text, expected, (size_t)length) == 0);
    CHECK_EQUAL(ftruncate(fd, 0), 0);
    CHECK_EQUAL(lseek(fd, 0, SEEK_SET), 0);
}

static void run(const struct tug_process_options *options)
{
    struct tug_process process;
    struct tug_process_status status;
    CHECK_EQUAL(tug_process_spawn(&process, options), 0);
    CHECK_EQUAL(tug_process_wait(&process, &status), 0);
    CHECK_EQUAL(status.code, 0);
    tug_process_close(&process);
}

/* The parent's own standard descriptors, exchanged; and one of them that is closed. */
static int64_t given(void *unused)
{
    (void)unused;
    struct tug_process_options options = shell("echo out; echo error >&2");
    int first = open_in_directory("first"), second = open_in_directory("second");
    options.output = (struct tug_stdio){TUG_STDIO_FD, first};
    options.error = (struct tug_stdio){TUG_STDIO_FD, second};
    run(&options);
    expect_file(first, "out\n");
    expect_file(second, "error\n");
    options.error.fd = first;
    run(&options);
    expect_file(first, "out\nerror\n");

    int saved[3];
    for (int i = 0; i < 3; i++)
        CHECK((saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10)) >= 0);
    CHECK(dup2(first, 1) == 1 && dup2(second, 2) == 2);
    options.output.fd = 2;
    options.error.fd = 1;
    run(&options);
    close(0);
    options.input.kind = options.error.kind = TUG_STDIO_PIPE;
    options.output.fd = 1;
    run(&options);
    options.input = (struct tug_stdio){TUG_STDIO_FD, 1};
    options.output = (struct tug_stdio){TUG_STDIO_INHERIT, 0};
    run(&options);
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(dup2(saved[i], i), i);
        close(saved[i]);
    }
    expect_file(first, "error\nout\nout\n");
    expect_file(second, "out\n");
    options.input = (struct tug_stdio){TUG_STDIO_FD, -1};
    struct tug_process process;
    CHECK_EQUAL(tug_process_spawn(&process, &options), -EBADF);
    options.input.fd = 1000000;
    CHECK_EQUAL(tug_process_spawn(&process, &options), -EBADF);
    close(first);
    close(second);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(pipes),
        IN_EACH(streams),
        IN_EACH(null_device),
        IN_EACH(given),
    };
    return cmocka_run_group_tests(tests, children_make_directory, children_remove_directory);
}

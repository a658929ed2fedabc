/* SPDX-License-Identifier: MIT */
/* Who prints takes the progress line away, also if the line was being drawn then. */
#include "../copy/fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../src/cli/terminal.h"

#define CLEAR_LINE "\r\033[K"

/* A pipe in the place of the terminal. What messages print goes to a file instead, as a test cannot
 * tell which of two writers to a full pipe is first. */
struct terminal {
    int read_end, standard_error;
    FILE *messages, *stderr_;
};

static void open_terminal(struct terminal *terminal)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    terminal->read_end = ends[0];
    terminal->standard_error = dup(STDERR_FILENO);
    assert_true(terminal->standard_error >= 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    terminal->stderr_ = stderr;
    terminal->messages = fopen("messages", "w");
    assert_non_null(terminal->messages);
    stderr = terminal->messages;
}

static void close_terminal(struct terminal *terminal)
{
    stderr = terminal->stderr_;
    fclose(terminal->messages);
    assert_int_equal(dup2(terminal->standard_error, STDERR_FILENO), STDERR_FILENO);
    close(terminal->standard_error);
    close(terminal->read_end);
}

static size_t fill(void)
{
    static const char block[4096];
    size_t length = 0;
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    while (poll(&ready, 1, 0) == 1)
        length += (size_t)write(STDERR_FILENO, block, sizeof(block));
    return length;
}

static void drain(int fd, size_t length)
{
    char block[4096];
    while (length > 0) {
        ssize_t got = read(fd, block, length < sizeof(block) ? length : sizeof(block));
        assert_true(got > 0);
        length -= (size_t)got;
    }
}

static void expect(int fd, const char *text)
{
    char got[256];
    ssize_t length = read(fd, got, sizeof(got));
    assert_int_equal(length, strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

static bool is_silent(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, 0) == 0;
}

static void test_a_line_is_taken_away_once(void **state)
{
    struct terminal terminal;
    (void)state;
    open_terminal(&terminal);
    tug_cli_show_progress(NULL);
    assert_true(is_silent(terminal.read_end));
    tug_cli_show_progress("half");
    expect(terminal.read_end, CLEAR_LINE "half");
    tug_cli_complain("no");
    tug_cli_show_progress(NULL);
    assert_true(is_silent(terminal.read_end));
    tug_cli_show_progress("most");
    expect(terminal.read_end, CLEAR_LINE "most");
    tug_cli_show_progress(NULL);
    expect(terminal.read_end, CLEAR_LINE);
    close_terminal(&terminal);
    fixture_assert_text("messages", CLEAR_LINE "tug: no\n");
}

static void *show(void *line)
{
    tug_cli_show_progress(line);
    return NULL;
}

static void test_a_message_while_the_line_is_drawn(void **state)
{
    struct terminal terminal;
    pthread_t drawing;
    (void)state;
    open_terminal(&terminal);
    size_t filled = fill();
    assert_int_equal(pthread_create(&drawing, NULL, show, "half"), 0);
    /* Until the line is at hand: a message takes it away. */
    do {
        usleep(1000);
        tug_cli_complain("no");
        fflush(terminal.messages);
    } while (fixture_size("messages") % 8 == 0);
    drain(terminal.read_end, filled);
    assert_int_equal(pthread_join(drawing, NULL), 0);
    expect(terminal.read_end, CLEAR_LINE "half");
    tug_cli_show_progress(NULL);
    expect(terminal.read_end, CLEAR_LINE);
    close_terminal(&terminal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_a_line_is_taken_away_once),
        FIXTURE_TEST(test_a_message_while_the_line_is_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The progress line: there on a terminal while a copy takes long, gone at its end. */
#include "../copy/fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "command.h"

static struct command command;

/* Writes to a FIFO slowly, so that its copy takes more than two seconds. */
static void *feed(void *argument)
{
    static char block[65536];
    int fd = open(argument, O_WRONLY | O_CLOEXEC);
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 22; i++) {
        if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
            break;
        usleep(100000);
    }
    close(fd);
    return NULL;
}

static int open_terminal(int *master, unsigned short columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*master < 0)
        skip();
    assert_int_equal(grantpt(*master), 0);
    assert_int_equal(unlockpt(*master), 0);
    int terminal = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0);
    assert_int_equal(ioctl(terminal, TIOCSWINSZ, &size), 0);
    return terminal;
}

/* Reads what was shown on the terminal, until its last writer has closed it. */
static void *read_terminal(void *argument)
{
    static char shown[1 << 20];
    size_t length = 0;
    ssize_t got;
    while ((got = read(*(int *)argument, shown + length, sizeof(shown) - 1 - length)) > 0)
        length += (size_t)got;
    shown[length] = '\0';
    return shown;
}

/* Copies a slow FIFO and after it a file of known size, and returns what was shown. */
static char *copy_on_terminal(unsigned short columns)
{
    int master;
    pthread_t writer, reader;
    void *shown;
    fixture_make_fifo("fifo", 0644);
    fixture_make_file("file", 0644, 20000000, 1);
    fixture_make_dir("to", 0755);
    command_init(&command);
    command.error = open_terminal(&master, columns);
    assert_int_equal(pthread_create(&writer, NULL, feed, "fifo"), 0);
    const char *const arguments[] = {"tug", "cp", "-vj1", "missing", "fifo", "file", "to", NULL};
    command_start(&command, arguments);
    close(command.error);
    assert_int_equal(pthread_create(&reader, NULL, read_terminal, &master), 0);
    command_wait(&command);
    assert_int_equal(pthread_join(reader, &shown), 0);
    assert_int_equal(pthread_join(writer, NULL), 0);
    close(master);
    assert_int_equal(command_exit_status(&command), 1);
    assert_string_equal(command.output_text, "'fifo' -> 'to/fifo'\n'file' -> 'to/file'\n");
    return shown;
}

static void test_on_a_terminal(void **state)
{
    (void)state;
    char *shown = copy_on_terminal(120);
    assert_non_null(strstr(shown, "cannot stat 'missing'"));
    char *line = strstr(shown, "\r\033[Kcopied ");
    assert_non_null(line);
    assert_non_null(strstr(line, " files, "));
    assert_non_null(strstr(line, "KiB"));
    assert_non_null(strstr(line, "/s"));
    /* Once the count is there, the share and the time that is left. */
    assert_non_null(strstr(line, " of "));
    assert_non_null(strstr(line, "%), "));
    assert_non_null(strstr(line, "ETA "));
    /* Nothing of it remains. */
    size_t length = strlen(shown);
    assert_true(length > 4);
    assert_string_equal(shown + length - 4, "\r\033[K");
}

static void test_on_a_narrow_terminal(void **state)
{
    (void)state;
    char *shown = copy_on_terminal(20);
    for (char *line = strstr(shown, "\r\033[K"); line != NULL; line = strstr(line, "\r\033[K")) {
        line += 4;
        assert_true(strcspn(line, "\r") < 20);
    }
}

static void test_not_on_a_pipe(void **state)
{
    pthread_t writer;
    (void)state;
    fixture_make_fifo("fifo", 0644);
    assert_int_equal(pthread_create(&writer, NULL, feed, "fifo"), 0);
    command_init(&command);
    command_run(&command, "cp", "fifo", "to", NULL);
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(command_exit_status(&command), 0);
    assert_string_equal(command.error_text, "");
    assert_int_equal(fixture_size("to"), 22 * 65536);
}

static void test_not_for_a_short_copy(void **state)
{
    int master;
    pthread_t reader;
    void *shown;
    (void)state;
    fixture_make_text("a", "text");
    command_init(&command);
    command.error = open_terminal(&master, 80);
    const char *const arguments[] = {"tug", "cp", "a", "b", NULL};
    command_start(&command, arguments);
    close(command.error);
    assert_int_equal(pthread_create(&reader, NULL, read_terminal, &master), 0);
    command_wait(&command);
    assert_int_equal(pthread_join(reader, &shown), 0);
    close(master);
    assert_string_equal(shown, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_on_a_terminal),
        FIXTURE_TEST(test_on_a_narrow_terminal),
        FIXTURE_TEST(test_not_on_a_pipe),
        FIXTURE_TEST(test_not_for_a_short_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

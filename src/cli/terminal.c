/* SPDX-License-Identifier: MIT */
/*
 * Messages are written in one piece under a lock. The progress line is written outside of it, since
 * its writer may be suspended; what can happen is that it is drawn again below a message that came
 * in between.
 */
#include "terminal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <tug/file.h>

/* Back to the first column, then erase to the end of the line. */
#define CLEAR_LINE "\r\033[K"

static const char *command = "tug";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool line_is_shown;

static void set_line_is_shown(bool shown)
{
    pthread_mutex_lock(&lock);
    line_is_shown = shown;
    pthread_mutex_unlock(&lock);
}

/* Under the lock. */
static void clear_line(void)
{
    if (line_is_shown)
        fputs(CLEAR_LINE, stderr);
    line_is_shown = false;
}

void tug_cli_set_command(const char *name)
{
    command = name;
}

const char *tug_cli_command(void)
{
    return command;
}

void tug_cli_complain(const char *text)
{
    pthread_mutex_lock(&lock);
    clear_line();
    /* What was said before on standard output comes first. */
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", command, text);
    pthread_mutex_unlock(&lock);
}

void tug_cli_print(const char *text)
{
    pthread_mutex_lock(&lock);
    clear_line();
    fputs(text, stdout);
    fputc('\n', stdout);
    pthread_mutex_unlock(&lock);
}

void tug_cli_show_progress(const char *line)
{
    char drawn[512];
    pthread_mutex_lock(&lock);
    bool shown = line_is_shown;
    line_is_shown = line != NULL;
    pthread_mutex_unlock(&lock);
    if (line == NULL && !shown)
        return;
    int length = snprintf(drawn, sizeof(drawn), CLEAR_LINE "%s", line != NULL ? line : "");
    if (length >= (int)sizeof(drawn))
        length = (int)sizeof(drawn) - 1;
    /* A line that could not be drawn is none worth an error. */
    tug_write_all(STDERR_FILENO, drawn, (size_t)length);
    /* A message may have cleared the line just before it was drawn. */
    if (line != NULL)
        set_line_is_shown(true);
}

bool tug_cli_has_terminal(void)
{
    return isatty(STDERR_FILENO) == 1;
}

int tug_cli_columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

bool tug_cli_flush(void)
{
    bool failed = ferror(stdout) != 0;
    errno = 0;
    if (fflush(stdout) != 0)
        failed = true;
    if (!failed)
        return true;
    if (errno != 0)
        fprintf(stderr, "%s: write error: %s\n", command, strerror(errno));
    else
        fprintf(stderr, "%s: write error\n", command);
    return false;
}

/* SPDX-License-Identifier: MIT */
/*
 * Whole files: reading, reading text, writing.
 */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t sizes(void *unused)
{
    (void)unused;
    const size_t lengths[] = {0,     1,     2,     4095,    4096,          16381,   16382,
                              16383, 16384, 65537, 1 << 20, (8 << 20) - 1, 8 << 20, (8 << 20) + 1};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t length = lengths[i], found = 12345;
        unsigned char *data = malloc(length + 1);
        scratch_pattern(data, length, (unsigned)i);
        CHECK_EQUAL(tug_fs_write("file", data, length), 0);
        CHECK(scratch_file_is("file", data, length));
        void *back = NULL;
        CHECK_EQUAL(tug_fs_read("file", &back, &found), 0);
        CHECK_EQUAL(found, length);
        CHECK(memcmp(back, data, length) == 0);
        CHECK_EQUAL(((char *)back)[length], 0);
        free(back);
        CHECK_EQUAL(tug_fs_read("file", &back, NULL), 0);
        free(back);
        free(data);
    }
    CHECK_EQUAL(scratch_mode("file") & 0700, 0600);
    return 0;
}

static int64_t large(void *unused)
{
    (void)unused;
    enum { LENGTH = 64 << 20 };
    unsigned char *data = malloc(LENGTH);
    scratch_pattern(data, LENGTH, 99);
    CHECK_EQUAL(tug_fs_write("large", data, LENGTH), 0);
    void *back;
    size_t length;
    CHECK_EQUAL(tug_fs_read("large", &back, &length), 0);
    CHECK_EQUAL(length, LENGTH);
    CHECK(memcmp(back, data, LENGTH) == 0);
    free(back);
    free(data);
    return 0;
}

/* Their size is 0 by stat(2). */
static int64_t procfs(void *unused)
{
    (void)unused;
    char *text;
    size_t length;
    CHECK_EQUAL(tug_fs_read_to_string("/proc/self/status", &text, &length), 0);
    CHECK(length > 100);
    CHECK_EQUAL(length, strlen(text));
    CHECK(strstr(text, "VmPeak") != NULL);
    free(text);
    CHECK_EQUAL(tug_fs_read_to_string("/proc/self/maps", &text, &length), 0);
    CHECK(strstr(text, "[stack]") != NULL);
    free(text);
    return 0;
}

static int64_t errors(void *unused)
{
    (void)unused;
    void *data = &data;
    scratch_make_file("file", "x", 1);
    CHECK_EQUAL(symlink("loop", "loop"), 0);
    CHECK_EQUAL(tug_fs_read("missing", &data, NULL), -ENOENT);
    CHECK_EQUAL(tug_fs_read("file/x", &data, NULL), -ENOTDIR);
    CHECK_EQUAL(tug_fs_read("loop", &data, NULL), -ELOOP);
    CHECK_EQUAL(tug_fs_read(".", &data, NULL), -EISDIR);
    CHECK(data == &data);
    CHECK_EQUAL(tug_fs_write("missing/x", "", 0), -ENOENT);
    CHECK_EQUAL(tug_fs_write(".", "", 0), -EISDIR);
    CHECK_EQUAL(tug_fs_write("/dev/full", "x", 1), -ENOSPC);
    CHECK_EQUAL(tug_fs_write("/dev/null", "x", 1), 0);
    CHECK_EQUAL(tug_fs_read("/dev/null", &data, NULL), 0);
    free(data);
    CHECK_EQUAL(chmod("file", 0), 0);
    if (scratch_be_nobody()) {
        int reading = tug_fs_read("file", &data, NULL);
        int writing = tug_fs_write("file", "", 0);
        scratch_be_root();
        CHECK_EQUAL(reading, -EACCES);
        CHECK_EQUAL(writing, -EACCES);
    }
    return 0;
}

/* A file larger than any memory: the size is believed, and there is none. */
static int64_t no_memory(void *unused)
{
    (void)unused;
    struct rlimit before, limit;
    CHECK_EQUAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = limit.rlim_max;
    CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int fd = open("huge", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int64_t size = INT64_C(1) << 62;
    while (ftruncate(fd, size) < 0 && size > 1)
        size /= 2;
    close(fd);
    if (size >= INT64_C(1) << 47) {
        void *data;
        CHECK_EQUAL(tug_fs_read("huge", &data, NULL), -ENOMEM);
    }
    return 0;
}

/* What was written is there up to the limit, and the error is the call's own. */
static int64_t file_size_limit(void *unused)
{
    (void)unused;
    enum { LENGTH = 10 << 20, LIMIT = 9 << 20 };
    unsigned char *data = malloc(LENGTH);
    scratch_pattern(data, LENGTH, 3);
    struct rlimit before, limit;
    CHECK_EQUAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = LIMIT;
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int result = tug_fs_write("file", data, LENGTH);
    CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK_EQUAL(result, -EFBIG);
    CHECK(scratch_file_is("file", data, LIMIT));
    free(data);
    return 0;
}

static int64_t valid_text(void *unused)
{
    (void)unused;
    const char *const texts[] = {
        "",
        "plain ASCII, longer than eight bytes",
        "\xc2\x80 \xdf\xbf",
        "\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf",
        "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf",
        "gr\xc3\xbc\xc3\x9f dich, \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x98\x80",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *text;
        scratch_make_file("text", texts[i], strlen(texts[i]));
        CHECK_EQUAL(tug_fs_read_to_string("text", &text, NULL), 0);
        CHECK_EQUAL(strcmp(text, texts[i]), 0);
        free(text);
    }
    char *text;
    size_t length;
    scratch_make_file("text", "a\0b", 3);
    CHECK_EQUAL(tug_fs_read_to_string("text", &text, &length), 0);
    CHECK_EQUAL(length, 3);
    free(text);
    return 0;
}

static int64_t invalid_text(void *unused)
{
    (void)unused;
    const char *const texts[] = {
        "\x80",             /* continues nothing */
        "\xbf and more",    /* the same */
        "\xc0\xaf",         /* overlong */
        "\xc1\xbf",         /* overlong */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* a surrogate */
        "\xed\xbf\xbf",     /* a surrogate */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xf5\x80\x80\x80", /* above U+10FFFF */
        "\xff",             /* no such byte */
        "cut \xc3",         /* ends inside a character */
        "cut \xe4\xb8",
        "cut \xf0\x9f\x98",
        "\xc3(", /* not continued */
        "\xe4\xb8( and on",
        "eight by\xf0\x9f\x98(",
        "12345678\xfe",
    };
    char *text = NULL;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        scratch_make_file("text", texts[i], strlen(texts[i]));
        CHECK_EQUAL(tug_fs_read_to_string("text", &text, NULL), -EILSEQ);
    }
    CHECK(text == NULL);
    return 0;
}

/* Characters of 3 bytes lie across every power of two, so across every trip. */
static int64_t large_text(void *unused)
{
    (void)unused;
    enum { COUNT = 6 << 20, LENGTH = COUNT * 3 };
    char *data = malloc(LENGTH);
    for (size_t i = 0; i < COUNT; i++)
        memcpy(data + i * 3, "\xe2\x82\xac", 3);
    scratch_make_file("text", data, LENGTH);
    char *text;
    size_t length;
    CHECK_EQUAL(tug_fs_read_to_string("text", &text, &length), 0);
    CHECK_EQUAL(length, LENGTH);
    CHECK(memcmp(text, data, LENGTH) == 0);
    free(text);
    data[LENGTH - 2] = 'x';
    scratch_make_file("text", data, LENGTH);
    CHECK_EQUAL(tug_fs_read_to_string("text", &text, &length), -EILSEQ);
    free(data);
    return 0;
}

static int64_t feed(void *argument)
{
    int fd = *(int *)argument;
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(tug_sleep(5 * TUG_MILLISECOND), 0);
        CHECK_EQUAL(tug_write_all(fd, "gr\xc3\xbc\xc3", 5), 5);
        CHECK_EQUAL(tug_write_all(fd, "\x9f\n", 2), 2);
    }
    /* Once it is empty its reader has it open. */
    int unread = 1;
    while (unread > 0) {
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
        CHECK_EQUAL(ioctl(fd, FIONREAD, &unread), 0);
    }
    CHECK_EQUAL(tug_close(fd), 0);
    return 0;
}

/* A FIFO gives its bytes when it has them, and cancelling ends the wait. */
static int64_t fifo(void *unused)
{
    (void)unused;
    CHECK_EQUAL(mkfifo("fifo", 0600), 0);
    int fd = open("fifo", O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    char *text;
    int before = scratch_count_fds();
    CHECK_EQUAL(TUG_TIMEOUT(50 * TUG_MILLISECOND, tug_fs_read_to_string("fifo", &text, NULL)),
                -ETIMEDOUT);
    CHECK_EQUAL(scratch_count_fds(), before);
    struct tug_task *feeder = tug_spawn(feed, &fd);
    CHECK(feeder != NULL);
    CHECK_EQUAL(tug_fs_read_to_string("fifo", &text, NULL), 0);
    CHECK_EQUAL(strcmp(text, "gr\xc3\xbc\xc3\x9f\ngr\xc3\xbc\xc3\x9f\ngr\xc3\xbc\xc3\x9f\n"), 0);
    free(text);
    int64_t result;
    CHECK_EQUAL(tug_join(feeder, &result), 0);
    return result;
}

static int64_t write_to_fifo(void *unused)
{
    (void)unused;
    enum { LENGTH = 1 << 20 };
    CHECK_EQUAL(mkfifo("fifo", 0600), 0);
    int fd = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    CHECK(fd >= 0);
    unsigned char *data = malloc(LENGTH);
    scratch_pattern(data, LENGTH, 5);
    int before = scratch_count_fds();
    CHECK_EQUAL(TUG_TIMEOUT(50 * TUG_MILLISECOND, tug_fs_write("fifo", data, LENGTH)), -ETIMEDOUT);
    CHECK_EQUAL(scratch_count_fds(), before);
    /* The pipe holds a prefix. */
    unsigned char byte;
    for (size_t i = 0; i < 4096; i++) {
        CHECK_EQUAL(read(fd, &byte, 1), 1);
        CHECK_EQUAL(byte, data[i]);
    }
    CHECK_EQUAL(tug_close(fd), 0);
    free(data);
    return 0;
}

/* What has not been started leaves the file alone. */
static int64_t cancelled_before(void *unused)
{
    (void)unused;
    scratch_make_file("file", "old", 3);
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    void *data;
    int writing = tug_fs_write("file", "new", 3);
    int reading = tug_fs_read("file", &data, NULL);
    tug_scope_end(&scope, 0);
    CHECK_EQUAL(writing, -ECANCELED);
    CHECK_EQUAL(reading, -ECANCELED);
    CHECK(scratch_file_is("file", "old", 3));
    return 0;
}

static int64_t plain(void *unused)
{
    CHECK_EQUAL(sizes(unused), 0);
    CHECK_EQUAL(procfs(unused), 0);
    return invalid_text(unused);
}

static void outside_of_a_runtime(void **state)
{
    (void)state;
    scratch_run_outside(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(sizes),
        SCRATCH_TEST(large),
        SCRATCH_TEST(procfs),
        SCRATCH_TEST(errors),
        SCRATCH_TEST(no_memory),
        SCRATCH_TEST(file_size_limit),
        SCRATCH_TEST(valid_text),
        SCRATCH_TEST(invalid_text),
        SCRATCH_TEST(large_text),
        SCRATCH_TEST(fifo),
        SCRATCH_TEST(write_to_fifo),
        SCRATCH_TEST(cancelled_before),
        cmocka_unit_test(outside_of_a_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Sources that are not what they seem: they grow, shrink, vanish, cannot be read, have no size. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fixture_copy copy;

static int enter(void **state)
{
    fixture_copy_init(&copy);
    return fixture_enter(state);
}

/* ---- The length changes in the middle ---- */

/* What happens to the file "from" once, when its first bytes have been copied. */
static void (*change)(void);

static void change_once(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    if (event->kind == TUG_COPY_BYTES && change != NULL)
        change();
    if (event->kind == TUG_COPY_BYTES)
        change = NULL;
}

static void copy_while(void (*changing)(void), unsigned jobs)
{
    copy.options.events |= TUG_COPY_BYTES;
    copy.options.jobs = jobs;
    copy.on_event = change_once;
    change = changing;
    fixture_copy_run(&copy, fixture_text("to%u", jobs), "from", NULL);
    assert_null(change);
    assert_int_equal(copy.result, 0);
}

static void cut(void)
{
    assert_int_equal(truncate("from", 5000001), 0);
}

/* The copy ends where the source does, even if other ranges are ahead of that. */
static void test_shrinks(void **state)
{
    (void)state;
    for (unsigned jobs = 1; jobs <= 3; jobs++) {
        fixture_make_file("from", 0644, (uint64_t)30 << 20, 1);
        copy_while(cut, jobs);
        assert_int_equal(fixture_size(fixture_text("to%u", jobs)), 5000001);
        fixture_assert_copy("from", fixture_text("to%u", jobs), FIXTURE_MODES);
    }
}

static void cut_to_nothing(void)
{
    assert_int_equal(truncate("from", 0), 0);
}

static void test_shrinks_to_nothing(void **state)
{
    (void)state;
    for (unsigned jobs = 1; jobs <= 3; jobs++) {
        fixture_make_file("from", 0644, (uint64_t)30 << 20, 1);
        copy_while(cut_to_nothing, jobs);
        /* What was read before came from a longer file; the end lies where the first read met
         * it. */
        assert_true(fixture_size(fixture_text("to%u", jobs)) < (uint64_t)30 << 20);
    }
}

static void append(void)
{
    static char more[3000000];
    memset(more, 'm', sizeof(more));
    int fd = open("from", O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, more, sizeof(more)), sizeof(more));
    close(fd);
}

static void test_grows(void **state)
{
    (void)state;
    for (unsigned jobs = 1; jobs <= 3; jobs++) {
        fixture_make_file("from", 0644, (uint64_t)30 << 20, 1);
        copy_while(append, jobs);
        fixture_assert_copy("from", fixture_text("to%u", jobs), FIXTURE_MODES);
    }
}

static void make_sparse(void)
{
    int fd = open("from", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "begin", 5, 0), 5);
    assert_int_equal(pwrite(fd, "end", 3, 40000000), 3);
    close(fd);
}

static void test_sparse_shrinks(void **state)
{
    (void)state;
    make_sparse();
    copy_while(cut, 1);
    fixture_assert_copy("from", "to1", FIXTURE_MODES);
}

static void test_sparse_grows(void **state)
{
    (void)state;
    make_sparse();
    copy_while(append, 1);
    fixture_assert_copy("from", "to1", FIXTURE_MODES);
}

/* ---- Sources without a size ---- */

/* Files of procfs claim to be empty. */
static void test_procfs(void **state)
{
    (void)state;
    fixture_copy_run(&copy, "to", "/proc/filesystems", NULL);
    assert_int_equal(copy.result, 0);
    assert_true(fixture_size("to") > 10);
    assert_int_equal(copy.report.bytes, fixture_size("to"));
    assert_int_equal(fixture_mode("to"), 0444);
}

static void *feed(void *argument)
{
    int fd = open(argument, O_WRONLY | O_CLOEXEC);
    for (unsigned i = 0; fd >= 0 && i < 30; i++) {
        char block[50000];
        memset(block, 'a' + (int)i % 26, sizeof(block));
        if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
            break;
        if (i % 10 == 0)
            usleep(150000); /* longer than the engine waits at a time */
    }
    close(fd);
    return NULL;
}

/* Without recursion the contents of a FIFO are copied, until its writer is done. */
static void test_fifo_as_a_stream(void **state)
{
    pthread_t writer;
    (void)state;
    fixture_make_fifo("fifo", 0644);
    assert_int_equal(pthread_create(&writer, NULL, feed, "fifo"), 0);
    copy.options.recursive = false;
    copy.options.follow = TUG_COPY_FOLLOW_ALWAYS;
    fixture_copy_run(&copy, "to", "fifo", NULL);
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(copy.result, 0);
    assert_int_equal(fixture_size("to"), 30 * 50000);
    char *data = fixture_read("to");
    assert_int_equal(data[0], 'a');
    assert_int_equal(data[30 * 50000 - 1], 'd');
    free(data);
}

/* A writer that never comes does not keep a copy from being cancelled. */
static void test_fifo_without_a_writer(void **state)
{
    (void)state;
    fixture_make_fifo("fifo", 0644);
    copy.options.recursive = false;
    copy.cancel_after = 50000;
    fixture_copy_run(&copy, "to", "fifo", NULL);
    assert_int_equal(copy.result, -ECANCELED);
    assert_int_equal(copy.failure_count, 0);
    assert_false(fixture_exists("to"));
}

static void test_device_as_a_stream(void **state)
{
    (void)state;
    fixture_make_text("to", "text");
    copy.options.recursive = false;
    fixture_copy_run(&copy, "to", "/dev/null", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(fixture_size("to"), 0);
}

/* ---- Sources that cannot be read ---- */

static void as_nobody(void)
{
    fixture_make_dir("mine", 0755);
    fixture_make_file("mine/a", 0644, 100, 1);
    fixture_make_file("mine/closed", 0000, 100, 2);
    fixture_make_dir("mine/shut", 0755);
    fixture_make_text("mine/shut/file", "text");
    assert_int_equal(chmod("mine/shut", 0000), 0);
    fixture_make_file("mine/z", 0644, 100, 3);
    fixture_copy_run(&copy, "to", "mine", NULL);
    assert_int_equal(chmod("mine/shut", 0755), 0);
    assert_int_equal(copy.result, -EACCES);
    assert_int_equal(copy.failure_count, 2);
    assert_int_equal(copy.report.failures, 2);
    bool file_first = copy.failures[0].step == TUG_COPY_STEP_OPEN;
    assert_string_equal(copy.failures[!file_first].source, "mine/closed");
    assert_int_equal(copy.failures[!file_first].step, TUG_COPY_STEP_OPEN);
    assert_string_equal(copy.failures[file_first].source, "mine/shut");
    assert_int_equal(copy.failures[file_first].step, TUG_COPY_STEP_ACCESS);
    /* The rest is there. */
    fixture_assert_copy("mine/a", "to/a", FIXTURE_MODES);
    fixture_assert_copy("mine/z", "to/z", FIXTURE_MODES);
    assert_false(fixture_exists("to/closed"));
}

static void test_unreadable(void **state)
{
    (void)state;
    fixture_run_as_nobody(as_nobody);
}

/* ---- Sources that vanish or turn into something else ---- */

static void remove_next(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    if (event->kind == TUG_COPY_STARTED && strcmp(event->source, "from/dir") == 0)
        assert_int_equal(unlink("from/dir/gone"), 0);
    if (event->kind == TUG_COPY_STARTED && strcmp(event->source, "from/dir/turned") == 0) {
        assert_int_equal(unlink("from/dir/turned"), 0);
        fixture_make_fifo("from/dir/turned", 0644);
    }
    if (event->kind == TUG_COPY_STARTED && strcmp(event->source, "from/dir/linked") == 0) {
        assert_int_equal(unlink("from/dir/linked"), 0);
        fixture_make_link("/etc/passwd", "from/dir/linked");
    }
}

static const struct fixture_failure *find_failure(const char *source)
{
    for (unsigned i = 0; i < copy.failure_count && i < 16; i++)
        if (strcmp(copy.failures[i].source, source) == 0)
            return &copy.failures[i];
    fail_msg("no failure of %s", source);
    return NULL;
}

/* A FIFO in the place of a file does not block the copy, and a link is not followed. */
static void test_turned_into_something_else(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_dir("from/dir", 0755);
    fixture_make_text("from/dir/turned", "text");
    fixture_make_text("from/dir/linked", "text");
    fixture_make_text("from/dir/still", "text");
    copy.on_event = remove_next;
    fixture_make_text("from/dir/gone", "text");
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(find_failure("from/dir/turned")->step, TUG_COPY_STEP_REPLACED);
    assert_int_equal(find_failure("from/dir/linked")->step, TUG_COPY_STEP_OPEN);
    assert_int_equal(find_failure("from/dir/linked")->error, -ELOOP);
    fixture_assert_copy("from/dir/still", "to/dir/still", FIXTURE_MODES);
    assert_false(fixture_exists("to/dir/turned"));
    assert_false(fixture_exists("to/dir/linked"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, fixture_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_shrinks),
        TEST(test_shrinks_to_nothing),
        TEST(test_grows),
        TEST(test_sparse_shrinks),
        TEST(test_sparse_grows),
        TEST(test_procfs),
        TEST(test_fifo_as_a_stream),
        TEST(test_fifo_without_a_writer),
        TEST(test_device_as_a_stream),
        TEST(test_unreadable),
        TEST(test_turned_into_something_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

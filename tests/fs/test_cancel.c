/* SPDX-License-Identifier: MIT */
/*
 * What a cancellation leaves behind: no descriptor, no byte lost, every buffer free again.
 */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROUNDS = 128 };

static int64_t open_and_close(void *unused)
{
    (void)unused;
    int fd = tug_open("file", O_RDONLY, 0);
    if (fd < 0)
        return fd;
    return tug_close(fd);
}

/* Aborted before, during and after the open. */
static int64_t cancelled_opens(void *unused)
{
    (void)unused;
    scratch_make_file("file", "", 0);
    CHECK_EQUAL(open_and_close(NULL), 0);
    int fds = scratch_count_fds();
    for (int round = 0; round < ROUNDS; round++) {
        struct tug_task *task = tug_spawn(open_and_close, NULL);
        CHECK(task != NULL);
        for (int i = 0; i < round % 8; i++)
            CHECK_EQUAL(tug_yield(), 0);
        tug_task_abort(task);
        int64_t result;
        CHECK_EQUAL(tug_join(task, &result), 0);
        CHECK(result == 0 || result == -ECANCELED);
    }
    CHECK_EQUAL(scratch_count_fds(), fds);
    return 0;
}

static int64_t read_whole(void *unused)
{
    (void)unused;
    void *data;
    int result = tug_fs_read("file", &data, NULL);
    if (result == 0)
        free(data);
    return result;
}

static int64_t list(void *unused)
{
    (void)unused;
    struct tug_read_dir *reader;
    struct tug_dir_entry entry;
    int result = tug_fs_read_dir(&reader, ".");
    if (result < 0)
        return result;
    while ((result = tug_read_dir_next(reader, &entry)) == 1)
        continue;
    tug_read_dir_close(reader);
    return result;
}

static int64_t copy(void *unused)
{
    (void)unused;
    int64_t result = tug_fs_copy("file", "copy");
    return result > 0 ? 0 : result;
}

static int64_t cancelled_jobs(void *unused)
{
    (void)unused;
    static int64_t (*const bodies[])(void *) = {read_whole, list, copy};
    enum { LENGTH = 20 << 20 };
    unsigned char *data = malloc(LENGTH);
    scratch_pattern(data, LENGTH, 1);
    scratch_make_file("file", data, LENGTH);
    free(data);
    CHECK_EQUAL(read_whole(NULL), 0);
    int fds = scratch_count_fds();
    for (int round = 0; round < ROUNDS; round++) {
        struct tug_task *task = tug_spawn(bodies[round % 3], NULL);
        CHECK(task != NULL);
        for (int i = 0; i < round % 8; i++)
            CHECK_EQUAL(round % 16 == 15 ? tug_sleep(TUG_MILLISECOND) : tug_yield(), 0);
        tug_task_abort(task);
        int64_t result;
        CHECK_EQUAL(tug_join(task, &result), 0);
        CHECK(result == 0 || result == -ECANCELED);
        CHECK_EQUAL(scratch_exists("copy"), round % 3 == 2 && result == 0);
        unlink("copy");
    }
    CHECK_EQUAL(scratch_count_fds(), fds);
    return 0;
}

/* A read of an empty pipe ends with the timeout, and what is written later is for the next one. */
static int64_t empty_pipe(void *unused)
{
    (void)unused;
    int ends[2];
    CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
    for (int i = 0; i < 20; i++) {
        char buffer[8] = "untouch";
        CHECK_EQUAL(TUG_TIMEOUT(5 * TUG_MILLISECOND, tug_read(ends[0], buffer, sizeof(buffer))),
                    -ETIMEDOUT);
        CHECK_EQUAL(strcmp(buffer, "untouch"), 0);
        CHECK_EQUAL(write(ends[1], "ab", 2), 2);
        CHECK_EQUAL(tug_read(ends[0], buffer, sizeof(buffer)), 2);
        CHECK(memcmp(buffer, "abtouch", 7) == 0);
    }
    CHECK_EQUAL(tug_close(ends[0]), 0);
    CHECK_EQUAL(tug_close(ends[1]), 0);
    return 0;
}

struct racing {
    int fd;
    uint64_t delay;
};

static int64_t write_later(void *argument)
{
    struct racing *racing = argument;
    int64_t result = tug_sleep(racing->delay);
    return result < 0 ? result : tug_write(racing->fd, "x", 1);
}

/* The byte comes at about the time of the timeout: it is read by this call or by the next. */
static int64_t timeout_races_with_data(void *unused)
{
    (void)unused;
    int ends[2];
    CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
    for (int i = 0; i < 60; i++) {
        struct racing racing = {ends[1], (uint64_t)(i % 3 + 1) * TUG_MILLISECOND};
        struct tug_task *task = tug_spawn(write_later, &racing);
        CHECK(task != NULL);
        char byte = 0;
        int64_t result = TUG_TIMEOUT(2 * TUG_MILLISECOND, tug_read(ends[0], &byte, 1));
        CHECK(result == 1 || result == -ETIMEDOUT);
        CHECK_EQUAL(tug_join(task, NULL), 0);
        if (result == -ETIMEDOUT) {
            CHECK_EQUAL(byte, 0);
            CHECK_EQUAL(tug_read(ends[0], &byte, 1), 1);
        }
        CHECK_EQUAL(byte, 'x');
    }
    CHECK_EQUAL(tug_close(ends[0]), 0);
    CHECK_EQUAL(tug_close(ends[1]), 0);
    return 0;
}

/* A file is closed whatever has become of the scope; every other call returns its reason. */
static int64_t in_a_cancelled_scope(void *unused)
{
    (void)unused;
    scratch_make_file("file", "data", 4);
    int fd = tug_open("file", O_RDWR, 0);
    CHECK(fd >= 0);
    struct tug_scope scope;
    char buffer[4];
    struct statx metadata;
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    const int64_t results[] = {
        tug_read(fd, buffer, 4),
        tug_pread_exact(fd, buffer, 4, 0),
        tug_write_all(fd, "lost", 4),
        tug_open("file", O_RDONLY, 0),
        tug_fs_metadata("file", &metadata),
        tug_fs_create_dir_all("a/b", 0700),
        tug_fs_remove_file("file"),
        tug_fs_remove_dir_all("a"),
        tug_fs_copy("file", "copy"),
        tug_fs_wait_for("missing", 1, 1),
    };
    int closed = tug_close(fd);
    int again = tug_close(fd);
    tug_scope_end(&scope, 0);
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        CHECK_EQUAL(results[i], -ECANCELED);
    CHECK_EQUAL(closed, 0);
    CHECK_EQUAL(again, -EBADF);
    CHECK(scratch_file_is("file", "data", 4));
    CHECK(!scratch_exists("copy") && !scratch_exists("a"));
    return 0;
}

struct share {
    int fd, number;
};

enum { BLOCK = 8192, READERS = 64, TIMES = 20 };

static int64_t read_share(void *argument)
{
    const struct share *share = argument;
    unsigned char expected[256], block[BLOCK];
    memset(expected, share->number, sizeof(expected));
    for (int i = 0; i < TIMES; i++) {
        memset(block, 0xff, sizeof(block));
        int64_t offset = (int64_t)share->number * BLOCK;
        CHECK_EQUAL(tug_pread_exact(share->fd, block, BLOCK, offset), BLOCK);
        for (size_t at = 0; at < BLOCK; at += sizeof(expected))
            CHECK_EQUAL(memcmp(block + at, expected, sizeof(expected)), 0);
    }
    return 0;
}

/* Many tasks read one descriptor at their own positions at once. */
static int64_t concurrent_reads(void *unused)
{
    (void)unused;
    unsigned char *data = malloc(READERS * BLOCK);
    for (int i = 0; i < READERS; i++)
        memset(data + i * BLOCK, i, BLOCK);
    scratch_make_file("file", data, READERS * BLOCK);
    int fd = tug_open("file", O_RDONLY, 0);
    CHECK(fd >= 0);
    struct share shares[READERS];
    struct tug_group group;
    tug_group_init(&group, 0);
    for (int i = 0; i < READERS; i++) {
        shares[i] = (struct share){fd, i};
        CHECK_EQUAL(tug_group_spawn(&group, read_share, &shares[i]), 0);
    }
    CHECK_EQUAL(tug_group_wait(&group), 0);
    CHECK_EQUAL(tug_lseek(fd, 0, SEEK_CUR), 0);
    CHECK_EQUAL(tug_close(fd), 0);
    free(data);
    return 0;
}

/* Two operations of one task in flight at once. */
static int64_t select_of_reads(void *unused)
{
    (void)unused;
    int first[2], second[2];
    CHECK_EQUAL(pipe2(first, O_CLOEXEC), 0);
    CHECK_EQUAL(pipe2(second, O_CLOEXEC), 0);
    CHECK_EQUAL(write(second[1], "2", 1), 1);
    struct tug_op a, b;
    char x = 0, y = 0;
    tug_op_read(&a, first[0], &x, 1, TUG_CURRENT_POSITION);
    tug_op_read(&b, second[0], &y, 1, TUG_CURRENT_POSITION);
    struct tug_future *both[] = {&a.future, &b.future};
    CHECK_EQUAL(tug_select(both, 2), 1);
    CHECK_EQUAL(b.future.result, 1);
    CHECK_EQUAL(y, '2');
    CHECK_EQUAL(write(first[1], "1", 1), 1);
    CHECK_EQUAL(tug_read(first[0], &x, 1), 1);
    CHECK_EQUAL(x, '1');
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL(tug_close(first[i]), 0);
        CHECK_EQUAL(tug_close(second[i]), 0);
    }
    return 0;
}

static int64_t read_for_ever(void *argument)
{
    char byte;
    return tug_read(*(int *)argument, &byte, 1);
}

static int64_t leave_readers(void *argument)
{
    for (int i = 0; i < 50; i++) {
        struct tug_task *task = tug_spawn(read_for_ever, argument);
        CHECK(task != NULL);
        tug_task_detach(task);
    }
    return tug_sleep(TUG_MILLISECOND);
}

/* The runtime ends while operations are in flight. */
static void shutdown_with_reads_in_flight(void **state)
{
    (void)state;
    for (int flavour = TUG_MULTI_THREAD; flavour <= TUG_CURRENT_THREAD; flavour++) {
        int fds = scratch_count_fds(), ends[2];
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        struct tug_runtime_options options;
        tug_runtime_options_init(&options);
        options.flavour = (enum tug_flavour)flavour;
        struct tug_runtime *runtime;
        int64_t result;
        assert_int_equal(tug_runtime_create(&runtime, &options), 0);
        assert_int_equal(tug_runtime_block_on(runtime, leave_readers, &ends[0], &result), 0);
        assert_int_equal(result, 0);
        assert_int_equal(tug_runtime_shutdown(runtime, TUG_FOREVER), 0);
        assert_int_equal(close(ends[0]), 0);
        assert_int_equal(close(ends[1]), 0);
        assert_int_equal(scratch_count_fds(), fds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(cancelled_opens),      SCRATCH_TEST(cancelled_jobs),
        SCRATCH_TEST(empty_pipe),           SCRATCH_TEST(timeout_races_with_data),
        SCRATCH_TEST(in_a_cancelled_scope), SCRATCH_TEST(concurrent_reads),
        SCRATCH_TEST(select_of_reads),      cmocka_unit_test(shutdown_with_reads_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

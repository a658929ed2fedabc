/* SPDX-License-Identifier: MIT */
/* Whole moves across file systems: all that was in the source arrives, and the source is gone. */
#include "moving.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <tug/file_pool.h>
#include <tug/time.h>

#include "two_systems.h"

static struct moving moving;

static void assert_same_metadata(const struct stat *old, const char *path)
{
    struct stat new = fixture_stat(path);
    assert_int_equal(old->st_mode, new.st_mode);
    assert_int_equal(old->st_uid, new.st_uid);
    assert_int_equal(old->st_gid, new.st_gid);
    assert_int_equal(old->st_size, new.st_size);
    assert_int_equal(old->st_mtim.tv_sec, new.st_mtim.tv_sec);
    assert_int_equal(old->st_mtim.tv_nsec, new.st_mtim.tv_nsec);
}

static void test_tree(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        char from[32], to[32];
        snprintf(from, sizeof(from), "A/from%d", i);
        snprintf(to, sizeof(to), "B/to%d", i);
        fixture_make_tree(from);
        if (i == 0)
            fixture_make_tree("R");
        moving_init(&moving);
        moving.outside = i == 1;
        moving.multi_thread = i == 2;
        moving.options.verify = i == 2;
        moving_run(&moving, to, from, NULL);
        assert_int_equal(moving.result, 0);
        assert_int_equal(moving.failure_count, 0);
        assert_false(fixture_exists(from));
        fixture_assert_copy("R", to, 0);
        moving_assert_no_temporary_names("B");
        assert_int_equal(moving.report.copied, 1);
        assert_int_equal(moving.report.renamed, 0);
        /* Every entry but the top was told of as copied or created, and all as removed. */
        assert_int_equal(moving.removed, moving.report.removed);
        assert_int_equal(moving.created + moving.copied, moving.removed);
    }
}

static void test_metadata(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_text("A/d/file", "file");
    fixture_make_link("file", "A/d/link");
    fixture_make_fifo("A/d/fifo", 0640);
    fixture_make_dir("A/d/closed", 0500);
    if (geteuid() == 0) {
        assert_int_equal(lchown("A/d/file", 1234, 4321), 0);
        assert_int_equal(lchown("A/d/link", 1234, 4321), 0);
        assert_int_equal(chmod("A/d/file", 06711), 0);
    }
    fixture_set_times("A/d/file", 1000, 2000);
    fixture_set_times("A/d/link", 3000, 4000);
    fixture_set_times("A/d/fifo", 5000, 6000);
    fixture_set_times("A/d/closed", 5000, 6000);
    fixture_set_times("A/d", 7000, 8000);
    static const char *const names[] = {"d", "d/file", "d/link", "d/fifo", "d/closed"};
    struct stat old[5];
    for (int i = 0; i < 5; i++)
        old[i] = fixture_stat(fixture_text("A/%s", names[i]));
    moving_succeeds("A/d", "B");
    for (int i = 0; i < 5; i++)
        assert_same_metadata(&old[i], fixture_text("B/%s", names[i]));
    assert_false(fixture_exists("A/d"));
}

static void test_special_files(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "A/socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    fixture_make_fifo("A/fifo", 0600);
    moving_succeeds("A/socket", "B");
    moving_succeeds("A/fifo", "B");
    assert_true(S_ISSOCK(fixture_stat("B/socket").st_mode));
    assert_true(S_ISFIFO(fixture_stat("B/fifo").st_mode));
    assert_false(fixture_exists("A/socket"));
    assert_false(fixture_exists("A/fifo"));
    close(fd);
    if (mknod("A/device", S_IFCHR | 0600, makedev(1, 3)) != 0)
        return;
    moving_succeeds("A/device", "B");
    assert_true(S_ISCHR(fixture_stat("B/device").st_mode));
    assert_int_equal(fixture_stat("B/device").st_rdev, makedev(1, 3));
    assert_false(fixture_exists("A/device"));
}

static void test_links_are_not_followed(void **state)
{
    (void)state;
    fixture_make_dir("A/dir", 0755);
    fixture_make_text("A/dir/file", "file");
    fixture_make_link("dir", "A/link");
    moving_succeeds("A/link", "B");
    assert_true(S_ISLNK(fixture_stat("B/link").st_mode));
    fixture_assert_text("A/dir/file", "file");
    assert_false(fixture_exists("A/link"));
}

static void test_hard_links(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_dir("A/d/sub", 0755);
    fixture_make_text("A/d/one", "text");
    assert_int_equal(link("A/d/one", "A/d/sub/two"), 0);
    assert_int_equal(link("A/d/one", "A/d/three"), 0);
    assert_int_equal(link("A/d/one", "A/outside"), 0);
    moving_succeeds("A/d", "B");
    assert_false(fixture_exists("A/d"));
    fixture_assert_text("A/outside", "text");
    assert_int_equal(fixture_stat("A/outside").st_nlink, 1);
    fixture_assert_text("B/d/sub/two", "text");
    assert_int_equal(fixture_stat("B/d/one").st_nlink, 3);
    assert_int_equal(fixture_stat("B/d/one").st_ino, fixture_stat("B/d/sub/two").st_ino);
    assert_int_equal(fixture_stat("B/d/one").st_ino, fixture_stat("B/d/three").st_ino);
}

/* Their names are removed by several workers at the same time. */
static void test_many_hard_links(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    for (int k = 0; k < 3; k++)
        fixture_make_dir(fixture_text("A/d/%d", k), 0755);
    for (int i = 0; i < 1000; i++) {
        const char *first = fixture_text("A/d/0/%d", i);
        fixture_make_text(first, "text");
        for (int k = 1; k < 3; k++)
            assert_int_equal(link(first, fixture_text("A/d/%d/%d", k, i)), 0);
    }
    moving_init(&moving);
    moving.options.jobs = 3;
    moving_run(&moving, "B", "A/d", NULL);
    assert_int_equal(moving.result, 0);
    assert_false(fixture_exists("A/d"));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(fixture_stat(fixture_text("B/d/%d/%d", i % 3, i)).st_nlink, 3);
}

static void test_many_operands(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        fixture_make_file(fixture_text("A/%d", i), 0644, 1000 * (unsigned)i, (unsigned)i);
    fixture_make_tree("A/5");
    fixture_make_tree("R");
    fixture_make_text("x", "x");
    moving_init(&moving);
    moving_run(&moving, "B", "A/0", "A/1", "A/2", "A/5", "A/3", "x", "A/4", NULL);
    assert_int_equal(moving.result, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fixture_size(fixture_text("B/%d", i)), 1000 * i);
    fixture_assert_copy("R", "B/5", 0);
    fixture_assert_text("B/x", "x");
    for (int i = 0; i < 6; i++)
        assert_false(fixture_exists(fixture_text("A/%d", i)));
    moving_assert_no_temporary_names("B");
}

/* Deeper than any path name. */
static void test_deep(void **state)
{
    enum { DEPTH = 1500 };
    static const char name[] = "a directory with a name of some length";
    (void)state;
    int fd = open("A", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < DEPTH; i++) {
        assert_int_equal(mkdirat(fd, i == 0 ? "deep" : name, 0755), 0);
        int below = openat(fd, i == 0 ? "deep" : name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(below >= 0);
        close(fd);
        fd = below;
    }
    close(openat(fd, "bottom", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    close(fd);
    moving_init(&moving);
    moving.options.open_directories = 16;
    moving_run(&moving, "B", "A/deep", NULL);
    assert_int_equal(moving.result, 0);
    assert_false(fixture_exists("A/deep"));
    assert_int_equal(moving.report.removed, DEPTH + 1);
    assert_int_equal(moving.report.copy.directories, DEPTH);
    assert_int_equal(moving.report.copy.files, 1);
}

/* ---- The runtime on demand ---- */

static unsigned calls;

static int64_t run_copy(int64_t (*copy)(void *move), void *move, void *argument)
{
    (void)argument;
    calls++;
    return copy(move);
}

static void test_runtime_on_demand(void **state)
{
    (void)state;
    fixture_make_text("A/x", "x");
    moving_init(&moving);
    moving.outside = true;
    moving.options.run_copy = run_copy;
    moving_run(&moving, "A/y", "A/x", NULL);
    assert_int_equal(moving.result, 0);
    assert_int_equal(calls, 0);
    assert_int_equal(moving.renamed, 1);
    moving_run(&moving, "B", "A/y", NULL);
    assert_int_equal(moving.result, 0);
    assert_int_equal(calls, 1);
    fixture_assert_text("B/y", "x");
}

/* ---- by a pool's workers ---- */

static int64_t move_by_pool(void *cancelled)
{
    const bool cancel = *(bool *)cancelled;
    struct tug_file_pool *pool;
    struct tug_file_request request;
    struct tug_move_report report;
    const char *from = "A/from";
    int error = tug_file_pool_create(&pool, NULL);
    if (error != 0)
        return error;
    tug_file_request_move(&request, NULL, &from, 1, "B/to", &report);
    int64_t result = tug_file_pool_submit(pool, &request);
    if (result == 0) {
        /* So that it is in the middle of it. */
        if (cancel && tug_sleep(TUG_MILLISECOND / 2) == 0)
            tug_file_request_cancel(&request);
        result = tug_file_request_wait(&request);
        if (result == 0 && (report.copied != 1 || report.renamed != 0))
            result = -EDOM;
    }
    error = tug_file_pool_shutdown(pool, NULL, NULL);
    tug_file_pool_destroy(pool);
    return error != 0 ? error : result;
}

static void test_by_a_pool(void **state)
{
    (void)state;
    fixture_make_tree("R");
    for (int i = 0; i < 2; i++) {
        bool cancel = i == 0;
        if (!fixture_exists("A/from"))
            fixture_make_tree("A/from");
        int64_t result = fixture_in_runtime(true, 0, move_by_pool, &cancel);
        if (result != 0)
            assert_int_equal(result, cancel ? -ECANCELED : 0);
        moving_assert_in_one_place("R", "A/from", "B/to");
        moving_assert_no_temporary_names("B");
        if (result != 0)
            continue;
        assert_false(fixture_exists("A/from"));
        if (cancel)
            fixture_remove("B/to");
    }
    fixture_assert_copy("R", "B/to", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TWO_SYSTEMS_TEST(test_tree),
        TWO_SYSTEMS_TEST(test_metadata),
        TWO_SYSTEMS_TEST(test_special_files),
        TWO_SYSTEMS_TEST(test_links_are_not_followed),
        TWO_SYSTEMS_TEST(test_hard_links),
        TWO_SYSTEMS_TEST(test_many_hard_links),
        TWO_SYSTEMS_TEST(test_many_operands),
        TWO_SYSTEMS_TEST(test_deep),
        TWO_SYSTEMS_TEST(test_runtime_on_demand),
        TWO_SYSTEMS_TEST(test_by_a_pool),
    };
    return cmocka_run_group_tests(tests, two_systems_prepare, NULL);
}

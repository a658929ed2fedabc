/* SPDX-License-Identifier: MIT */
/* Trees of all kinds come over: contents, types, names and permissions. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void test_everything(void **state)
{
    (void)state;
    fixture_make_tree("from");
    struct tug_copy_report report = fixture_copy_tree("from", "to");
    fixture_assert_copy("from", "to", FIXTURE_MODES);
    assert_int_equal(report.files, 20);
    assert_int_equal(report.directories, 5);
    assert_int_equal(report.links, 3);
    assert_int_equal(report.specials, 1);
    assert_int_equal(report.failures, 0);
}

static void test_everything_in_a_multi_thread_runtime(void **state)
{
    struct fixture_copy copy;
    (void)state;
    fixture_make_tree("from");
    fixture_copy_init(&copy);
    copy.multi_thread = true;
    copy.options.jobs = 8;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.jobs_wanted, 8);
    assert_in_range(copy.report.jobs_most, 1, 8);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
}

static void test_everything_outside_of_a_runtime(void **state)
{
    struct fixture_copy copy;
    (void)state;
    fixture_make_tree("from");
    fixture_copy_init(&copy);
    copy.outside = true;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.jobs_wanted, 1);
    assert_int_equal(copy.report.jobs_most, 1);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
}

static void test_the_bytes_are_counted(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_file("from/a", 0644, 1234, 1);
    fixture_make_file("from/b", 0644, 5 << 20, 2);
    struct tug_copy_report report = fixture_copy_tree("from", "to");
    assert_int_equal(report.bytes, 1234 + (5 << 20));
    assert_int_equal(report.files, 2);
}

/* Ranges are copied by several jobs, and the last one is not whole. */
static void test_a_large_file(void **state)
{
    struct fixture_copy copy;
    (void)state;
    fixture_make_file("from", 0640, ((uint64_t)40 << 20) + 12345, 3);
    fixture_copy_init(&copy);
    copy.options.jobs = 4;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.bytes, ((uint64_t)40 << 20) + 12345);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
}

static void test_many_files_in_one_directory(void **state)
{
    struct fixture_copy copy;
    (void)state;
    fixture_make_dir("from", 0755);
    for (unsigned i = 0; i < 3000; i++)
        fixture_make_file(fixture_text("from/a file with quite a long name %u", i), 0644, i % 50,
                          i);
    fixture_copy_init(&copy);
    copy.options.jobs = 4;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.files, 3000);
    assert_int_equal(copy.started, 3001);
    assert_int_equal(copy.finished, 3001);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
}

/* Holes stay holes, also at the end, and data between them arrives. */
static void test_sparse(void **state)
{
    struct stat from, to;
    (void)state;
    int fd = open("from", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(pwrite(fd, "data", 4, (off_t)i * 17000000), 4);
    assert_int_equal(ftruncate(fd, 100000000), 0);
    assert_int_equal(fstat(fd, &from), 0);
    assert_int_equal(close(fd), 0);
    if (from.st_blocks * 512 > 10000000)
        skip(); /* a file system without holes */
    fixture_copy_tree("from", "to");
    fixture_assert_copy("from", "to", FIXTURE_MODES);
    assert_int_equal(stat("to", &to), 0);
    assert_int_equal(to.st_size, 100000000);
    assert_true(to.st_blocks <= from.st_blocks + 64);
}

static void test_only_a_hole(void **state)
{
    struct stat to;
    (void)state;
    int fd = open("from", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    assert_int_equal(close(fd), 0);
    fixture_copy_tree("from", "to");
    assert_int_equal(stat("to", &to), 0);
    assert_int_equal(to.st_size, (off_t)1 << 40);
    assert_true(to.st_blocks * 512 < 1000000);
}

static void test_devices(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    if (mknod("from/null", S_IFCHR | 0600, makedev(1, 3)) != 0)
        skip(); /* only root may */
    assert_int_equal(mknod("from/loop", S_IFBLK | 0600, makedev(7, 200)), 0);
    assert_int_equal(mknod("from/socket", S_IFSOCK | 0600, 0), 0);
    assert_int_equal(chmod("from/null", 0666), 0);
    struct tug_copy_report report = fixture_copy_tree("from", "to");
    assert_int_equal(report.specials, 3);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
}

/* The set-group-ID bit of a directory comes from the directory it is made in. */
static void test_set_group_id_is_inherited(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_dir("from/sub", 02755);
    fixture_make_dir("plain", 0755);
    fixture_make_dir("set", 02755);
    fixture_copy_tree("from", "plain/to");
    assert_int_equal(fixture_mode("plain/to/sub"), 0755);
    fixture_copy_tree("from", "set/to");
    assert_int_equal(fixture_mode("set/to"), 02755);
    assert_int_equal(fixture_mode("set/to/sub"), 02755);
}

static void test_umask(void **state)
{
    struct fixture_copy copy;
    static const int masks[] = {0, 077, 0277, 0777};
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_dir("from/sub", 0777);
    fixture_make_file("from/sub/small", 0666, 10, 1);
    fixture_make_file("from/sub/large", 0666, 3 << 20, 1);
    for (unsigned i = 0; i < 4; i++) {
        const char *to = fixture_text("to%u", i);
        fixture_copy_init(&copy);
        /* The umask of the process, which is to be found out. */
        umask((mode_t)masks[i]);
        fixture_copy_run(&copy, to, "from", NULL);
        umask(022);
        assert_int_equal(copy.result, 0);
        mode_t kept = ~(mode_t)masks[i];
        assert_int_equal(fixture_mode(to), 0755 & kept);
        if (geteuid() != 0 && (kept & 0500) != 0500)
            continue;
        assert_int_equal(fixture_mode(fixture_text("%s/sub", to)), 0777 & kept);
        assert_int_equal(fixture_mode(fixture_text("%s/sub/small", to)), 0666 & kept);
        assert_int_equal(fixture_mode(fixture_text("%s/sub/large", to)), 0666 & kept);
    }
}

static void as_nobody_restricted(void)
{
    fixture_make_dir("mine", 0755);
    fixture_make_dir("mine/closed", 0755);
    fixture_make_dir("mine/closed/deeper", 0755);
    fixture_make_text("mine/closed/deeper/file", "in a directory that cannot be written to");
    assert_int_equal(chmod("mine/closed/deeper", 0555), 0);
    assert_int_equal(chmod("mine/closed", 0555), 0);
    fixture_copy_tree("mine", "copy");
    fixture_assert_copy("mine", "copy", FIXTURE_MODES);
}

/* Who is not root cannot create files in a directory of mode 0555, so it must get that last. */
static void test_read_only_directories(void **state)
{
    (void)state;
    fixture_run_as_nobody(as_nobody_restricted);
}

static void test_follow(void **state)
{
    struct fixture_copy copy;
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_dir("from/real", 0755);
    fixture_make_text("from/real/file", "text");
    fixture_make_link("real", "from/directory");
    fixture_make_link("real/file", "from/link");
    fixture_make_link("from", "operand");
    fixture_copy_init(&copy);
    copy.options.follow = TUG_COPY_FOLLOW_ALWAYS;
    fixture_copy_run(&copy, "all", "operand", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.links, 0);
    assert_int_equal(copy.report.files, 3);
    fixture_assert_copy("from/real", "all/directory", FIXTURE_MODES);
    fixture_assert_copy("from/real/file", "all/link", FIXTURE_MODES);
    copy.options.follow = TUG_COPY_FOLLOW_OPERANDS;
    fixture_copy_run(&copy, "first", "operand", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("from", "first", FIXTURE_MODES);
    copy.options.follow = TUG_COPY_FOLLOW_NEVER;
    fixture_copy_run(&copy, "none", "operand", NULL);
    assert_int_equal(copy.result, 0);
    char target[16] = "";
    assert_int_equal(readlink("none", target, sizeof(target)), 4);
    assert_string_equal(target, "from");
}

static void test_follow_into_a_loop(void **state)
{
    struct fixture_copy copy;
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_dir("from/sub", 0755);
    fixture_make_text("from/sub/file", "text");
    fixture_make_link("../..", "from/sub/loop");
    fixture_make_dir("out", 0755);
    fixture_copy_init(&copy);
    copy.options.follow = TUG_COPY_FOLLOW_ALWAYS;
    assert_int_equal(chdir("from"), 0);
    fixture_copy_run(&copy, "../out/to", "../from/sub", NULL);
    /* from/sub/loop is a directory above the operand: walked until it comes to the operand again,
     * or to the destination. */
    assert_int_equal(chdir(".."), 0);
    assert_true(copy.result < 0);
    assert_true(copy.failure_count > 0 && copy.failure_count < 10);
    fixture_assert_copy("from/sub/file", "out/to/file", FIXTURE_MODES);
}

static void test_measure(void **state)
{
    struct tug_copy_options options;
    struct tug_copy_report report;
    const char *sources[] = {"from", "missing"};
    (void)state;
    fixture_make_tree("from");
    tug_copy_options_init(&options);
    options.recursive = true;
    assert_int_equal(tug_copy_measure(&options, sources, 2, &report), 0);
    struct tug_copy_report copied = fixture_copy_tree("from", "to");
    assert_int_equal(report.files, copied.files);
    assert_int_equal(report.bytes, copied.bytes);
    assert_int_equal(report.directories, copied.directories);
    assert_int_equal(report.links, copied.links);
}

static void test_options_out_of_range(void **state)
{
    struct tug_copy_options options;
    const char *sources[] = {"a", "b"};
    (void)state;
    tug_copy_options_init(&options);
    assert_int_equal(tug_copy(&options, sources, 0, "to", NULL), -EINVAL);
    options.target = TUG_COPY_TARGET_EXACT;
    assert_int_equal(tug_copy(&options, sources, 2, "to", NULL), -EINVAL);
    tug_copy_options_init(&options);
    options.jobs = 1025;
    assert_int_equal(tug_copy(&options, sources, 1, "to", NULL), -EINVAL);
    tug_copy_options_init(&options);
    options.open_directories = 3;
    assert_int_equal(tug_copy(&options, sources, 1, "to", NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_everything),
        FIXTURE_TEST(test_everything_in_a_multi_thread_runtime),
        FIXTURE_TEST(test_everything_outside_of_a_runtime),
        FIXTURE_TEST(test_the_bytes_are_counted),
        FIXTURE_TEST(test_a_large_file),
        FIXTURE_TEST(test_many_files_in_one_directory),
        FIXTURE_TEST(test_sparse),
        FIXTURE_TEST(test_only_a_hole),
        FIXTURE_TEST(test_devices),
        FIXTURE_TEST(test_set_group_id_is_inherited),
        FIXTURE_TEST(test_umask),
        FIXTURE_TEST(test_read_only_directories),
        FIXTURE_TEST(test_follow),
        FIXTURE_TEST(test_follow_into_a_loop),
        FIXTURE_TEST(test_measure),
        FIXTURE_TEST(test_options_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

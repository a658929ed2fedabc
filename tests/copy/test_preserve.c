/* SPDX-License-Identifier: MIT */
/* What a copy keeps: modes, owners, times, extended attributes, access control lists. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attributes.h"
#include "fixture.h"

#define USUAL                                                                                      \
    ((unsigned)TUG_COPY_PRESERVE_MODE | (unsigned)TUG_COPY_PRESERVE_OWNERSHIP |                    \
     (unsigned)TUG_COPY_PRESERVE_TIMESTAMPS)
#define ALL (USUAL | (unsigned)TUG_COPY_PRESERVE_XATTR)

/* A copy with these bits; must succeed. */
static void copy_with(unsigned preserve, const char *source, const char *destination)
{
    struct fixture_copy copy;
    fixture_copy_init(&copy);
    copy.options.preserve = preserve;
    copy.options.target = TUG_COPY_TARGET_EXACT;
    copy.options.verify = preserve != 0;
    fixture_copy_run(&copy, destination, source, NULL);
    if (copy.failure_count > 0)
        fail_msg("step %d, error %d, %s", copy.failures[0].step, copy.failures[0].error,
                 copy.failures[0].source);
    assert_int_equal(copy.result, 0);
}

static void check_everything(void)
{
    attributes_make_tree("from");
    copy_with(ALL, "from", "to");
    attributes_assert_same("from", "to", ATTRIBUTES_ALL & ~(unsigned)ATTRIBUTES_LINKS);
}

static void test_everything(void **state)
{
    (void)state;
    check_everything();
}

static void test_everything_as_nobody(void **state)
{
    (void)state;
    fixture_run_as_nobody(check_everything);
}

/* A umask is for what is not said to be kept. */
static void test_umask(void **state)
{
    static const mode_t masks[] = {0, 077, 0777};
    (void)state;
    attributes_make_tree("from");
    for (unsigned i = 0; i < 3; i++) {
        umask(masks[i]);
        copy_with(ALL, "from", fixture_text("to%u", i));
        umask(022);
        attributes_assert_same("from", fixture_text("to%u", i),
                               ATTRIBUTES_ALL & ~(unsigned)ATTRIBUTES_LINKS);
    }
}

/* Each of them alone. */
static void test_one_by_one(void **state)
{
    static const struct {
        unsigned preserve, mask;
    } rows[] = {
        {TUG_COPY_PRESERVE_MODE, ATTRIBUTES_MODE},
        {TUG_COPY_PRESERVE_OWNERSHIP, ATTRIBUTES_OWNER},
        {TUG_COPY_PRESERVE_TIMESTAMPS, ATTRIBUTES_TIMES},
        {TUG_COPY_PRESERVE_XATTR, ATTRIBUTES_XATTR},
    };
    (void)state;
    attributes_make_tree("from");
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *to = fixture_text("to%u", i);
        copy_with(rows[i].preserve, "from", to);
        attributes_assert_same("from", to, rows[i].mask);
        if (rows[i].mask != ATTRIBUTES_MODE)
            fixture_assert_copy("from", to, FIXTURE_MODES);
        if (rows[i].mask != ATTRIBUTES_XATTR)
            assert_false(attributes_has_list(fixture_text("%s/attributes", to), false));
    }
}

/* A file that is new in a directory with a default list gets one, unless its mode is kept: then it
 * has what its source has. */
static void test_below_a_default_list(void **state)
{
    (void)state;
    if (!attributes_make_tree("from"))
        skip();
    fixture_make_dir("to", 0755);
    assert_true(attributes_set_list("to", true, 5555));
    copy_with(ALL, "from", "to/copy");
    attributes_assert_same("from", "to/copy", ATTRIBUTES_ALL & ~(unsigned)ATTRIBUTES_LINKS);
    copy_with(ALL, "from/old", "to/file");
    attributes_assert_same("from/old", "to/file", ATTRIBUTES_ALL);
    copy_with(0, "from/old", "to/plain");
    assert_true(attributes_has_list("to/plain", false));
}

/* Files in a set-group-ID directory belong to its group, unless their own is kept. */
static void test_below_a_set_group_id_directory(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    attributes_make_tree("from");
    fixture_make_dir("to", 0755);
    assert_int_equal(chown("to", 7, 8), 0);
    assert_int_equal(chmod("to", 02755), 0);
    copy_with(ALL, "from", "to/copy");
    attributes_assert_same("from", "to/copy", ATTRIBUTES_ALL & ~(unsigned)ATTRIBUTES_LINKS);
    copy_with(ALL, "from/old", "to/file");
    attributes_assert_same("from/old", "to/file", ATTRIBUTES_ALL);
}

/* What existed gets the attributes as well. */
static void test_over_existing(void **state)
{
    (void)state;
    attributes_make_tree("from");
    attributes_make_tree("to");
    assert_int_equal(chmod("to", 0700), 0);
    assert_int_equal(chmod("to/size1", 0666), 0);
    assert_int_equal(chmod("to/closed", 0700), 0);
    assert_int_equal(chmod("to/directory", 0300), 0);
    attributes_set_list("to/old", false, 99);
    attributes_set_list("to/sub", true, 99);
    if (geteuid() == 0) {
        assert_int_equal(chown("to/old", 11, 12), 0);
        assert_int_equal(chown("to/sub", 11, 12), 0);
        assert_int_equal(chown("to/size1", 11, 12), 0);
    }
    copy_with(ALL, "from", "to");
    attributes_assert_same("from", "to", ATTRIBUTES_ALL & ~(unsigned)ATTRIBUTES_LINKS);
}

/* The times of a directory are set after the last change in it, however the work is shared. */
static void test_times_of_large_directories(void **state)
{
    struct fixture_copy copy;
    (void)state;
    fixture_make_dir("from", 0755);
    for (unsigned i = 0; i < 40; i++) {
        fixture_make_dir(fixture_text("from/%u", i), 0755);
        for (unsigned k = 0; k < 40; k++)
            fixture_make_file(fixture_text("from/%u/%u", i, k), 0644, k == 39 ? 2000000 : 10, k);
        attributes_set_times(fixture_text("from/%u", i), 4000000000, 6, 7 + i, 8);
    }
    attributes_set_times("from", 4000000000, 2, 3, 4);
    fixture_copy_init(&copy);
    copy.options.jobs = 4;
    copy.options.preserve = ALL;
    copy.options.open_directories = 4;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    for (unsigned i = 0; i <= 40; i++) {
        struct stat stat_;
        assert_int_equal(stat(i < 40 ? fixture_text("to/%u", i) : "to", &stat_), 0);
        assert_int_equal(stat_.st_mtim.tv_sec, i < 40 ? 7 + i : 3);
        assert_int_equal(stat_.st_atim.tv_sec, 4000000000);
    }
    attributes_assert_same("from", "to", ATTRIBUTES_MODE | ATTRIBUTES_OWNER | ATTRIBUTES_XATTR);
}

/* Who may not give files away keeps the times and what the mode means without the owner. */
static void as_nobody_foreign(void)
{
    struct stat source, copy;
    copy_with(ALL, "foreign", "mine");
    assert_int_equal(stat("foreign", &source), 0);
    assert_int_equal(stat("mine", &copy), 0);
    assert_int_equal(copy.st_mtim.tv_nsec, source.st_mtim.tv_nsec);
    assert_int_equal(copy.st_mode & 07777, 0755);
    assert_int_equal(copy.st_uid, geteuid());
}

static void test_files_of_others(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    fixture_make_file("foreign", 0755, 10, 1);
    assert_int_equal(chown("foreign", 1, 2), 0);
    assert_int_equal(chmod("foreign", 06755), 0);
    attributes_set_times("foreign", 1, 2, 3, 4);
    fixture_run_as_nobody(as_nobody_foreign);
}

static void test_default_modes(void **state)
{
    struct fixture_copy copy;
    (void)state;
    fixture_make_dir("from", 0700);
    fixture_make_file("from/small", 0400, 10, 1);
    fixture_make_file("from/large", 0755, 3 << 20, 1);
    fixture_make_fifo("from/fifo", 0600);
    fixture_copy_init(&copy);
    copy.options.default_modes = true;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(fixture_mode("to"), 0755);
    assert_int_equal(fixture_mode("to/small"), 0644);
    assert_int_equal(fixture_mode("to/large"), 0644);
    assert_int_equal(fixture_mode("to/fifo"), 0644);
}

/* With FOLLOW_ALWAYS a link to a FIFO is the FIFO, with its access control list. */
static void test_a_followed_link_to_a_fifo(void **state)
{
    struct fixture_copy copy;
    struct stat stat_;
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_fifo("fifo", 0640);
    bool listed = attributes_set_list("fifo", false, 4444);
    attributes_set_times("fifo", 1, 2, 3, 4);
    fixture_make_link("../fifo", "from/link");
    fixture_copy_init(&copy);
    copy.options.follow = TUG_COPY_FOLLOW_ALWAYS;
    copy.options.preserve = ALL;
    copy.options.verify = true;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(lstat("to/link", &stat_), 0);
    assert_true(S_ISFIFO(stat_.st_mode));
    assert_int_equal(stat_.st_mode & 07777, listed ? 0751 : 0640);
    assert_int_equal(stat_.st_mtim.tv_sec, 3);
    assert_int_equal(attributes_has_list("to/link", false), listed);
}

/* A device that is written to keeps its own. */
static void test_into_a_device(void **state)
{
    struct stat before, after;
    (void)state;
    fixture_make_file("from", 0640, 10, 1);
    assert_int_equal(stat("/dev/null", &before), 0);
    struct fixture_copy copy;
    fixture_copy_init(&copy);
    copy.options.preserve = ALL;
    fixture_copy_run(&copy, "/dev/null", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(stat("/dev/null", &after), 0);
    assert_int_equal(after.st_mode, before.st_mode);
    assert_int_equal(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
}

static void test_options_out_of_range(void **state)
{
    struct tug_copy_options options;
    const char *sources[] = {"a"};
    (void)state;
    tug_copy_options_init(&options);
    options.preserve = 1u << 20;
    assert_int_equal(tug_copy(&options, sources, 1, "b", NULL), -EINVAL);
    options.preserve = TUG_COPY_PRESERVE_MODE;
    options.default_modes = true;
    assert_int_equal(tug_copy(&options, sources, 1, "b", NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_everything),
        FIXTURE_TEST(test_everything_as_nobody),
        FIXTURE_TEST(test_umask),
        FIXTURE_TEST(test_one_by_one),
        FIXTURE_TEST(test_below_a_default_list),
        FIXTURE_TEST(test_below_a_set_group_id_directory),
        FIXTURE_TEST(test_over_existing),
        FIXTURE_TEST(test_times_of_large_directories),
        FIXTURE_TEST(test_files_of_others),
        FIXTURE_TEST(test_default_modes),
        FIXTURE_TEST(test_a_followed_link_to_a_fifo),
        FIXTURE_TEST(test_into_a_device),
        FIXTURE_TEST(test_options_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

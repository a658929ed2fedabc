/* SPDX-License-Identifier: MIT */
/* Verification finds whatever became of the destination after it was written, and nothing else. */
#include "attributes.h"
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct fixture_copy copy;

static int enter(void **state)
{
    fixture_copy_init(&copy);
    copy.options.verify = true;
    return fixture_enter(state);
}

static void test_equal(void **state)
{
    (void)state;
    fixture_make_tree("from");
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.failures, 0);
    assert_int_equal(copy.report.verified_files, copy.report.files);
    assert_int_equal(copy.report.verified_bytes, copy.report.bytes);
    assert_int_equal(copy.report.phase, TUG_COPY_PHASE_VERIFY);
}

/* The umask, the permissions of what existed, and links that were written through are no
 * differences. */
static void test_existing(void **state)
{
    (void)state;
    fixture_make_tree("from");
    fixture_make_dir("to", 0700);
    fixture_make_dir("to/from", 0700);
    fixture_make_dir("to/from/sub", 0700);
    fixture_make_file("to/from/size1", 0600, 5, 1);
    fixture_make_file("elsewhere", 0600, 5, 1);
    fixture_make_link("../../elsewhere", "to/from/size2");
    fixture_make_text("to/from/of the destination only", "text");
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("from/size2", "elsewhere", 0);
}

/* ---- Changed behind the engine's back ---- */

static void (*spoil)(void);
static const char *spoiled;

static void spoil_when_finished(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    if (event->kind == TUG_COPY_FINISHED && strcmp(event->destination, spoiled) == 0)
        spoil();
}

static void change_a_byte(void)
{
    int fd = open(spoiled, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "\0", 1, 4000), 1);
    close(fd);
}

static void append_a_byte(void)
{
    int fd = open(spoiled, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static void cut(void)
{
    assert_int_equal(truncate(spoiled, 10), 0);
}

static void remove_it(void)
{
    assert_int_equal(unlink(spoiled), 0);
}

static void change_permissions(void)
{
    assert_int_equal(chmod(spoiled, 0640), 0);
}

static void turn_into_a_directory(void)
{
    assert_int_equal(unlink(spoiled), 0);
    fixture_make_dir(spoiled, 0755);
}

static void change_target(void)
{
    assert_int_equal(unlink(spoiled), 0);
    fixture_make_link("other", spoiled);
}

static void turn_into_a_file(void)
{
    assert_int_equal(rmdir(spoiled), 0);
    fixture_make_text(spoiled, "text");
}

/* ---- What was to be kept ---- */

static void change_a_byte_in_secret(void)
{
    struct stat stat;
    assert_int_equal(lstat(spoiled, &stat), 0);
    int fd = open(spoiled, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "\0", 1, 5), 1);
    const struct timespec times[2] = {stat.st_atim, stat.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static void change_time(void)
{
    struct stat stat;
    assert_int_equal(lstat(spoiled, &stat), 0);
    attributes_set_times(spoiled, 1, 2, stat.st_mtim.tv_sec, stat.st_mtim.tv_nsec ^ 1);
}

static void change_time_of_access(void)
{
    struct stat stat;
    assert_int_equal(lstat(spoiled, &stat), 0);
    attributes_set_times(spoiled, 1, 2, stat.st_mtim.tv_sec, stat.st_mtim.tv_nsec);
}

static void change_owner(void)
{
    assert_int_equal(lchown(spoiled, 77, (gid_t)-1), 0);
}

static void change_group(void)
{
    assert_int_equal(lchown(spoiled, (uid_t)-1, 77), 0);
}

static void add_attribute(void)
{
    assert_true(attributes_set(spoiled, "user.new", "1"));
}

static void change_attribute(void)
{
    assert_true(attributes_set(spoiled, "user.one", "2"));
}

static void remove_attribute(void)
{
    /* Where it was not to be kept there is none. */
    (void)!removexattr(spoiled, "user.one");
}

/* The bits that stat(2) shows stay as they are. */
static void change_list(void)
{
    assert_true(attributes_set_list(spoiled, false, 5555));
}

static void change_default_list(void)
{
    assert_true(attributes_set_list(spoiled, true, 5555));
}

/* It becomes a file of its own, with everything else the same. */
static void unlink_from_others(void)
{
    assert_int_equal(system(fixture_text("cp -a '%s' '%s.new' && mv '%s.new' '%s'", spoiled,
                                         spoiled, spoiled, spoiled)),
                     0);
}

static void link_to_another(void)
{
    assert_int_equal(unlink(spoiled), 0);
    assert_int_equal(link("to/twin", spoiled), 0);
}

static void change_device(void)
{
    struct stat stat;
    assert_int_equal(lstat(spoiled, &stat), 0);
    assert_int_equal(unlink(spoiled), 0);
    assert_int_equal(mknod(spoiled, stat.st_mode, makedev(1, 5)), 0);
    assert_int_equal(lchown(spoiled, stat.st_uid, stat.st_gid), 0);
    assert_int_equal(chmod(spoiled, stat.st_mode & 07777), 0);
    attributes_set_times(spoiled, 1, 2, stat.st_mtim.tv_sec, stat.st_mtim.tv_nsec);
}

static const struct {
    const char *destination;
    void (*spoil)(void);
    unsigned without; /* of what is kept: then it is no difference */
    enum tug_copy_step step;
    bool root;
} promises[] = {
    {"to/attributes", change_a_byte_in_secret, 0, TUG_COPY_STEP_VERIFY_CONTENT, false},
    {"to/size5", change_time, TUG_COPY_PRESERVE_TIMESTAMPS, TUG_COPY_STEP_VERIFY_TIME, false},
    {"to/link", change_time, TUG_COPY_PRESERVE_TIMESTAMPS, TUG_COPY_STEP_VERIFY_TIME, false},
    {"to/directory", change_time, TUG_COPY_PRESERVE_TIMESTAMPS, TUG_COPY_STEP_VERIFY_TIME, false},
    {"to", change_time, TUG_COPY_PRESERVE_TIMESTAMPS, TUG_COPY_STEP_VERIFY_TIME, false},
    {"to/size5", change_time_of_access, 0, TUG_COPY_STEP_NONE, false},
    {"to/size5", change_owner, TUG_COPY_PRESERVE_OWNERSHIP, TUG_COPY_STEP_VERIFY_OWNER, true},
    {"to/size5", change_group, TUG_COPY_PRESERVE_OWNERSHIP, TUG_COPY_STEP_VERIFY_OWNER, true},
    {"to/link", change_owner, TUG_COPY_PRESERVE_OWNERSHIP, TUG_COPY_STEP_VERIFY_OWNER, true},
    {"to/directory", change_group, TUG_COPY_PRESERVE_OWNERSHIP, TUG_COPY_STEP_VERIFY_OWNER, true},
    {"to/attributes", change_attribute, TUG_COPY_PRESERVE_XATTR, TUG_COPY_STEP_VERIFY_XATTR, false},
    {"to/attributes", remove_attribute, TUG_COPY_PRESERVE_XATTR, TUG_COPY_STEP_VERIFY_XATTR, false},
    {"to/attributes", add_attribute, 0, TUG_COPY_STEP_NONE, false},
    {"to/list", change_list, TUG_COPY_PRESERVE_MODE, TUG_COPY_STEP_VERIFY_XATTR, false},
    {"to/directory", change_list, TUG_COPY_PRESERVE_MODE, TUG_COPY_STEP_VERIFY_XATTR, false},
    {"to/directory", change_default_list, TUG_COPY_PRESERVE_MODE, TUG_COPY_STEP_VERIFY_XATTR,
     false},
    {"to/size7", change_permissions, 0, TUG_COPY_STEP_VERIFY_MODE, false},
    {"to/directory", change_permissions, 0, TUG_COPY_STEP_VERIFY_MODE, false},
    {"to/null", change_device, 0, TUG_COPY_STEP_VERIFY_CONTENT, true},
    {"to/directory/second", unlink_from_others, TUG_COPY_PRESERVE_LINKS, TUG_COPY_STEP_VERIFY_LINKS,
     false},
    {"to/twin too", link_to_another, TUG_COPY_PRESERVE_LINKS, TUG_COPY_STEP_VERIFY_LINKS, false},
};

static char spoiled_attribute[64];
static unsigned entries; /* that there are to be copied */

static void spoil_when_all_is_there(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    if (event->attribute != NULL)
        snprintf(spoiled_attribute, sizeof(spoiled_attribute), "%s", event->attribute);
    if (event->kind != TUG_COPY_FINISHED || spoil == NULL || copy.finished + 1 < entries)
        return;
    spoil();
    spoil = NULL;
}

/* Runs it with everything kept but what is in `without`. */
static void keep_and_spoil(unsigned i, unsigned without)
{
    copy.options.preserve = TUG_COPY_PRESERVE_ALL & ~without;
    spoil = promises[i].spoil;
    spoiled = promises[i].destination;
    spoiled_attribute[0] = '\0';
    assert_int_equal(system("rm -rf to"), 0);
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_null(spoil);
}

/* The directory that it is in may have changed, too; and of two names of one file either is told.
 */
static bool is_told(unsigned i)
{
    for (unsigned k = 0; k < copy.failure_count && k < 16; k++)
        if (copy.failures[k].step == promises[i].step &&
            (promises[i].step == TUG_COPY_STEP_VERIFY_LINKS ||
             strcmp(copy.failures[k].destination, spoiled) == 0))
            return true;
    return false;
}

static void test_what_was_kept(void **state)
{
    (void)state;
    if (!attributes_make_tree("from"))
        skip();
    fixture_make_text("from/twin", "twin");
    fixture_make_text("from/twin too", "twin");
    assert_int_equal(system("touch -r from/twin 'from/twin too'"), 0);
    copy.options.preserve = TUG_COPY_PRESERVE_ALL;
    copy.options.tolerate = TUG_COPY_PRESERVE_CONTEXT;
    fixture_copy_run(&copy, "whole", "from", NULL);
    assert_int_equal(copy.result, 0);
    entries = copy.finished;
    copy.on_event = spoil_when_all_is_there;
    copy.options.target = TUG_COPY_TARGET_EXACT;
    for (unsigned i = 0; i < sizeof(promises) / sizeof(promises[0]); i++) {
        if (promises[i].root && geteuid() != 0)
            continue;
        keep_and_spoil(i, 0);
        if (promises[i].step == TUG_COPY_STEP_NONE) {
            assert_int_equal(copy.failure_count, 0);
            continue;
        }
        if (!is_told(i))
            fail_msg("%u: %s is not told, but %u others", i, spoiled, copy.failure_count);
        assert_int_equal(copy.result, -EIO);
        if (promises[i].step == TUG_COPY_STEP_VERIFY_XATTR)
            assert_true(spoiled_attribute[0] != '\0');
        if (promises[i].without == 0)
            continue;
        keep_and_spoil(i, promises[i].without);
        if (is_told(i))
            fail_msg("%u: %s is told, though it was not to be kept", i, spoiled);
    }
}

/* ---- Directories above an operand ---- */

/* Verification of the file finds that it has changed; by then the directory has its attributes. */
static void spoil_both(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    if (event->kind == TUG_COPY_FINISHED) {
        spoiled = "to/from/sub/file";
        change_a_byte_in_secret();
    } else if (event->kind == TUG_COPY_FAILED && event->step == TUG_COPY_STEP_VERIFY_CONTENT) {
        spoiled = "to/from";
        spoil();
    }
}

static void test_parents(void **state)
{
    static const struct {
        void (*spoil)(void);
        enum tug_copy_step step;
    } cases[] = {
        {change_time, TUG_COPY_STEP_VERIFY_TIME},
        {change_permissions, TUG_COPY_STEP_VERIFY_MODE},
    };
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_dir("from/sub", 0700);
    fixture_make_file("from/sub/file", 0644, 5000, 1);
    fixture_make_dir("to", 0755);
    copy.options.parents = true;
    copy.options.preserve = TUG_COPY_PRESERVE_ALL;
    copy.options.tolerate = TUG_COPY_PRESERVE_CONTEXT;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        copy.on_event = NULL;
        fixture_copy_run(&copy, "to", "from/sub/file", NULL);
        assert_int_equal(copy.result, 0);
        assert_int_equal(system("rm -rf to/from"), 0);
        copy.on_event = spoil_both;
        spoil = cases[i].spoil;
        fixture_copy_run(&copy, "to", "from/sub/file", NULL);
        assert_int_equal(copy.failure_count, 2);
        assert_int_equal(copy.failures[0].step, TUG_COPY_STEP_VERIFY_CONTENT);
        assert_int_equal(copy.failures[1].step, cases[i].step);
        assert_int_equal(system("rm -rf to/from"), 0);
    }
}

/* Every option alone, on its own: nothing is told of what is as it should be. */
static void keep_one_by_one(void)
{
    char name[32];
    copy.options.tolerate = TUG_COPY_PRESERVE_CONTEXT | TUG_COPY_PRESERVE_XATTR;
    for (unsigned i = 0; i <= 64; i++) {
        snprintf(name, sizeof(name), "kept%u", i);
        copy.options.preserve = i < 64 ? i : TUG_COPY_PRESERVE_ALL;
        copy.options.follow = i == 64 ? TUG_COPY_FOLLOW_ALWAYS : TUG_COPY_FOLLOW_NEVER;
        copy.options.target = TUG_COPY_TARGET_EXACT;
        fixture_copy_run(&copy, name, "from", NULL);
        for (unsigned k = 0; k < copy.failure_count && k < 16; k++)
            if (copy.failures[k].step >= TUG_COPY_STEP_VERIFY_MISSING)
                fail_msg("%x: step %d, %s", i, copy.failures[k].step, copy.failures[k].source);
        /* And again, over what is there. */
        fixture_copy_run(&copy, name, "from", NULL);
        for (unsigned k = 0; k < copy.failure_count && k < 16; k++)
            if (copy.failures[k].step >= TUG_COPY_STEP_VERIFY_MISSING)
                fail_msg("%x again: step %d, %s", i, copy.failures[k].step,
                         copy.failures[k].source);
    }
}

static void test_kept_one_by_one(void **state)
{
    (void)state;
    attributes_make_tree("from");
    assert_int_equal(system("find from -name '*dangling*' -delete; find from -type l -delete"), 0);
    keep_one_by_one();
}

static void test_kept_one_by_one_as_nobody(void **state)
{
    (void)state;
    attributes_make_tree("from");
    assert_int_equal(system("find from -type l -delete"), 0);
    fixture_run_as_nobody(keep_one_by_one);
}

/* What two sources were merged into cannot be like both. */
static void test_merged(void **state)
{
    (void)state;
    fixture_make_dir("a", 0755);
    fixture_make_dir("a/d", 0711);
    fixture_make_dir("b", 0755);
    fixture_make_dir("b/d", 0750);
    fixture_make_dir("to", 0755);
    fixture_make_text("a/d/x", "x");
    fixture_make_text("b/d/y", "y");
    attributes_set_times("a/d", 1, 2, 3, 4);
    attributes_set_times("b/d", 5, 6, 7, 8);
    copy.options.preserve = TUG_COPY_PRESERVE_MODE | TUG_COPY_PRESERVE_TIMESTAMPS;
    fixture_copy_run(&copy, "to", "a/d", "b/d", NULL);
    assert_int_equal(copy.failure_count, 0);
    assert_int_equal(fixture_mode("to/d"), 0750);
}

/* What was left alone, or has other contents on purpose, is no difference. */
static void test_left_alone(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_file("from/file", 0644, 1000, 1);
    fixture_make_fifo("from/fifo", 0644);
    fixture_make_dir("to", 0755);
    fixture_make_file("to/file", 0600, 1000, 1);
    copy.options.target = TUG_COPY_TARGET_EXACT;
    copy.options.checksum = true;
    copy.options.preserve = TUG_COPY_PRESERVE_MODE | TUG_COPY_PRESERVE_TIMESTAMPS;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.failure_count, 0);
    assert_int_equal(copy.report.skipped, 1);
    copy.options.checksum = false;
    copy.options.make = TUG_COPY_MAKE_ATTRIBUTES_ONLY;
    fixture_make_file("from/other", 0644, 1000, 1);
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.failure_count, 0);
    assert_int_equal(fixture_size("to/other"), 0);
    copy.options.make = TUG_COPY_MAKE_CONTENTS;
    copy.options.existing = TUG_COPY_EXISTING_REFUSE;
    fixture_copy_run(&copy, "to", "from", NULL);
    for (unsigned i = 0; i < copy.failure_count; i++)
        assert_int_equal(copy.failures[i].step, TUG_COPY_STEP_REFUSED);
}

/* Links to the source have its permissions, whatever the umask. */
static void test_links_to_the_source(void **state)
{
    (void)state;
    fixture_make_tree("from");
    copy.options.make = TUG_COPY_MAKE_HARD_LINK;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.failure_count, 0);
    copy.options.make = TUG_COPY_MAKE_SYMBOLIC_LINK;
    copy.options.recursive = false;
    fixture_copy_run(&copy, "link", "from/mode 666", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.failure_count, 0);
}

/* ---- All kinds ---- */

static const struct {
    const char *destination;
    void (*spoil)(void);
    enum tug_copy_step step;
    int error;
} cases[] = {
    {"to/size5", change_a_byte, TUG_COPY_STEP_VERIFY_CONTENT, 0},
    {"to/sub/set/file", change_a_byte, TUG_COPY_STEP_VERIFY_CONTENT, 0},
    {"to/size5", append_a_byte, TUG_COPY_STEP_VERIFY_CONTENT, 0},
    {"to/size5", cut, TUG_COPY_STEP_VERIFY_CONTENT, 0},
    {"to/size5", remove_it, TUG_COPY_STEP_VERIFY_MISSING, -ENOENT},
    {"to/size5", change_permissions, TUG_COPY_STEP_VERIFY_MODE, 0},
    {"to/-r", change_permissions, TUG_COPY_STEP_VERIFY_MODE, 0},
    {"to/size5", turn_into_a_directory, TUG_COPY_STEP_VERIFY_TYPE, 0},
    {"to/link", change_target, TUG_COPY_STEP_VERIFY_CONTENT, 0},
    {"to/sub/fifo", turn_into_a_directory, TUG_COPY_STEP_VERIFY_TYPE, 0},
    {"to/sub/fifo", change_permissions, TUG_COPY_STEP_VERIFY_MODE, 0},
    {"to/sub/empty", turn_into_a_file, TUG_COPY_STEP_VERIFY_TYPE, 0},
};

static void test_spoiled(void **state)
{
    (void)state;
    fixture_make_tree("from");
    copy.on_event = spoil_when_finished;
    copy.options.target = TUG_COPY_TARGET_EXACT;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        spoil = cases[i].spoil;
        spoiled = cases[i].destination;
        fixture_copy_run(&copy, "to", "from", NULL);
        assert_int_equal(copy.failure_count, 1);
        assert_int_equal(copy.failures[0].step, cases[i].step);
        assert_int_equal(copy.failures[0].error, cases[i].error);
        assert_string_equal(copy.failures[0].destination, spoiled);
        assert_true(copy.result < 0);
        assert_int_equal(rename("to", fixture_text("spoiled%u", i)), 0);
    }
}

/* A default list decides about the modes of new files in the place of the umask, also where the
 * directory is only a part of the name of the copy. */
static void test_below_a_default_list(void **state)
{
    static const char *const names[] = {"list/file", "./list//file", "list/tree/", "file"};
    (void)state;
    fixture_make_tree("from");
    fixture_make_dir("list", 0755);
    if (!attributes_set_list("list", true, 1111))
        skip();
    copy.options.target = TUG_COPY_TARGET_EXACT;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (i == 3)
            assert_int_equal(chdir("list"), 0);
        fixture_copy_run(&copy, names[i],
                         i == 2   ? "from"
                         : i == 3 ? "../from/mode 666"
                                  : "from/mode 666",
                         NULL);
        if (i == 3)
            assert_int_equal(chdir(".."), 0);
        assert_int_equal(copy.failure_count, 0);
        assert_int_equal(copy.result, 0);
        if (i != 2)
            assert_int_equal(unlink("list/file"), 0);
    }
}

/* What could not be copied is reported once, not twice. */
static void as_nobody(void)
{
    fixture_make_dir("mine", 0755);
    fixture_make_file("mine/closed", 0000, 100, 2);
    fixture_make_file("mine/open", 0644, 100, 2);
    fixture_copy_run(&copy, "to", "mine", NULL);
    assert_int_equal(copy.report.verified_files, 1);
    fixture_assert_failure(&copy, TUG_COPY_STEP_OPEN, -EACCES, "mine/closed");
}

static void test_what_was_not_copied(void **state)
{
    (void)state;
    fixture_run_as_nobody(as_nobody);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, fixture_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_equal),
        TEST(test_existing),
        TEST(test_spoiled),
        TEST(test_what_was_kept),
        TEST(test_parents),
        TEST(test_kept_one_by_one),
        TEST(test_kept_one_by_one_as_nobody),
        TEST(test_merged),
        TEST(test_left_alone),
        TEST(test_links_to_the_source),
        TEST(test_below_a_default_list),
        TEST(test_what_was_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

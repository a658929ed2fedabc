/* SPDX-License-Identifier: MIT */
/* Files that have the contents of their source already are left alone, and no others. */
#include "fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fixture_copy copy;

static int enter(void **state)
{
    fixture_copy_init(&copy);
    copy.options.checksum = true;
    copy.options.target = TUG_COPY_TARGET_EXACT;
    return fixture_enter(state);
}

static time_t modified(const char *path)
{
    struct stat stat;
    assert_int_equal(lstat(path, &stat), 0);
    return stat.st_mtime;
}

static void test_equal_files_are_left_alone(void **state)
{
    (void)state;
    fixture_make_tree("from");
    assert_int_equal(system("cp -r from to && touch -d 2001-01-01 to/size*"), 0);
    time_t before = modified("to/size5");
    /* One byte, at the end of the largest; one file is missing, one is longer, one is empty. */
    assert_int_equal(system("printf x | dd of=to/size7 bs=1 seek=1048576 conv=notrunc 2>/dev/null;"
                            " rm to/size4; printf x >>to/size3; : >to/size6"),
                     0);
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("from", "to", 0);
    assert_int_equal(modified("to/size5"), before);
    assert_true(modified("to/size7") != before);
    /* sub/hard is another name of size3. */
    assert_int_equal(copy.report.files, 4);
    assert_int_equal(copy.report.skipped, 16);
}

static void test_the_same_file(void **state)
{
    (void)state;
    fixture_make_text("from", "text");
    assert_int_equal(link("from", "to"), 0);
    fixture_copy_run(&copy, "to", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_SAME_FILE, 0, "from");
}

/* What cannot be compared is copied, or fails as it would without. */
static void test_in_the_way(void **state)
{
    (void)state;
    fixture_make_text("from", "text");
    fixture_make_dir("to", 0755);
    fixture_copy_run(&copy, "to", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_OVER_DIRECTORY, 0, "from");
    assert_int_equal(rmdir("to"), 0);
    fixture_make_text("other", "text");
    fixture_make_link("other", "to");
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.skipped, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, fixture_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_equal_files_are_left_alone),
        TEST(test_the_same_file),
        TEST(test_in_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * A copy that goes on, together with options that decide about what exists: they do so about files
 * that are complete, and nothing unfinished has a final name.
 */
#include "resuming.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/fault.h"

#if TUG_FAULT_INJECTION

static unsigned asked;
static bool answer;

static bool ask(const char *path, unsigned mode, bool writable, void *argument)
{
    (void)mode;
    (void)writable;
    (void)argument;
    assert_string_equal(path, "to");
    asked++;
    return answer;
}

static void expect_left_alone(const char *text)
{
    resuming_run();
    assert_int_equal(resuming.result, 0);
    assert_int_equal(resuming.report.skipped, 1);
    assert_int_equal(resuming.report.bytes, 0);
    fixture_assert_text("to", text);
    assert_int_equal(system("test -z \"$(find . -name '.*tug-*')\""), 0);
}

/* For a file that is continued within, and one that is not. */
static const uint64_t sizes[] = {40 * MIB + 7, 5000, MIB + MIB / 2};

static void test_with_update(void **state)
{
    (void)state;
    resuming.options.update = true;
    for (unsigned i = 0; i < 3; i++) {
        fixture_make_file("from", 0644, sizes[i], 1);
        fixture_set_times("from", 1, 1000);
        fixture_make_text("to", "newer");
        expect_left_alone("newer");
        fixture_set_times("to", 1, 999);
        resuming_run();
        resuming_expect(sizes[i], 0);
        resuming_run();
        resuming_expect(0, sizes[i]);
        /* The same time and another size: it is not complete. */
        assert_int_equal(truncate("to", 10), 0);
        fixture_set_times("to", 1, 1000);
        resuming_run();
        resuming_expect(sizes[i], 0);
    }
    resuming_make_large();
    assert_int_equal(unlink("to"), 0);
    resuming_interrupt(20 * MIB);
    resuming_run();
    resuming_expect(24 * MIB + 7, 16 * MIB);
}

static void test_with_questions(void **state)
{
    (void)state;
    resuming.options.ask = ask;
    for (unsigned i = 0; i < 3; i++) {
        fixture_make_file("from", 0644, sizes[i], 1);
        fixture_make_text("to", "old");
        asked = 0;
        answer = false;
        expect_left_alone("old");
        answer = true;
        resuming_run();
        resuming_expect(sizes[i], 0);
        assert_int_equal(asked, 2);
        resuming_run();
        resuming_expect(0, sizes[i]);
        assert_int_equal(asked, 2);
    }
    /* It is asked again about what is there, and goes on then. */
    resuming_make_large();
    fixture_make_text("to", "old");
    resuming_interrupt_over("old");
    assert_int_equal(asked, 3);
    resuming_run();
    resuming_expect(24 * MIB + 7, 16 * MIB);
    assert_int_equal(asked, 4);
    assert_int_equal(unlink("to"), 0);
    resuming_interrupt(20 * MIB);
    resuming_run();
    resuming_expect(24 * MIB + 7, 16 * MIB);
    assert_int_equal(asked, 4);
}

static void test_with_backups(void **state)
{
    (void)state;
    resuming.options.backup = TUG_BACKUP_SIMPLE;
    for (unsigned i = 0; i < 3; i++) {
        fixture_make_file("from", 0644, sizes[i], 1);
        fixture_make_text("to", "old");
        resuming_run();
        resuming_expect(sizes[i], 0);
        fixture_assert_text("to~", "old");
        assert_int_equal(unlink("to~"), 0);
        resuming_run();
        resuming_expect(0, sizes[i]);
        assert_false(fixture_exists("to~"));
    }
    /* What was interrupted has not taken the place of anything. */
    resuming_make_large();
    fixture_make_text("to", "old");
    resuming_interrupt_over("old");
    assert_false(fixture_exists("to~"));
    resuming_run();
    resuming_expect(24 * MIB + 7, 16 * MIB);
    fixture_assert_text("to~", "old");
    /* A link is given the name of the backup, too. */
    assert_int_equal(unlink("to"), 0);
    fixture_make_link("to~", "to");
    resuming_run();
    resuming_expect(40 * MIB + 7, 0);
    assert_int_equal(system("test -L to~"), 0);
}

/* The name comes back if the part cannot get it. */
static void test_backups_that_fail(void **state)
{
    (void)state;
    resuming.options.backup = TUG_BACKUP_SIMPLE;
    for (unsigned i = 0; i < 3; i++) {
        fixture_make_file("from", 0644, sizes[i], 1);
        fixture_make_text("to", "old");
        assert_int_equal(tug_fault_fail("renameat2", 2, 1, EIO), 0);
        resuming_run();
        tug_fault_reset();
        fixture_assert_failure(&resuming, TUG_COPY_STEP_CREATE, -EIO, "from");
        fixture_assert_text("to", "old");
        assert_false(fixture_exists("to~"));
        resuming_run();
        assert_int_equal(resuming.result, 0);
        fixture_assert_text("to~", "old");
    }
}

static void test_keeping(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        resuming.options.existing = TUG_COPY_EXISTING_KEEP;
        fixture_make_file("from", 0644, sizes[i], 1);
        fixture_make_text("to", "old");
        expect_left_alone("old");
        resuming.options.existing = TUG_COPY_EXISTING_REFUSE;
        resuming_run();
        fixture_assert_failure(&resuming, TUG_COPY_STEP_REFUSED, 0, "from");
        resuming.options.existing = TUG_COPY_EXISTING_KEEP;
        assert_int_equal(unlink("to"), 0);
        resuming_run();
        resuming_expect(sizes[i], 0);
        resuming_run();
        resuming_expect(0, sizes[i]);
    }
    resuming_make_large();
    assert_int_equal(unlink("to"), 0);
    resuming_interrupt(20 * MIB);
    resuming_run();
    resuming_expect(24 * MIB + 7, 16 * MIB);
}

/* While it is written, a file does not have its name: were the process killed now, the next copy
 * would take it for one that was there. */
static void look_for_it(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    if (event->kind == TUG_COPY_BYTES && fixture_exists("to"))
        asked++;
}

static void test_unfinished_files_have_no_name(void **state)
{
    (void)state;
    resuming.on_event = look_for_it;
    resuming.options.events |= TUG_COPY_BYTES;
    resuming.options.existing = TUG_COPY_EXISTING_KEEP;
    for (unsigned i = 0; i < 3; i++) {
        asked = 0;
        unlink("to");
        fixture_make_file("from", 0644, sizes[i], 1);
        fixture_make_text(".to.tug-part", "left by one that was killed, and longer than it");
        resuming_run();
        resuming_expect(sizes[i], 0);
        assert_int_equal(asked, 0);
    }
}

static void test_forcing(void **state)
{
    (void)state;
    resuming_make_large();
    resuming.options.existing = TUG_COPY_EXISTING_FORCE;
    resuming.outside = true;
    resuming_run();
    resuming_expect(40 * MIB + 7, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RESUMING_TEST(test_with_update),  RESUMING_TEST(test_with_questions),
        RESUMING_TEST(test_with_backups), RESUMING_TEST(test_backups_that_fail),
        RESUMING_TEST(test_keeping),      RESUMING_TEST(test_unfinished_files_have_no_name),
        RESUMING_TEST(test_forcing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* Nothing can be stopped in the middle in this build. */
int main(void)
{
    return 77;
}

#endif

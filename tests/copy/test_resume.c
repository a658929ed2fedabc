/* SPDX-License-Identifier: MIT */
/*
 * A copy that goes on: what counts as finished, what of a partial file is used, and what is not
 * trusted. Kills at random moments are in tests/cli/test_kill.c.
 */
#include "resuming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"

#if TUG_FAULT_INJECTION

/* ---- Whole files ---- */

static void test_finished_files_are_left_alone(void **state)
{
    (void)state;
    fixture_make_tree("from");
    resuming_run();
    assert_int_equal(resuming.result, 0);
    assert_int_equal(resuming.report.resumed_files, 0);
    uint64_t files = resuming.report.files, bytes = resuming.report.bytes;
    resuming_run();
    resuming_expect(0, bytes);
    assert_int_equal(resuming.report.files, 0);
    assert_int_equal(resuming.report.resumed_files, files);
    resuming.options.verify = true;
    resuming_run();
    assert_int_equal(resuming.result, 0);
    assert_int_equal(resuming.report.verified_bytes, bytes);
}

/* Size alone says nothing: it may have been preallocated, cut to its length, or be in the works. */
static void test_the_right_size_is_not_enough(void **state)
{
    static const char *const commands[] = {
        "truncate -s %llu to",
        "fallocate -l %llu to",
        "cp from to",
        "cp -p from to; touch -d '1 second ago' to",
        "cp -p from to; touch -r from to; printf x >>to",
    };
    (void)state;
    for (unsigned large = 0; large < 2; large++) {
        uint64_t size = large ? 3 * MIB + 1 : 5000;
        fixture_make_file("from", 0644, size, 1);
        for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
            char command[256];
            unlink("to");
            snprintf(command, sizeof(command), commands[i], (unsigned long long)size);
            assert_int_equal(system(command), 0);
            resuming_run();
            resuming_expect(size, 0);
            assert_int_equal(resuming.report.resumed_files, 0);
        }
        resuming_run();
        resuming_expect(0, size);
    }
}

/* What was left unfinished need not have its permissions: it is made anew. */
static void test_permissions_of_what_was_left(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_dir("from/sub", 0711);
    fixture_make_text("from/sub/file", "text");
    assert_int_equal(chmod("from/sub/file", 0664), 0);
    fixture_make_dir("to", 01700);
    fixture_make_dir("to/sub", 01700);
    fixture_make_text("to/sub/file", "te");
    assert_int_equal(chmod("to/sub/file", 0600), 0);
    resuming_run();
    resuming_expect(4, 0);
    /* A directory that was there before keeps its own. */
    assert_int_equal(chmod("to/sub", 0700), 0);
    resuming_run();
    assert_int_equal(fixture_mode("to/sub"), 0700);
}

/* Without -T, the same command goes on with its own resuming. */
static void test_the_same_command(void **state)
{
    (void)state;
    resuming.options.target = TUG_COPY_TARGET_AUTO;
    fixture_make_tree("from");
    resuming.cancel_after = 1;
    for (unsigned i = 0; i < 200; i++) {
        resuming.cancel_after = 1 + i * 10;
        resuming_run();
        if (resuming.result == 0)
            break;
        assert_false(fixture_exists("to/from"));
    }
    resuming.cancel_after = 0;
    if (resuming.result != 0)
        resuming_run();
    assert_int_equal(resuming.result, 0);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
    resuming_run();
    assert_true(fixture_exists("to/from"));
}

static void test_links_and_shared_files_are_written_in_place(void **state)
{
    (void)state;
    resuming_make_large();
    fixture_make_text("other", "old");
    fixture_make_link("other", "to");
    resuming_run();
    assert_int_equal(resuming.result, 0);
    fixture_assert_copy("from", "other", 0);
    assert_int_equal(unlink("to"), 0);
    fixture_make_text("to", "old");
    assert_int_equal(link("to", "second"), 0);
    resuming_run();
    assert_int_equal(resuming.result, 0);
    fixture_assert_copy("from", "second", 0);
}

static void test_the_same_file(void **state)
{
    (void)state;
    resuming_make_large();
    assert_int_equal(link("from", "to"), 0);
    resuming_run();
    fixture_assert_failure(&resuming, TUG_COPY_STEP_SAME_FILE, 0, "from");
}

/* ---- Partial files ---- */

static void test_ranges_are_used(void **state)
{
    (void)state;
    resuming_make_large();
    resuming_interrupt(20 * MIB);
    assert_true(fixture_exists(".to.tug-part"));
    assert_true(fixture_exists(".to.tug-side"));
    resuming_run();
    resuming_expect(24 * MIB + 7, 16 * MIB);
    resuming_run();
    resuming_expect(0, 40 * MIB + 7);
}

static void test_interrupted_several_times(void **state)
{
    (void)state;
    resuming_make_large();
    resuming_interrupt(9 * MIB);
    resuming_interrupt(9 * MIB);
    resuming_interrupt(17 * MIB);
    resuming_run();
    resuming_expect(8 * MIB + 7, 32 * MIB);
}

/* Nothing is kept of what has no finished range. */
static void test_nothing_finished(void **state)
{
    (void)state;
    resuming_make_large();
    resuming_interrupt(MIB);
    assert_int_equal(system("test -z \"$(find . -name '.*tug-*')\""), 0);
}

static void test_another_source(void **state)
{
    static const char *const commands[] = {
        "touch from",
        "printf x >>from",
        "cp -p from new && mv new from",
        "truncate -s 30M from",
    };
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        unlink("to");
        resuming_make_large();
        resuming_interrupt(20 * MIB);
        assert_int_equal(system(commands[i]), 0);
        resuming_run();
        resuming_expect(fixture_size("from"), 0);
    }
}

/* A record that is damaged, or a partial file that is not the one it is about. */
static void test_records_that_are_not_trusted(void **state)
{
    static const char *const commands[] = {
        "rm .to.tug-side",
        ": >.to.tug-side",
        "dd if=/dev/urandom of=.to.tug-side bs=8192 count=1 2>/dev/null",
        "truncate -s 100 .to.tug-side",
        "rm .to.tug-part",
        ": >.to.tug-part",
        "truncate -s 9M .to.tug-part",
        "cp .to.tug-part new && mv new .to.tug-part",
        /* A bit of each slot. */
        "printf x | dd of=.to.tug-side bs=1 seek=60 conv=notrunc 2>/dev/null;"
        " printf x | dd of=.to.tug-side bs=1 seek=4156 conv=notrunc 2>/dev/null",
    };
    (void)state;
    resuming_make_large();
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        resuming_interrupt(20 * MIB);
        assert_int_equal(system(commands[i]), 0);
        resuming_run();
        resuming_expect(40 * MIB + 7, 0);
        assert_int_equal(unlink("to"), 0);
    }
}

/* If the last slot is damaged the one before it counts: less is finished then, not more. */
static void test_a_damaged_slot(void **state)
{
    (void)state;
    resuming_make_large();
    for (unsigned slot = 0; slot < 2; slot++) {
        resuming_interrupt(30 * MIB);
        int fd = open(".to.tug-side", O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, "damage", 6, slot * 4096 + 200), 6);
        close(fd);
        resuming_run();
        assert_int_equal(resuming.result, 0);
        fixture_assert_copy("from", "to", FIXTURE_MODES);
        assert_int_equal(resuming.report.bytes + resuming.report.resumed_bytes, 40 * MIB + 7);
        assert_true(resuming.report.resumed_bytes <= 24 * MIB);
        assert_int_equal(unlink("to"), 0);
    }
}

static void test_sparse(void **state)
{
    (void)state;
    int fd = open("from", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(pwrite(fd, "a", 1, 10), 1);
    for (uint64_t i = 0; i < 30; i++)
        assert_int_equal(pwrite(fd, "data", 4, (off_t)(i * 3 * MIB)), 4);
    assert_int_equal(ftruncate(fd, (off_t)(120 * MIB)), 0);
    close(fd);
    resuming_interrupt(70000);
    resuming_run();
    assert_int_equal(resuming.result, 0);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
    assert_true(resuming.report.resumed_bytes > 0);
    assert_int_equal(system("test -z \"$(find . -name '.*tug-*')\""), 0);
}

static void test_two_at_once(void **state)
{
    (void)state;
    resuming_make_large();
    resuming_interrupt(20 * MIB);
    int fd = open(".to.tug-part", O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    resuming_run();
    fixture_assert_failure(&resuming, TUG_COPY_STEP_CREATE, -EBUSY, "from");
    close(fd);
    resuming_run();
    resuming_expect(24 * MIB + 7, 16 * MIB);
}

/* The names beside a file fit where its own does. */
static void test_long_names(void **state)
{
    char to[256];
    (void)state;
    resuming_make_large();
    memset(to, 'n', 255);
    to[255] = '\0';
    resuming_stop_at = 20 * MIB;
    resuming.on_event = resuming_stop;
    resuming.options.events |= TUG_COPY_BYTES;
    for (unsigned i = 0; i < 2; i++) {
        resuming_written = 0;
        fixture_copy_run(&resuming, to, "from", NULL);
        resuming.on_event = NULL;
        tug_fault_reset();
    }
    assert_int_equal(resuming.result, 0);
    assert_true(resuming.report.resumed_bytes > 0);
    fixture_assert_copy("from", to, FIXTURE_MODES);
    assert_int_equal(system("test -z \"$(find . -name '.*tug-*')\""), 0);
}

/* If the last copy was killed between its last two steps. */
static void test_leftovers_of_a_finished_file(void **state)
{
    (void)state;
    resuming_make_large();
    resuming_run();
    fixture_make_text(".to.tug-side", "left");
    fixture_make_text(".to.tug-part", "left");
    resuming_run();
    resuming_expect(0, 40 * MIB + 7);
}

/* ---- Faults ---- */

static void test_each_call_fails(void **state)
{
    static const char *const calls[] = {"openat",    "statx",     "pread",     "pwrite",
                                        "ftruncate", "fdatasync", "renameat2", "unlinkat",
                                        "flock",     "futimens",  "fchmod",    "fallocate"};
    (void)state;
    fixture_make_file("from", 0644, 17 * MIB, 1);
    resuming.outside = true;
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        bool happened = true;
        for (unsigned n = 1; happened && n < 100; n++) {
            assert_int_equal(tug_fault_fail(calls[i], n, 1, EIO), 0);
            resuming_run();
            happened = tug_fault_calls(calls[i]) >= n;
            tug_fault_reset();
            assert_int_equal(resuming.result == 0, resuming.report.failures == 0);
            if (resuming.result == 0)
                fixture_assert_copy("from", "to", FIXTURE_MODES);
            else if (resuming.failures[0].step < TUG_COPY_STEP_SET_MODE && fixture_exists("to"))
                fail_msg("%s %u: step %d", calls[i], n, resuming.failures[0].step);
            /* Whatever it was, the next time finishes it. */
            resuming_run();
            assert_int_equal(resuming.result, 0);
            assert_int_equal(resuming.report.bytes + resuming.report.resumed_bytes, 17 * MIB);
            fixture_assert_copy("from", "to", FIXTURE_MODES);
            assert_int_equal(system("test -z \"$(find . -name '.*tug-*')\""), 0);
            assert_int_equal(unlink("to"), 0);
        }
    }
}

/* What is not on the disk is not recorded. */
static void test_data_that_cannot_be_synchronised(void **state)
{
    (void)state;
    resuming_make_large();
    tug_fault_fail("fdatasync", 1, TUG_FAULT_ALWAYS, EIO);
    resuming_run();
    tug_fault_reset();
    assert_int_equal(resuming.result, -EIO);
    assert_int_equal(system("test -z \"$(find . -name '.*tug-*')\""), 0);
    assert_false(fixture_exists("to"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RESUMING_TEST(test_finished_files_are_left_alone),
        RESUMING_TEST(test_the_right_size_is_not_enough),
        RESUMING_TEST(test_permissions_of_what_was_left),
        RESUMING_TEST(test_the_same_command),
        RESUMING_TEST(test_links_and_shared_files_are_written_in_place),
        RESUMING_TEST(test_the_same_file),
        RESUMING_TEST(test_ranges_are_used),
        RESUMING_TEST(test_interrupted_several_times),
        RESUMING_TEST(test_nothing_finished),
        RESUMING_TEST(test_another_source),
        RESUMING_TEST(test_records_that_are_not_trusted),
        RESUMING_TEST(test_a_damaged_slot),
        RESUMING_TEST(test_sparse),
        RESUMING_TEST(test_two_at_once),
        RESUMING_TEST(test_long_names),
        RESUMING_TEST(test_leftovers_of_a_finished_file),
        RESUMING_TEST(test_each_call_fails),
        RESUMING_TEST(test_data_that_cannot_be_synchronised),
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

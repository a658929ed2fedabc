/* SPDX-License-Identifier: MIT */
/* What a copy tells of the work that there is: never less than before, in the end all of it. */
#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "sys/fault.h"

#if TUG_FAULT_INJECTION

static struct fixture_copy copy;

static struct {
    unsigned totals, finals;
    uint64_t entries, bytes;
    uint64_t finished;          /* entries, at this moment */
    uint64_t finished_at_final; /* and when the total was final */
    bool shrunk, after_final;
} seen;

static void note_event(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    seen.finished += event->kind == TUG_COPY_FINISHED;
    if (event->kind != TUG_COPY_TOTAL)
        return;
    seen.totals++;
    seen.shrunk = seen.shrunk || event->entries < seen.entries || event->bytes < seen.bytes;
    seen.after_final = seen.after_final || seen.finals > 0;
    seen.entries = event->entries;
    seen.bytes = event->bytes;
    if (event->final)
        seen.finished_at_final = seen.finished;
    seen.finals += event->final;
}

static int enter(void **state)
{
    tug_fault_reset();
    return fixture_enter(state);
}

static int leave(void **state)
{
    tug_fault_reset();
    return fixture_leave(state);
}

static void init(void)
{
    fixture_copy_init(&copy);
    memset(&seen, 0, sizeof(seen));
    copy.options.target = TUG_COPY_TARGET_EXACT;
    copy.options.events |= TUG_COPY_TOTAL;
    copy.on_event = note_event;
}

static void make_source(unsigned many)
{
    fixture_make_tree("from");
    for (unsigned i = 0; i < many; i++)
        fixture_make_text(fixture_text("from/sub/many%u", i), "12345");
    fixture_make_file("from/large", 0644, 5 << 20, 1);
    assert_int_equal(link("from/large", "from/larger"), 0);
}

static uint64_t entries_done(void)
{
    const struct tug_copy_report *report = &copy.report;
    return report->files + report->directories + report->links + report->hard_links +
           report->specials + report->skipped + report->failures;
}

static void assert_sane(void)
{
    assert_false(seen.shrunk);
    assert_false(seen.after_final);
    assert_true(seen.finals <= 1);
}

static void assert_all_told(void)
{
    assert_sane();
    assert_int_equal(seen.finals, 1);
    assert_int_equal(seen.entries, entries_done());
    assert_int_equal(seen.bytes, copy.report.bytes);
}

static void test_all_that_is_copied(void **state)
{
    (void)state;
    make_source(3000);
    for (unsigned i = 0; i < 8; i++) {
        init();
        copy.outside = i == 0;
        copy.multi_thread = i % 2 == 1;
        copy.options.jobs = i / 2;
        copy.options.preserve = i < 4 ? TUG_COPY_PRESERVE_LINKS : 0;
        fixture_copy_run(&copy, fixture_text("to%u", i), "from", NULL);
        assert_int_equal(copy.result, 0);
        assert_all_told();
        if (copy.outside) {
            /* Before anything is copied; after 1, 2, 4 to 1024, after 2048, and at the end. */
            assert_int_equal(seen.finished_at_final, 0);
            assert_int_equal(seen.totals, 11 + entries_done() / 1024);
        }
    }
}

static void test_known_before_the_end(void **state)
{
    (void)state;
    make_source(100);
    init();
    copy.options.jobs = 2;
    assert_int_equal(tug_fault_delay("write", 1, TUG_FAULT_ALWAYS, 5000000), 0);
    fixture_copy_run(&copy, "to", "from", NULL);
    tug_fault_reset();
    assert_int_equal(copy.result, 0);
    assert_all_told();
    assert_true(seen.finished_at_final < seen.finished / 2);
}

/* Then the copy itself has found all. */
static void test_slower_than_the_copy(void **state)
{
    (void)state;
    make_source(100);
    for (unsigned i = 0; i < 2; i++) {
        init();
        copy.options.jobs = 1;
        copy.options.verify = true;
        /* Which walk looks at these is no matter: the one that copies does it once for each. */
        assert_int_equal(tug_fault_delay("getdents64", 3, 1, 300000000), 0);
        fixture_copy_run(&copy, fixture_text("to%u", i), "from", NULL);
        tug_fault_reset();
        assert_int_equal(copy.result, 0);
        assert_all_told();
    }
}

static void test_what_is_skipped_counts(void **state)
{
    (void)state;
    make_source(50);
    fixture_copy_tree("from", "to");
    init();
    copy.outside = true;
    copy.options.existing = TUG_COPY_EXISTING_KEEP;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(seen.finals, 1);
    assert_int_equal(seen.entries, entries_done());
    assert_true(seen.bytes > copy.report.bytes);
}

static void test_no_bytes_where_none_are_copied(void **state)
{
    (void)state;
    make_source(5);
    init();
    copy.options.make = TUG_COPY_MAKE_HARD_LINK;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_all_told();
    assert_int_equal(seen.bytes, 0);
}

static void test_no_calls_for_nobody(void **state)
{
    (void)state;
    uint64_t calls[2];
    make_source(500);
    for (unsigned asked = 0; asked < 2; asked++) {
        init();
        copy.outside = true;
        if (!asked)
            copy.options.events &= ~(unsigned)TUG_COPY_TOTAL;
        tug_fault_reset();
        fixture_copy_run(&copy, fixture_text("to%u", asked), "from", NULL);
        calls[asked] = tug_fault_calls("getdents64");
        assert_int_equal(seen.totals > 0, asked);
    }
    assert_int_equal(calls[1], 2 * calls[0]);
}

static void test_ended_early(void **state)
{
    (void)state;
    make_source(2000);
    for (unsigned i = 0; i < 6; i++) {
        init();
        copy.options.jobs = 2;
        copy.multi_thread = i % 2 == 1;
        if (i < 4)
            copy.cancel_after = 1 + 3000 * i;
        else
            copy.options.on_failure = TUG_ON_FAILURE_STOP;
        if (i >= 4)
            assert_int_equal(tug_fault_fail("write", 20, 1, ENOSPC), 0);
        fixture_copy_run(&copy, fixture_text("to%u", i), "from", NULL);
        tug_fault_reset();
        assert_sane();
        if (copy.result == 0)
            assert_int_equal(seen.finals, 1);
        if (i >= 4)
            assert_int_equal(copy.result, -ENOSPC);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_that_is_copied),
        TEST(test_known_before_the_end),
        TEST(test_slower_than_the_copy),
        TEST(test_what_is_skipped_counts),
        TEST(test_no_bytes_where_none_are_copied),
        TEST(test_no_calls_for_nobody),
        TEST(test_ended_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 77;
}

#endif

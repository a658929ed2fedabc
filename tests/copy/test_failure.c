/* SPDX-License-Identifier: MIT */
/*
 * What a failure leads to, as the options say: the rest is copied, nothing more is begun, or
 * somebody is asked. What is tried again comes out as if nothing had happened, in the destination
 * and in the report, whichever system call it was that failed.
 */
#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"

#if TUG_FAULT_INJECTION

static struct fixture_copy copy;

/* What the callback does, and what it was asked. */
static struct {
    enum tug_failure_answer answer;
    unsigned retries; /* from then on SKIP, unless it is 0 */
    unsigned asked;
    struct tug_copy_event last;
    char source[256];
    unsigned retried_events, started_after_failure;
    uint64_t bytes; /* the sum of all events */
} seen;

static enum tug_failure_answer decide(const struct tug_copy_event *failure, void *argument)
{
    (void)argument;
    seen.asked++;
    seen.last = *failure;
    snprintf(seen.source, sizeof(seen.source), "%s", failure->source);
    if (seen.answer == TUG_FAILURE_RETRY && seen.retries > 0 && seen.asked > seen.retries)
        return TUG_FAILURE_SKIP;
    return seen.answer;
}

static void note_event(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    if (event->kind == TUG_COPY_BYTES)
        seen.bytes += event->bytes;
    if (event->kind == TUG_COPY_RETRIED)
        seen.retried_events++;
    if (event->kind == TUG_COPY_RETRIED || event->kind == TUG_COPY_FAILED)
        seen.bytes -= event->bytes;
    if (event->kind == TUG_COPY_STARTED && copy.report.stopped)
        seen.started_after_failure++;
}

static void init(enum tug_on_failure policy, enum tug_failure_answer answer)
{
    fixture_copy_init(&copy);
    memset(&seen, 0, sizeof(seen));
    seen.answer = answer;
    copy.options.target = TUG_COPY_TARGET_EXACT;
    copy.options.on_failure = policy;
    copy.options.failed = policy == TUG_ON_FAILURE_ASK ? decide : NULL;
    copy.options.events |= TUG_COPY_RETRIED | TUG_COPY_BYTES;
    copy.on_event = note_event;
}

static int enter(void **state)
{
    tug_fault_reset();
    init(TUG_ON_FAILURE_CONTINUE, TUG_FAILURE_SKIP);
    return fixture_enter(state);
}

static int leave(void **state)
{
    tug_fault_reset();
    return fixture_leave(state);
}

static void make_many(unsigned count)
{
    fixture_make_dir("from", 0755);
    for (unsigned i = 0; i < count; i++)
        fixture_make_file(fixture_text("from/many%u", i), 0644, 3000, i);
}

static void fail_on(const char *part, const char *call, unsigned first, unsigned count, int error)
{
    tug_fault_only_path(part);
    assert_int_equal(tug_fault_fail(call, first, count, error), 0);
    tug_fault_only_path(NULL);
}

/* ---- Stop ---- */

static void test_nothing_is_begun_after_a_stop(void **state)
{
    (void)state;
    make_many(100);
    for (int asked = 0; asked < 2; asked++) {
        init(asked ? TUG_ON_FAILURE_ASK : TUG_ON_FAILURE_STOP, TUG_FAILURE_STOP);
        fail_on("many", "openat", 21, 1, EIO);
        copy.outside = true;
        copy.options.jobs = 1;
        copy.options.verify = true;
        fixture_copy_run(&copy, fixture_text("to%d", asked), "from", NULL);
        tug_fault_reset();
        assert_int_equal(copy.result, -EIO);
        assert_int_equal(copy.report.failures, 1);
        assert_int_equal(copy.report.stopped, 1);
        /* Two calls per file: ten are there. */
        assert_int_equal(copy.report.files, 10);
        assert_int_equal(copy.report.phase, TUG_COPY_PHASE_COPY);
        assert_int_equal(copy.report.verified_files, 0);
        assert_int_equal(seen.started_after_failure, 0);
        assert_int_equal(copy.failure_count, 1);
        assert_int_equal(seen.asked, asked);
        fixture_assert_copy("from", fixture_text("to%d", asked), FIXTURE_SUBSET);
    }
}

static void test_sources_after_a_stop(void **state)
{
    (void)state;
    fixture_make_dir("to", 0755);
    fixture_make_text("a", "a");
    fixture_make_text("b", "b");
    init(TUG_ON_FAILURE_STOP, TUG_FAILURE_SKIP);
    copy.options.target = TUG_COPY_TARGET_DIRECTORY;
    copy.options.jobs = 1;
    fixture_copy_run(&copy, "to", "a", "missing", "b", "a", NULL);
    assert_int_equal(copy.result, -ENOENT);
    assert_int_equal(copy.report.stopped, 1);
    assert_int_equal(copy.report.failures, 1);
    assert_true(fixture_exists("to/a"));
    assert_false(fixture_exists("to/b"));
}

static void test_a_stop_ends_what_others_are_at(void **state)
{
    (void)state;
    make_many(10);
    fixture_make_file("from/large", 0644, 48 << 20, 99);
    /* Another worker is started for it before any file is begun. */
    fixture_make_dir("from/sub", 0755);
    fixture_make_text("from/sub/bad", "bad");
    init(TUG_ON_FAILURE_STOP, TUG_FAILURE_SKIP);
    copy.options.jobs = 4;
    copy.multi_thread = true;
    assert_int_equal(tug_fault_delay("pwrite", 1, TUG_FAULT_ALWAYS, 10000000), 0);
    fail_on("bad", "openat", 1, 1, EIO);
    fixture_copy_run(&copy, "to", "from", NULL);
    tug_fault_reset();
    assert_int_equal(copy.result, -EIO);
    assert_int_equal(copy.report.failures, 1);
    assert_int_equal(copy.report.stopped, 1);
    assert_false(fixture_exists("to/large"));
    fixture_assert_copy("from", "to", FIXTURE_SUBSET);
}

/* ---- Ask ---- */

static void test_what_is_asked(void **state)
{
    (void)state;
    make_many(3);
    init(TUG_ON_FAILURE_ASK, TUG_FAILURE_SKIP);
    fail_on("many1", "openat", 1, 1, EACCES);
    copy.options.jobs = 1;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, -EACCES);
    assert_int_equal(seen.asked, 1);
    assert_int_equal(seen.last.kind, TUG_COPY_FAILED);
    assert_int_equal(seen.last.step, TUG_COPY_STEP_OPEN);
    assert_int_equal(seen.last.error, -EACCES);
    assert_string_equal(seen.source, "from/many1");
    assert_int_equal(copy.report.failures, 1);
    assert_int_equal(copy.report.stopped, 0);
    assert_int_equal(copy.report.files, 2);
    fixture_assert_failure(&copy, TUG_COPY_STEP_OPEN, -EACCES, "from/many1");
}

static void test_again_and_again(void **state)
{
    (void)state;
    make_many(5);
    init(TUG_ON_FAILURE_ASK, TUG_FAILURE_RETRY);
    fail_on("many3", "openat", 1, 1000, EIO);
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(seen.asked, 1000);
    assert_int_equal(seen.retried_events, 1000);
    assert_int_equal(copy.report.files, 5);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
    seen.asked = 0;
    seen.retries = 3;
    tug_fault_reset();
    fail_on("many3", "openat", 1, 1000, EIO);
    fixture_copy_run(&copy, "other", "from", NULL);
    assert_int_equal(copy.result, -EIO);
    assert_int_equal(seen.asked, 4);
    assert_int_equal(copy.report.failures, 1);
    assert_int_equal(copy.report.files, 4);
}

/* One entry for each way through the engine. */
static void make_source(void)
{
    fixture_make_dir("from", 0755);
    fixture_make_file("from/small", 0644, 1000, 1);
    assert_int_equal(link("from/small", "from/second"), 0);
    assert_int_equal(link("from/small", "from/third"), 0);
    fixture_make_file("from/large", 0640, 9 << 20, 3);
    assert_int_equal(link("from/large", "from/larger"), 0);
    fixture_make_link("small", "from/link");
    fixture_make_fifo("from/fifo", 0644);
    fixture_make_dir("from/sub", 0700);
    fixture_make_file("from/sub/file", 0755, 10, 4);
}

/* Over entries that exist: one written in place that has another name, and one behind a link. */
static void make_destination(const char *path)
{
    fixture_make_dir(path, 0755);
    fixture_make_text(fixture_text("%s/second", path), "old");
    fixture_make_file(fixture_text("%s/large", path), 0644, 100000, 3);
    fixture_make_text(fixture_text("%s/link", path), "old");
    fixture_make_text(fixture_text("%s/fifo", path), "old");
    fixture_make_dir(fixture_text("%s/sub", path), 0700);
    fixture_make_text(fixture_text("%s/elsewhere", path), "old");
    fixture_make_link("../elsewhere", fixture_text("%s/sub/file", path));
}

static void assert_same_report(const char *call, unsigned n, const struct tug_copy_report *expected)
{
    struct tug_copy_report now = copy.report;
    /* Chance decides how many worked at once. */
    now.jobs_most = expected->jobs_most;
    if (memcmp(&now, expected, sizeof(now)) != 0)
        fail_msg("%s %u: files %d, directories %d, links %d, hard links %d, bytes %d, skipped %d, "
                 "failures %d, offloaded %d",
                 call, n, (int)now.files, (int)now.directories, (int)now.links, (int)now.hard_links,
                 (int)now.bytes, (int)now.skipped, (int)now.failures, (int)now.offloaded_bytes);
    assert_int_equal(seen.bytes, expected->bytes);
}

enum { OVER = 1, UPDATE = 2, PRESERVE = 4, SHARED = 8 };

/* Copies with the n-th occurrence of `call` failing. Returns whether there was one. */
static bool copy_with_fault(const char *call, unsigned n, int error, int how,
                            struct tug_copy_report *expected)
{
    const char *to = fixture_text("%s%u-%d-%d", call, n, how, error);
    init(TUG_ON_FAILURE_ASK, TUG_FAILURE_RETRY);
    if (how & OVER)
        make_destination(to);
    else
        copy.options.existing = TUG_COPY_EXISTING_REFUSE;
    copy.outside = (how & SHARED) == 0;
    copy.options.jobs = how & SHARED ? 3 : 1;
    copy.options.update = (how & UPDATE) != 0;
    if (how & PRESERVE)
        copy.options.preserve = TUG_COPY_PRESERVE_ALL;
    copy.may_leak = strcmp(call, "close") == 0;
    if (n > 0)
        assert_int_equal(tug_fault_fail(call, n, 1, error), 0);
    fixture_copy_run(&copy, to, "from", NULL);
    bool happened = tug_fault_calls(call) >= n;
    tug_fault_reset();
    if (copy.result != 0)
        fail_msg("%s %u: result %d, step %d", call, n, (int)copy.result, (int)seen.last.step);
    if (n == 0)
        *expected = copy.report;
    else if (seen.asked > 0)
        assert_same_report(call, n, expected);
    assert_int_equal(seen.retried_events, seen.asked);
    if ((how & OVER) == 0)
        fixture_assert_copy("from", to, FIXTURE_MODES);
    fixture_remove(to);
    return happened;
}

/* Not unlinkat(2): where what an attempt has left cannot be removed there is no other. What fails
 * without anybody being asked has another way. */
static const char *const calls[] = {
    "openat",   "statx",     "read",      "write",      "pread",     "pwrite",          "close",
    "mkdirat",  "fchmod",    "symlinkat", "readlinkat", "mknodat",   "getdents64",      "linkat",
    "futimens", "utimensat", "fchown",    "ftruncate",  "fallocate", "copy_file_range",
};

static void sweep(int error, int how)
{
    struct tug_copy_report expected;
    make_source();
    /* Younger than what the attempts leave. */
    if (how & UPDATE)
        usleep(20000);
    copy_with_fault("none", 0, error, how, &expected);
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        unsigned n = 1;
        while (copy_with_fault(calls[i], n, error, how, &expected))
            n++;
        assert_true(n < 1000);
    }
}

static void test_each_call_tried_again(void **state)
{
    (void)state;
    sweep(EIO, 0);
}

static void test_each_call_tried_again_for_space(void **state)
{
    (void)state;
    sweep(ENOSPC, PRESERVE);
}

static void test_each_call_tried_again_over_existing(void **state)
{
    (void)state;
    sweep(EIO, OVER);
}

static void test_each_call_tried_again_by_several(void **state)
{
    (void)state;
    sweep(EIO, SHARED | PRESERVE);
}

/* Emptied by the first attempt, it is younger than its source, and has another name to stay for. */
static void test_update_tried_again(void **state)
{
    (void)state;
    fixture_make_text("to", "old");
    assert_int_equal(link("to", "other"), 0);
    usleep(20000);
    fixture_make_file("from", 0644, 2000, 1);
    init(TUG_ON_FAILURE_ASK, TUG_FAILURE_RETRY);
    copy.options.update = true;
    copy.options.jobs = 1;
    assert_int_equal(tug_fault_delay("write", 1, 1, 20000000), 0);
    assert_int_equal(tug_fault_fail("write", 1, 1, ENOSPC), 0);
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.files, 1);
    assert_int_equal(copy.report.skipped, 0);
    fixture_assert_copy("from", "other", 0);
}

/* Of what cannot be removed nothing is believed. */
static void test_what_cannot_be_cleaned_up(void **state)
{
    (void)state;
    make_many(2);
    init(TUG_ON_FAILURE_ASK, TUG_FAILURE_RETRY);
    copy.options.existing = TUG_COPY_EXISTING_KEEP;
    copy.options.jobs = 1;
    assert_int_equal(tug_fault_fail("write", 1, 1, EIO), 0);
    assert_int_equal(tug_fault_fail("unlinkat", 1, 1, EACCES), 0);
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, -EACCES);
    assert_int_equal(seen.asked, 1);
    assert_int_equal(copy.report.failures, 1);
    assert_int_equal(copy.report.skipped, 0);
    assert_int_equal(copy.report.files, 1);
    assert_int_equal(copy.report.bytes, 3000);
}

static void test_cancelled_while_trying(void **state)
{
    (void)state;
    make_many(20);
    init(TUG_ON_FAILURE_ASK, TUG_FAILURE_RETRY);
    fail_on("many", "openat", 8, TUG_FAULT_ALWAYS, EIO);
    copy.options.jobs = 3;
    copy.cancel_after = 50000;
    fixture_copy_run(&copy, "to", "from", NULL);
    tug_fault_reset();
    assert_int_equal(copy.result, -ECANCELED);
    assert_true(seen.asked > 0);
    /* Those who come upon it after the end of the scope cannot ask. */
    assert_true(copy.report.failures <= 3);
    assert_int_equal(copy.report.stopped, 0);
    fixture_assert_copy("from", "to", FIXTURE_SUBSET);
}

static void test_differences_are_not_tried_again(void **state)
{
    (void)state;
    make_many(2);
    init(TUG_ON_FAILURE_ASK, TUG_FAILURE_RETRY);
    copy.options.verify = true;
    copy.options.jobs = 1;
    /* The last two are of the verification. */
    fail_on("many1", "openat", 3, TUG_FAULT_ALWAYS, EIO);
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, -EIO);
    assert_int_equal(copy.report.failures, 1);
    assert_int_equal(copy.report.files, 2);
}

static void test_nobody_to_ask(void **state)
{
    (void)state;
    make_many(1);
    copy.options.on_failure = TUG_ON_FAILURE_ASK;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, -EINVAL);
    copy.options.on_failure = (enum tug_on_failure)(TUG_ON_FAILURE_ASK + 1);
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, -EINVAL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_begun_after_a_stop),
        TEST(test_sources_after_a_stop),
        TEST(test_a_stop_ends_what_others_are_at),
        TEST(test_what_is_asked),
        TEST(test_again_and_again),
        TEST(test_each_call_tried_again),
        TEST(test_each_call_tried_again_for_space),
        TEST(test_each_call_tried_again_over_existing),
        TEST(test_each_call_tried_again_by_several),
        TEST(test_update_tried_again),
        TEST(test_what_cannot_be_cleaned_up),
        TEST(test_cancelled_while_trying),
        TEST(test_differences_are_not_tried_again),
        TEST(test_nobody_to_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 77;
}

#endif

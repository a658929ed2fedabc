/* SPDX-License-Identifier: MIT */
/*
 * The stacks of coroutines as tasks see them: all of the size can be used and no more, the size is
 * settable, what lies on a stack is there after a suspension on whatever worker, and stacks are
 * used again.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "../runtime/fixture.h"
#include "sys/sanitizer.h"

enum { KIB = 1024, MIB = 1024 * 1024, FRAME = 1500 };

/* ---- depth ---- */

static size_t distance(const char *a, const char *b)
{
    return (size_t)(a > b ? a - b : b - a);
}

/* Goes down until `bytes` lie between the frame and `start`; each frame checks its own on the way
 * back. Returns the number of frames. */
static __attribute__((noinline)) int64_t descend(const char *start, size_t bytes, int suspend_every,
                                                 int depth)
{
    volatile unsigned char frame[FRAME];
    for (size_t i = 0; i < sizeof frame; i++)
        frame[i] = (unsigned char)(depth + (int)i);
    int64_t frames = 1;
    if (distance((const char *)frame, start) < bytes)
        frames += descend(start, bytes, suspend_every, depth + 1);
    if (suspend_every != 0 && depth % suspend_every == 0)
        CHECK_EQUAL(tug_yield(), 0);
    for (size_t i = 0; i < sizeof frame; i++)
        CHECK_EQUAL(frame[i], (unsigned char)(depth + (int)i));
    return frames;
}

static int64_t use_bytes(void *argument)
{
    const char start = 0;
    return descend(&start, (size_t)fixture_number(argument), 0, 0);
}

/* Bytes that are not for the task: the guard page, the control block, the frames of its start, the
 * shift of neighbouring stacks, and what a call of the C library or of a sanitizer needs below. */
static size_t reserved(void)
{
    return TUG_ASAN || TUG_TSAN ? 20 * KIB : 8 * KIB;
}

static int64_t nearly_all_of_a_stack_can_be_used(void *argument)
{
    (void)argument;
    static const size_t sizes[] = {32 * KIB, 64 * KIB, 100 * KIB, 256 * KIB,
                                   MIB,      8 * MIB,  64 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
        struct tug_task *task;
        options.stack_size = sizes[i];
        CHECK_EQUAL(tug_spawn_with(&task, &options, use_bytes,
                                   fixture_argument((int64_t)(sizes[i] - reserved()))),
                    0);
        CHECK(fixture_join(task) > 0);
    }
    /* The runtime's own size. */
    CHECK(fixture_join(
              fixture_spawn(use_bytes, fixture_argument((int64_t)(256 * KIB - reserved())))) > 0);
    return 0;
}

static int64_t use_all_of_16_kib(void *argument)
{
    (void)argument;
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *task;
    options.stack_size = 16 * KIB;
    CHECK_EQUAL(tug_spawn_with(&task, &options, use_bytes, fixture_argument(8 * KIB)), 0);
    return fixture_join(task) > 0 ? 0 : -1;
}

static void the_smallest_size(unsigned workers)
{
    if (TUG_ASAN || TUG_TSAN)
        return; /* their frames alone are larger */
    struct tug_runtime_options options = fixture_options(workers);
    options.stack_size = 16 * KIB;
    assert_int_equal(fixture_run(&options, use_all_of_16_kib, NULL), 0);
}

static int64_t use_two_mib(void *argument)
{
    (void)argument;
    return use_bytes(fixture_argument(2 * MIB)) > 0 ? 0 : -1;
}

static void the_runtimes_size_is_settable(unsigned workers)
{
    struct tug_runtime_options options = fixture_options(workers);
    options.stack_size = 2 * MIB + 1; /* rounded up to 4 MiB */
    assert_int_equal(fixture_run(&options, use_two_mib, NULL), 0);
}

/* ---- overflow ---- */

static int64_t use_too_much(void *argument)
{
    (void)argument;
    return use_bytes(fixture_argument(64 * KIB));
}

static int64_t overflow(void *argument)
{
    (void)argument;
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *tasks[3];
    options.stack_size = 64 * KIB;
    /* Neighbours on both sides are in use. */
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(tug_spawn_with(&tasks[i], &options,
                                   i == 1 ? use_too_much : fixture_sleep_forever, NULL),
                    0);
    return fixture_join(tasks[1]);
}

static void an_overflow_is_a_fault(unsigned workers)
{
    if (TUG_ASAN || TUG_TSAN || tug_valgrind_is_running())
        return; /* they report it in ways of their own */
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* cmocka has a handler */
        struct tug_runtime_options options = fixture_options(workers);
        fixture_run(&options, overflow, NULL);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
}

/* ---- contents ---- */

static int64_t suspend_at_every_depth(void *argument)
{
    const char start = 0;
    return descend(&start, 40 * KIB, 1 + (int)fixture_number(argument) % 7, 0) > 0 ? 0 : -1;
}

static int64_t what_is_on_a_stack_stays(void *argument)
{
    (void)argument;
    enum { COUNT = 60 };
    struct tug_task *tasks[COUNT];
    for (int i = 0; i < COUNT; i++)
        tasks[i] = fixture_spawn(suspend_at_every_depth, fixture_argument(i));
    for (int i = 0; i < COUNT; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    return 0;
}

static int64_t use_the_c_library(void *argument)
{
    char text[64];
    _Alignas(64) char aligned[64];
    memset(aligned, 1, sizeof aligned);
    CHECK_EQUAL((uintptr_t)aligned % 64, 0);
    for (int i = 0; i < 10; i++) {
        double value = (double)fixture_number(argument) + 0.25;
        snprintf(text, sizeof text, "%.2f %d", value, i);
        CHECK_EQUAL(tug_yield(), 0);
        CHECK(strtod(text, NULL) == value);
    }
    return 0;
}

static int64_t the_c_library_finds_its_stack_aligned(void *argument)
{
    (void)argument;
    struct tug_task *tasks[50];
    for (int i = 0; i < 50; i++)
        tasks[i] = fixture_spawn(use_the_c_library, fixture_argument(i));
    for (int i = 0; i < 50; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    return 0;
}

/* ---- reuse ---- */

/* ThreadSanitizer takes its time for each coroutine. */
enum { REUSES = TUG_TSAN ? 500 : 20000 };

static struct tug_runtime_metrics read_metrics(void)
{
    struct tug_runtime_metrics metrics;
    tug_runtime_metrics(tug_runtime_current(), &metrics);
    return metrics;
}

static int64_t stacks_are_used_again(void *argument)
{
    (void)argument;
    CHECK_EQUAL(fixture_join(fixture_spawn(fixture_return, NULL)), 0);
    uint64_t mapped = read_metrics().stack_bytes_mapped;
    CHECK(mapped > 0);
    for (int i = 0; i < REUSES; i++)
        CHECK_EQUAL(fixture_join(fixture_spawn(fixture_return, NULL)), 0);
    CHECK_EQUAL(read_metrics().stack_bytes_mapped, mapped);
    return 0;
}

/* Tasks that have not begun have no stack. */
static int64_t a_stack_is_attached_at_the_first_run(void *argument)
{
    (void)argument;
    static struct tug_task *tasks[REUSES];
    CHECK_EQUAL(fixture_join(fixture_spawn(fixture_return, NULL)), 0);
    uint64_t mapped = read_metrics().stack_bytes_mapped;
    for (int i = 0; i < REUSES; i++)
        tasks[i] = fixture_spawn(fixture_return, fixture_argument(i));
    for (int i = 0; i < REUSES; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), i);
    CHECK_EQUAL(read_metrics().stack_bytes_mapped, mapped);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALONE_EACH(an_overflow_is_a_fault), IN_EACH(nearly_all_of_a_stack_can_be_used),
        ALONE_EACH(the_smallest_size),      ALONE_EACH(the_runtimes_size_is_settable),
        IN_EACH(what_is_on_a_stack_stays),  IN_EACH(the_c_library_finds_its_stack_aligned),
        IN_EACH(stacks_are_used_again),     IN_EACH(a_stack_is_attached_at_the_first_run),
    };
    return cmocka_run_group_tests_name("task/stacks", tests, NULL, NULL);
}

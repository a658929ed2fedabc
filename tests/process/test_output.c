/* SPDX-License-Identifier: MIT */
/*
 * Children run to their end, with input and output at the same time.
 */
#include "children.h"

#include <pthread.h>
#include <sys/wait.h>

#define MUCH ((size_t)2 << 20)

static char *pattern(size_t length)
{
    char *data = malloc(length);
    CHECK(data != NULL);
    for (size_t i = 0; i < length; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    return data;
}

static void free_output(struct tug_process_output *result)
{
    free(result->output);
    free(result->error);
}

/* More than pipes hold, in both directions. */
static int64_t much(void *unused)
{
    (void)unused;
    char *data = pattern(MUCH);
    struct tug_process_output result;
    struct tug_process_options options = shell("exec cat");
    CHECK_EQUAL(tug_process_output(&result, &options, data, MUCH, MUCH), 0);
    CHECK_EQUAL(result.output_length, MUCH);
    CHECK(memcmp(result.output, data, MUCH) == 0);
    CHECK_EQUAL(result.output[MUCH], 0);
    CHECK_EQUAL(result.error_length, 0);
    CHECK_EQUAL(result.status.code, 0);
    free_output(&result);
    free(data);
    return 0;
}

/* Both outputs at once, one after the other full. */
static int64_t both(void *unused)
{
    (void)unused;
    char *data = pattern(300000);
    struct tug_process_output result;
    struct tug_process_options options = shell("exec tee /dev/stderr");
    CHECK_EQUAL(tug_process_output(&result, &options, data, 300000, SIZE_MAX), 0);
    CHECK_EQUAL(result.output_length, 300000);
    CHECK_EQUAL(result.error_length, 300000);
    CHECK(memcmp(result.output, data, 300000) == 0 && memcmp(result.error, data, 300000) == 0);
    free_output(&result);
    options = shell("head -c 200000 /dev/zero >&2; head -c 100000 /dev/zero; exit 4");
    CHECK_EQUAL(tug_process_output(&result, &options, NULL, 0, 200000), 0);
    CHECK_EQUAL(result.output_length, 100000);
    CHECK_EQUAL(result.error_length, 200000);
    CHECK_EQUAL(result.status.code, 4);
    free_output(&result);
    free(data);
    return 0;
}

static int64_t limits(void *unused)
{
    (void)unused;
    struct tug_process_output result;
    struct tug_process_options options;
    static const struct {
        const char *script;
        size_t limit;
        int result;
    } cases[] = {
        {"printf 12345", 5, 0},
        {"printf 123456", 5, -EFBIG},
        {":", 0, 0},
        {"printf 1", 0, -EFBIG},
        {"printf 123456 >&2", 5, -EFBIG},
        {"exec cat /dev/zero", 100000, -EFBIG},
        {"head -c 4096 /dev/zero", 4096, 0},
        {"head -c 4097 /dev/zero", 4096, -EFBIG},
        {"head -c 4094 /dev/zero", SIZE_MAX, 0},
        {"head -c 4095 /dev/zero", SIZE_MAX - 1, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        options = shell(cases[i].script);
        CHECK_EQUAL(tug_process_output(&result, &options, NULL, 0, cases[i].limit),
                    cases[i].result);
        CHECK(cases[i].result == 0 || (result.output == NULL && result.error == NULL));
        CHECK(cases[i].result != 0 || result.output[result.output_length] == '\0');
        free_output(&result);
        expect_no_children();
    }
    return 0;
}

/* A child that does not read is no error, and SIGPIPE, which would end this program, is not
 * raised, nor left to be raised later. */
static int64_t input_unread(void *unused)
{
    (void)unused;
    char *data = pattern(MUCH);
    sigset_t pending;
    struct tug_process_output result;
    struct tug_process_options options = shell("exec <&-; echo done; exit 5");
    for (int i = 0; i < 5; i++) {
        CHECK_EQUAL(tug_process_output(&result, &options, data, MUCH, 100), 0);
        CHECK_EQUAL(result.status.code, 5);
        CHECK(strcmp(result.output, "done\n") == 0);
        free_output(&result);
        sigpending(&pending);
        CHECK(!sigismember(&pending, SIGPIPE));
    }
    free(data);
    return 0;
}

static int64_t input_of_all_kinds(void *unused)
{
    (void)unused;
    struct tug_process_output result;
    struct tug_process_options options = shell("cat; read line || echo end");
    expect_output(&options, "end\n");
    options.input.kind = TUG_STDIO_PIPE;
    expect_output(&options, "end\n");
    options.input.kind = TUG_STDIO_NULL;
    CHECK_EQUAL(tug_process_output(&result, &options, "x", 1, 100), -EINVAL);
    options.input.kind = TUG_STDIO_PIPE;
    CHECK_EQUAL(tug_process_output(&result, &options, "x", 1, 100), 0);
    CHECK(strcmp(result.output, "xend\n") == 0);
    free_output(&result);
    options.output.kind = options.error.kind = TUG_STDIO_NULL;
    CHECK_EQUAL(tug_process_output(&result, &options, "x", 1, 0), 0);
    CHECK(result.output == NULL && result.error == NULL);
    return 0;
}

/* Whatever it is doing, it is dead and reaped when the call returns. */
static int64_t cancelled(void *unused)
{
    (void)unused;
    static const char *const scripts[] = {"exec sleep 1000", "exec cat /dev/zero",
                                          "exec >&- 2>&-; exec sleep 1000"};
    char *data = pattern(MUCH);
    int descriptors = fixture_count_descriptors();
    for (unsigned i = 0; i < 12; i++) {
        struct tug_process_output result;
        struct tug_process_options options = shell(scripts[i % 3]);
        struct tug_scope scope;
        tug_scope_begin(&scope, tug_deadline_after(i % 4 * 2 * TUG_MILLISECOND), NULL);
        int outcome = tug_process_output(&result, &options, data, MUCH, SIZE_MAX);
        CHECK_EQUAL(tug_scope_end(&scope, outcome), -ETIMEDOUT);
        CHECK(result.output == NULL && result.error == NULL);
        CHECK_EQUAL(tug_process_reap_orphans(), 0);
        CHECK_EQUAL(fixture_count_descriptors(), descriptors);
        expect_no_children();
    }
    free(data);
    return 0;
}

static int64_t run_for_long(void *argument)
{
    struct tug_process_output result;
    struct tug_process_options options = shell("echo; exec sleep 1000");
    (void)argument;
    return tug_process_output(&result, &options, NULL, 0, 10);
}

static int64_t leave_one_running(void *unused)
{
    (void)unused;
    tug_task_detach(fixture_spawn(run_for_long, NULL));
    return tug_sleep(3 * TUG_MILLISECOND);
}

/* The end of the runtime is a cancellation, too. */
static void shutdown_with_child(unsigned workers)
{
    for (int i = 0; i < 3; i++) {
        struct tug_runtime_options options = fixture_options(workers);
        CHECK_EQUAL(fixture_run(&options, leave_one_running, NULL), 0);
        CHECK_EQUAL(tug_process_reap_orphans(), 0);
        CHECK_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
    }
}

static int64_t run_outside(void *unused)
{
    (void)unused;
    struct tug_process_output result;
    struct tug_process_options options = shell(":");
    return tug_process_output(&result, &options, NULL, 0, 10);
}

static int64_t outside_of_a_runtime(void *unused)
{
    (void)unused;
    CHECK_EQUAL(fixture_on_thread(run_outside, NULL), -EPERM);
    return 0;
}

static int64_t one_of_several(void *argument)
{
    char script[32], expected[16], *arguments[] = {"sh", "-c", script, NULL};
    struct tug_process_output result;
    struct tug_process_options options;
    tug_process_options_init(&options, arguments);
    snprintf(script, sizeof(script), "cat; echo %d", (int)fixture_number(argument));
    snprintf(expected, sizeof(expected), "ab%d\n", (int)fixture_number(argument));
    CHECK_EQUAL(tug_process_output(&result, &options, "ab", 2, 100), 0);
    CHECK(strcmp(result.output, expected) == 0);
    free_output(&result);
    return 0;
}

static int64_t several(void *unused)
{
    (void)unused;
    struct tug_task *tasks[12];
    for (int i = 0; i < 12; i++)
        tasks[i] = fixture_spawn(one_of_several, fixture_argument(i));
    for (int i = 0; i < 12; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    expect_no_children();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(much),
        IN_EACH(both),
        IN_EACH(limits),
        IN_EACH(input_unread),
        IN_EACH(cancelled),
        IN_EACH(input_of_all_kinds),
        IN_EACH(several),
        IN_EACH(outside_of_a_runtime),
        ALONE_EACH(shutdown_with_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

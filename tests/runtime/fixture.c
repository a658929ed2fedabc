/* SPDX-License-Identifier: MIT */
/*
 * Runtimes for tests, and what is counted before and after each.
 */
#include "fixture.h"

#include <dirent.h>
#include <inttypes.h>

_Noreturn void fixture_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    abort();
}

void fixture_check_equal(const char *file, int line, const char *left_text, int64_t left,
                         const char *right_text, int64_t right)
{
    if (left == right)
        return;
    fprintf(stderr, "%s:%d: failed: %s == %s (%" PRId64 " != %" PRId64 ")\n", file, line, left_text,
            right_text, left, right);
    abort();
}

void fixture_check_range(const char *file, int line, const char *text, int64_t value, int64_t low,
                         int64_t high)
{
    if (value >= low && value <= high)
        return;
    fprintf(stderr, "%s:%d: failed: %s is %" PRId64 ", not in %" PRId64 " to %" PRId64 "\n", file,
            line, text, value, low, high);
    abort();
}

/* ---- counting ---- */

static int count_entries(const char *directory)
{
    DIR *stream = opendir(directory);
    CHECK(stream != NULL);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

int fixture_count_threads(void)
{
    return count_entries("/proc/self/task");
}

int fixture_count_descriptors(void)
{
    return count_entries("/proc/self/fd") - 1; /* the one that reads the directory */
}

void fixture_expect_left(int threads, int descriptors)
{
    AWAIT_ON_THREAD(fixture_count_threads() <= threads);
    CHECK_EQUAL(fixture_count_descriptors(), descriptors);
}

/* ---- runtimes ---- */

struct tug_runtime_options fixture_options(unsigned workers)
{
    struct tug_runtime_options options;
    tug_runtime_options_init(&options);
    options.flavour = workers == 0 ? TUG_CURRENT_THREAD : TUG_MULTI_THREAD;
    options.worker_threads = workers;
    return options;
}

struct tug_runtime *fixture_create(const struct tug_runtime_options *options)
{
    struct tug_runtime *runtime = NULL;
    CHECK_EQUAL(tug_runtime_create(&runtime, options), 0);
    return runtime;
}

struct tug_runtime *fixture_create_with(unsigned workers)
{
    struct tug_runtime_options options = fixture_options(workers);
    return fixture_create(&options);
}

void fixture_shutdown(struct tug_runtime *runtime)
{
    CHECK_EQUAL(tug_runtime_shutdown(runtime, TUG_FOREVER), 0);
}

int64_t fixture_run(const struct tug_runtime_options *options, tug_task_fn body, void *argument)
{
    struct tug_runtime *runtime = fixture_create(options);
    int64_t result = -1;
    CHECK_EQUAL(tug_runtime_block_on(runtime, body, argument, &result), 0);
    fixture_shutdown(runtime);
    return result;
}

static const struct fixture_case *current_case;

const struct fixture_case *fixture_current(void)
{
    return current_case;
}

/* ThreadSanitizer starts a thread of its own with the first one of the program. */
static void start_the_first_thread(void)
{
    static bool started;
    struct fixture_thread thread;
    if (started)
        return;
    started = true;
    fixture_thread_start(&thread, fixture_return, NULL);
    fixture_thread_join(&thread);
}

void fixture_run_case(void **state)
{
    struct fixture_case *test = *state;
    start_the_first_thread();
    int threads = fixture_count_threads(), descriptors = fixture_count_descriptors();
    current_case = test;
    struct tug_runtime_options options = fixture_options(test->workers);
    if (test->alone != NULL) {
        test->alone(test->workers);
    } else if (test->inside != NULL) {
        assert_int_equal(fixture_run(&options, test->inside, test), 0);
    } else {
        struct tug_runtime *runtime = fixture_create(&options);
        test->outside(runtime);
        fixture_shutdown(runtime);
    }
    fixture_expect_left(threads, descriptors);
}

/* ---- threads from outside ---- */

static void *thread_main(void *argument)
{
    struct fixture_thread *thread = argument;
    thread->result = thread->fn(thread->argument);
    __atomic_store_n(&thread->ended, true, __ATOMIC_RELEASE);
    return NULL;
}

void fixture_thread_start(struct fixture_thread *thread, tug_task_fn fn, void *argument)
{
    *thread = (struct fixture_thread){.fn = fn, .argument = argument};
    CHECK_EQUAL(pthread_create(&thread->handle, NULL, thread_main, thread), 0);
}

int64_t fixture_thread_await(struct fixture_thread *thread)
{
    AWAIT(__atomic_load_n(&thread->ended, __ATOMIC_ACQUIRE));
    return fixture_thread_join(thread);
}

int64_t fixture_thread_join(struct fixture_thread *thread)
{
    CHECK_EQUAL(pthread_join(thread->handle, NULL), 0);
    return thread->result;
}

int64_t fixture_on_thread(tug_task_fn fn, void *argument)
{
    struct fixture_thread thread;
    fixture_thread_start(&thread, fn, argument);
    return fixture_thread_await(&thread);
}

/* ---- tasks ---- */

int64_t fixture_return(void *argument)
{
    return fixture_number(argument);
}

int64_t fixture_sleep_forever(void *argument)
{
    (void)argument;
    return tug_sleep_until(TUG_FOREVER);
}

struct tug_task *fixture_spawn(tug_task_fn fn, void *argument)
{
    struct tug_task *task = tug_spawn(fn, argument);
    CHECK(task != NULL);
    return task;
}

int64_t fixture_join(struct tug_task *task)
{
    int64_t result = INT64_MIN;
    CHECK_EQUAL(tug_join(task, &result), 0);
    return result;
}

uint64_t fixture_budget_exhausted(void)
{
    struct tug_worker_metrics metrics;
    CHECK_EQUAL(tug_runtime_worker_metrics(tug_runtime_current(), 0, &metrics), 0);
    return metrics.budget_exhausted;
}

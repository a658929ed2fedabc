/* SPDX-License-Identifier: MIT */
#include "removal.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <tug/cancel.h>
#include <tug/runtime.h>

struct run {
    struct removal *removal;
    const char *paths[8];
    size_t count;
    const char *names; /* a list instead; or NULL */
    size_t size;
    struct tug_token token;
};

static void keep_event(const struct tug_remove_event *event, void *argument)
{
    struct removal *removal = argument;
    if (removal->on_event != NULL)
        removal->on_event(event, removal->argument);
    removal->removed += event->kind == TUG_REMOVE_REMOVED;
    if (event->kind != TUG_REMOVE_FAILED)
        return;
    if (removal->failure_count < sizeof(removal->failures) / sizeof(removal->failures[0])) {
        struct removal_failure *failure = &removal->failures[removal->failure_count];
        failure->step = event->step;
        failure->error = event->error;
        snprintf(failure->path, sizeof(failure->path), "%s", event->path);
    }
    removal->failure_count++;
}

void removal_init(struct removal *removal)
{
    memset(removal, 0, sizeof(*removal));
    tug_remove_options_init(&removal->options);
    removal->options.recursive = true;
    removal->options.jobs = 2;
    removal->options.event = keep_event;
    removal->options.argument = removal;
    removal->options.events = TUG_REMOVE_REMOVED | TUG_REMOVE_FAILED;
}

static void *cancel_later(void *argument)
{
    struct run *run = argument;
    usleep(run->removal->cancel_after);
    tug_token_cancel(&run->token);
    return NULL;
}

static int64_t remove_here(const struct run *run)
{
    struct removal *removal = run->removal;
    if (run->names != NULL)
        return tug_remove_list(&removal->options, run->names, run->size, &removal->report);
    return tug_remove(&removal->options, run->paths, run->count, &removal->report);
}

static int64_t remove_in_scope(void *argument)
{
    struct run *run = argument;
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, &run->token);
    return tug_scope_end(&scope, remove_here(run));
}

static void run_in_runtime(struct run *run)
{
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    struct removal *removal = run->removal;
    pthread_t canceller;
    tug_runtime_options_init(&options);
    options.flavour = removal->multi_thread ? TUG_MULTI_THREAD : TUG_CURRENT_THREAD;
    options.worker_threads = removal->multi_thread ? 2 : 0;
    assert_int_equal(tug_runtime_create(&runtime, &options), 0);
    tug_token_init(&run->token, NULL);
    if (removal->cancel_after > 0)
        assert_int_equal(pthread_create(&canceller, NULL, cancel_later, run), 0);
    assert_int_equal(tug_runtime_block_on(runtime, remove_in_scope, run, &removal->result), 0);
    if (removal->cancel_after > 0)
        assert_int_equal(pthread_join(canceller, NULL), 0);
    tug_token_destroy(&run->token);
    assert_int_equal(tug_runtime_shutdown(runtime, TUG_FOREVER), 0);
}

static void run_it(struct run *run)
{
    struct removal *removal = run->removal;
    removal->removed = removal->failure_count = 0;
    int descriptors = fixture_count_descriptors();
    if (removal->outside)
        removal->result = remove_here(run);
    else
        run_in_runtime(run);
    if (!removal->may_leak)
        assert_int_equal(fixture_count_descriptors(), descriptors);
    assert_int_equal(removal->failure_count, removal->report.failures);
    assert_int_equal(removal->removed, removal->report.entries + removal->report.directories);
}

void removal_run(struct removal *removal, ...)
{
    struct run run = {.removal = removal};
    va_list paths;
    va_start(paths, removal);
    while (run.count < 8 && (run.paths[run.count] = va_arg(paths, const char *)) != NULL)
        run.count++;
    va_end(paths);
    run_it(&run);
}

void removal_run_list(struct removal *removal, const char *names, size_t size)
{
    struct run run = {.removal = removal, .names = names, .size = size};
    run_it(&run);
}

struct tug_remove_report removal_of(const char *path)
{
    struct removal removal;
    removal_init(&removal);
    removal_run(&removal, path, NULL);
    if (removal.failure_count > 0)
        print_error("step %d, error %d, %s\n", removal.failures[0].step, removal.failures[0].error,
                    removal.failures[0].path);
    assert_int_equal(removal.result, 0);
    assert_int_equal(removal.failure_count, 0);
    assert_false(fixture_exists(path));
    return removal.report;
}

void removal_assert_failure(const struct removal *removal, enum tug_remove_step step, int error,
                            const char *path)
{
    assert_int_equal(removal->failure_count, 1);
    assert_int_equal(removal->failures[0].step, step);
    assert_int_equal(removal->failures[0].error, error);
    assert_string_equal(removal->failures[0].path, path);
    assert_int_equal(removal->result, error != 0 ? error : -EPERM);
}

/* SPDX-License-Identifier: MIT */
#include "removal.h"

#include <errno.h>
#include <string.h>

struct run {
    struct removal *removal;
    const char *paths[8];
    size_t count;
    const char *names; /* a list instead; or NULL */
    size_t size;
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

static int64_t remove_here(void *argument)
{
    const struct run *run = argument;
    struct removal *removal = run->removal;
    if (run->names != NULL)
        return tug_remove_list(&removal->options, run->names, run->size, &removal->report);
    return tug_remove(&removal->options, run->paths, run->count, &removal->report);
}

static void run_it(struct run *run)
{
    struct removal *removal = run->removal;
    removal->removed = removal->failure_count = 0;
    int descriptors = fixture_count_descriptors();
    if (removal->outside)
        removal->result = remove_here(run);
    else
        removal->result =
            fixture_in_runtime(removal->multi_thread, removal->cancel_after, remove_here, run);
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

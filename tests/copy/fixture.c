/* SPDX-License-Identifier: MIT */
/* The scratch directory, and running a copy or something else in a runtime. Everything here uses
 * plain system calls, so that the engine is not tested by itself. */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tug/cancel.h>
#include <tug/runtime.h>

#define NOBODY 65534

static char scratch[4096];

int fixture_enter(void **state)
{
    const char *parent = getenv("TMPDIR");
    (void)state;
    umask(022);
    snprintf(scratch, sizeof(scratch), "%s/tug-copy-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(scratch));
    assert_int_equal(chmod(scratch, 0777), 0);
    assert_int_equal(chdir(scratch), 0);
    return 0;
}

int fixture_leave(void **state)
{
    (void)state;
    assert_int_equal(chdir("/"), 0);
    fixture_remove(scratch);
    return 0;
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *place)
{
    (void)stat;
    (void)type;
    (void)place;
    return remove(path);
}

/* What is deeper than nftw(3) can go is left to rm(1). That is not started by fork(2): to copy the
 * page tables of a process with AddressSanitizer takes longer than most of what is tested. */
void fixture_remove(const char *path)
{
    char *const arguments[] = {"rm", "-rf", "--", (char *)path, NULL};
    pid_t child;
    int status;
    if (nftw(path, remove_entry, 64, FTW_DEPTH | FTW_PHYS) == 0 || !fixture_exists(path))
        return;
    assert_int_equal(posix_spawnp(&child, "rm", NULL, NULL, arguments, environ), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int fixture_count_descriptors(void)
{
    DIR *stream = opendir("/proc/self/fd");
    assert_non_null(stream);
    int count = -1; /* the one that reads the directory */
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

void fixture_run_as_nobody(void (*fn)(void))
{
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
            _exit(126);
        fn();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- A runtime ---- */

struct call {
    int64_t (*fn)(void *);
    void *argument;
    unsigned cancel_after;
    struct tug_token token;
};

static void *cancel_later(void *argument)
{
    struct call *call = argument;
    usleep(call->cancel_after);
    tug_token_cancel(&call->token);
    return NULL;
}

static int64_t call_in_scope(void *argument)
{
    struct call *call = argument;
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, &call->token);
    return tug_scope_end(&scope, call->fn(call->argument));
}

int64_t fixture_in_runtime(bool multi_thread, unsigned cancel_after, int64_t (*fn)(void *),
                           void *argument)
{
    struct call call = {.fn = fn, .argument = argument, .cancel_after = cancel_after};
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    pthread_t canceller;
    int64_t result;
    tug_runtime_options_init(&options);
    options.flavour = multi_thread ? TUG_MULTI_THREAD : TUG_CURRENT_THREAD;
    options.worker_threads = multi_thread ? 2 : 0;
    assert_int_equal(tug_runtime_create(&runtime, &options), 0);
    tug_token_init(&call.token, NULL);
    if (cancel_after > 0)
        assert_int_equal(pthread_create(&canceller, NULL, cancel_later, &call), 0);
    assert_int_equal(tug_runtime_block_on(runtime, call_in_scope, &call, &result), 0);
    if (cancel_after > 0)
        assert_int_equal(pthread_join(canceller, NULL), 0);
    tug_token_destroy(&call.token);
    assert_int_equal(tug_runtime_shutdown(runtime, TUG_FOREVER), 0);
    return result;
}

uint64_t fixture_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

/* ---- A copy ---- */

static void keep_event(const struct tug_copy_event *event, void *argument)
{
    struct fixture_copy *copy = argument;
    if (copy->on_event != NULL)
        copy->on_event(event, copy->argument);
    copy->started += event->kind == TUG_COPY_STARTED;
    copy->finished += event->kind == TUG_COPY_FINISHED;
    if (event->kind != TUG_COPY_FAILED && event->kind != TUG_COPY_WARNING)
        return;
    if (copy->failure_count < sizeof(copy->failures) / sizeof(copy->failures[0])) {
        struct fixture_failure *failure = &copy->failures[copy->failure_count];
        failure->kind = event->kind;
        failure->step = event->step;
        failure->error = event->error;
        snprintf(failure->source, sizeof(failure->source), "%s", event->source);
        snprintf(failure->destination, sizeof(failure->destination), "%s",
                 event->destination != NULL ? event->destination : "");
    }
    copy->failure_count++;
}

void fixture_copy_init(struct fixture_copy *copy)
{
    memset(copy, 0, sizeof(*copy));
    tug_copy_options_init(&copy->options);
    copy->options.recursive = true;
    copy->options.jobs = 2;
    copy->options.event = keep_event;
    copy->options.argument = copy;
    copy->options.events =
        TUG_COPY_STARTED | TUG_COPY_FINISHED | TUG_COPY_FAILED | TUG_COPY_WARNING;
}

struct run {
    struct fixture_copy *copy;
    const char *sources[8];
    size_t count;
    const char *destination;
};

static int64_t copy_here(void *argument)
{
    const struct run *run = argument;
    struct fixture_copy *copy = run->copy;
    if (copy->before != NULL)
        copy->before();
    int64_t result =
        tug_copy(&copy->options, run->sources, run->count, run->destination, &copy->report);
    if (copy->after != NULL)
        copy->after();
    return result;
}

void fixture_copy_run(struct fixture_copy *copy, const char *destination, ...)
{
    struct run run = {.copy = copy, .destination = destination};
    va_list sources;
    va_start(sources, destination);
    while (run.count < 8 && (run.sources[run.count] = va_arg(sources, const char *)) != NULL)
        run.count++;
    va_end(sources);
    copy->started = copy->finished = copy->failure_count = 0;
    int descriptors = fixture_count_descriptors();
    if (copy->outside)
        copy->result = copy_here(&run);
    else
        copy->result = fixture_in_runtime(copy->multi_thread, copy->cancel_after, copy_here, &run);
    if (!copy->may_leak)
        assert_int_equal(fixture_count_descriptors(), descriptors);
}

struct tug_copy_report fixture_copy_tree(const char *source, const char *destination)
{
    struct fixture_copy copy;
    fixture_copy_init(&copy);
    fixture_copy_run(&copy, destination, source, NULL);
    if (copy.failure_count > 0)
        print_error("step %d, error %d, %s\n", copy.failures[0].step, copy.failures[0].error,
                    copy.failures[0].source);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.failure_count, 0);
    return copy.report;
}

void fixture_assert_failure(const struct fixture_copy *copy, enum tug_copy_step step, int error,
                            const char *source)
{
    assert_int_equal(copy->failure_count, 1);
    assert_int_equal(copy->failures[0].step, step);
    assert_int_equal(copy->failures[0].error, error);
    assert_string_equal(copy->failures[0].source, source);
    if (copy->failures[0].kind == TUG_COPY_WARNING)
        return;
    assert_int_equal(copy->result, error != 0 ? error : -EIO);
    assert_int_equal(copy->report.failures, 1);
}

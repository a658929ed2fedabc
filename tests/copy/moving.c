/* SPDX-License-Identifier: MIT */
#include "moving.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

static void keep_event(const struct tug_move_event *event, void *argument)
{
    struct moving *moving = argument;
    if (moving->on_event != NULL)
        moving->on_event(event, moving->argument);
    moving->renamed += event->kind == TUG_MOVE_RENAMED || event->kind == TUG_MOVE_EXCHANGED;
    moving->created += event->kind == TUG_MOVE_CREATED;
    moving->copied += event->kind == TUG_MOVE_COPIED;
    moving->removed += event->kind == TUG_MOVE_REMOVED;
    moving->warnings += event->kind == TUG_MOVE_WARNING;
    /* Whatever is told, temporary names are not, unless one had to stay. */
    if (event->destination != NULL && event->step != TUG_MOVE_STEP_CLEAN)
        assert_null(strstr(event->destination, ".tug-"));
    if (event->kind != TUG_MOVE_FAILED)
        return;
    if (moving->failure_count < sizeof(moving->failures) / sizeof(moving->failures[0])) {
        struct moving_failure *failure = &moving->failures[moving->failure_count];
        failure->step = event->step;
        failure->copy_step = event->copy_step;
        failure->error = event->error;
        snprintf(failure->source, sizeof(failure->source), "%s", event->source);
        snprintf(failure->destination, sizeof(failure->destination), "%s",
                 event->destination != NULL ? event->destination : "");
    }
    moving->failure_count++;
}

void moving_init(struct moving *moving)
{
    memset(moving, 0, sizeof(*moving));
    tug_move_options_init(&moving->options);
    moving->options.jobs = 2;
    moving->options.event = keep_event;
    moving->options.argument = moving;
    moving->options.events = 127;
}

struct run {
    struct moving *moving;
    const char *sources[8];
    size_t count;
    const char *destination;
};

static int64_t move_here(void *argument)
{
    const struct run *run = argument;
    return tug_move(&run->moving->options, run->sources, run->count, run->destination,
                    &run->moving->report);
}

void moving_run(struct moving *moving, const char *destination, ...)
{
    struct run run = {.moving = moving, .destination = destination};
    va_list sources;
    va_start(sources, destination);
    while (run.count < 8 && (run.sources[run.count] = va_arg(sources, const char *)) != NULL)
        run.count++;
    va_end(sources);
    moving->renamed = moving->created = moving->copied = moving->removed = moving->warnings = 0;
    moving->failure_count = 0;
    int descriptors = fixture_count_descriptors();
    if (moving->outside)
        moving->result = move_here(&run);
    else
        moving->result =
            fixture_in_runtime(moving->multi_thread, moving->cancel_after, move_here, &run);
    if (!moving->may_leak)
        assert_int_equal(fixture_count_descriptors(), descriptors);
}

struct tug_move_report moving_succeeds(const char *source, const char *destination)
{
    struct moving moving;
    moving_init(&moving);
    moving_run(&moving, destination, source, NULL);
    if (moving.failure_count > 0)
        print_error("step %d, copy step %d, error %d, %s\n", moving.failures[0].step,
                    moving.failures[0].copy_step, moving.failures[0].error,
                    moving.failures[0].source);
    assert_int_equal(moving.result, 0);
    assert_int_equal(moving.failure_count, 0);
    return moving.report;
}

void moving_assert_failure(const struct moving *moving, enum tug_move_step step, int error,
                           const char *source)
{
    assert_int_equal(moving->failure_count, 1);
    assert_int_equal(moving->failures[0].step, step);
    assert_int_equal(moving->failures[0].error, error);
    assert_string_equal(moving->failures[0].source, source);
    assert_int_equal(moving->result, error != 0 ? error : -EIO);
    assert_int_equal(moving->report.failures, 1);
}

/* ---- What is where ---- */

static struct {
    const char *reference, *from, *to;
} places;

static int check_entry(const char *path, const struct stat *stat, int type, struct FTW *place)
{
    const char *rest = path + strlen(places.reference);
    (void)stat;
    (void)type;
    (void)place;
    if (!fixture_exists(fixture_text("%s%s", places.from, rest)) &&
        !fixture_exists(fixture_text("%s%s", places.to, rest)))
        fail_msg("%s is neither in %s nor in %s", rest, places.from, places.to);
    return 0;
}

void moving_assert_in_one_place(const char *reference, const char *from, const char *to)
{
    places.reference = reference;
    places.from = from;
    places.to = to;
    assert_int_equal(nftw(reference, check_entry, 16, FTW_PHYS), 0);
    /* What is there is whole. */
    if (fixture_exists(from))
        fixture_assert_copy(reference, from, FIXTURE_SUBSET);
    if (fixture_exists(to))
        fixture_assert_copy(reference, to, FIXTURE_SUBSET);
}

void moving_assert_no_temporary_names(const char *directory)
{
    DIR *stream = opendir(directory);
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (strncmp(entry->d_name, ".tug-", 5) == 0)
            fail_msg("%s is left in %s", entry->d_name, directory);
    closedir(stream);
}

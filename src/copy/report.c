/* SPDX-License-Identifier: MIT */
/*
 * Counters and events. Counters are atomic and on their own; events are made under a lock, one at a
 * time, and only when somebody asked for their kind, since they need path names.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "attempt.h"
#include "losses.h"
#include "strategy.h"

/* The operand that a directory was reached from. */
static const struct tug_directory *operand_of(const struct tug_directory *directory)
{
    while (directory->parent != NULL && directory->parent->parent != NULL)
        directory = directory->parent;
    return directory;
}

/* ---- Failures ---- */

/* Whether the callback is to be asked. */
static bool is_asked(const struct tug_copy_engine *engine)
{
    return engine->options->on_failure == TUG_ON_FAILURE_ASK && !tug_crew_stopped(engine->crew) &&
           tug_attempt_now().state == TUG_ATTEMPT_FRESH;
}

/* Whether somebody will see the event, which then needs path names. */
static bool is_told(const struct tug_copy_engine *engine, int error)
{
    return error != -ECANCELED && (tug_copy_wants(engine, TUG_COPY_FAILED) || is_asked(engine));
}

static enum tug_failure_answer answer_to(const struct tug_copy_engine *engine,
                                         const struct tug_copy_event *failure)
{
    enum tug_failure_answer answer = TUG_FAILURE_SKIP;
    if (engine->options->on_failure == TUG_ON_FAILURE_STOP)
        return TUG_FAILURE_STOP;
    if (is_asked(engine))
        answer = engine->options->failed(failure, engine->options->argument);
    if (answer == TUG_FAILURE_RETRY && engine->report->phase == TUG_COPY_PHASE_VERIFY)
        answer = TUG_FAILURE_SKIP;
    return answer;
}

static void retry(struct tug_copy_engine *engine, struct tug_copy_event failure)
{
    tug_attempt_set_state(TUG_ATTEMPT_AGAIN);
    failure.kind = TUG_COPY_RETRIED;
    if (tug_copy_wants(engine, TUG_COPY_RETRIED))
        engine->options->event(&failure, engine->options->argument);
}

/* Under the lock for events. */
static void count_failure(struct tug_copy_engine *engine, struct tug_copy_event failure)
{
    int32_t none = 0;
    int32_t first = failure.error != 0 ? failure.error : -EIO;
    tug_attempt_set_state(TUG_ATTEMPT_SETTLED);
    __atomic_compare_exchange_n(&engine->report->first_error, &none, first, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
    tug_copy_count(&engine->report->failures, 1);
    /* The copy stays, and so do its bytes. */
    if (failure.step >= TUG_COPY_STEP_PRESERVE_TIMES && failure.step <= TUG_COPY_STEP_PRESERVE_MODE)
        failure.bytes = 0;
    if (tug_copy_wants(engine, TUG_COPY_FAILED))
        engine->options->event(&failure, engine->options->argument);
}

/* Decides what becomes of a failure, and sees to that. */
static void judge(struct tug_copy_engine *engine, const struct tug_copy_event *event)
{
    struct tug_copy_event failure = *event;
    struct tug_attempt attempt = tug_attempt_now();
    /* After a cancellation calls may fail because of it; that is no news. And what follows from a
     * failure whose entry will be done again will be seen then. */
    if (failure.error == -ECANCELED || attempt.state == TUG_ATTEMPT_AGAIN)
        return;
    failure.bytes = attempt.bytes;
    pthread_mutex_lock(&engine->event_lock);
    enum tug_failure_answer answer = answer_to(engine, &failure);
    if (answer == TUG_FAILURE_RETRY)
        retry(engine, failure);
    else
        count_failure(engine, failure);
    if (answer == TUG_FAILURE_STOP) {
        __atomic_store_n(&engine->report->stopped, 1, __ATOMIC_RELAXED);
        tug_crew_stop(engine->crew);
    }
    pthread_mutex_unlock(&engine->event_lock);
}

/* Calls the callback. */
static void pass_on(struct tug_copy_engine *engine, const struct tug_copy_event *event)
{
    if (event->kind == TUG_COPY_FAILED) {
        judge(engine, event);
        return;
    }
    pthread_mutex_lock(&engine->event_lock);
    engine->options->event(event, engine->options->argument);
    pthread_mutex_unlock(&engine->event_lock);
}

static void send_event(struct tug_copy_engine *engine, struct tug_copy_event event,
                       const struct tug_directory *directory, const char *name,
                       const char *destination_name)
{
    const struct tug_directory *source = directory;
    if (event.step == TUG_COPY_STEP_INTO_ITSELF)
        source = operand_of(directory);
    char *source_path = tug_directory_source_path(source, source == directory ? name : NULL);
    char *destination_path = NULL;
    if (directory->has_destination)
        destination_path =
            tug_directory_destination_path(source, source == directory ? destination_name : NULL);
    event.source = source_path != NULL ? source_path : name != NULL ? name : directory->name;
    event.destination = destination_path;
    pass_on(engine, &event);
    free(source_path);
    free(destination_path);
}

void tug_copy_tell(struct tug_copy_engine *engine, enum tug_copy_event_kind kind, unsigned type,
                   uint64_t bytes, const struct tug_directory *directory, const char *name,
                   const char *destination_name)
{
    struct tug_copy_event event = {.kind = kind, .type = type, .bytes = bytes};
    send_event(engine, event, directory, name, destination_name);
}

void tug_copy_explain(struct tug_copy_engine *engine, struct tug_copy_choice choice, uint64_t bytes,
                      const struct tug_directory *directory, const char *name,
                      const char *destination_name)
{
    struct tug_copy_event event = {.kind = TUG_COPY_EXPLAINED,
                                   .type = S_IFREG,
                                   .bytes = bytes,
                                   .method = tug_copy_method_text(choice.method),
                                   .reason = tug_copy_reason_text(choice.reason)};
    if (tug_copy_wants(engine, TUG_COPY_EXPLAINED))
        send_event(engine, event, directory, name, destination_name);
}

void tug_copy_fail(struct tug_copy_engine *engine, const struct tug_directory *directory,
                   const char *name, const char *destination_name, enum tug_copy_step step,
                   int error)
{
    tug_copy_fail_attribute(engine, directory, name, destination_name, step, error, NULL);
}

void tug_copy_fail_attribute(struct tug_copy_engine *engine, const struct tug_directory *directory,
                             const char *name, const char *destination_name,
                             enum tug_copy_step step, int error, const char *attribute)
{
    struct tug_copy_event event = {
        .kind = TUG_COPY_FAILED, .step = step, .error = error, .attribute = attribute};
    if (engine->ledger != NULL) {
        const struct tug_ledger_entry entry = tug_ledger_entry_of(directory, name);
        tug_ledger_deny(engine->ledger, &entry);
    }
    if (is_told(engine, error))
        send_event(engine, event, directory, name, destination_name);
    else
        judge(engine, &event);
    /* After the other steps there is a copy, and what it lacks has been noted (preserve.c). */
    if (step < TUG_COPY_STEP_PRESERVE_TIMES || step > TUG_COPY_STEP_PRESERVE_MODE)
        tug_losses_add(engine, directory, name, TUG_LOSS_ENTRY);
}

void tug_copy_fail_to_clean(struct tug_copy_engine *engine, const struct tug_directory *directory,
                            const char *name, const char *destination_name, enum tug_copy_step step,
                            int error)
{
    struct tug_attempt around = tug_attempt_begin(false);
    tug_attempt_set_state(TUG_ATTEMPT_SETTLED);
    tug_copy_fail(engine, directory, name, destination_name, step, error);
    tug_attempt_end(around);
    tug_attempt_set_state(TUG_ATTEMPT_SETTLED);
}

void tug_copy_note(struct tug_copy_engine *engine, const struct tug_directory *directory,
                   const char *name, const struct tug_ledger_state *state)
{
    if (engine->ledger == NULL)
        return;
    const struct tug_ledger_entry entry = tug_ledger_entry_of(directory, name);
    if (tug_ledger_add(engine->ledger, &entry, state) != 0)
        tug_copy_fail(engine, directory, name, name, TUG_COPY_STEP_MEMORY, -ENOMEM);
}

void tug_copy_note_link(struct tug_copy_engine *engine, const struct tug_directory *directory,
                        const char *name, struct tug_copy_identity identity)
{
    if (engine->ledger == NULL)
        return;
    const struct tug_ledger_entry entry = tug_ledger_entry_of(directory, name);
    if (tug_ledger_add_name(engine->ledger, &entry, identity) != 0)
        tug_copy_fail(engine, directory, name, name, TUG_COPY_STEP_MEMORY, -ENOMEM);
}

void tug_copy_note_directory(struct tug_copy_engine *engine, const struct tug_directory *directory)
{
    if (engine->ledger == NULL)
        return;
    const struct tug_ledger_entry entry = tug_ledger_entry_of(directory, NULL);
    if (tug_ledger_add_directory(engine->ledger, &entry, directory->source_identity) != 0)
        tug_copy_fail(engine, directory, NULL, NULL, TUG_COPY_STEP_MEMORY, -ENOMEM);
}

void tug_copy_fail_path(struct tug_copy_engine *engine, const char *path, enum tug_copy_step step,
                        int error)
{
    struct tug_copy_event event = {
        .kind = TUG_COPY_FAILED, .step = step, .error = error, .source = path};
    judge(engine, &event);
}

void tug_copy_warn(struct tug_copy_engine *engine, const struct tug_directory *directory,
                   const char *name, const char *destination_name, enum tug_copy_step step,
                   int error, unsigned type)
{
    struct tug_copy_event event = {
        .kind = TUG_COPY_WARNING, .step = step, .error = error, .type = type};
    if (tug_copy_wants(engine, TUG_COPY_WARNING))
        send_event(engine, event, directory, name, destination_name);
}

void tug_copy_report_read(const struct tug_copy_report *report, struct tug_copy_report *now)
{
    *now = (struct tug_copy_report){
        .files = __atomic_load_n(&report->files, __ATOMIC_RELAXED),
        .directories = __atomic_load_n(&report->directories, __ATOMIC_RELAXED),
        .links = __atomic_load_n(&report->links, __ATOMIC_RELAXED),
        .hard_links = __atomic_load_n(&report->hard_links, __ATOMIC_RELAXED),
        .specials = __atomic_load_n(&report->specials, __ATOMIC_RELAXED),
        .bytes = __atomic_load_n(&report->bytes, __ATOMIC_RELAXED),
        .skipped = __atomic_load_n(&report->skipped, __ATOMIC_RELAXED),
        .failures = __atomic_load_n(&report->failures, __ATOMIC_RELAXED),
        .verified_files = __atomic_load_n(&report->verified_files, __ATOMIC_RELAXED),
        .verified_bytes = __atomic_load_n(&report->verified_bytes, __ATOMIC_RELAXED),
        .cloned_files = __atomic_load_n(&report->cloned_files, __ATOMIC_RELAXED),
        .offloaded_bytes = __atomic_load_n(&report->offloaded_bytes, __ATOMIC_RELAXED),
        .resumed_files = __atomic_load_n(&report->resumed_files, __ATOMIC_RELAXED),
        .resumed_bytes = __atomic_load_n(&report->resumed_bytes, __ATOMIC_RELAXED),
        .first_error = __atomic_load_n(&report->first_error, __ATOMIC_RELAXED),
        .phase = __atomic_load_n(&report->phase, __ATOMIC_RELAXED),
        .stopped = __atomic_load_n(&report->stopped, __ATOMIC_RELAXED),
        .jobs_wanted = __atomic_load_n(&report->jobs_wanted, __ATOMIC_RELAXED),
        .jobs_most = __atomic_load_n(&report->jobs_most, __ATOMIC_RELAXED),
    };
}

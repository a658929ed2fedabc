/* SPDX-License-Identifier: MIT */
/*
 * The life of a task: made, started, run again and again, completed, freed. The rules are at the
 * head of task.h.
 */
#include "task/task.h"

#include <errno.h>

#include "task/coroutine.h"
#include "task/executor.h"
#include "task/run.h"
#include "task/scheduler.h"
#include "task/state.h"

_Static_assert(sizeof(struct tug_task) == 128, "a task is two cache lines");
_Static_assert(offsetof(struct tug_task, state) == 0, "the slab keeps a free task's first word");

/* Makes a task that nobody can find yet: its state word is that of a free slot. */
static inline struct tug_task *make_task(struct tug_executor *executor, struct tug_domain *domain,
                                         enum tug_task_kind kind)
{
    bool here = executor != NULL && executor->domain == domain;
    struct tug_task *task = tug_slab_alloc(domain->tasks, here ? &executor->tasks : NULL);
    if (__builtin_expect(task == NULL, 0))
        return NULL;
    task->domain = domain;
    task->argument = NULL;
    task->coroutine = NULL;
    task->suspended_at = NULL;
    task->group = 0;
    task->kind = (uint8_t)kind;
    task->local = domain->local;
    task->stack_order = domain->stack_order;
    task->polling = TUG_POLLING_NOT_BEGUN;
    task->worker = TUG_ANY_WORKER;
    task->remote = 0;
    task->label = 0;
    tug_count_spawned(executor, domain);
    return task;
}

struct tug_task *tug_task_new(struct tug_executor *executor, struct tug_domain *domain,
                              enum tug_task_kind kind)
{
    return make_task(executor, domain, kind);
}

/* Publishes a task and starts it: it is born SCHEDULED, which spares a swap. */
static inline void launch(struct tug_executor *executor, struct tug_task *task)
{
    if (task->local && __builtin_expect(!tug_task_is_here(executor, task), 0)) {
        tug_task_publish(task, 0);
        tug_task_remote_request(task, TUG_REMOTE_WAKE);
    } else {
        tug_task_publish(task, TUG_TASK_SCHEDULED);
        tug_scheduler_schedule(executor, task);
    }
}

void tug_task_start(struct tug_executor *executor, struct tug_task *task)
{
    launch(executor, task);
}

bool tug_task_free_memory(struct tug_executor *executor, struct tug_task *task)
{
    struct tug_domain *domain = task->domain;
    if (task->local && __atomic_load_n(&task->remote, __ATOMIC_ACQUIRE) != 0 &&
        !tug_task_settle(task))
        return false;
    bool outlives = (tug_state_load(task) & TUG_TASK_OUTLIVES) != 0;
    tug_task_label_clear(task);
    bool here = executor != NULL && executor->domain == domain;
    tug_slab_free(domain->tasks, here ? &executor->tasks : NULL, task);
    return outlives;
}

void tug_task_free(struct tug_executor *executor, struct tug_task *task)
{
    struct tug_domain *domain = task->domain;
    if (tug_task_free_memory(executor, task))
        tug_domain_outlived(domain);
}

void tug_task_discard(struct tug_executor *executor, struct tug_task *task)
{
    bool here = executor != NULL && executor->domain == task->domain;
    struct tug_domain *domain = task->domain;
    tug_slab_free(domain->tasks, here ? &executor->tasks : NULL, task);
    tug_count_finished(executor, domain);
}

/* ---- running and completing -------------------------------------------------------------------
 */

/* Polls the root future of a poll task. Returns an enum tug_coroutine_action. */
int tug_task_poll_future(struct tug_executor *executor, struct tug_task *task)
{
    struct tug_future *future = task->future;
    const struct tug_waker waker = {&tug_task_waker_vtable, task};
    executor->unconstrained = false;
    bool aborted = (tug_state_load(task) & TUG_TASK_ABORTED) != 0;
    if (aborted && task->polling == TUG_POLLING_NOT_BEGUN) {
        /* Never polled: it has nothing to end, and is forgotten. */
        task->result = -ECANCELED;
    } else {
        if (aborted && task->polling != TUG_POLLING_CANCELLED) {
            task->polling = TUG_POLLING_CANCELLED;
            if (future->vtable->cancel != NULL)
                future->vtable->cancel(future);
        } else if (!aborted) {
            task->polling = TUG_POLLING_BEGUN;
        }
        if (future->vtable->poll(future, &waker) == TUG_PENDING)
            return TUG_ACTION_PENDING;
        task->result = future->result;
    }
    if (future->vtable->drop != NULL)
        future->vtable->drop(future);
    return TUG_ACTION_END;
}

void tug_task_complete(struct tug_executor *executor, struct tug_task *task, int64_t result)
{
    struct tug_domain *domain = task->domain;
    task->result = result;
    if (!tug_task_is_foreign(executor, task)) {
        tug_task_complete_here(executor, task);
        return;
    }
    /* A job of the blocking pool, on the pool's own thread: it is in no group, and the runtime
     * cannot end under it. */
    uint64_t state = tug_state_load(task), desired;
    struct tug_waker joiner = {NULL, NULL};
    do {
        if ((state & TUG_TASK_JOIN_WAKER) != 0)
            joiner = tug_waker_peek(&task->join_waker);
        desired = (state | TUG_TASK_COMPLETE) - TUG_TASK_REFERENCE;
    } while (!tug_state_swap(task, &state, desired));
    if (tug_state_references(desired) == 0)
        tug_task_free(NULL, task);
    if ((state & TUG_TASK_JOIN_WAKER) != 0)
        tug_waker_wake(joiner);
    tug_count_finished(NULL, domain);
}

/* ---- spawning ------------------------------------------------------------------------------- */

/* Where a new task goes; shared by the three public ways to make one. */
static int resolve_options(const struct tug_spawn_options *options, struct tug_domain *domain,
                           uint8_t *stack_order, int32_t *worker)
{
    if (__atomic_load_n(&domain->closing, __ATOMIC_SEQ_CST))
        return -ECANCELED;
    if (options->worker != TUG_ANY_WORKER &&
        (options->worker < 0 || (uint32_t)options->worker >= domain->workers))
        return -EINVAL;
    *worker = options->worker;
    *stack_order = domain->stack_order;
    if (options->stack_size != 0) {
        unsigned order = TUG_STACK_ORDER_MIN;
        while (order < TUG_STACK_ORDER_MAX && ((size_t)1 << order) < options->stack_size)
            order++;
        if (options->stack_size < ((size_t)1 << TUG_STACK_ORDER_MIN) ||
            options->stack_size > ((size_t)1 << TUG_STACK_ORDER_MAX))
            return -EINVAL;
        *stack_order = (uint8_t)order;
    }
    return 0;
}

int tug_task_make(struct tug_executor *executor, struct tug_domain *domain, struct tug_task **task,
                  const struct tug_spawn_options *options, tug_task_fn fn, void *argument,
                  struct tug_future *future)
{
    uint8_t stack_order;
    int32_t worker;
    int error = resolve_options(options, domain, &stack_order, &worker);
    if (error != 0)
        return error;
    struct tug_task *made =
        make_task(executor, domain, future != NULL ? TUG_TASK_FUTURE : TUG_TASK_COROUTINE);
    if (made == NULL)
        return -ENOMEM;
    if (future != NULL)
        made->future = future;
    else
        made->fn = fn;
    made->argument = argument;
    made->stack_order = stack_order;
    made->worker = worker;
    if (options->name != NULL && tug_task_label_set(made, options->name) != 0) {
        tug_task_discard(executor, made);
        return -ENOMEM;
    }
    *task = made;
    return 0;
}

static int spawn(struct tug_task **task, const struct tug_spawn_options *options, tug_task_fn fn,
                 void *argument, struct tug_future *future)
{
    struct tug_executor *executor = tug_executor_current();
    struct tug_domain *domain =
        options->runtime != NULL ? (struct tug_domain *)options->runtime : tug_domain_current();
    if (domain == NULL)
        return -EPERM;
    /* From outside: shutdown waits for those who may have found the runtime open. */
    bool foreign = executor == NULL || executor->domain != domain;
    if (foreign)
        tug_domain_foreign_begin(domain);
    struct tug_task *made;
    int error = tug_task_make(executor, domain, &made, options, fn, argument, future);
    if (error == 0) {
        /* First, since the task may have ended before launch() returns. */
        *task = made;
        launch(executor, made);
    }
    if (foreign)
        tug_domain_foreign_end(domain);
    return error;
}

int tug_spawn_with(struct tug_task **task, const struct tug_spawn_options *options, tug_task_fn fn,
                   void *argument)
{
    return spawn(task, options, fn, argument, NULL);
}

int tug_spawn_future(struct tug_task **task, const struct tug_spawn_options *options,
                     struct tug_future *future)
{
    const struct tug_spawn_options defaults = TUG_SPAWN_OPTIONS_INIT;
    return spawn(task, options != NULL ? options : &defaults, NULL, NULL, future);
}

struct tug_task *tug_spawn(tug_task_fn fn, void *argument)
{
    struct tug_executor *executor = tug_executor_current();
    if (__builtin_expect(executor == NULL, 0)) {
        const struct tug_spawn_options defaults = TUG_SPAWN_OPTIONS_INIT;
        struct tug_task *made;
        return tug_spawn_with(&made, &defaults, fn, argument) == 0 ? made : NULL;
    }
    struct tug_domain *domain = executor->domain;
    if (__atomic_load_n(&domain->closing, __ATOMIC_ACQUIRE))
        return NULL;
    struct tug_task *task = make_task(executor, domain, TUG_TASK_COROUTINE);
    if (task == NULL)
        return NULL;
    task->fn = fn;
    task->argument = argument;
    launch(executor, task);
    return task;
}

struct tug_task *tug_task_current(void)
{
    struct tug_executor *executor = tug_executor_current();
    return executor != NULL ? executor->current : NULL;
}

int tug_worker_index(void)
{
    struct tug_executor *executor = tug_executor_current();
    return executor != NULL ? executor->index : -1;
}

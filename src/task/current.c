/* SPDX-License-Identifier: MIT */
/*
 * The thread-local variables of the task layer, and what must be close to them (see executor.h for
 * why).
 */
#include "sys/thread.h"
#include "task/coroutine.h"
#include "task/executor.h"

static TUG_THREAD_LOCAL struct tug_executor *current_executor;
static TUG_THREAD_LOCAL struct tug_domain *current_domain;

__attribute__((noinline)) struct tug_executor *tug_executor_current(void)
{
    return current_executor;
}

__attribute__((noinline)) void tug_executor_set_current(struct tug_executor *executor)
{
    current_executor = executor;
    current_domain = executor != NULL ? executor->domain : NULL;
}

__attribute__((noinline)) struct tug_domain *tug_domain_current(void)
{
    return current_domain;
}

__attribute__((noinline)) void tug_domain_set_current(struct tug_domain *domain)
{
    current_domain = domain;
}

static __attribute__((noinline, cold)) bool may_proceed_slow(struct tug_executor *executor,
                                                             const struct tug_task *task)
{
    return tug_task_cancel_reason_slow(task) == 0 && tug_coop_take(executor);
}

/* Nothing is called on the way that most calls take, so nothing has to be saved for that. */
__attribute__((noinline)) bool tug_call_may_proceed(void)
{
    struct tug_executor *executor = current_executor;
    if (executor == NULL)
        return true;
    const struct tug_task *task = tug_executor_coroutine(executor);
    if (task == NULL)
        return false;
    if (__builtin_expect(
            (__atomic_load_n(&task->state, __ATOMIC_ACQUIRE) & TUG_TASK_CANCEL_MASK) != 0, 0))
        return may_proceed_slow(executor, task);
    return tug_coop_take(executor);
}

/* SPDX-License-Identifier: MIT */
/*
 * Cancel scopes: a token tied to what one coroutine does between begin and end.
 *
 * The task's state word says "some scope may be cancelled" in one bit, so that a suspension point
 * pays one load; the chain of scopes is walked only when it is set (tug_task_cancel_reason). Ending
 * a scope clears the bit and looks at the scopes that remain: a canceller stores the reason first
 * and sets the bit second, so either the look sees the reason or the bit is set after the clearing.
 */
#include <tug/cancel.h>

#include <errno.h>

#include <tug/time.h>

#include "task/coroutine.h"
#include "task/state.h"
#include "task/token.h"
#include "time/clock.h"
#include "time/wheel.h"

static void deadline_fired(struct tug_timer *timer)
{
    struct tug_scope *scope = TUG_CONTAINER_OF(timer, struct tug_scope, timer);
    tug_token_cancel_with(&scope->token, -ETIMEDOUT);
}

static void set_deadline(struct tug_scope *scope, uint64_t deadline)
{
    struct tug_executor *executor = tug_executor_current();
    struct tug_domain *domain = executor->domain;
    if (deadline > tug_domain_now(domain)) {
        tug_timer_init(&scope->timer, deadline_fired);
        scope->has_timer = tug_timer_insert(executor->wheel, &scope->timer,
                                            tug_ticks_of_deadline(domain->clock_start, deadline));
    }
    if (!scope->has_timer)
        tug_token_cancel_with(&scope->token, -ETIMEDOUT);
}

static void begin(struct tug_scope *scope, uint64_t deadline, struct tug_token *parent, bool shield)
{
    struct tug_task *task = tug_coroutine_current();
    tug_token_init(&scope->token, parent);
    scope->task = task;
    scope->shield = shield;
    scope->has_timer = false;
    scope->outer = NULL;
    if (task == NULL)
        return;
    scope->outer = task->coroutine->scope;
    task->coroutine->scope = scope;
    tug_token_set_scope(&scope->token, scope);
    if (deadline != TUG_FOREVER)
        set_deadline(scope, deadline);
}

void tug_scope_begin(struct tug_scope *scope, uint64_t deadline, struct tug_token *parent)
{
    begin(scope, deadline, parent, false);
}

void tug_shield_begin(struct tug_scope *scope)
{
    begin(scope, TUG_FOREVER, NULL, true);
}

int64_t tug_scope_end(struct tug_scope *scope, int64_t result)
{
    struct tug_task *task = scope->task;
    if (scope->has_timer)
        tug_timer_remove(&scope->timer);
    int reason = tug_token_reason(&scope->token);
    if (task != NULL) {
        task->coroutine->scope = scope->outer;
        tug_token_destroy(&scope->token);
        reason = tug_token_reason(&scope->token);
        if ((tug_state_load(task) & TUG_TASK_SCOPE_CANCELLED) != 0) {
            tug_state_change(task, 0, TUG_TASK_SCOPE_CANCELLED);
            for (struct tug_scope *outer = task->coroutine->scope; outer != NULL;
                 outer = outer->outer)
                if (tug_token_reason(&outer->token) != 0)
                    tug_state_change(task, TUG_TASK_SCOPE_CANCELLED, 0);
        }
    } else {
        tug_token_destroy(&scope->token);
    }
    return result == -ECANCELED && reason == -ETIMEDOUT ? -ETIMEDOUT : result;
}

void tug_scope_cancel(struct tug_scope *scope)
{
    tug_token_cancel_with(&scope->token, -ECANCELED);
}

int tug_scope_reason(const struct tug_scope *scope)
{
    return tug_token_reason(&scope->token);
}

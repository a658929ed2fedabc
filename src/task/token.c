/* SPDX-License-Identifier: MIT */
/*
 * Cancellation tokens: a tree, guarded as a whole by the lock of its root.
 *
 * Lock order: a timer wheel's lock before a tree's, a tree's before a run queue's. Cancelling walks
 * the tree below the token under the lock, wakes the tasks whose scopes it meets, and the futures
 * that wait. While the lock is held no scope can end and no future can be withdrawn, which is why
 * their tasks exist; so a task's waker is not cloned, and any other waker is.
 */
#include <tug/cancel.h>

#include <errno.h>

#include <tug/coop.h>

#include "sys/mutex.h"
#include "task/task.h"
#include "task/token.h"

static struct tug_sys_mutex *tree_lock(struct tug_token *token)
{
    return tug_sys_mutex_of_word(&token->root->lock);
}

void tug_token_init(struct tug_token *token, struct tug_token *parent)
{
    *token = (struct tug_token){.parent = parent};
    token->root = parent != NULL ? parent->root : token;
    if (parent == NULL)
        return;
    tug_sys_mutex_lock(tree_lock(token));
    token->reason = parent->reason;
    token->next_sibling = parent->first_child;
    if (parent->first_child != NULL)
        parent->first_child->previous_sibling = token;
    parent->first_child = token;
    tug_sys_mutex_unlock(tree_lock(token));
}

void tug_token_destroy(struct tug_token *token)
{
    if (token->parent == NULL)
        return;
    tug_sys_mutex_lock(tree_lock(token));
    if (token->previous_sibling != NULL)
        token->previous_sibling->next_sibling = token->next_sibling;
    else
        token->parent->first_child = token->next_sibling;
    if (token->next_sibling != NULL)
        token->next_sibling->previous_sibling = token->previous_sibling;
    tug_sys_mutex_unlock(tree_lock(token));
}

int tug_token_reason(const struct tug_token *token)
{
    return __atomic_load_n(&token->reason, __ATOMIC_ACQUIRE);
}

void tug_token_set_scope(struct tug_token *token, struct tug_scope *scope)
{
    if (token->parent == NULL) {
        token->scope = scope; /* nobody else knows the token yet */
        return;
    }
    tug_sys_mutex_lock(tree_lock(token));
    token->scope = scope;
    if (token->reason != 0)
        tug_task_cancel(scope->task, TUG_TASK_SCOPE_CANCELLED);
    tug_sys_mutex_unlock(tree_lock(token));
}

/* The node after `token` in a walk of the tree below `top`, parents first. */
static struct tug_token *next_in_tree(struct tug_token *top, struct tug_token *token)
{
    if (token->first_child != NULL)
        return token->first_child;
    while (token != top && token->next_sibling == NULL)
        token = token->parent;
    return token == top ? NULL : token->next_sibling;
}

static void wake_waiters(struct tug_token *token)
{
    struct tug_token_future *wait = token->waiters;
    token->waiters = NULL;
    while (wait != NULL) {
        struct tug_token_future *next = wait->next;
        tug_waker_wake_by_ref(&wait->waker);
        __atomic_store_n(&wait->state, TUG_TOKEN_WAIT_FIRED, __ATOMIC_RELEASE);
        wait = next;
    }
}

void tug_token_cancel_with(struct tug_token *token, int reason)
{
    tug_sys_mutex_lock(tree_lock(token));
    for (struct tug_token *node = token; node != NULL; node = next_in_tree(token, node)) {
        if (node->reason != 0)
            continue; /* the first reason stays; all below has been told already */
        __atomic_store_n(&node->reason, reason, __ATOMIC_RELEASE);
        if (node->scope != NULL && node->scope->task != NULL)
            tug_task_cancel(node->scope->task, TUG_TASK_SCOPE_CANCELLED);
        wake_waiters(node);
    }
    tug_sys_mutex_unlock(tree_lock(token));
}

void tug_token_cancel(struct tug_token *token)
{
    tug_token_cancel_with(token, -ECANCELED);
}

/* ---- waiting for a token ----------------------------------------------------------------------
 */

static struct tug_token_future *token_future(struct tug_future *self)
{
    return TUG_CONTAINER_OF(self, struct tug_token_future, future);
}

static void waiter_link(struct tug_token_future *wait)
{
    struct tug_token_future *head = wait->token->waiters;
    wait->previous = NULL;
    wait->next = head;
    if (head != NULL)
        head->previous = wait;
    wait->token->waiters = wait;
}

static void waiter_unlink(struct tug_token_future *wait)
{
    if (wait->previous != NULL)
        wait->previous->next = wait->next;
    else
        wait->token->waiters = wait->next;
    if (wait->next != NULL)
        wait->next->previous = wait->previous;
}

static int token_future_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_token_future *wait = token_future(self);
    bool ready_at_once = false;
    int state = __atomic_load_n(&wait->state, __ATOMIC_ACQUIRE);
    if (state < TUG_TOKEN_WAIT_FIRED) {
        tug_sys_mutex_lock(tree_lock(wait->token));
        state = wait->state;
        if (state == TUG_TOKEN_WAIT_LINKED && !tug_waker_will_wake(&wait->waker, waker)) {
            tug_waker_unhold(&wait->waker);
            wait->waker = tug_waker_hold(waker);
        } else if (state == TUG_TOKEN_WAIT_NEW && wait->token->reason == 0) {
            wait->waker = tug_waker_hold(waker);
            waiter_link(wait);
            wait->state = TUG_TOKEN_WAIT_LINKED;
        } else if (state == TUG_TOKEN_WAIT_NEW) {
            state = TUG_TOKEN_WAIT_DONE;
            ready_at_once = true;
        }
        tug_sys_mutex_unlock(tree_lock(wait->token));
        if (state < TUG_TOKEN_WAIT_FIRED || (ready_at_once && tug_coop_poll(waker) == TUG_PENDING))
            return TUG_PENDING;
    }
    if (state == TUG_TOKEN_WAIT_FIRED)
        tug_waker_unhold(&wait->waker);
    wait->state = TUG_TOKEN_WAIT_DONE;
    return TUG_READY;
}

static void token_future_cancel(struct tug_future *self)
{
    struct tug_token_future *wait = token_future(self);
    tug_sys_mutex_lock(tree_lock(wait->token));
    if (wait->state == TUG_TOKEN_WAIT_LINKED) {
        waiter_unlink(wait);
        wait->state = TUG_TOKEN_WAIT_FIRED;
        wait->future.result = -ECANCELED;
    }
    tug_sys_mutex_unlock(tree_lock(wait->token));
}

static const struct tug_future_vtable token_future_vtable = {
    .poll = token_future_poll,
    .cancel = token_future_cancel,
};

void tug_token_future_init(struct tug_token_future *wait, struct tug_token *token)
{
    *wait = (struct tug_token_future){.future = {&token_future_vtable, 0}, .token = token};
}

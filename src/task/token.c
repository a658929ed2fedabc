/* SPDX-License-Identifier: MIT */
/*
 * Cancellation tokens: a tree, guarded as a whole by the lock of its root. So a token may go before
 * those below it, which then hang below its parent, but the root goes last.
 *
 * Lock order: a timer wheel's lock before a tree's, a tree's before a run queue's. Cancelling walks
 * the tree below the token under the lock, and puts the tasks whose scopes it meets into their
 * queues, which runs nothing of anybody's: while the lock is held no scope can end, which is why
 * these tasks exist. The futures that wait are taken out, and told after the lock has been let go,
 * since their wakers may be anybody's (held_waker.h). Telling comes last, so that who is told may
 * free the tokens.
 */
#include <tug/cancel.h>

#include <errno.h>

#include <tug/coop.h>

#include "sys/mutex.h"
#include "task/held_waker.h"
#include "task/task.h"
#include "task/token.h"

static struct tug_sys_mutex *tree_lock(struct tug_token *token)
{
    return tug_sys_mutex_of_word(&token->root->lock);
}

/* Never changes, unlike the parent, which only the lock's holder may look at. */
static bool is_root(const struct tug_token *token)
{
    return token->root == token;
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

/* [locked] What is below a token goes below its parent. */
static void hand_over_children(struct tug_token *token)
{
    struct tug_token *parent = token->parent, *last = NULL;
    for (struct tug_token *child = token->first_child; child != NULL; child = child->next_sibling) {
        child->parent = parent;
        last = child;
    }
    if (last == NULL)
        return;
    last->next_sibling = parent->first_child;
    if (parent->first_child != NULL)
        parent->first_child->previous_sibling = last;
    parent->first_child = token->first_child;
}

void tug_token_destroy(struct tug_token *token)
{
    if (is_root(token))
        return;
    tug_sys_mutex_lock(tree_lock(token));
    if (token->previous_sibling != NULL)
        token->previous_sibling->next_sibling = token->next_sibling;
    else
        token->parent->first_child = token->next_sibling;
    if (token->next_sibling != NULL)
        token->next_sibling->previous_sibling = token->previous_sibling;
    hand_over_children(token);
    tug_sys_mutex_unlock(tree_lock(token));
}

int tug_token_reason(const struct tug_token *token)
{
    return __atomic_load_n(&token->reason, __ATOMIC_ACQUIRE);
}

void tug_token_set_scope(struct tug_token *token, struct tug_scope *scope)
{
    if (is_root(token)) {
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

/* Under the lock, too: CHOSEN becomes FIRED without it. */
static enum tug_token_wait_state wait_state(const struct tug_token_future *wait)
{
    return (enum tug_token_wait_state)__atomic_load_n(&wait->state, __ATOMIC_ACQUIRE);
}

static void set_wait_state(struct tug_token_future *wait, enum tug_token_wait_state state)
{
    __atomic_store_n(&wait->state, (int)state, __ATOMIC_RELEASE);
}

/* [locked] Takes out those who wait for a token, and puts them in front of `chosen`. */
static struct tug_token_future *choose(struct tug_token *token, struct tug_token_future *chosen)
{
    struct tug_token_future *wait = token->waiters;
    token->waiters = NULL;
    while (wait != NULL) {
        struct tug_token_future *next = wait->next;
        set_wait_state(wait, TUG_TOKEN_WAIT_CHOSEN);
        wait->next = chosen;
        chosen = wait;
        wait = next;
    }
    return chosen;
}

/* [unlocked] From the store on whoever waited may be gone, and the tokens with it. */
static void tell(struct tug_token_future *chosen)
{
    while (chosen != NULL) {
        struct tug_token_future *next = chosen->next;
        /* It stays in its place, where a poll that is a moment too early looks at it. */
        struct tug_waker waker = tug_waker_own(chosen->waker);
        set_wait_state(chosen, TUG_TOKEN_WAIT_FIRED);
        tug_waker_wake_taken(waker);
        chosen = next;
    }
}

void tug_token_cancel_with(struct tug_token *token, int reason)
{
    struct tug_token_future *chosen = NULL;
    struct tug_sys_mutex *lock = tree_lock(token);
    tug_sys_mutex_lock(lock);
    for (struct tug_token *node = token; node != NULL; node = next_in_tree(token, node)) {
        if (node->reason != 0)
            continue; /* the first reason stays; all below has been told already */
        __atomic_store_n(&node->reason, reason, __ATOMIC_RELEASE);
        if (node->scope != NULL && node->scope->task != NULL)
            tug_task_cancel(node->scope->task, TUG_TASK_SCOPE_CANCELLED);
        chosen = choose(node, chosen);
    }
    tug_sys_mutex_unlock(lock);
    tell(chosen);
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

/* A future that is NEW, or waits with a waker, perhaps another one. `*unused` is the waker to be
 * held; then the one that is not needed any more. */
static enum tug_token_wait_state enter(struct tug_token_future *wait, struct tug_waker *unused)
{
    struct tug_sys_mutex *lock = tree_lock(wait->token);
    tug_sys_mutex_lock(lock);
    enum tug_token_wait_state state = wait_state(wait);
    if (state == TUG_TOKEN_WAIT_NEW && wait->token->reason == 0) {
        waiter_link(wait);
        state = TUG_TOKEN_WAIT_LINKED;
        set_wait_state(wait, state);
    }
    if (state == TUG_TOKEN_WAIT_LINKED)
        *unused = tug_waker_put(&wait->waker, *unused);
    tug_sys_mutex_unlock(lock);
    return state;
}

static int token_future_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_token_future *wait = token_future(self);
    enum tug_token_wait_state state = wait_state(wait);
    if (state == TUG_TOKEN_WAIT_NEW ||
        (state == TUG_TOKEN_WAIT_LINKED && !tug_waker_will_wake(&wait->waker, waker))) {
        struct tug_waker unused = tug_waker_hold(waker);
        state = enter(wait, &unused);
        tug_waker_unhold(&unused);
    }
    if (state == TUG_TOKEN_WAIT_LINKED)
        return TUG_PENDING;
    if (state == TUG_TOKEN_WAIT_CHOSEN) {
        /* A moment too early: who has chosen is about to wake the waker that was left. */
        if (!tug_waker_will_wake(&wait->waker, waker))
            tug_waker_wake_by_ref(waker);
        return TUG_PENDING;
    }
    if (state == TUG_TOKEN_WAIT_NEW && tug_coop_poll(waker) == TUG_PENDING)
        return TUG_PENDING;
    wait->state = TUG_TOKEN_WAIT_DONE;
    return TUG_READY;
}

static void token_future_cancel(struct tug_future *self)
{
    struct tug_token_future *wait = token_future(self);
    struct tug_waker unused = TUG_NO_WAKER;
    struct tug_sys_mutex *lock = tree_lock(wait->token);
    tug_sys_mutex_lock(lock);
    if (wait_state(wait) == TUG_TOKEN_WAIT_LINKED) {
        waiter_unlink(wait);
        unused = tug_waker_put(&wait->waker, TUG_NO_WAKER);
        wait->future.result = -ECANCELED;
        set_wait_state(wait, TUG_TOKEN_WAIT_FIRED);
    }
    tug_sys_mutex_unlock(lock);
    tug_waker_unhold(&unused);
}

static const struct tug_future_vtable token_future_vtable = {
    .poll = token_future_poll,
    .cancel = token_future_cancel,
};

void tug_token_future_init(struct tug_token_future *wait, struct tug_token *token)
{
    *wait = (struct tug_token_future){.future = {&token_future_vtable, 0}, .token = token};
}

/* SPDX-License-Identifier: MIT */
/*
 * Inside of tokens, and the rule about borrowed wakers that lists of waiters share.
 */
#ifndef TUG_TASK_TOKEN_H
#define TUG_TASK_TOKEN_H

#include <tug/cancel.h>
#include <tug/future.h>

#include "task/task.h"

enum tug_token_wait_state {
    TUG_TOKEN_WAIT_NEW,
    TUG_TOKEN_WAIT_LINKED,
    TUG_TOKEN_WAIT_FIRED, /* the waker has been woken and is not looked at any more */
    TUG_TOKEN_WAIT_DONE,
};

/* Cancels with a reason of -ECANCELED or -ETIMEDOUT. */
void tug_token_cancel_with(struct tug_token *token, int reason);

/* Ties a token to the scope it is part of: from now on its cancellation reaches the scope's task. A
 * parent that was cancelled since the token's init is noticed. */
void tug_token_set_scope(struct tug_token *token, struct tug_scope *scope);

/*
 * A waker kept in a list that its owner can leave synchronously, under the list's lock: as long as
 * it is in the list its task waits, hence exists, and a task's waker need not be cloned. Any other
 * waker is.
 */
static inline struct tug_waker tug_waker_hold(const struct tug_waker *waker)
{
    return waker->vtable == &tug_task_waker_vtable ? *waker : tug_waker_clone(waker);
}

static inline void tug_waker_unhold(struct tug_waker *waker)
{
    if (waker->vtable != &tug_task_waker_vtable)
        tug_waker_drop(*waker);
}

#endif

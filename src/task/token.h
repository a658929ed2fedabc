/* SPDX-License-Identifier: MIT */
/*
 * Inside of tokens.
 */
#ifndef TUG_TASK_TOKEN_H
#define TUG_TASK_TOKEN_H

#include <tug/cancel.h>

enum tug_token_wait_state {
    TUG_TOKEN_WAIT_NEW,
    TUG_TOKEN_WAIT_LINKED,
    TUG_TOKEN_WAIT_CHOSEN, /* taken out by whoever cancels, and his until it is FIRED */
    TUG_TOKEN_WAIT_FIRED,  /* has no waker any more, and nobody else touches it */
    TUG_TOKEN_WAIT_DONE,
};

/* Cancels with a reason of -ECANCELED or -ETIMEDOUT. */
void tug_token_cancel_with(struct tug_token *token, int reason);

/* Ties a token to the scope it is part of: from now on its cancellation reaches the scope's task. A
 * parent that was cancelled since the token's init is noticed. */
void tug_token_set_scope(struct tug_token *token, struct tug_scope *scope);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Cancellation: one mechanism for timeouts, aborted tasks, groups, Ctrl-C and shutdown.
 *
 * A token is a flag with a reason, in a tree: cancelling a token cancels all tokens below it. A
 * scope ties a token, and optionally a deadline, to the code that the current task runs between
 * tug_scope_begin() and tug_scope_end(). When the token of any scope around the running code is
 * cancelled, every suspension point inside returns the reason (-ECANCELED or -ETIMEDOUT); ordinary
 * C cleanup follows. A shield hides all outer scopes, for cleanup that must itself suspend.
 *
 * An operation that is in the kernel when its scope is cancelled is asked to stop, and the call
 * returns after the kernel's last word: its buffer is free again, and what it did accomplish is
 * its result.
 */
#ifndef TUG_CANCEL_H
#define TUG_CANCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/timer.h>

TUG_BEGIN_DECLS

struct tug_task;
struct tug_scope;

/* All members are private. The root of a tree must outlive the tokens and scopes below it; any
 * other token may go before these. */
struct tug_token {
    struct tug_token *parent;
    struct tug_token *root; /* whose lock guards the whole tree */
    struct tug_token *next_sibling, *previous_sibling;
    struct tug_token *first_child;
    struct tug_scope *scope; /* the scope this token belongs to, or NULL */
    void *waiters;           /* futures of tug_token_wait() */
    uint32_t lock;
    int32_t reason; /* 0, or -ECANCELED or -ETIMEDOUT */
};

/* Initialises a token below `parent`, or the root of a tree when that is NULL. A token below a
 * cancelled parent is cancelled from the start. Does not suspend; cannot fail. */
TUG_API void tug_token_init(struct tug_token *token, struct tug_token *parent);

/* Cancels the token and all below it, with -ECANCELED; tasks inside are woken. From any thread;
 * not from a signal handler. Later calls do nothing. Does not suspend. */
TUG_API void tug_token_cancel(struct tug_token *token);

/* Returns 0, or the reason if the token is cancelled. From any thread. */
TUG_API int tug_token_reason(const struct tug_token *token);

/* Takes the token out of its tree. What is below it is then below its parent, and no longer reached
 * by a cancellation of this token; below a root nothing may be left. Does not suspend. */
TUG_API void tug_token_destroy(struct tug_token *token);

/* A token's cancellation as a future (result 0). Cancelling the future loses nothing. */
struct tug_token_future {
    struct tug_future future;
    struct tug_token *token;
    struct tug_token_future *next, *previous;
    struct tug_waker waker;
    int state;
};
TUG_API void tug_token_future_init(struct tug_token_future *wait, struct tug_token *token);

/* All members are private. Lives in the frame of the function that begins and ends it. */
struct tug_scope {
    struct tug_token token;
    struct tug_timer timer;
    struct tug_scope *outer;
    struct tug_task *task;
    uint8_t shield, has_timer;
};

/* No deadline. */
#define TUG_FOREVER UINT64_MAX

/*
 * Begins a scope around what the current coroutine does next. `deadline`: a time of tug_now(), in
 * ns, or TUG_FOREVER. `parent`: a token whose cancellation cancels the scope as well, or NULL.
 * Does not suspend. Scopes nest: the last begun is ended first. Ends by tug_scope_end() only.
 * Outside of a coroutine the scope has no effect.
 */
TUG_API void tug_scope_begin(struct tug_scope *scope, uint64_t deadline, struct tug_token *parent);

/*
 * Ends the innermost scope. Returns `result`, except that a result of -ECANCELED becomes
 * -ETIMEDOUT if the scope's own deadline is what ended it. Does not suspend.
 */
TUG_API int64_t tug_scope_end(struct tug_scope *scope, int64_t result);

/* Cancels the scope from inside or from another thread, with -ECANCELED. */
TUG_API void tug_scope_cancel(struct tug_scope *scope);

/* Returns 0, or the reason if this very scope (not one around it) is cancelled. */
TUG_API int tug_scope_reason(const struct tug_scope *scope);

/* Begins a scope inside which no outer cancellation is seen; end it with tug_scope_end(). Meant for
 * short cleanup: shutdown waits for it. */
TUG_API void tug_shield_begin(struct tug_scope *scope);

/* Returns 0, or -ECANCELED or -ETIMEDOUT if a suspension point here would return that. */
TUG_API int tug_cancelled(void);

TUG_END_DECLS

#endif

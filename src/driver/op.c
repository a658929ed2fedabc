/* SPDX-License-Identifier: MIT */
/*
 * The life of an op: started and polled by its task, completed by its driver or a thread of the
 * pool, asked to end by its task, which may have moved to another worker meanwhile. The states and
 * the rules are in driver.h.
 *
 * Who may do what to the waker: the task replaces it, under REGISTERING; who completes the op reads
 * it, after having set COMPLETED and having found neither REGISTERING nor CANCEL_QUEUED. Of those
 * who hold one of these two bits when COMPLETED is set, the last to clear its bit publishes DONE.
 * (The same idea as the AtomicWaker of Rust's futures crate, with one more participant.)
 */
#include <errno.h>

#include "driver/op_flight.h"
#include "driver/pool.h"
#include "sys/call.h"

void tug_op_publish(struct tug_op *op)
{
    struct tug_waker waker = op->waker;
    __atomic_store_n(&op->state, TUG_OP_DONE, __ATOMIC_RELEASE);
    tug_waker_wake(waker);
}

void tug_op_complete_alone(struct tug_op *op, int64_t result)
{
    const struct tug_op_row *row = tug_op_row(op);
    if (row->finish_cancelled != NULL && tug_op_is_cancelled(op))
        result = row->finish_cancelled(op, result);
    op->future.result = result;
    tug_op_publish(op);
}

void tug_op_complete(struct tug_op *op, int64_t result)
{
    const struct tug_op_row *row = tug_op_row(op);
    if (row->finish_cancelled != NULL && tug_op_is_cancelled(op))
        result = row->finish_cancelled(op, result);
    op->future.result = result;
    uint32_t state = __atomic_fetch_or(&op->state, TUG_OP_COMPLETED, __ATOMIC_ACQ_REL);
    if ((state & TUG_OP_CANCEL_QUEUED) != 0)
        op->home->cancels_owed++; /* only the home driver completes such an op */
    else if ((state & TUG_OP_REGISTERING) == 0)
        tug_op_publish(op);
}

/* Makes `waker` the one that the op holds. Returns as tug_op_drive(). */
static int replace_waker(struct tug_op *op, const struct tug_waker *waker, uint32_t state)
{
    do {
        if (state == TUG_OP_DONE)
            return TUG_READY;
        if ((state & (TUG_OP_COMPLETED | TUG_OP_CANCEL_QUEUED)) == TUG_OP_COMPLETED) {
            /* The old waker is being woken at this moment, and DONE follows. */
            tug_waker_wake_by_ref(waker);
            return TUG_PENDING;
        }
    } while (!__atomic_compare_exchange_n(&op->state, &state, state | TUG_OP_REGISTERING, true,
                                          __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE));
    struct tug_waker old = op->waker;
    op->waker = tug_waker_clone(waker);
    state = __atomic_fetch_and(&op->state, ~TUG_OP_REGISTERING, __ATOMIC_ACQ_REL);
    tug_waker_drop(old);
    if ((state & (TUG_OP_COMPLETED | TUG_OP_CANCEL_QUEUED)) != TUG_OP_COMPLETED)
        return TUG_PENDING;
    tug_waker_drop(op->waker);
    __atomic_store_n(&op->state, TUG_OP_DONE, __ATOMIC_RELAXED);
    return TUG_READY;
}

/* Before the first write of a driver. A thread that nothing is written from keeps its signal mask,
 * and one that writes much changes it once. */
static void hold_sigpipe(struct tug_driver *driver)
{
    driver->holds_sigpipe = true;
    tug_sigpipe_hold();
}

int tug_op_start(struct tug_driver *driver, struct tug_op *op, struct tug_waker waker)
{
    if (tug_op_row(op)->raises_sigpipe && !driver->holds_sigpipe)
        hold_sigpipe(driver);
    op->waker = waker;
    tug_driver_count(&driver->submissions, 1);
    int outcome = driver->vtable->start(driver, op);
    if (outcome == TUG_READY)
        tug_driver_count(&driver->completions, 1);
    return outcome;
}

int tug_op_drive(struct tug_op *op, const struct tug_waker *waker)
{
    uint32_t state = __atomic_load_n(&op->state, __ATOMIC_ACQUIRE);
    if (state == TUG_OP_DONE)
        return TUG_READY;
    if (state != TUG_OP_NEW) {
        if (tug_waker_will_wake(&op->waker, waker))
            return TUG_PENDING;
        return replace_waker(op, waker, state);
    }
    struct tug_driver *driver = tug_driver_current();
    if (driver == NULL)
        return tug_op_end_at_once(op, tug_op_row(op)->blocking(op));
    return tug_op_start(driver, op, *waker);
}

/* Sets `bits` unless the op is completed, or asked to end already, or POOLED is not as in `pooled`.
 * Returns whether it did. */
static bool ask(struct tug_op *op, uint32_t bits, uint32_t pooled)
{
    uint32_t state = __atomic_load_n(&op->state, __ATOMIC_ACQUIRE);
    do {
        if ((state & TUG_OP_IN_FLIGHT) == 0 || (state & TUG_OP_POOLED) != pooled ||
            (state & (TUG_OP_COMPLETED | TUG_OP_CANCEL_ASKED)) != 0)
            return false;
    } while (!__atomic_compare_exchange_n(&op->state, &state, state | bits, true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
    return true;
}

/* CANCEL_QUEUED keeps the op from becoming DONE, and thereby its home driver in being, up to the
 * push; `cancellers` keeps the driver in being from there to the end of the wake. */
static bool ask_from_elsewhere(struct tug_op *op)
{
    if (!ask(op, TUG_OP_CANCEL_ASKED | TUG_OP_CANCEL_QUEUED, 0))
        return false;
    struct tug_driver *home = op->home;
    __atomic_fetch_add(&home->cancellers, 1, __ATOMIC_RELAXED);
    struct tug_op *first = __atomic_load_n(&home->cancel_inbox, __ATOMIC_RELAXED);
    do
        op->cancel_next = first;
    while (!__atomic_compare_exchange_n(&home->cancel_inbox, &first, op, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
    tug_driver_wake(home);
    __atomic_fetch_sub(&home->cancellers, 1, __ATOMIC_RELEASE);
    return true;
}

static bool ask_here(struct tug_op *op)
{
    if (!ask(op, TUG_OP_CANCEL_ASKED, 0))
        return false;
    op->home->vtable->cancel(op->home, op);
    return true;
}

void tug_op_cancel(struct tug_op *op)
{
    uint32_t state = __atomic_load_n(&op->state, __ATOMIC_ACQUIRE);
    if ((state & TUG_OP_IN_FLIGHT) == 0 || tug_op_row(op)->uncancellable)
        return;
    if ((state & TUG_OP_POOLED) == 0) {
        bool asked = op->home == tug_driver_current() ? ask_here(op) : ask_from_elsewhere(op);
        if (asked)
            return;
    }
    /* The pool has it, perhaps since a moment ago. */
    if (ask(op, TUG_OP_CANCEL_ASKED, TUG_OP_POOLED) && tug_pool_withdraw(op->pool, &op->job))
        tug_op_complete(op, -ECANCELED);
}

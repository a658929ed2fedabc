/* SPDX-License-Identifier: MIT */
/*
 * What the kinds of driver share: how an op takes off and how it ends without having flown, lists
 * of ops, and the common part of a driver. Private to this directory.
 */
#ifndef TUG_DRIVER_OP_FLIGHT_H
#define TUG_DRIVER_OP_FLIGHT_H

#include <stddef.h>

#include "driver/driver.h"
#include "driver/op_table.h"

/* Adds to a counter that only its owner writes and anybody may read. */
static inline void tug_driver_count(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Ends an op that was never in flight. */
static inline int tug_op_end_at_once(struct tug_op *op, int64_t result)
{
    op->future.result = result;
    op->route = TUG_ROUTE_INLINE;
    __atomic_store_n(&op->state, TUG_OP_DONE, __ATOMIC_RELAXED);
    return TUG_READY;
}

/* Puts an op in state NEW in flight: from here on it holds its waker (rule 3). Who hands it to
 * another thread afterwards orders that by the hand-over. */
static inline void tug_op_take_off(struct tug_op *op, struct tug_driver *driver,
                                   enum tug_op_route route, uint32_t state)
{
    op->home = driver;
    op->route = (uint8_t)route;
    op->waker = tug_waker_clone(&op->waker);
    __atomic_store_n(&op->state, state, __ATOMIC_RELAXED);
}

/* Whether somebody has asked for the op's end. */
static inline bool tug_op_is_cancelled(const struct tug_op *op)
{
    return (__atomic_load_n(&op->state, __ATOMIC_ACQUIRE) & TUG_OP_CANCEL_ASKED) != 0;
}

/* ---- The route to the pool, in op_pool.c ---- */

/* Starts an op in state NEW as a job of the driver's pool; returns as `start` of the vtable. */
int tug_op_start_in_pool(struct tug_driver *driver, struct tug_op *op);

/* Hands an op in flight, which its home driver has let go of, to the pool. If it was asked to end,
 * or the pool does not take it, it is completed instead. By the home driver. */
void tug_op_move_to_pool(struct tug_driver *driver, struct tug_op *op);

/* ---- Lists of ops: first in, first out, removal from anywhere ---- */

struct tug_op_list {
    struct tug_op *first, **last;
};

static inline void tug_op_list_init(struct tug_op_list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

static inline void tug_op_list_push(struct tug_op_list *list, struct tug_op *op)
{
    op->next = NULL;
    op->previous = list->last;
    *list->last = op;
    list->last = &op->next;
}

static inline void tug_op_list_remove(struct tug_op_list *list, struct tug_op *op)
{
    *op->previous = op->next;
    if (op->next != NULL)
        op->next->previous = op->previous;
    else
        list->last = op->previous;
}

/* ---- The common part of a driver, in driver.c ---- */

void tug_driver_init(struct tug_driver *driver, const struct tug_driver_vtable *vtable,
                     struct tug_pool *pool);

/* Takes all requests out of the inbox and serves them. */
void tug_driver_serve_inbox(struct tug_driver *driver);

/* Waits until no other thread is on its way into the inbox any more, and frees what the driver has
 * kept. Nothing is in flight. */
void tug_driver_settle(struct tug_driver *driver);

/* Publishes an op whose result is stored (rule 1). */
void tug_op_publish(struct tug_op *op);

/* The same as tug_op_complete(), by the home driver, of an op that is `alone`: without the atomic
 * step, since no other thread has anything to do with it. */
void tug_op_complete_alone(struct tug_op *op, int64_t result);

/* Completes an op that was in flight in the driver itself. */
static inline void tug_driver_land(struct tug_driver *driver, struct tug_op *op, int64_t result)
{
    driver->in_flight--;
    tug_driver_count(&driver->completions, 1);
    if (op->alone)
        tug_op_complete_alone(op, result);
    else
        tug_op_complete(op, result);
}

#endif

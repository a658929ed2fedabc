/* SPDX-License-Identifier: MIT */
/*
 * The driver: one per worker, carries kernel operations (struct tug_op) in flight. Nothing above
 * this directory knows which kind runs.
 *
 * Owner: a driver is used by one thread at a time, the worker that owns it. Only the functions
 * marked [any thread] may be called from elsewhere.
 *
 * An op goes through these states (op->state, an atomic word; the names are bits):
 *
 *   NEW --start--> IN_FLIGHT --complete--> DONE
 *                     |  ^
 *       cancel from   |  | the home driver takes the request out of its inbox and asks the
 *       elsewhere     v  | kernel
 *             IN_FLIGHT | CANCEL_QUEUED --complete--> the same | COMPLETED --inbox drained--> DONE
 *
 *   REGISTERING, beside any of these: the task is replacing the waker. Who completes the op
 *   meanwhile leaves it to the task to publish DONE, as it does to the inbox's owner.
 *   POOLED, beside IN_FLIGHT: the blocking pool has the op, not the home driver.
 *
 * Rules:
 *  1. DONE is published by a release store, and it is the last access to the op: the waker and all
 *     else that is needed afterwards has been copied out before.
 *  2. While an op is linked in an inbox it does not become DONE: the inbox's owner would read freed
 *     memory otherwise.
 *  3. The op holds a clone of the waker from the start to the completion, so that a task that was
 *     woken by something else and ended cannot vanish under the wake.
 *  4. A cancel only asks. The op is DONE when the kernel (or the pool's thread) has said its last
 *     word, and its result is what really happened; -ECANCELED means that nothing did.
 *  5. The route chosen at the start is stored in the op, so that a cancel takes the same route. An
 *     op changes its route once at most, from its home driver to the pool (POOLED), and only while
 *     nobody has asked for its end.
 *  6. Nobody sets a bit after COMPLETED but the task, and that only while CANCEL_QUEUED is set.
 */
#ifndef TUG_DRIVER_DRIVER_H
#define TUG_DRIVER_DRIVER_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <tug/op.h>

struct tug_pool;
struct tug_driver;

enum tug_op_state {
    TUG_OP_NEW = 0,
    TUG_OP_IN_FLIGHT = 1,
    TUG_OP_POOLED = 2,
    TUG_OP_CANCEL_ASKED = 4,  /* somebody wants the op to end */
    TUG_OP_CANCEL_QUEUED = 8, /* the op is, or is about to be, in the home driver's inbox */
    TUG_OP_REGISTERING = 16,
    TUG_OP_COMPLETED = 32,
    TUG_OP_DONE = 64, /* alone: nobody but the task knows the op any more */
};

/* How an op was started, stored in op->route. */
enum tug_op_route {
    TUG_ROUTE_NONE,
    TUG_ROUTE_URING,     /* a submission queue entry of the home driver's ring */
    TUG_ROUTE_READINESS, /* waits for its descriptor in the home driver's epoll instance */
    TUG_ROUTE_POOL,      /* a job of the blocking pool */
    TUG_ROUTE_INLINE,    /* was completed by its non-blocking attempt, never in flight */
};

/* Bits of op->flags, which belong to the home driver. */
enum {
    TUG_OP_POLLING = 1,   /* the ring waits for the descriptor before it tries again */
    TUG_OP_WAITING = 2,   /* for room in the submission queue */
    TUG_OP_ASK_AGAIN = 4, /* for its end: there was no room for the request */
};

/* Receives are handed over in blocks of so many sizes (buffer.c). */
#define TUG_BUFFER_SIZES 3

/* Of each size: what the tasks of a turn may hold, without trips to the allocator. */
#define TUG_KEPT_BUFFERS_MAX 64

struct tug_kept_buffers {
    uint32_t count;
    void *buffers[TUG_KEPT_BUFFERS_MAX];
};

struct tug_driver_vtable {
    const char *name;
    /* Starts an op in state NEW. Returns TUG_READY when it was completed at once (op->future.result
     * is set), else TUG_PENDING: it is in flight. */
    int (*start)(struct tug_driver *driver, struct tug_op *op);
    /* Asks for the end of an op in flight with a route of this driver's own (not the pool's). */
    void (*cancel)(struct tug_driver *driver, struct tug_op *op);
    /* Hands over what was started since the last poll, takes in what has completed, wakes the
     * wakers. Waits for at most `timeout` ns for the first event: 0 not at all, < 0 without limit.
     * Returns the number of ops completed. Never fails: an error of the facility itself ends the
     * ops concerned with that error. */
    int (*poll)(struct tug_driver *driver, int64_t timeout);
    /* [any thread] Makes a poll that waits return. Costs a system call: tug_driver_wake() calls it
     * only when the owner sleeps. */
    void (*interrupt)(struct tug_driver *driver);
    /* Cancels all that is in flight, waits for the kernel's last word on each, frees the driver.
     * Ops that are in the pool go on there. No other thread may call tug_driver_wake() for this
     * driver any more; a cancel that is on its way is waited for. */
    void (*close)(struct tug_driver *driver);
};

/* The part that every kind has in common, first member of each kind's struct. */
struct tug_driver {
    const struct tug_driver_vtable *vtable;
    struct tug_pool *pool;
    /* Ops in flight in this driver itself, those in the pool not counted. Owner only. */
    uint32_t in_flight;
    /* Ops started but not handed to the kernel yet. Owner only. */
    uint32_t unsubmitted;
    /* Ops completed while another thread had them on their way into the inbox. Owner only. */
    uint32_t cancels_owed;
    /* A write to what may have no reader was started here: from then on the owner holds SIGPIPE
     * while this is its current driver. Owner only. */
    bool holds_sigpipe;
    uint64_t submissions, completions, polls; /* counters, written by the owner only */
    /* AWAKE, ASLEEP, with or without NOTIFIED: guards interrupt(), so that most wakes cost no
     * system call. */
    uint32_t sleep_state __attribute__((aligned(64)));
    /* Threads between their push into the inbox and the end of the wake that follows it. */
    uint32_t cancellers;
    /* Lock-free inbox (a stack, taken whole by the owner) of ops to be cancelled. */
    struct tug_op *cancel_inbox;
    /* Buffers that were given back, by their size. Owner only. */
    struct tug_kept_buffers kept_buffers[TUG_BUFFER_SIZES];
};

/* Values of sleep_state; NOTIFIED is a bit beside the other two. */
enum { TUG_DRIVER_AWAKE = 0, TUG_DRIVER_ASLEEP = 1, TUG_DRIVER_NOTIFIED = 2 };

/*
 * Opens a driver for the calling thread, which becomes its owner (io_uring ties the ring to the
 * thread with SINGLE_ISSUER). Each returns 0 or -errno. `entries`: of the submission queue.
 */
int tug_epoll_driver_open(struct tug_driver **driver, struct tug_pool *pool);

/*
 * tug_uring_probe: whether a ring can be set up on this system: 0, or the reason why not (-ENOSYS,
 * -EPERM, -ENOMEM, ...). Tries, never compares versions; who wants a driver opens one at once
 * instead, which fails with the same reasons.
 */
#if TUG_HAVE_IO_URING
int tug_uring_driver_open(struct tug_driver **driver, struct tug_pool *pool, unsigned entries);
int tug_uring_probe(void);
#else
static inline int tug_uring_driver_open(struct tug_driver **driver, struct tug_pool *pool,
                                        unsigned entries)
{
    (void)driver, (void)pool, (void)entries;
    return -ENOSYS;
}

static inline int tug_uring_probe(void)
{
    return -ENOSYS;
}
#endif

/* The driver of the calling thread, or NULL. With it goes the hold on SIGPIPE (sys/call.h). In a
 * translation unit of its own, never inlined. */
struct tug_driver *tug_driver_current(void);
void tug_driver_set_current(struct tug_driver *driver);

/* The behaviour of struct tug_op as a future. Defined by the task layer (cancel scopes and the coop
 * budget are known there), around the three functions that follow. */
extern const struct tug_future_vtable tug_op_future_vtable;

/*
 * Polls an op: starts it if it is NEW, else keeps `waker` up to date. The heart of the op's future;
 * coop and scopes are the business of the layer above. On a thread without a driver the op is run
 * by its blocking call, at once.
 */
int tug_op_drive(struct tug_op *op, const struct tug_waker *waker);

/* Starts an op in state NEW, with a waker that is lent. Returns as tug_op_drive(). By the owner of
 * the driver. */
int tug_op_start(struct tug_driver *driver, struct tug_op *op, struct tug_waker waker);

/* Whether the op was never started. The word is atomic: once started, others change it. */
static inline bool tug_op_is_new(const struct tug_op *op)
{
    return __atomic_load_n(&op->state, __ATOMIC_RELAXED) == TUG_OP_NEW;
}

/* Whether the op has its result and nobody but the task knows it any more. */
static inline bool tug_op_is_done(const struct tug_op *op)
{
    return __atomic_load_n(&op->state, __ATOMIC_ACQUIRE) == TUG_OP_DONE;
}

/* Asks for the end of an op that was driven to TUG_PENDING; the caller goes on driving it. By the
 * task that drives it, on any worker. Asking again does nothing. */
void tug_op_cancel(struct tug_op *op);

/* [any thread, as the op's route demands] Publishes the result and wakes (rules 1 to 3). Called by
 * drivers and the pool. */
void tug_op_complete(struct tug_op *op, int64_t result);

/*
 * Going to sleep is in three steps, so that no wake is lost: the owner announces it, looks once
 * more at every queue that others can fill, then polls with a timeout.
 * prepare_park returns false if a wake came in since the last sleep (the owner is awake again).
 */
bool tug_driver_prepare_park(struct tug_driver *driver);
void tug_driver_cancel_park(struct tug_driver *driver);
/* poll() with `timeout`, then AWAKE. Returns the number of completions; *notified says whether
 * another thread asked for the end of the sleep. */
int tug_driver_park(struct tug_driver *driver, int64_t timeout, bool *notified);

/*
 * [any thread] Wakes the owner if it sleeps or is about to; returns whether it did. If the owner is
 * awake its next prepare_park returns false. What the caller wrote before is seen by the owner
 * after its next prepare_park, whatever that returns.
 */
bool tug_driver_wake(struct tug_driver *driver);

/* Whether a poll with timeout 0 has nothing to look at: nothing in flight, nothing unsubmitted, no
 * cancellation queued. A yield loop pays for a driver poll only when this is false. */
static inline bool tug_driver_is_quiet(const struct tug_driver *driver)
{
    return driver->in_flight == 0 && driver->unsubmitted == 0 &&
           __atomic_load_n(&driver->cancel_inbox, __ATOMIC_RELAXED) == NULL;
}

static inline int tug_driver_poll(struct tug_driver *driver, int64_t timeout)
{
    return driver->vtable->poll(driver, timeout);
}

static inline void tug_driver_close(struct tug_driver *driver)
{
    driver->vtable->close(driver);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The task: one cache-line pair that the scheduler moves about.
 *
 * Memory comes from the runtime's slab pool and is type-stable: a task that is live or dead always
 * begins with its state word, so that shutdown can walk all slots (see runtime/shutdown.c).
 *
 * The state word holds, in one atomic 64-bit integer:
 *
 *   SCHEDULED        in a queue, or being polled: whoever sets it owns the task until it clears it
 *   NOTIFIED         a wake came while SCHEDULED; the poll that follows is owed
 *   COMPLETE         the result is there; nothing is polled any more
 *   JOIN_INTEREST    a handle exists
 *   JOIN_WAKER       join_waker is set and may be read by whoever completes the task
 *   ABORTED          the outermost cancel scope is cancelled
 *   SCOPE_CANCELLED  some scope of the task may be cancelled: look
 *   OUTLIVES         somebody still references the task after its runtime has shut down
 *   join generation  the upper 16 bits: how often JOIN_WAKER has been set
 *   references       from bit 8: one for the runtime until COMPLETE, one for the handle, one for
 *                    each cloned waker
 *
 * Rules:
 *  1. A wake of a task that is neither SCHEDULED nor COMPLETE sets SCHEDULED and puts it in a
 * queue, exactly once. A wake of a SCHEDULED task sets NOTIFIED; the flag is cleared when the poll
 *     begins, so that a wake while queued costs no extra poll, and looked at when it ends.
 *  2. join_waker belongs to the handle's owner while JOIN_WAKER is clear and to the runtime while
 * it is set; the owner takes it back by clearing the bit, which fails once COMPLETE is set. Who
 * completes the task reads the waker first and swaps the word second; the generation makes the swap
 * fail if another waker was put in its place meanwhile.
 *  3. After the transition to COMPLETE, or after a reference was given up, the task is not touched.
 *
 * A task of a current-thread runtime is `local`: only the owner thread changes its state word, with
 * plain loads and stores, which is what makes spawning and joining cheap there. Everybody else
 * leaves a request in the `remote` word and the task in the runtime's inbox (see remote.c).
 */
#ifndef TUG_TASK_TASK_H
#define TUG_TASK_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/group.h>
#include <tug/op.h>
#include <tug/task.h>

#include "sys/list.h"
#include "sys/mutex.h"

struct tug_coroutine;
struct tug_domain;
struct tug_executor;

#define TUG_TASK_SCHEDULED UINT64_C(0x01)
#define TUG_TASK_NOTIFIED UINT64_C(0x02)
#define TUG_TASK_COMPLETE UINT64_C(0x04)
#define TUG_TASK_JOIN_INTEREST UINT64_C(0x08)
#define TUG_TASK_JOIN_WAKER UINT64_C(0x10)
#define TUG_TASK_ABORTED UINT64_C(0x20)
#define TUG_TASK_SCOPE_CANCELLED UINT64_C(0x40)
#define TUG_TASK_OUTLIVES UINT64_C(0x80)
#define TUG_TASK_CANCEL_MASK (TUG_TASK_ABORTED | TUG_TASK_SCOPE_CANCELLED)
#define TUG_TASK_REFERENCE UINT64_C(0x100)
#define TUG_TASK_REFERENCES_MASK UINT64_C(0xffffffffff)
#define TUG_TASK_JOIN_GENERATION (UINT64_C(1) << 48)

/* Requests of other threads in the `remote` word of a local task; counts in the upper bits. */
#define TUG_REMOTE_QUEUED UINT64_C(0x01)
#define TUG_REMOTE_WAKE UINT64_C(0x02)
#define TUG_REMOTE_ABORT UINT64_C(0x04)
#define TUG_REMOTE_SCOPE UINT64_C(0x08)
#define TUG_REMOTE_DETACH UINT64_C(0x10)
#define TUG_REMOTE_COMPLETE UINT64_C(0x20)
#define TUG_REMOTE_DROP UINT64_C(0x100)
#define TUG_REMOTE_DROPS(word) (((word) >> 8) & UINT64_C(0xfffffff))
#define TUG_REMOTE_CLONE (UINT64_C(1) << 36)
#define TUG_REMOTE_CLONES(word) ((word) >> 36)

enum tug_task_kind {
    TUG_TASK_COROUTINE,
    TUG_TASK_FUTURE,
    TUG_TASK_BLOCKING, /* a job of the blocking pool: never in a run queue */
};

/* The root future of a poll task: a cancel comes between two polls, or it is not polled at all. */
enum { TUG_POLLING_NOT_BEGUN, TUG_POLLING_BEGUN, TUG_POLLING_CANCELLED };

struct tug_task {
    uint64_t state;
    struct tug_fifo_node link; /* its place in a run queue */
    struct tug_domain *domain;
    union {
        tug_task_fn fn;
        struct tug_future *future;
    };
    void *argument;
    union {
        struct {
            struct tug_coroutine *coroutine; /* NULL until the first run */
            struct tug_task *group_next, *group_previous;
        };
        struct tug_job job;
    };
    union {
        int64_t result; /* once it has ended */
        void *
            suspended_at; /* until then: where the stack of a suspended coroutine begins, or NULL */
    };
    struct tug_waker join_waker;
    uintptr_t group; /* the group that it is a child of, or 0 (atomic; see group.h) */
    uint8_t kind;
    uint8_t local;
    uint8_t stack_order; /* log2 of the stack's size */
    uint8_t polling;     /* how far the root future of a poll task is */
    int32_t worker;      /* pinned to this worker, or TUG_ANY_WORKER */
    uint64_t remote;
    struct tug_task *remote_next;
    uint64_t label; /* its id and name (atomic; see label.h) */
} __attribute__((aligned(64)));

/*
 * What tasks need of the runtime they belong to; the first part of struct tug_runtime.
 */
struct tug_stack_pool;
struct tug_slab_pool;
struct tug_pool;
struct tug_driver;

#define TUG_STACK_ORDER_MIN 14 /* 16 KiB */
#define TUG_STACK_ORDER_MAX 30 /* 1 GiB */

/* Who changes the state words of a current-thread runtime's tasks: the owner, on request; for a
 * moment nobody, while the runtime ends; then everybody, as its tasks are local no more. */
enum tug_inbox_phase { TUG_INBOX_OPEN, TUG_INBOX_SETTLING, TUG_INBOX_GONE };

struct tug_domain {
    bool local;   /* the current-thread flavour */
    bool closing; /* no new tasks (atomic) */
    uint8_t stack_order;
    uint32_t workers;
    struct tug_slab_pool *tasks;
    struct tug_stack_pool *stacks[TUG_STACK_ORDER_MAX + 1]; /* by log2 of the size (atomic) */
    struct tug_sys_mutex stacks_lock;
    struct tug_pool *blocking;
    /* Current-thread flavour: tasks with remote requests, a stack taken whole by the owner, and the
     * driver to wake for it (NULL while nobody runs the runtime). */
    struct tug_task *inbox __attribute__((aligned(64)));
    struct tug_driver *inbox_driver;
    uint32_t inbox_phase; /* enum tug_inbox_phase (atomic) */
    /* Tasks made and ended on threads without an executor. */
    uint64_t foreign_spawned, foreign_finished;
    uint64_t remote_schedules;
    /* Threads from outside that are inside of a call on a task (see runtime/shutdown.c), and tasks
     * still referenced after the shutdown. */
    uint64_t foreign_calls, outliving;
    /* Time: the wheels' tick 0, what is added to CLOCK_MONOTONIC, and the paused clock or 0. */
    uint64_t clock_start, clock_offset, paused_now;
};

/* The pool of stacks of 2^order bytes, made when first asked for. NULL: no memory. */
struct tug_stack_pool *tug_domain_stack_pool(struct tug_domain *domain, unsigned order);

void tug_domain_stack_pools_destroy(struct tug_domain *domain);

/*
 * Makes a task that nobody can find yet: its state word is that of a free slot, so whoever makes it
 * fills it in at leisure. `executor` may be NULL. NULL: no memory.
 */
struct tug_task *tug_task_new(struct tug_executor *executor, struct tug_domain *domain,
                              enum tug_task_kind kind);

/* The same for a coroutine task (`fn`, `argument`) or, unless `future` is NULL, a poll task, as the
 * options say. Returns 0; -ENOMEM, -ECANCELED, -EINVAL as tug_spawn_with(). */
int tug_task_make(struct tug_executor *executor, struct tug_domain *domain, struct tug_task **task,
                  const struct tug_spawn_options *options, tug_task_fn fn, void *argument,
                  struct tug_future *future);

/*
 * From now on shutdown may come across the task, abort it, and so start it: with release, so that
 * it is found filled in. Two references: the runtime's and the handle's. `scheduled`: 0 or
 * TUG_TASK_SCHEDULED; then the caller puts it in a queue, and nobody else does.
 */
static inline void tug_task_publish(struct tug_task *task, uint64_t scheduled)
{
    __atomic_store_n(&task->state, 2 * TUG_TASK_REFERENCE | TUG_TASK_JOIN_INTEREST | scheduled,
                     __ATOMIC_RELEASE);
}

/* Publishes the task and hands it to the scheduler for the first time. */
void tug_task_start(struct tug_executor *executor, struct tug_task *task);

/* Takes back a task that was not published. */
void tug_task_discard(struct tug_executor *executor, struct tug_task *task);

/* What became of a task in one run. */
enum tug_run_outcome {
    TUG_RUN_IDLE,     /* it waits, and belongs to its wakers */
    TUG_RUN_AGAIN,    /* it was woken while it ran: put it in a queue */
    TUG_RUN_YIELDED,  /* it gave way: put it behind the driver's next poll */
    TUG_RUN_COMPLETE, /* it does not exist any more */
};

/* Polls the root future of a poll task. Returns an enum tug_coroutine_action. */
int tug_task_poll_future(struct tug_executor *executor, struct tug_task *task);

/* Ends a task: publishes the result, wakes the joiner, gives up the runtime's reference. The caller
 * owns the task (SCHEDULED), or it is a blocking job. `executor` may be NULL if it is not local. */
void tug_task_complete(struct tug_executor *executor, struct tug_task *task, int64_t result);

/* By it a task's waker is told from others, which are cloned where a task's need not be. */
extern const struct tug_waker_vtable tug_task_waker_vtable;

/* Wakes (rule 1). [any thread] */
void tug_task_wake(struct tug_task *task);

/* The same when `executor` is that of the calling thread and, for a local task, the task's own. */
void tug_task_wake_here(struct tug_executor *executor, struct tug_task *task);

/* Adds a reference; gives one up, and with the last the memory. [any thread] */
void tug_task_reference(struct tug_task *task);
void tug_task_release(struct tug_task *task);

/* Gives up a reference and clears bits of the state in one step, where tug_task_is_here(). */
void tug_task_give_up(struct tug_executor *executor, struct tug_task *task, uint64_t clear);

/* Sets bits of TUG_TASK_CANCEL_MASK and wakes the task so that it sees them. [any thread] */
void tug_task_cancel(struct tug_task *task, uint64_t bits);

/* The reason why a suspension point of the task, which is the caller, must return; 0: none. */
int tug_task_cancel_reason_slow(const struct tug_task *task);

static inline int tug_task_cancel_reason(const struct tug_task *task)
{
    if (__builtin_expect(
            (__atomic_load_n(&task->state, __ATOMIC_ACQUIRE) & TUG_TASK_CANCEL_MASK) == 0, 1))
        return 0;
    return tug_task_cancel_reason_slow(task);
}

/*
 * Leaves a request with the owner of a local task. [any thread but the owner] False: the task's
 * runtime has ended, and the caller changes the state word itself.
 */
bool tug_task_remote_request(struct tug_task *task, uint64_t request);

/* Calls from outside are counted while they may touch the domain without holding anything that
 * keeps it (see runtime/shutdown.c). */
static inline void tug_domain_foreign_begin(struct tug_domain *domain)
{
    __atomic_fetch_add(&domain->foreign_calls, 1, __ATOMIC_SEQ_CST);
}

static inline void tug_domain_foreign_end(struct tug_domain *domain)
{
    __atomic_fetch_sub(&domain->foreign_calls, 1, __ATOMIC_RELEASE);
}

/* Serves all requests in the inbox. By the owner. Returns how many tasks it looked at. */
unsigned tug_task_serve_inbox(struct tug_executor *executor);

/* The owner's count of a local task has reached zero: whether that is true, all things considered.
 * If not, references pending in the remote word keep the task. */
bool tug_task_settle(struct tug_task *task);

/* Returns the memory of a task whose references have come to zero. */
void tug_task_free(struct tug_executor *executor, struct tug_task *task);

/* The same in two steps, for calls from outside: the memory first; if that returns true, once the
 * call does not touch the domain any more, tug_domain_outlived(). */
bool tug_task_free_memory(struct tug_executor *executor, struct tug_task *task);

/* A task that had outlived its runtime is gone. Implemented by the runtime. */
void tug_domain_outlived(struct tug_domain *domain);

/* A child of a group has ended, and its result is stored (see group.h). */
void tug_group_child_ended(struct tug_task *task);

#endif

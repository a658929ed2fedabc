/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the io_uring driver share. Private to uring*.c.
 */
#ifndef TUG_DRIVER_URING_H
#define TUG_DRIVER_URING_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/driver.h"
#include "driver/op_flight.h"
#include "sys/ring.h"

struct tug_uring_buffers;

struct tug_uring_driver {
    struct tug_driver base;
    struct io_uring ring;
    struct tug_op_list flying;  /* known to the kernel, or at least in the submission queue */
    struct tug_op_list waiting; /* for room in the submission queue */
    int wake_fd;
    bool wake_armed;     /* the kernel watches wake_fd, or an entry that says so is in the queue */
    bool wake_multishot; /* one entry serves for all wake-ups */
    struct tug_uring_buffers *buffers; /* lent to the ring, or NULL; see uring_buffers.c */
    bool buffers_refused;              /* not to be tried again */
    bool ask_again;                    /* some flying ops have TUG_OP_ASK_AGAIN set */
};

/*
 * The user_data of an entry: the address of an op, whose low bits are 0, and beside it OF_POLL if
 * the entry only waits for the op's descriptor; or one of the other values, which are no addresses.
 */
enum {
    TUG_URING_OF_POLL = 1,
    TUG_URING_WAKE = 2,
    TUG_URING_IGNORED = 4,
    TUG_URING_SPECIAL_END = 8, /* addresses are not below this */
};

static inline struct tug_op *tug_uring_op_of(uint64_t user_data)
{
    return (struct tug_op *)(uintptr_t)(user_data & ~(uint64_t)TUG_URING_OF_POLL);
}

/* ---- The submission queue, in uring_submit.c ---- */

/* Hands all entries to the kernel, without waiting. */
void tug_uring_submit(struct tug_uring_driver *driver);

/* Looks at what an entry into the kernel returned: an error that will not pass ends the ops whose
 * entries the kernel did not take. */
void tug_uring_after_enter(struct tug_uring_driver *driver, int result);

/* A free entry, to be filled in at once, or NULL if there is none even after a submission. */
struct io_uring_sqe *tug_uring_get_entry_after_submit(struct tug_uring_driver *driver);

static inline struct io_uring_sqe *tug_uring_get_entry(struct tug_uring_driver *driver)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&driver->ring);
    return sqe != NULL ? sqe : tug_uring_get_entry_after_submit(driver);
}

/* Gives an op, which is in neither list, to the kernel; those that wait come first. */
void tug_uring_launch(struct tug_uring_driver *driver, struct tug_op *op);
void tug_uring_launch_waiting(struct tug_uring_driver *driver);

/* Asks the kernel for the end of an op that it has; if there is no room, tug_uring_ask_again() does
 * it later. */
void tug_uring_ask(struct tug_uring_driver *driver, struct tug_op *op);
void tug_uring_ask_again(struct tug_uring_driver *driver);

/* Brings the number of what is not handed over yet up to date. */
void tug_uring_count_unsubmitted(struct tug_uring_driver *driver);

/* ---- Buffers that the kernel chooses from, in uring_buffers.c ---- */

/* Whether the ring has been lent buffers; lends them the first time that it is asked. */
bool tug_uring_has_buffers(struct tug_uring_driver *driver);

/* The completion of `op` names a buffer: gives what is in it to who waits, and lends another. */
void tug_uring_hand_over(struct tug_uring_driver *driver, const struct tug_op *op, unsigned number,
                         int result);

/* Lends those that there was no memory for. */
void tug_uring_lend_missing(struct tug_uring_driver *driver);

/* Frees them. The ring is closed. */
void tug_uring_free_buffers(struct tug_uring_driver *driver);

/* ---- Setting up, in uring_setup.c and uring_route.c ---- */

/* Sets up a ring with as many of the wanted features as the kernel has. 0 or -errno; -ENOSYS: it
 * has no ring, or one without what the driver cannot do without. */
int tug_uring_setup(struct io_uring *ring, unsigned entries);

/* Finds out once per process which opcodes the kernel knows, by asking `ring`. 0 or -errno. */
int tug_uring_learn_routes(struct io_uring *ring);

/* Per op code. `native`: the ring carries it out; by the pool otherwise. `proven`: the ring has
 * given an answer that no kernel without this opcode gives. Both atomic, relaxed. */
extern bool tug_uring_native[TUG_OP_CODE_COUNT];
extern bool tug_uring_proven[TUG_OP_CODE_COUNT];

static inline bool tug_uring_is_native(const struct tug_op *op)
{
    return __atomic_load_n(&tug_uring_native[op->code], __ATOMIC_RELAXED);
}

static inline bool tug_uring_is_proven(const struct tug_op *op)
{
    return __atomic_load_n(&tug_uring_proven[op->code], __ATOMIC_RELAXED);
}

static inline void tug_uring_set_proven(const struct tug_op *op)
{
    __atomic_store_n(&tug_uring_proven[op->code], true, __ATOMIC_RELAXED);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * io_uring, as liburing has it: those calls that enter the kernel, so that a test can make each of
 * them fail. What only touches the shared memory (getting and filling submission entries, walking
 * over completions) is used from <liburing.h> directly.
 *
 * Each does what the liburing function of the same name does and returns >= 0 or -errno. None is
 * made again after -EINTR: the driver's loop looks at its queues first.
 */
#ifndef TUG_SYS_RING_H
#define TUG_SYS_RING_H

#if TUG_HAVE_IO_URING

#include <liburing.h>
#include <signal.h>

int tug_ring_queue_init_params(unsigned entries, struct io_uring *ring,
                               struct io_uring_params *params);
void tug_ring_queue_exit(struct io_uring *ring);

/* Returns the number of entries submitted. */
int tug_ring_submit(struct io_uring *ring);

/* Submits, then waits for `count` completions or the end of `timeout` (relative; NULL: without
 * limit): -ETIME. `mask` may be NULL. *cqe is the first completion, NULL if there is none. */
int tug_ring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
                                     unsigned count, struct __kernel_timespec *timeout,
                                     sigset_t *mask);

/* Runs deferred completion work and flushes overflowed completions, without waiting. */
int tug_ring_get_events(struct io_uring *ring);

int tug_ring_register_probe(struct io_uring *ring, struct io_uring_probe *probe, unsigned count);
int tug_ring_register_ring_fd(struct io_uring *ring);

int tug_ring_register_buf_ring(struct io_uring *ring, struct io_uring_buf_reg *registration);

/* values[0]: workers for regular files and block devices at most, values[1]: for all else; 0: leave
 * as it is. On return they hold what was set before. */
int tug_ring_register_iowq_max_workers(struct io_uring *ring, unsigned values[2]);

#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * liburing's calls behind the fault hook. liburing itself returns -errno.
 */
#include "sys/ring.h"

#if TUG_HAVE_IO_URING

#include "sys/fault.h"
#include "sys/sanitizer.h"

/* liburing maps rings by system calls of its own, which ThreadSanitizer does not see: it would take
 * the ring that comes after another at the same address for the same memory. */
static char ring_addresses;

#define RING_CALL(name, ring, call)                                                                \
    ({                                                                                             \
        int result_ = TUG_FAULT(name, TUG_ON_FD((ring)->ring_fd));                                 \
        if (result_ == 0)                                                                          \
            result_ = (call);                                                                      \
        result_;                                                                                   \
    })

int tug_ring_queue_init_params(unsigned entries, struct io_uring *ring,
                               struct io_uring_params *params)
{
    int result = TUG_FAULT(io_uring_queue_init, TUG_ON_NOTHING);
    if (result == 0)
        result = io_uring_queue_init_params(entries, ring, params);
    tug_thread_sanitizer_acquire(&ring_addresses);
    return result;
}

/* Cannot fail: the hook is there to count and to delay. */
void tug_ring_queue_exit(struct io_uring *ring)
{
    (void)TUG_FAULT(io_uring_queue_exit, TUG_ON_FD(ring->ring_fd));
    tug_thread_sanitizer_release(&ring_addresses);
    io_uring_queue_exit(ring);
}

int tug_ring_submit(struct io_uring *ring)
{
    return RING_CALL(io_uring_submit, ring, io_uring_submit(ring));
}

int tug_ring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
                                     unsigned count, struct __kernel_timespec *timeout,
                                     sigset_t *mask)
{
    *cqe = NULL;
    return RING_CALL(io_uring_wait, ring,
                     io_uring_submit_and_wait_timeout(ring, cqe, count, timeout, mask));
}

int tug_ring_get_events(struct io_uring *ring)
{
    return RING_CALL(io_uring_get_events, ring, io_uring_get_events(ring));
}

int tug_ring_register_probe(struct io_uring *ring, struct io_uring_probe *probe, unsigned count)
{
    return RING_CALL(io_uring_register_probe, ring, io_uring_register_probe(ring, probe, count));
}

int tug_ring_register_ring_fd(struct io_uring *ring)
{
    return RING_CALL(io_uring_register_ring_fd, ring, io_uring_register_ring_fd(ring));
}

int tug_ring_register_buf_ring(struct io_uring *ring, struct io_uring_buf_reg *registration)
{
    return RING_CALL(io_uring_register_buf_ring, ring,
                     io_uring_register_buf_ring(ring, registration, 0));
}

int tug_ring_register_iowq_max_workers(struct io_uring *ring, unsigned values[2])
{
    return RING_CALL(io_uring_register_iowq_max_workers, ring,
                     io_uring_register_iowq_max_workers(ring, values));
}

#endif

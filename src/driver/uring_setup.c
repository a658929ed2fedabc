/* SPDX-License-Identifier: MIT */
/*
 * Making a ring: by trying, never by comparing versions of the kernel. The wishes are ordered; the
 * first set of flags that the kernel takes is remembered for the rings that follow.
 */
#include "driver/uring.h"

#include <errno.h>
#include <string.h>

/* One thread submits, and completions are worked off when it enters the kernel: no interrupts, no
 * locks. TASKRUN_FLAG says when there is reason to enter. */
#define FLAGS_COMMON (IORING_SETUP_CLAMP)
#define FLAGS_5_18 (FLAGS_COMMON | IORING_SETUP_SUBMIT_ALL)
#define FLAGS_5_19 (FLAGS_5_18 | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG)
#define FLAGS_6_1 (FLAGS_5_19 | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

static const unsigned wishes[] = {FLAGS_6_1, FLAGS_5_19, FLAGS_5_18, FLAGS_COMMON};
#define WISH_COUNT (sizeof(wishes) / sizeof(wishes[0]))

/* What the driver cannot do without: no completion is lost when the queue overflows, the kernel
 * does not look at paths after the submission, transfers at the file's position, waiting for pipes
 * without a thread, and waiting with a timeout. All there since Linux 5.11. */
#define FEATURES_NEEDED                                                                            \
    (IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_RW_CUR_POS |                     \
     IORING_FEAT_FAST_POLL | IORING_FEAT_EXT_ARG)

/* Threads of the kernel per ring, for files and for all else. Many may sleep in an open of a FIFO
 * or a slow disk, and others must not wait for them; the kernel starts one only when all others
 * sleep.
 */
#define KERNEL_WORKERS_MAX 256

int tug_uring_setup(struct io_uring *ring, unsigned entries)
{
    static unsigned first_wish;
    unsigned wish = __atomic_load_n(&first_wish, __ATOMIC_RELAXED);
    int result;
    do {
        struct io_uring_params params = {.flags = wishes[wish]};
        memset(ring, 0, sizeof(*ring));
        result = tug_ring_queue_init_params(entries, ring, &params);
    } while (result == -EINVAL && ++wish < WISH_COUNT);
    if (result < 0)
        return result == -EINVAL ? -ENOSYS : result;
    __atomic_store_n(&first_wish, wish, __ATOMIC_RELAXED);
    if ((ring->features & FEATURES_NEEDED) != FEATURES_NEEDED) {
        tug_ring_queue_exit(ring);
        return -ENOSYS;
    }
    /* Refused by kernels before 5.15: then the limits are the kernel's own. */
    unsigned workers[2] = {KERNEL_WORKERS_MAX, KERNEL_WORKERS_MAX};
    (void)tug_ring_register_iowq_max_workers(ring, workers);
    /* Saves looking up the descriptor at each entry into the kernel, since 5.18. */
    (void)tug_ring_register_ring_fd(ring);
    return 0;
}

int tug_uring_probe(void)
{
    struct io_uring ring;
    int result = tug_uring_setup(&ring, 1);
    if (result == 0)
        tug_ring_queue_exit(&ring);
    return result;
}

/* SPDX-License-Identifier: MIT */
/*
 * Buffers lent to a ring, from which the kernel takes one for each receive that finds something.
 *
 * Invariants:
 *  - A buffer that was filled leaves the ring for good: it is the receiver's, who may give it back
 *    on another thread, or when there is no ring any more. Another one takes its place at once.
 *  - A place without a buffer (there was no memory) is filled when the next buffer leaves, or when
 * a receive has found none at all, which waits for its descriptor and is tried by a call (uring.c).
 *  - The ring of places is set up when the first receive of this kind is started: who has none pays
 *    nothing. A kernel without such rings (before 5.19) has the receives tried by calls as well.
 */
#include "driver/buffer.h"
#include "driver/uring.h"

#include <sys/mman.h>

#include <tug/op.h>

#include "sys/call.h"

/* A power of two, and more than a turn receives at most: the driver is polled every 61 polls of
 * tasks, and the kernel works off some 20 completions that were waited for at a time. */
#define PLACES 128

struct tug_uring_buffers {
    struct io_uring_buf_ring *ring;
    unsigned missing; /* how many places have no buffer */
    void *places[PLACES];
};

static void lend(struct tug_uring_driver *driver, unsigned number)
{
    struct tug_uring_buffers *buffers = driver->buffers;
    void *buffer = tug_buffer_take(&driver->base);
    buffers->places[number] = buffer;
    if (buffer == NULL) {
        buffers->missing++;
        return;
    }
    io_uring_buf_ring_add(buffers->ring, buffer, TUG_RECV_BUFFER_SIZE, (unsigned short)number,
                          io_uring_buf_ring_mask(PLACES), 0);
    io_uring_buf_ring_advance(buffers->ring, 1);
}

void tug_uring_lend_missing(struct tug_uring_driver *driver)
{
    struct tug_uring_buffers *buffers = driver->buffers;
    unsigned missing = buffers->missing;
    if (missing == 0)
        return;
    buffers->missing = 0;
    for (unsigned i = 0; i < PLACES && missing > 0; i++) {
        if (buffers->places[i] != NULL)
            continue;
        missing--;
        lend(driver, i);
    }
}

static size_t ring_size(void)
{
    return PLACES * sizeof(struct io_uring_buf);
}

static int map_ring(struct tug_uring_driver *driver)
{
    void *memory;
    int result = tug_sys_mmap(&memory, ring_size(), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (result < 0)
        return result;
    struct io_uring_buf_reg registration = {
        .ring_addr = (uint64_t)(uintptr_t)memory,
        .ring_entries = PLACES,
        .bgid = TUG_RING_BUFFERS,
    };
    result = tug_ring_register_buf_ring(&driver->ring, &registration);
    if (result < 0)
        tug_sys_munmap(memory, ring_size());
    else
        driver->buffers->ring = memory;
    return result;
}

static void set_up(struct tug_uring_driver *driver)
{
    driver->buffers = tug_sys_calloc(1, sizeof(*driver->buffers));
    if (driver->buffers == NULL)
        return;
    if (map_ring(driver) < 0) {
        tug_sys_free(driver->buffers);
        driver->buffers = NULL;
        return;
    }
    io_uring_buf_ring_init(driver->buffers->ring);
    for (unsigned i = 0; i < PLACES; i++)
        lend(driver, i);
}

bool tug_uring_has_buffers(struct tug_uring_driver *driver)
{
    if (driver->buffers == NULL && !driver->buffers_refused) {
        set_up(driver);
        driver->buffers_refused = driver->buffers == NULL;
    }
    return driver->buffers != NULL;
}

void tug_uring_hand_over(struct tug_uring_driver *driver, const struct tug_op *op, unsigned number,
                         int result)
{
    tug_buffer_hand_over(&driver->base, op, driver->buffers->places[number], result);
    lend(driver, number);
    tug_uring_lend_missing(driver);
}

void tug_uring_free_buffers(struct tug_uring_driver *driver)
{
    if (driver->buffers == NULL)
        return;
    for (unsigned i = 0; i < PLACES; i++)
        tug_buffer_put(NULL, driver->buffers->places[i]);
    tug_sys_munmap(driver->buffers->ring, ring_size());
    tug_sys_free(driver->buffers);
}

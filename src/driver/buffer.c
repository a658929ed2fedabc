/* SPDX-License-Identifier: MIT */
/*
 * Invariant: a buffer is known by where it lies in its line of the cache, so that giving it back
 * does not touch it: with thousands of clients the line is in no near cache any more by then.
 */
#include "driver/buffer.h"

#include <string.h>

#include <tug/op.h>

#include "sys/call.h"
#include "sys/cpu.h"

/* Up to the size before the last a copy costs less than another page. */
static const size_t sizes[TUG_BUFFER_SIZES] = {128, 1024, TUG_RECV_BUFFER_SIZE};

#define LARGEST (TUG_BUFFER_SIZES - 1)

/* Buffers of sizes[n] begin n * STEP bytes behind the beginning of a line. */
#define STEP 16

static unsigned size_of(const void *buffer)
{
    return (unsigned)((uintptr_t)buffer % TUG_CACHE_LINE / STEP);
}

static void *allocate(unsigned size)
{
    size_t room = size == 0 ? 0 : TUG_CACHE_LINE;
    unsigned char *memory = tug_sys_aligned_alloc(TUG_CACHE_LINE, sizes[size] + room);
    return memory != NULL ? memory + (size_t)size * STEP : NULL;
}

static void release(void *buffer)
{
    tug_sys_free((unsigned char *)buffer - (uintptr_t)buffer % TUG_CACHE_LINE);
}

static void *take(struct tug_driver *driver, unsigned size)
{
    struct tug_kept_buffers *kept = driver != NULL ? &driver->kept_buffers[size] : NULL;
    return kept != NULL && kept->count > 0 ? kept->buffers[--kept->count] : allocate(size);
}

void *tug_buffer_take(struct tug_driver *driver)
{
    return take(driver, LARGEST);
}

void tug_buffer_put(struct tug_driver *driver, void *buffer)
{
    if (buffer == NULL)
        return;
    struct tug_kept_buffers *kept = driver != NULL ? &driver->kept_buffers[size_of(buffer)] : NULL;
    if (kept != NULL && kept->count < TUG_KEPT_BUFFERS_MAX)
        kept->buffers[kept->count++] = buffer;
    else
        release(buffer);
}

void tug_buffer_hand_over(struct tug_driver *driver, const struct tug_op *op, void *buffer,
                          int64_t result)
{
    void **place = op->address2;
    unsigned size = 0;
    while (size < LARGEST && result > (int64_t)sizes[size])
        size++;
    void *small = result > 0 && size < LARGEST ? take(driver, size) : NULL;
    if (small != NULL)
        *place = memcpy(small, buffer, (size_t)result);
    else if (result > 0)
        *place = buffer;
    if (*place != buffer)
        tug_buffer_put(driver, buffer);
}

void tug_buffer_free_kept(struct tug_driver *driver)
{
    for (unsigned size = 0; size < TUG_BUFFER_SIZES; size++)
        while (driver->kept_buffers[size].count > 0)
            release(take(driver, size));
}

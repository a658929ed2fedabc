/* SPDX-License-Identifier: MIT */
#include "driver/buffer.h"

#include <string.h>

#include <tug/op.h>

#include "sys/call.h"

/* In front of what the program sees. */
struct tug_buffer {
    struct tug_buffer *next; /* among those that are kept */
    unsigned size;           /* its place in the table */
    _Alignas(16) unsigned char bytes[];
};

#define HEAD sizeof(struct tug_buffer)

/* `kept_max`: what the tasks of one turn may hold, without a trip to the allocator. Up to the size
 * before the last a copy costs less than another page. */
static const struct {
    size_t size;
    unsigned kept_max;
} table[TUG_BUFFER_SIZES] = {{128 - HEAD, 1024}, {1024 - HEAD, 128}, {TUG_RECV_BUFFER_SIZE, 64}};

#define LARGEST (TUG_BUFFER_SIZES - 1)

static struct tug_buffer *buffer_of(void *bytes)
{
    return (struct tug_buffer *)((unsigned char *)bytes - HEAD);
}

static void *take(struct tug_driver *driver, unsigned size)
{
    struct tug_buffer *buffer = driver != NULL ? driver->kept_buffers[size].first : NULL;
    if (buffer != NULL) {
        driver->kept_buffers[size].first = buffer->next;
        driver->kept_buffers[size].count--;
        return buffer->bytes;
    }
    buffer = tug_sys_malloc(HEAD + table[size].size);
    if (buffer == NULL)
        return NULL;
    buffer->size = size;
    return buffer->bytes;
}

void *tug_buffer_take(struct tug_driver *driver)
{
    return take(driver, LARGEST);
}

void tug_buffer_put(struct tug_driver *driver, void *bytes)
{
    if (bytes == NULL)
        return;
    struct tug_buffer *buffer = buffer_of(bytes);
    struct tug_kept_buffers *kept = driver != NULL ? &driver->kept_buffers[buffer->size] : NULL;
    if (kept == NULL || kept->count == table[buffer->size].kept_max) {
        tug_sys_free(buffer);
        return;
    }
    buffer->next = kept->first;
    kept->first = buffer;
    kept->count++;
}

void tug_buffer_hand_over(struct tug_driver *driver, const struct tug_op *op, void *bytes,
                          int64_t result)
{
    void **place = op->address2;
    unsigned size = 0;
    while (size < LARGEST && result > (int64_t)table[size].size)
        size++;
    void *small = result > 0 && size < LARGEST ? take(driver, size) : NULL;
    if (small != NULL)
        *place = memcpy(small, bytes, (size_t)result);
    else if (result > 0)
        *place = bytes;
    if (*place != bytes)
        tug_buffer_put(driver, bytes);
}

void tug_buffer_free_kept(struct tug_driver *driver)
{
    for (unsigned size = 0; size < TUG_BUFFER_SIZES; size++)
        while (driver->kept_buffers[size].first != NULL)
            tug_sys_free(buffer_of(take(driver, size)));
}

/* SPDX-License-Identifier: MIT */
/*
 * A pipe in memory: two rings of bytes, one for each direction, in one block of memory with the two
 * ends, freed with the second end.
 *
 * Invariants of a ring, under its lock:
 *  - `length` bytes from `start` on, around the end of `data`, have been written and not read.
 *  - A reader's waker is there only while the ring was empty and not closed, a writer's only while
 *    it was full and not closed; who changes that takes the waker out, and wakes without the lock.
 */
#include <tug/duplex.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <tug/coop.h>

#include "io/waker_slot.h"
#include "sys/call.h"
#include "sys/list.h"
#include "sys/mutex.h"

struct ring {
    struct tug_sys_mutex lock;
    bool reader_closed, writer_closed;
    unsigned char *data;
    size_t capacity, start, length;
    struct tug_waker reader_waker, writer_waker;
};

struct pair;

struct end {
    struct tug_duplex duplex;
    struct pair *pair;
    struct ring *in, *out;
};

struct pair {
    uint32_t references;
    struct end ends[2];
    struct ring rings[2];
    unsigned char data[];
};

/* ---- Bytes in and out, under the lock ---- */

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t take_bytes(struct ring *ring, unsigned char *buffer, size_t size)
{
    size_t n = min(size, ring->length);
    size_t straight = min(n, ring->capacity - ring->start);
    memcpy(buffer, ring->data + ring->start, straight);
    memcpy(buffer + straight, ring->data, n - straight);
    ring->start = (ring->start + n) % ring->capacity;
    ring->length -= n;
    return n;
}

static size_t put_bytes(struct ring *ring, const unsigned char *buffer, size_t size)
{
    size_t n = min(size, ring->capacity - ring->length);
    size_t end = (ring->start + ring->length) % ring->capacity;
    size_t straight = min(n, ring->capacity - end);
    memcpy(ring->data + end, buffer, straight);
    memcpy(ring->data, buffer + straight, n - straight);
    ring->length += n;
    return n;
}

/* ---- Reading and writing ---- */

static int64_t ring_read(struct ring *ring, const struct tug_waker *waker, void *buffer,
                         size_t size)
{
    struct tug_waker old = {NULL, NULL}, writer = {NULL, NULL};
    int64_t result = 0;
    tug_sys_mutex_lock(&ring->lock);
    if (ring->length > 0) {
        result = (int64_t)take_bytes(ring, buffer, size);
        writer = tug_waker_slot_take(&ring->writer_waker);
    } else if (!ring->writer_closed) {
        result = TUG_IO_PENDING;
        old = tug_waker_slot_put(&ring->reader_waker, waker);
    }
    tug_sys_mutex_unlock(&ring->lock);
    tug_waker_slot_drop(old);
    tug_waker_slot_wake(writer);
    return result;
}

static int64_t ring_write(struct ring *ring, const struct tug_waker *waker, const void *buffer,
                          size_t size)
{
    struct tug_waker old = {NULL, NULL}, reader = {NULL, NULL};
    int64_t result;
    tug_sys_mutex_lock(&ring->lock);
    if (ring->reader_closed || ring->writer_closed) {
        result = -EPIPE;
    } else if (ring->length < ring->capacity) {
        result = (int64_t)put_bytes(ring, buffer, size);
        reader = tug_waker_slot_take(&ring->reader_waker);
    } else {
        result = TUG_IO_PENDING;
        old = tug_waker_slot_put(&ring->writer_waker, waker);
    }
    tug_sys_mutex_unlock(&ring->lock);
    tug_waker_slot_drop(old);
    tug_waker_slot_wake(reader);
    return result;
}

/* Closes one side: that side's waker is forgotten, the other's woken. */
static void ring_close(struct ring *ring, bool as_reader)
{
    tug_sys_mutex_lock(&ring->lock);
    if (as_reader)
        ring->reader_closed = true;
    else
        ring->writer_closed = true;
    struct tug_waker reader = tug_waker_slot_take(&ring->reader_waker);
    struct tug_waker writer = tug_waker_slot_take(&ring->writer_waker);
    tug_sys_mutex_unlock(&ring->lock);
    tug_waker_slot_drop(as_reader ? reader : writer);
    tug_waker_slot_wake(as_reader ? writer : reader);
}

/* ---- An end ---- */

static int64_t end_read(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                        size_t size)
{
    struct end *end = TUG_CONTAINER_OF(reader, struct end, duplex.reader);
    if (size == 0)
        return 0;
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_IO_PENDING;
    int64_t n = ring_read(end->in, waker, buffer, size);
    if (n == TUG_IO_PENDING)
        tug_coop_restore();
    return n;
}

static int64_t end_write(struct tug_writer *writer, const struct tug_waker *waker,
                         const void *buffer, size_t size)
{
    struct end *end = TUG_CONTAINER_OF(writer, struct end, duplex.writer);
    if (size == 0)
        return 0;
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_IO_PENDING;
    int64_t n = ring_write(end->out, waker, buffer, size);
    if (n == TUG_IO_PENDING)
        tug_coop_restore();
    return n;
}

static int end_shutdown(struct tug_writer *writer, const struct tug_waker *waker)
{
    struct end *end = TUG_CONTAINER_OF(writer, struct end, duplex.writer);
    (void)waker;
    ring_close(end->out, false);
    return 0;
}

static const struct tug_reader_vtable reader_vtable = {.poll_read = end_read};

static const struct tug_writer_vtable writer_vtable = {
    .poll_write = end_write,
    .poll_shutdown = end_shutdown,
};

int tug_duplex_create(struct tug_duplex *ends[2], size_t capacity)
{
    if (capacity == 0)
        return -EINVAL;
    if (capacity > (SIZE_MAX - sizeof(struct pair)) / 2)
        return -ENOMEM;
    struct pair *pair = tug_sys_malloc(sizeof *pair + 2 * capacity);
    if (pair == NULL)
        return -ENOMEM;
    *pair = (struct pair){.references = 2};
    for (int i = 0; i < 2; i++) {
        pair->rings[i].data = pair->data + (i == 0 ? 0 : capacity);
        pair->rings[i].capacity = capacity;
        pair->ends[i] = (struct end){
            .duplex = {{&reader_vtable}, {&writer_vtable}},
            .pair = pair,
            .in = &pair->rings[i],
            .out = &pair->rings[1 - i],
        };
        ends[i] = &pair->ends[i].duplex;
    }
    return 0;
}

void tug_duplex_destroy(struct tug_duplex *duplex)
{
    struct end *end = TUG_CONTAINER_OF(duplex, struct end, duplex);
    ring_close(end->out, false);
    ring_close(end->in, true);
    if (__atomic_sub_fetch(&end->pair->references, 1, __ATOMIC_ACQ_REL) == 0)
        tug_sys_free(end->pair);
}

/* SPDX-License-Identifier: MIT */
/*
 * Readers made of readers. A read of no bytes is not asked of what is below: its 0 would be taken
 * for the end.
 */
#include <tug/combine.h>

#include "sys/list.h"

static int64_t take_read(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                         size_t size)
{
    struct tug_take_reader *self = TUG_CONTAINER_OF(reader, struct tug_take_reader, reader);
    if (size > self->left)
        size = (size_t)self->left;
    if (size == 0)
        return 0;
    int64_t n = tug_reader_poll(self->inner, waker, buffer, size);
    if (n > 0)
        self->left -= (uint64_t)n;
    return n;
}

static const struct tug_reader_vtable take_vtable = {.poll_read = take_read};

void tug_take_reader_init(struct tug_take_reader *self, struct tug_reader *inner, uint64_t limit)
{
    *self = (struct tug_take_reader){.reader = {&take_vtable}, .inner = inner, .left = limit};
}

static int64_t chain_read(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                          size_t size)
{
    struct tug_chain_reader *self = TUG_CONTAINER_OF(reader, struct tug_chain_reader, reader);
    if (size == 0)
        return 0;
    if (self->first != NULL) {
        int64_t n = tug_reader_poll(self->first, waker, buffer, size);
        if (n != 0)
            return n;
        self->first = NULL;
    }
    return tug_reader_poll(self->second, waker, buffer, size);
}

static const struct tug_reader_vtable chain_vtable = {.poll_read = chain_read};

void tug_chain_reader_init(struct tug_chain_reader *self, struct tug_reader *first,
                           struct tug_reader *second)
{
    *self = (struct tug_chain_reader){.reader = {&chain_vtable}, .first = first, .second = second};
}

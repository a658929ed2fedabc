/* SPDX-License-Identifier: MIT */
/*
 * Room for an item whose size is known at run time: for as long as a function runs, or longer.
 */
#ifndef TUG_STREAM_SLOT_H
#define TUG_STREAM_SLOT_H

#include <stddef.h>

#include <tug/stream.h>

#include "sys/call.h"

/* An array in the frame, aligned for any item; never of no size. */
#define TUG_ITEM_SLOT(name, item)                                                                  \
    max_align_t name[((item).size + sizeof(max_align_t)) / sizeof(max_align_t)]

/* Room that lasts, made at its first use. Returns it; NULL if there is no memory. */
static inline void *tug_item_room(void **room, const struct tug_item *item)
{
    if (*room == NULL)
        *room = tug_sys_malloc(item->size > 0 ? item->size : 1);
    return *room;
}

static inline void tug_item_drop(const struct tug_item *item, void *value)
{
    if (item->drop != NULL)
        item->drop(value);
}

#endif

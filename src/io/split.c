/* SPDX-License-Identifier: MIT */
/*
 * An object in two halves: one block of memory with both, and a count of those that are left.
 */
#include <tug/combine.h>

#include <errno.h>

#include "sys/call.h"
#include "sys/list.h"

struct split {
    struct tug_read_half read_half;
    struct tug_write_half write_half;
    uint32_t halves;
    void (*end)(void *object);
    void *object;
};

int tug_split(struct tug_read_half **read_half, struct tug_write_half **write_half,
              struct tug_reader *reader, struct tug_writer *writer, void (*end)(void *object),
              void *object)
{
    struct split *split = tug_sys_malloc(sizeof *split);
    if (split == NULL)
        return -ENOMEM;
    *split = (struct split){{reader}, {writer}, 2, end, object};
    *read_half = &split->read_half;
    *write_half = &split->write_half;
    return 0;
}

static void drop(struct split *split)
{
    if (__atomic_sub_fetch(&split->halves, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (split->end != NULL)
        split->end(split->object);
    tug_sys_free(split);
}

void tug_read_half_drop(struct tug_read_half *half)
{
    drop(TUG_CONTAINER_OF(half, struct split, read_half));
}

void tug_write_half_drop(struct tug_write_half *half)
{
    drop(TUG_CONTAINER_OF(half, struct split, write_half));
}

int tug_reunite(struct tug_read_half *read_half, struct tug_write_half *write_half)
{
    struct split *split = TUG_CONTAINER_OF(read_half, struct split, read_half);
    if (split != TUG_CONTAINER_OF(write_half, struct split, write_half))
        return -EINVAL;
    tug_sys_free(split);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Invariants: heap[i]->place == i; no deadline is before that of its parent, heap[(i - 1) / 2].
 */
#include "expiry.h"

#include <errno.h>
#include <stdlib.h>

void expiry_free(struct expiry *expiry)
{
    free(expiry->heap);
    *expiry = (struct expiry){0};
}

struct deadline *expiry_first(const struct expiry *expiry)
{
    return expiry->count > 0 ? expiry->heap[0] : NULL;
}

static void put(struct expiry *expiry, size_t place, struct deadline *deadline)
{
    expiry->heap[place] = deadline;
    deadline->place = place;
}

/* Finds the place of a deadline, from `place` on, which is free. */
static void settle(struct expiry *expiry, size_t place, struct deadline *deadline)
{
    struct deadline **heap = expiry->heap;
    while (place > 0 && deadline->time < heap[(place - 1) / 2]->time) {
        put(expiry, place, heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (size_t child; (child = 2 * place + 1) < expiry->count; place = child) {
        if (child + 1 < expiry->count && heap[child + 1]->time < heap[child]->time)
            child++;
        if (deadline->time <= heap[child]->time)
            break;
        put(expiry, place, heap[child]);
    }
    put(expiry, place, deadline);
}

static int make_room(struct expiry *expiry)
{
    if (expiry->count < expiry->capacity)
        return 0;
    size_t capacity = expiry->capacity > 0 ? 2 * expiry->capacity : 16;
    struct deadline **heap = realloc(expiry->heap, capacity * sizeof(struct deadline *));
    if (heap == NULL)
        return -ENOMEM;
    expiry->heap = heap;
    expiry->capacity = capacity;
    return 0;
}

int expiry_set(struct expiry *expiry, struct deadline *deadline, int64_t time)
{
    size_t place = deadline->place;
    if (deadline->time == NEVER) {
        if (time == NEVER)
            return 0;
        int error = make_room(expiry);
        if (error < 0)
            return error;
        place = expiry->count++;
    } else if (time == NEVER) {
        /* The last one takes its place, unless that is what it is. */
        struct deadline *last = expiry->heap[--expiry->count];
        deadline->time = NEVER;
        if (last != deadline)
            settle(expiry, place, last);
        return 0;
    }
    deadline->time = time;
    settle(expiry, place, deadline);
    return 0;
}

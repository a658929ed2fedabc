/* SPDX-License-Identifier: MIT */
/* Open addressing with linear probing; a power of two of slots, at most half of them used. */
#include "identity_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tug_identity_slot {
    struct tug_copy_identity identity;
    bool used;
};

#define FIRST_CAPACITY 16

int tug_identity_set_init(struct tug_identity_set *set)
{
    memset(set, 0, sizeof(*set));
    return -pthread_mutex_init(&set->lock, NULL);
}

void tug_identity_set_destroy(struct tug_identity_set *set)
{
    free(set->slots);
    pthread_mutex_destroy(&set->lock);
}

/* The slot that has the identity, or the free one where it belongs. */
static struct tug_identity_slot *find(struct tug_identity_slot *slots, size_t capacity,
                                      struct tug_copy_identity identity)
{
    /* The multiplier is 2^64 divided by the golden ratio: inodes in sequence are spread out. */
    uint64_t hash = (identity.inode ^ identity.device << 17) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (hash >> 32) & (capacity - 1);
    while (slots[i].used && !tug_copy_identity_equal(slots[i].identity, identity))
        i = (i + 1) & (capacity - 1);
    return &slots[i];
}

static int grow(struct tug_identity_set *set)
{
    size_t capacity = set->capacity == 0 ? FIRST_CAPACITY : set->capacity * 2;
    struct tug_identity_slot *slots = calloc(capacity, sizeof(slots[0]));
    if (slots == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < set->capacity; i++)
        if (set->slots[i].used)
            *find(slots, capacity, set->slots[i].identity) = set->slots[i];
    free(set->slots);
    set->slots = slots;
    set->capacity = capacity;
    return 0;
}

int tug_identity_set_add(struct tug_identity_set *set, struct tug_copy_identity identity)
{
    int error = 0;
    pthread_mutex_lock(&set->lock);
    if (set->count * 2 >= set->capacity)
        error = grow(set);
    if (error == 0) {
        struct tug_identity_slot *slot = find(set->slots, set->capacity, identity);
        if (!slot->used)
            __atomic_store_n(&set->count, set->count + 1, __ATOMIC_RELAXED);
        slot->identity = identity;
        slot->used = true;
    }
    pthread_mutex_unlock(&set->lock);
    return error;
}

bool tug_identity_set_contains(struct tug_identity_set *set, struct tug_copy_identity identity)
{
    if (__atomic_load_n(&set->count, __ATOMIC_RELAXED) == 0)
        return false;
    pthread_mutex_lock(&set->lock);
    bool found = find(set->slots, set->capacity, identity)->used;
    pthread_mutex_unlock(&set->lock);
    return found;
}

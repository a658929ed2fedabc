/* SPDX-License-Identifier: MIT */
/*
 * Open addressing in a table that doubles. If there is no memory for a statement it is not made:
 * then the entry is not removed. Only a denial must not be lost; when one is, all are denied.
 */
#include "ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define FIRST_CAPACITY 64

enum statement { COPIED, NAME_COPIED, STATE, DIRECTORY_COPIED, DENIED, LOST };

/* All zeros: free. */
struct tug_ledger_slot {
    uint64_t low, high;
};

/* What is digested; without padding. */
struct content {
    uint64_t statement;
    struct tug_copy_identity directory, file;
    uint64_t size;
    int64_t modified, changed;
    uint32_t modified_ns, changed_ns, mode, zero;
};

int tug_ledger_init(struct tug_ledger *ledger)
{
    memset(ledger, 0, sizeof(*ledger));
    int error = -pthread_mutex_init(&ledger->lock, NULL);
    if (error != 0)
        return error;
    error = -pthread_mutex_init(&ledger->names_lock, NULL);
    if (error != 0) {
        pthread_mutex_destroy(&ledger->lock);
        return error;
    }
    /* Early in the life of a system there may be no random numbers yet. */
    if (getrandom(&ledger->seed, sizeof(ledger->seed), GRND_NONBLOCK) < 0) {
        struct timespec time;
        clock_gettime(CLOCK_REALTIME, &time);
        ledger->seed = (uint64_t)time.tv_sec * 1000000007 + (uint64_t)time.tv_nsec;
    }
    return 0;
}

void tug_ledger_destroy(struct tug_ledger *ledger)
{
    free(ledger->slots);
    pthread_mutex_destroy(&ledger->names_lock);
    pthread_mutex_destroy(&ledger->lock);
}

/* ---- The set, under the lock ---- */

static struct tug_ledger_slot *find(struct tug_ledger_slot *slots, size_t capacity,
                                    struct tug_ledger_slot digest)
{
    for (size_t i = digest.low & (capacity - 1);; i = (i + 1) & (capacity - 1)) {
        struct tug_ledger_slot *slot = &slots[i];
        if ((slot->low == digest.low && slot->high == digest.high) ||
            (slot->low == 0 && slot->high == 0))
            return slot;
    }
}

static int grow(struct tug_ledger *ledger)
{
    size_t capacity = ledger->capacity > 0 ? ledger->capacity * 2 : FIRST_CAPACITY;
    struct tug_ledger_slot *slots = calloc(capacity, sizeof(slots[0]));
    if (slots == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < ledger->capacity; i++)
        if (ledger->slots[i].low != 0 || ledger->slots[i].high != 0)
            *find(slots, capacity, ledger->slots[i]) = ledger->slots[i];
    free(ledger->slots);
    ledger->slots = slots;
    ledger->capacity = capacity;
    return 0;
}

static int insert(struct tug_ledger *ledger, struct tug_ledger_slot digest)
{
    int error = 0;
    pthread_mutex_lock(&ledger->lock);
    if (ledger->count >= ledger->capacity - ledger->capacity / 4)
        error = grow(ledger);
    if (error == 0) {
        struct tug_ledger_slot *slot = find(ledger->slots, ledger->capacity, digest);
        ledger->count += slot->low == 0 && slot->high == 0;
        *slot = digest;
    }
    pthread_mutex_unlock(&ledger->lock);
    return error;
}

static bool contains(struct tug_ledger *ledger, struct tug_ledger_slot digest)
{
    bool found = false;
    pthread_mutex_lock(&ledger->lock);
    if (ledger->capacity > 0) {
        const struct tug_ledger_slot *slot = find(ledger->slots, ledger->capacity, digest);
        found = slot->low != 0 || slot->high != 0;
    }
    pthread_mutex_unlock(&ledger->lock);
    return found;
}

/* ---- Statements ---- */

static struct tug_ledger_slot digest(const struct tug_ledger *ledger, const struct content *content,
                                     const char *name)
{
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset_withSeed(&state, ledger->seed);
    XXH3_128bits_update(&state, content, sizeof(*content));
    if (name != NULL)
        XXH3_128bits_update(&state, name, strlen(name));
    XXH128_hash_t hash = XXH3_128bits_digest(&state);
    /* 0 means that a slot is free. */
    return (struct tug_ledger_slot){hash.low64 | 1, hash.high64};
}

static struct tug_ledger_slot named(const struct tug_ledger *ledger, enum statement statement,
                                    const struct tug_ledger_entry *entry,
                                    struct tug_copy_identity file)
{
    const struct content content = {
        .statement = statement, .directory = entry->directory, .file = file};
    return digest(ledger, &content, entry->name);
}

/* `entry` NULL: about the file alone. */
static struct tug_ledger_slot stated(const struct tug_ledger *ledger,
                                     const struct tug_ledger_entry *entry,
                                     const struct tug_ledger_state *state)
{
    struct content content = {
        .statement = entry != NULL ? COPIED : STATE,
        .file = state->identity,
        .size = state->size,
        .modified = state->modified,
        .changed = state->changed,
        .modified_ns = state->modified_ns,
        .changed_ns = state->changed_ns,
        .mode = state->mode,
    };
    if (entry != NULL)
        content.directory = entry->directory;
    return digest(ledger, &content, entry != NULL ? entry->name : NULL);
}

int tug_ledger_add(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                   const struct tug_ledger_state *state)
{
    if (state->names < 2)
        return insert(ledger, stated(ledger, entry, state));
    int error = insert(ledger, named(ledger, NAME_COPIED, entry, state->identity));
    return error != 0 ? error : insert(ledger, stated(ledger, NULL, state));
}

int tug_ledger_add_name(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                        struct tug_copy_identity identity)
{
    return insert(ledger, named(ledger, NAME_COPIED, entry, identity));
}

bool tug_ledger_contains(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                         const struct tug_ledger_state *state)
{
    return contains(ledger, stated(ledger, entry, state)) ||
           (contains(ledger, named(ledger, NAME_COPIED, entry, state->identity)) &&
            contains(ledger, stated(ledger, NULL, state)));
}

int tug_ledger_name_removed(struct tug_ledger *ledger, const struct tug_ledger_state *state)
{
    return insert(ledger, stated(ledger, NULL, state));
}

int tug_ledger_add_directory(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                             struct tug_copy_identity identity)
{
    return insert(ledger, named(ledger, DIRECTORY_COPIED, entry, identity));
}

bool tug_ledger_contains_directory(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                                   struct tug_copy_identity identity)
{
    return contains(ledger, named(ledger, DIRECTORY_COPIED, entry, identity));
}

void tug_ledger_deny(struct tug_ledger *ledger, const struct tug_ledger_entry *entry)
{
    const struct tug_copy_identity none = {0, 0};
    if (insert(ledger, named(ledger, DENIED, entry, none)) != 0)
        __atomic_store_n(&ledger->denies_all, true, __ATOMIC_RELAXED);
}

bool tug_ledger_denies(struct tug_ledger *ledger, const struct tug_ledger_entry *entry)
{
    const struct tug_copy_identity none = {0, 0};
    return __atomic_load_n(&ledger->denies_all, __ATOMIC_RELAXED) ||
           contains(ledger, named(ledger, DENIED, entry, none));
}

static struct tug_ledger_slot lost(const struct tug_ledger *ledger,
                                   const struct tug_ledger_entry *entry, unsigned loss)
{
    const struct content content = {.statement = LOST, .directory = entry->directory, .mode = loss};
    return digest(ledger, &content, entry->name);
}

void tug_ledger_add_loss(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                         unsigned loss)
{
    insert(ledger, lost(ledger, entry, loss));
}

bool tug_ledger_has_loss(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                         unsigned loss)
{
    return contains(ledger, lost(ledger, entry, loss));
}

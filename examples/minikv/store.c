/* SPDX-License-Identifier: MIT */
/*
 * The keys are spread over tables with a lock each, so that workers seldom meet. The lock is held
 * for a look-up and a change of pointers, never while a task is suspended or a value copied.
 *
 * Invariant: an entry is in its table, and in the heap beside it if it has a deadline.
 * The hash has a seed, so that nobody outside can choose keys that collide.
 */
#include "store.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include <tug/time.h>
#include <xxhash.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum {
    TABLES = 64,
    SWEPT_AT_ONCE = 128 /* keys of one table */
};

struct entry {
    UT_hash_handle hh;
    struct value *value;
    struct deadline deadline;
    char key[];
};

struct table {
    pthread_mutex_t lock;
    struct entry *entries;
    struct expiry expiry;
} __attribute__((aligned(64)));

struct store {
    struct table tables[TABLES];
    uint64_t seed;
};

/* Where a key belongs. */
struct place {
    struct table *table;
    unsigned hash;
};

/* ---- Values ---- */

struct value *value_create(struct bytes bytes)
{
    struct value *value = malloc(sizeof(*value) + bytes.length);
    if (value == NULL)
        return NULL;
    atomic_init(&value->references, 1);
    value->length = bytes.length;
    memcpy(value->data, bytes.data, bytes.length);
    return value;
}

void value_release(struct value *value)
{
    if (value != NULL &&
        atomic_fetch_sub_explicit(&value->references, 1, memory_order_acq_rel) == 1)
        free(value);
}

/* ---- The store ---- */

int64_t store_now(void)
{
    return (int64_t)(tug_now() / TUG_MILLISECOND);
}

struct store *store_create(void)
{
    struct store *store = aligned_alloc(_Alignof(struct store), sizeof(*store));
    if (store == NULL)
        return NULL;
    memset(store, 0, sizeof(*store));
    if (getrandom(&store->seed, sizeof(store->seed), GRND_NONBLOCK) < 0)
        store->seed = tug_now();
    for (size_t i = 0; i < TABLES; i++)
        pthread_mutex_init(&store->tables[i].lock, NULL);
    return store;
}

/* Takes an entry out of its table; freed once nobody waits for the lock. */
static struct entry *take_out(struct table *table, struct entry *entry)
{
    expiry_set(&table->expiry, &entry->deadline, NEVER);
    HASH_DELETE(hh, table->entries, entry);
    return entry;
}

static void free_entry(struct entry *entry)
{
    if (entry == NULL)
        return;
    value_release(entry->value);
    free(entry);
}

void store_destroy(struct store *store)
{
    for (size_t i = 0; i < TABLES; i++) {
        struct table *table = &store->tables[i];
        while (table->entries != NULL)
            free_entry(take_out(table, table->entries));
        expiry_free(&table->expiry);
        pthread_mutex_destroy(&table->lock);
    }
    free(store);
}

static struct place lock_place(struct store *store, struct bytes key)
{
    uint64_t hash = XXH3_64bits_withSeed(key.data, key.length, store->seed);
    /* The table by other bits than the bucket in it. */
    struct place place = {&store->tables[hash >> 58], (unsigned)hash};
    _Static_assert(TABLES == 1 << (64 - 58), "a table for each value of the upper bits");
    pthread_mutex_lock(&place.table->lock);
    return place;
}

/* The entry of a key, or NULL. One that has expired is taken out, and left to the caller, who frees
 * it without the lock. */
static struct entry *find(struct place place, struct bytes key, struct entry **expired)
{
    struct entry *entry;
    *expired = NULL;
    HASH_FIND_BYHASHVALUE(hh, place.table->entries, key.data, key.length, place.hash, entry);
    if (entry == NULL || entry->deadline.time == NEVER || entry->deadline.time > store_now())
        return entry;
    *expired = take_out(place.table, entry);
    return NULL;
}

static void unlock_place(struct place place, struct entry *expired)
{
    pthread_mutex_unlock(&place.table->lock);
    free_entry(expired);
}

struct value *store_get(struct store *store, struct bytes key)
{
    struct place place = lock_place(store, key);
    struct entry *expired, *entry = find(place, key, &expired);
    struct value *value = entry != NULL ? entry->value : NULL;
    if (value != NULL)
        atomic_fetch_add_explicit(&value->references, 1, memory_order_relaxed);
    unlock_place(place, expired);
    return value;
}

bool store_find(struct store *store, struct bytes key, int64_t *deadline)
{
    struct place place = lock_place(store, key);
    struct entry *expired, *entry = find(place, key, &expired);
    if (entry != NULL && deadline != NULL)
        *deadline = entry->deadline.time;
    unlock_place(place, expired);
    return entry != NULL;
}

static struct entry *add_entry(struct place place, struct bytes key)
{
    struct entry *entry = calloc(1, sizeof(*entry) + key.length);
    if (entry == NULL)
        return NULL;
    entry->deadline.time = NEVER;
    memcpy(entry->key, key.data, key.length);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, place.table->entries, entry->key, key.length, place.hash,
                                entry);
    if (entry->hh.tbl != NULL)
        return entry;
    free(entry);
    return NULL;
}

int store_set(struct store *store, struct bytes key, struct value *value, int64_t deadline,
              enum store_condition condition)
{
    struct place place = lock_place(store, key);
    struct entry *expired, *entry = find(place, key, &expired);
    int result = condition == STORE_ALWAYS || (entry != NULL) == (condition == STORE_IF_PRESENT);
    bool added = result > 0 && entry == NULL;
    if (added && (entry = add_entry(place, key)) == NULL)
        result = -ENOMEM;
    if (result > 0 && expiry_set(&place.table->expiry, &entry->deadline, deadline) < 0) {
        result = -ENOMEM;
        if (added)
            free_entry(take_out(place.table, entry));
    }
    if (result > 0) {
        struct value *old = entry->value;
        entry->value = value;
        value = old;
    }
    unlock_place(place, expired);
    value_release(value);
    return result;
}

bool store_remove(struct store *store, struct bytes key)
{
    struct place place = lock_place(store, key);
    struct entry *expired, *entry = find(place, key, &expired);
    bool found = entry != NULL;
    if (found)
        take_out(place.table, entry);
    unlock_place(place, found ? entry : expired);
    return found;
}

int store_expire(struct store *store, struct bytes key, int64_t deadline)
{
    struct place place = lock_place(store, key);
    struct entry *expired, *entry = find(place, key, &expired);
    int result = entry != NULL;
    if (result > 0 && expiry_set(&place.table->expiry, &entry->deadline, deadline) < 0)
        result = -ENOMEM;
    unlock_place(place, expired);
    return result;
}

size_t store_count(struct store *store)
{
    size_t count = 0;
    for (size_t i = 0; i < TABLES; i++) {
        struct table *table = &store->tables[i];
        pthread_mutex_lock(&table->lock);
        count += HASH_COUNT(table->entries);
        pthread_mutex_unlock(&table->lock);
    }
    return count;
}

/* Returns whether there may be more. */
static bool sweep_table(struct table *table, int64_t now)
{
    int removed = 0;
    pthread_mutex_lock(&table->lock);
    for (struct deadline *first; removed < SWEPT_AT_ONCE; removed++) {
        first = expiry_first(&table->expiry);
        if (first == NULL || first->time > now)
            break;
        char *entry = (char *)first - offsetof(struct entry, deadline);
        free_entry(take_out(table, (struct entry *)(void *)entry));
    }
    pthread_mutex_unlock(&table->lock);
    return removed == SWEPT_AT_ONCE;
}

bool store_sweep(struct store *store)
{
    int64_t now = store_now();
    bool more = false;
    for (size_t i = 0; i < TABLES; i++)
        more |= sweep_table(&store->tables[i], now);
    return more;
}

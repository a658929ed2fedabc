/* SPDX-License-Identifier: MIT */
/*
 * Keys and values, for tasks on any number of workers. Times are in ms of the clock of tug_now().
 *
 * A key that has expired is not seen any more, and is removed by whoever comes upon it, or by
 * store_sweep().
 */
#ifndef MINIKV_STORE_H
#define MINIKV_STORE_H

#include <stdatomic.h>
#include <stdint.h>

#include "bytes.h"
#include "expiry.h"

/* Shared by all who read it and the store, so that nobody copies it while he keeps others out. */
struct value {
    atomic_size_t references;
    size_t length;
    char data[];
};

/* A copy of the bytes; NULL: memory is short. */
struct value *value_create(struct bytes bytes);

/* Gives a reference up. NULL is allowed. */
void value_release(struct value *value);

enum store_condition { STORE_ALWAYS, STORE_IF_ABSENT, STORE_IF_PRESENT };

struct store;

/* NULL: memory is short. */
struct store *store_create(void);
void store_destroy(struct store *store);

/* The time, in ms. */
int64_t store_now(void);

/* A reference to the value of a key, or NULL. */
struct value *store_get(struct store *store, struct bytes key);

/* Whether there is such a key; stores its deadline, NEVER if it has none, unless NULL. */
bool store_find(struct store *store, struct bytes key, int64_t *deadline);

/* Sets a key if the condition holds. Takes over the reference to `value` in any case. Returns
 * whether it was set; -ENOMEM: it was not. */
int store_set(struct store *store, struct bytes key, struct value *value, int64_t deadline,
              enum store_condition condition);

/* Returns whether there was such a key. */
bool store_remove(struct store *store, struct bytes key);

/* Sets the deadline of a key. Returns whether there is such a key; -ENOMEM. */
int store_expire(struct store *store, struct bytes key, int64_t deadline);

/* How many keys there are, those included that have expired and were not removed yet. */
size_t store_count(struct store *store);

/* Removes keys that have expired, not so many that others wait for long. Returns whether there may
 * be more. */
bool store_sweep(struct store *store);

#endif

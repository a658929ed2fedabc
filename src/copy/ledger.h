/* SPDX-License-Identifier: MIT */
/*
 * The ledger of a move: what was copied, and in what state it was then. Only what is in it, in that
 * state, is removed from the source.
 *
 * It is a set of digests of 128 bits, with a secret seed, over what makes a statement: "the entry
 * of this name, in this directory, is this file, of this size, ...". So a statement takes 16 bytes
 * whatever the name, and can be looked up but not read back.
 *
 * The verification of a copy keeps a set of its own, of what the copy is known to lack.
 *
 * A file with several names changes (its time of change and its count of names) when one of them is
 * removed. About such a file there are two statements: that a name of it was copied, and what state
 * the file is in; the second one is made anew by whoever removes a name.
 */
#ifndef TUG_COPY_LEDGER_H
#define TUG_COPY_LEDGER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "directory.h"
#include "identity_set.h"

struct tug_ledger {
    pthread_mutex_t lock;
    pthread_mutex_t names_lock; /* held while a name of a file with several is removed */
    struct tug_ledger_slot *slots;
    size_t count, capacity;
    uint64_t seed;
    bool denies_all; /* atomic */
};

/* What statx(2) has to be asked for, for the state of a file. */
#define TUG_LEDGER_MASK                                                                            \
    (STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_INO | STATX_SIZE | STATX_MTIME | STATX_CTIME)

/* What a file was like when it was opened to be copied. */
struct tug_ledger_state {
    struct tug_copy_identity identity;
    uint64_t size;
    int64_t modified, changed; /* seconds */
    uint32_t modified_ns, changed_ns;
    uint32_t mode; /* with the type */
    uint32_t names;
};

static inline struct tug_ledger_state tug_ledger_state_of(const struct statx *statx)
{
    return (struct tug_ledger_state){
        .identity = tug_copy_identity_of(statx),
        .size = statx->stx_size,
        .modified = statx->stx_mtime.tv_sec,
        .changed = statx->stx_ctime.tv_sec,
        .modified_ns = statx->stx_mtime.tv_nsec,
        .changed_ns = statx->stx_ctime.tv_nsec,
        .mode = statx->stx_mode,
        .names = statx->stx_nlink,
    };
}

/* Where an entry is: the directory that it is in, and its name there. An operand is in none, and
 * its name is its path. */
struct tug_ledger_entry {
    struct tug_copy_identity directory;
    const char *name;
};

/* An entry of a directory; `name` NULL: the directory itself. */
static inline struct tug_ledger_entry tug_ledger_entry_of(const struct tug_directory *directory,
                                                          const char *name)
{
    if (name != NULL || directory->parent == NULL)
        return (struct tug_ledger_entry){directory->source_identity, name};
    return (struct tug_ledger_entry){directory->parent->source_identity, directory->name};
}

/* Returns 0 or a negative errno. */
int tug_ledger_init(struct tug_ledger *ledger);
void tug_ledger_destroy(struct tug_ledger *ledger);

/* An entry that is not a directory was copied. Returns 0 or -ENOMEM. */
int tug_ledger_add(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                   const struct tug_ledger_state *state);

/* Another name of a file with several was made a link to the copy. */
int tug_ledger_add_name(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                        struct tug_copy_identity identity);

/* Whether it was, and is still in that state. */
bool tug_ledger_contains(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                         const struct tug_ledger_state *state);

/* A name of a file with several was removed, and this is its state now. Returns 0 or -ENOMEM. */
int tug_ledger_name_removed(struct tug_ledger *ledger, const struct tug_ledger_state *state);

/* A directory was made with all its attributes, though not necessarily all that is in it. Its state
 * does not matter: it changes when entries are removed. */
int tug_ledger_add_directory(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                             struct tug_copy_identity identity);
bool tug_ledger_contains_directory(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                                   struct tug_copy_identity identity);

/* Something about an entry has failed: it stays, whatever else is said about it. */
void tug_ledger_deny(struct tug_ledger *ledger, const struct tug_ledger_entry *entry);
bool tug_ledger_denies(struct tug_ledger *ledger, const struct tug_ledger_entry *entry);

/* The copy of an entry lacks something, one of any bits (losses.h). */
void tug_ledger_add_loss(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                         unsigned loss);
bool tug_ledger_has_loss(struct tug_ledger *ledger, const struct tug_ledger_entry *entry,
                         unsigned loss);

#endif

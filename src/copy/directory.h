/* SPDX-License-Identifier: MIT */
/*
 * A directory of a walk: the only way to name anything below the operands. It holds a descriptor of
 * the source directory and, where the walk has a destination, one of its counterpart; entries are
 * named by one component relative to these.
 *
 * Three counts, all under the lock of the set of directories:
 *  - references keep the memory: one of all uses together, and one per child;
 *  - uses say that the descriptors will be needed: the scan that is not finished, each child that
 *    is not open yet, each batch of entries and each file in the works. When the last use and the
 * last pin have ended the directory is left (the visitor's leave()) and closed, whatever its
 * children still do: they have descriptors of their own;
 *  - pins say that the descriptors are in use at this moment.
 *
 * In a set that has finish(), a child keeps its use of the parent until everything below the child
 * has ended. So directories end in post-order, from the last worker in each, and the parent can be
 * pinned for the end of the child.
 *
 * A directory with uses but no pins, which waits for its children to be opened or to end, may be
 * closed to make room. It is opened again from the nearest open directory above it, or as the one
 * above a child, and has to be the same one (device and inode) as before. So the number of open
 * directories stays bounded in trees of any depth.
 */
#ifndef TUG_COPY_DIRECTORY_H
#define TUG_COPY_DIRECTORY_H

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "attributes.h"
#include "crew.h"
#include "identity_set.h"

struct tug_directory_set;
struct tug_copy_pair;
struct tug_compare_names;

struct tug_directory {
    struct tug_crew_job job;
    struct tug_directory_set *set;
    struct tug_directory *parent; /* NULL: an anchor, see tug_directory_new_anchor() */
    struct tug_directory *below;  /* the way down, while it is opened again */
    struct tug_directory *idle_next, **idle_previous;
    uint32_t references, uses, pins;
    uint32_t depth;
    int source, destination; /* -1: closed or not there; AT_FDCWD in an anchor */
    struct tug_copy_identity source_identity, destination_identity;
    struct tug_copy_pair *pair;        /* capabilities of the two file systems; for the visitor */
    struct tug_compare_names *b_names; /* of the counterpart; for the visitor that compares */
    struct tug_attributes attributes;  /* of the source; for the visitor */
    struct tug_newborn newborn;        /* what the visitor makes in the destination */
    uint16_t source_mode;
    uint16_t mode;           /* what the destination gets when it is left */
    uint16_t old_mode;       /* what it has now */
    bool open;               /* the descriptors are there */
    bool was_open;           /* and were there once */
    bool leaving;            /* they are about to be closed for good */
    bool follow;             /* its name may be a symbolic link */
    bool follow_destination; /* and so may that of its counterpart */
    bool created;            /* the destination was made by this walk */
    bool widen;              /* and still has to get its mode */
    bool shallow;            /* it is not read */
    bool has_destination;
    bool scanned; /* all its entries have been read */
    bool kept;    /* atomic: something in it stays, so that it cannot be removed; for the visitor */
    bool asked;   /* nobody need be asked whether to remove it; for the visitor */
    uint8_t attempt; /* how often it was walked before */
    int error;       /* why it could not be opened or read, negative */
    /* The name of the counterpart: `name` itself, except right below an anchor. */
    const char *destination_name;
    char name[];
};

/* All directories of a walk. */
struct tug_directory_set {
    pthread_mutex_t lock;
    /* Directories opened again, one at a time: it is rare, and each helps the next. */
    pthread_mutex_t reopen_lock;
    struct tug_directory *idle_first, **idle_last; /* no pins, the one that waits longest first */
    unsigned open_count, open_limit;               /* atomic, for hints; changed under the lock */
    /* Called when the last use of an opened directory ends, without the lock; the descriptors are
     * open, or `open` is false because that failed. */
    void (*leave)(struct tug_directory *directory);
    /* If not NULL: called, without the lock, after everything below a directory has ended and its
     * own descriptors are closed, also if it was never open. `error` is 0 if its parent is pinned,
     * else why that failed. */
    void (*finish)(struct tug_directory *directory, int error);
};

/* One more directory is open, or with -1 one less. Under the lock. */
static inline void tug_directory_set_count(struct tug_directory_set *set, int change)
{
    __atomic_store_n(&set->open_count, set->open_count + (unsigned)change, __ATOMIC_RELAXED);
}

int tug_directory_set_init(struct tug_directory_set *set, unsigned open_limit,
                           void (*leave)(struct tug_directory *directory));
void tug_directory_set_destroy(struct tug_directory_set *set);

/* A directory that is the parent of operands: their source names are relative to the current
 * directory, their counterparts to `destination`, which it owns (AT_FDCWD, or -1: none). `prefix`
 * is how the destination is called in messages, "" for names that are complete. It has one use,
 * pinned, of the caller's. NULL: no memory; then `destination` is still the caller's. */
struct tug_directory *tug_directory_new_anchor(struct tug_directory_set *set, int destination,
                                               const char *prefix);

/* A directory below `parent`, not open, with one use of the caller's, not pinned. It has a use of
 * the parent, which whoever opens it ends by tug_directory_tried(). `destination_name` NULL: the
 * same as `name`. NULL: no memory. The caller has a use of the parent. */
struct tug_directory *tug_directory_new(struct tug_directory *parent, const char *name,
                                        const char *destination_name, bool follow);

/* The descriptors and identities of a new directory have been filled in: it is open, and the use is
 * pinned. */
void tug_directory_opened(struct tug_directory *directory);

/* It was tried to open this new directory, with or without success: ends its use of the parent, now
 * or, in a set that has finish(), when the directory ends. `pinned`: the parent was pinned for it.
 */
void tug_directory_tried(struct tug_directory *directory, bool pinned);

/* Takes one more use and pin; the caller has a pin. */
void tug_directory_use(struct tug_directory *directory);

/* Ends a use that is pinned, and the pin. */
void tug_directory_done(struct tug_directory *directory);

/* Ends a use that is not pinned, also of a directory that was never open. */
void tug_directory_drop(struct tug_directory *directory);

/* Keeps the memory of a directory, and of those above it, until it is let go. */
void tug_directory_hold(struct tug_directory *directory);
void tug_directory_let_go(struct tug_directory *directory);

/* Adds a pin to an open directory. Under the lock. */
void tug_directory_add_pin(struct tug_directory *directory);

/* Ends a pin and keeps the use, if any. */
void tug_directory_unpin(struct tug_directory *directory);

/* Pins a directory of which the caller has a use, opening it again if it was closed. Returns 0, or
 * a negative errno: -ESTALE if another directory has its name now. */
int tug_directory_pin(struct tug_directory *directory);

/* Pins the parent of a directory; if that was closed and the directory is open, at the price of one
 * step up, whatever the depth. The directory has a use of the parent. */
int tug_directory_pin_above(struct tug_directory *directory);

/* Whether a scan should rather hold names in memory than keep its directory open. A hint. */
bool tug_directory_set_is_tight(const struct tug_directory_set *set);

/* Makes room after -EMFILE: closes all that can be closed, and keeps fewer open from now on.
 * Returns whether it is worth to try again. */
bool tug_directory_set_shrink(struct tug_directory_set *set);

/* The path names of an entry: of `name` in `directory`; with a NULL name, of the directory itself.
 * malloc'ed; NULL: no memory. The second is that of the counterpart. */
char *tug_directory_source_path(const struct tug_directory *directory, const char *name);
char *tug_directory_destination_path(const struct tug_directory *directory, const char *name);

#endif

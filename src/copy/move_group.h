/* SPDX-License-Identifier: MIT */
/*
 * Operands that are moved across file systems together, in these steps:
 *  1. each is copied under a temporary name, beside its final one (the copy visitor);
 *  2. the copies are verified, if that was asked for;
 *  3. they are written to disk, if that was asked for;
 *  4. each gets its final name (move_commit.c);
 *  5. the sources are removed (move_remove.c), as far as the ledger says that they were copied.
 * Whatever stops a group before step 4 has its temporary names removed.
 */
#ifndef TUG_COPY_MOVE_GROUP_H
#define TUG_COPY_MOVE_GROUP_H

#include <tug/copy.h>

#include "engine.h"
#include "ledger.h"
#include "mover.h"
#include "walk.h"

struct tug_move_group {
    struct tug_copy_engine engine;
    struct tug_copy_options options;
    struct tug_ledger ledger;
    struct tug_mover *mover;
    char *parent;         /* the path of the directory that final names are in */
    int parent_fd;        /* an O_PATH descriptor of it */
    int sync_fd;          /* one that can be synced; -1: not open */
    uint64_t random;      /* in the temporary names */
    char *prefix;         /* "parent/.tug-random-", for finding temporary names in events */
    size_t *members;      /* indices of operands */
    const char **sources; /* theirs */
    size_t count;
};

/* Room for a temporary name. */
#define TUG_MOVE_NAME_SIZE 64

/* The temporary name of the operand with this index, relative to the parent. */
void tug_move_temporary_name(const struct tug_move_group *group, size_t operand,
                             char name[TUG_MOVE_NAME_SIZE]);

/* Gives each copy its final name. Reports what fails; returns 0. */
int tug_move_commit(struct tug_move_group *group);

/* Removes the temporary copies of those members that have not got their final names, complete or
 * not. Suspends or blocks; shielded. */
void tug_move_discard(struct tug_move_group *group);

/* Removes from a source what was copied. */
extern const struct tug_walk_visitor tug_move_remove_visitor;

static inline struct tug_move_group *tug_move_group_of(const struct tug_walk *walk)
{
    return walk->context;
}

#endif

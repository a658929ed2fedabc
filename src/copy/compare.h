/* SPDX-License-Identifier: MIT */
/*
 * Comparing, inside. One visitor (compare_visitor.c) looks at both sides of the walk; what it finds
 * goes to a judge, of which there are two: tug_compare() reports everything (compare.c), and the
 * verification of a copy knows what a copy may change (verify.c).
 *
 * A is the walk's source, B its destination.
 */
#ifndef TUG_COPY_COMPARE_H
#define TUG_COPY_COMPARE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <tug/compare.h>

#include "walk.h"

struct tug_compare;

/* What the comparison needs to know of either side. */
#define TUG_COMPARE_SEEN                                                                           \
    (STATX_TYPE | STATX_MODE | STATX_INO | STATX_NLINK | STATX_SIZE | STATX_BLOCKS | STATX_UID |   \
     STATX_GID | STATX_MTIME)

/* Where something was found: an entry of a directory, or, with NULL names, the directory itself. */
struct tug_compare_place {
    struct tug_compare *compare;
    const struct tug_directory *directory;
    const char *name, *b_name;
};

/* One entry while it is compared. */
struct tug_compare_pair {
    struct tug_compare_place place;
    struct tug_directory *directory; /* that of the place; pinned */
    int fd[2];                       /* A and B where they are open, else -1 */
    int at[2];                       /* the directories that their names are in */
    uint64_t counted;                /* bytes that were counted for it */
    bool differs;                    /* something was found, or failed */
    bool through;                    /* B is what a symbolic link there leads to, A is not */
    struct statx statx[2];
};

struct tug_compare_judge {
    /* A difference or a failure: `event` lacks the path names. `step`: of a failure of the walk, or
     * the counterpart of the failure among the steps of a copy. */
    void (*found)(const struct tug_compare_place *place, struct tug_compare_event *event,
                  enum tug_copy_step step);
    /* Both sides of the pair are of one type and have been looked at: counts it. */
    void (*ended)(const struct tug_compare_pair *pair);
    /* Whether what was found is to be left out. May be NULL: nothing is. */
    bool (*leaves_out)(const struct tug_compare_pair *pair);
    /* Whether the permissions are what they should be. May be NULL: the same. */
    bool (*same_mode)(const struct tug_compare_pair *pair);
    /* Whether owners or times that are not the same count as such. May be NULL: they do not. */
    bool (*forgives_owner)(const struct tug_compare_pair *pair);
    bool (*forgives_time)(const struct tug_compare_pair *pair);
    /* Whether it matters what an extended attribute is, of those that both have; `only`: or that
     * side 0 or 1 alone has it. -1: both do. */
    bool (*weighs)(const struct tug_compare_pair *pair, const char *attribute, int only);
    /* B, which may be gone, is not like A, and nothing of it is open any more. May be NULL. */
    void (*rejected)(const struct tug_compare_place *place);
};

struct tug_compare {
    const struct tug_compare_judge *judge;
    void *context; /* of the judge */
    struct tug_crew *crew;
    bool contents, offsets;
    bool both_ways;     /* what only B has is a difference */
    bool write_through; /* a regular file of A may be a link to one in B */
    bool specials;      /* devices and FIFOs are looked at */
    bool any_linked;    /* links are followed: any two names may be the same file */
    unsigned metadata;
    struct tug_compare_links *links; /* NULL: hard links are not compared */
    uint64_t *bytes;                 /* counter of contents that were compared, */
    bool count_equal_only;           /* or rather of those that were found equal */
};

/* The context of the walk is a struct tug_compare. */
extern const struct tug_walk_visitor tug_compare_visitor;

static inline struct tug_compare *tug_compare_of(const struct tug_walk *walk)
{
    return walk->context;
}

/* Says what was found in `pair`, with the modes filled in. */
void tug_compare_differ(struct tug_compare_pair *pair, struct tug_compare_event *event);

/* Says that one side could not be looked at. */
void tug_compare_fail(struct tug_compare_pair *pair, int side, enum tug_copy_step step, int error);

/* Compares the contents of two open regular files (compare_content.c). Large ones are given out in
 * ranges; then the pair, with its descriptors, is taken over, and true is returned. */
bool tug_compare_contents(struct tug_compare_pair *pair, struct tug_crew_worker *worker);

/* Compares two open regular files of these sizes, on this worker alone. Returns 1 if they are the
 * same, 0 if not, or a negative errno. */
int tug_compare_files(const int fds[2], const uint64_t sizes[2], struct tug_crew_worker *worker);

/* The end of an entry: closes what is open, counts it. */
void tug_compare_end(struct tug_compare_pair *pair);

/* Compares modes, owners, times and attributes, as asked (compare_metadata.c). Both sides have been
 * looked at. */
void tug_compare_metadata(struct tug_compare_pair *pair);

/* Compares targets of links (compare_metadata.c). */
void tug_compare_targets(struct tug_compare_pair *pair);

/* ---- Hard links (compare_links.c) ---- */

struct tug_compare_links;

/* Returns 0 or a negative errno. */
int tug_compare_links_new(struct tug_compare_links **links);
void tug_compare_links_free(struct tug_compare_links *links);

/* Compares which names on either side are the same file, for one that is no directory. */
void tug_compare_hard_links(struct tug_compare_pair *pair);

/* ---- The names of a directory in B (compare_names.c) ---- */

struct tug_compare_names;

/* Reads them all. Returns 0 or a negative errno. */
int tug_compare_names_read(struct tug_compare_names **names, int fd);
void tug_compare_names_free(struct tug_compare_names *names);

/* It is not known which of the names A has: none will be said to be left over. */
void tug_compare_names_give_up(struct tug_compare_names *names);

/* Looks a name up and remembers that it was. Several threads may. */
bool tug_compare_names_find(struct tug_compare_names *names, const char *name);

/* The next name that was not looked up; start with 0 in *position. NULL: there is none. `type`: as
 * in struct dirent. */
const char *tug_compare_names_next(const struct tug_compare_names *names, size_t *position,
                                   unsigned *type);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Which names are the same file. Whoever comes to a name of a file with several remembers what it
 * is on the other side, or finds what an earlier name was there, which has to be the same; and this
 * in both directions, since what is one file in B must not be two in A either. A name of which
 * neither side has another costs nothing.
 */
#include "compare.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

struct link {
    struct tug_copy_identity file, other; /* on this side, and on the other */
    char *path;                           /* of the first name, on this side; NULL: free */
};

/* Open addressing; a power of two of slots, at most half of them used. */
struct table {
    struct link *slots;
    size_t count, capacity;
};

struct tug_compare_links {
    pthread_mutex_t lock;
    struct table sides[2]; /* by the identity in A, and in B */
};

int tug_compare_links_new(struct tug_compare_links **result)
{
    struct tug_compare_links *links = calloc(1, sizeof(*links));
    if (links == NULL)
        return -ENOMEM;
    int error = -pthread_mutex_init(&links->lock, NULL);
    if (error != 0)
        free(links);
    else
        *result = links;
    return error;
}

void tug_compare_links_free(struct tug_compare_links *links)
{
    if (links == NULL)
        return;
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < links->sides[side].capacity; i++)
            free(links->sides[side].slots[i].path);
        free(links->sides[side].slots);
    }
    pthread_mutex_destroy(&links->lock);
    free(links);
}

/* The slot that has the file, or the free one where it belongs. */
static struct link *find(struct link *slots, size_t capacity, struct tug_copy_identity file)
{
    uint64_t hash = (file.inode ^ file.device << 17) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (hash >> 32) & (capacity - 1);
    while (slots[i].path != NULL && !tug_copy_identity_equal(slots[i].file, file))
        i = (i + 1) & (capacity - 1);
    return &slots[i];
}

static bool grow(struct table *table)
{
    size_t capacity = table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2;
    struct link *slots = calloc(capacity, sizeof(slots[0]));
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].path != NULL)
            *find(slots, capacity, table->slots[i].file) = table->slots[i];
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return true;
}

static char *path_of(const struct tug_compare_pair *pair, int side)
{
    const struct tug_compare_place *place = &pair->place;
    return side == 0 ? tug_directory_source_path(place->directory, place->name)
                     : tug_directory_destination_path(place->directory, place->b_name);
}

/* Under the lock. Returns 0, with a copy of the path of the earlier name in *earlier if that was
 * another file on the other side; or -ENOMEM. */
static int check_side(struct tug_compare_links *links, const struct tug_compare_pair *pair,
                      int side, char **earlier)
{
    struct table *table = &links->sides[side];
    const struct tug_copy_identity file = tug_copy_identity_of(&pair->statx[side]);
    const struct tug_copy_identity other = tug_copy_identity_of(&pair->statx[1 - side]);
    if (table->count * 2 >= table->capacity && !grow(table))
        return -ENOMEM;
    struct link *link = find(table->slots, table->capacity, file);
    if (link->path == NULL) {
        *link = (struct link){file, other, path_of(pair, side)};
        table->count += link->path != NULL;
        return link->path != NULL ? 0 : -ENOMEM;
    }
    if (tug_copy_identity_equal(link->other, other))
        return 0;
    *earlier = strdup(link->path);
    return *earlier != NULL ? 0 : -ENOMEM;
}

void tug_compare_hard_links(struct tug_compare_pair *pair)
{
    struct tug_compare_links *links = pair->place.compare->links;
    char *earlier[2] = {NULL, NULL};
    int error = 0;
    pthread_mutex_lock(&links->lock);
    for (int side = 0; side < 2 && error == 0; side++)
        error = check_side(links, pair, side, &earlier[side]);
    pthread_mutex_unlock(&links->lock);
    if (error != 0)
        tug_compare_fail(pair, 0, TUG_COPY_STEP_MEMORY, error);
    else if (earlier[0] != NULL || earlier[1] != NULL)
        tug_compare_differ(pair, &(struct tug_compare_event){.kind = TUG_COMPARE_LINKS,
                                                             .linked_a = earlier[0],
                                                             .linked_b = earlier[1]});
    free(earlier[0]);
    free(earlier[1]);
}

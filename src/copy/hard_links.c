/* SPDX-License-Identifier: MIT */
/*
 * A file in the table is vacant, being copied, or complete. Names are put aside only while it is
 * being copied; when that ends without a copy it is vacant, and one of them is pushed as a job,
 * which claims it again like any other name.
 */
#include "hard_links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

#include "attempt.h"
#include "engine.h"
#include "existing.h"
#include "file.h"
#include "preserve.h"

enum state { VACANT, COPYING, COMPLETE };

/* A name that was put aside. It has a use of its directory, not pinned. */
struct aside {
    struct tug_crew_job job;
    struct aside *next;
    struct tug_walk *walk;
    struct tug_hard_link *link;
    struct tug_directory *directory;
    const char *destination_name;
    unsigned type;
    bool follow;
    char name[];
};

struct tug_hard_link {
    struct tug_hard_link *next; /* in the slot */
    struct tug_copy_identity source, copy;
    enum state state;
    struct aside *aside;
    /* Where the copy is; of the directory there is a hold. */
    struct tug_directory *directory;
    char *destination_name;
};

#define FIRST_CAPACITY 64

/* ---- The table ---- */

int tug_hard_links_init(struct tug_hard_links *links)
{
    memset(links, 0, sizeof(*links));
    return -pthread_mutex_init(&links->lock, NULL);
}

void tug_hard_links_destroy(struct tug_hard_links *links)
{
    free(links->slots);
    pthread_mutex_destroy(&links->lock);
}

void tug_hard_links_clear(struct tug_hard_links *links)
{
    for (size_t i = 0; i < links->capacity; i++) {
        struct tug_hard_link *link;
        while ((link = links->slots[i]) != NULL) {
            links->slots[i] = link->next;
            if (link->directory != NULL)
                tug_directory_let_go(link->directory);
            free(link->destination_name);
            free(link);
        }
    }
    links->count = 0;
}

static struct tug_hard_link **slot_of(struct tug_hard_link **slots, size_t capacity,
                                      struct tug_copy_identity identity)
{
    uint64_t hash = (identity.inode ^ identity.device << 17) * UINT64_C(0x9e3779b97f4a7c15);
    return &slots[(hash >> 32) & (capacity - 1)];
}

static bool grow(struct tug_hard_links *links)
{
    size_t capacity = links->capacity == 0 ? FIRST_CAPACITY : links->capacity * 2;
    struct tug_hard_link **slots = calloc(capacity, sizeof(slots[0]));
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < links->capacity; i++) {
        struct tug_hard_link *link;
        while ((link = links->slots[i]) != NULL) {
            links->slots[i] = link->next;
            struct tug_hard_link **slot = slot_of(slots, capacity, link->source);
            link->next = *slot;
            *slot = link;
        }
    }
    free(links->slots);
    links->slots = slots;
    links->capacity = capacity;
    return true;
}

/* Under the lock. NULL: no memory. */
static struct tug_hard_link *find_or_add(struct tug_hard_links *links,
                                         struct tug_copy_identity identity)
{
    if (links->count >= links->capacity && !grow(links))
        return NULL;
    struct tug_hard_link **slot = slot_of(links->slots, links->capacity, identity);
    for (struct tug_hard_link *link = *slot; link != NULL; link = link->next)
        if (tug_copy_identity_equal(link->source, identity))
            return link;
    struct tug_hard_link *link = calloc(1, sizeof(*link));
    if (link == NULL)
        return NULL;
    link->source = identity;
    link->next = *slot;
    *slot = link;
    links->count++;
    return link;
}

bool tug_hard_links_concern(const struct tug_copy_engine *engine, uint32_t link_count)
{
    return tug_preserves(engine, TUG_COPY_PRESERVE_LINKS) &&
           (link_count > 1 || engine->options->follow == TUG_COPY_FOLLOW_ALWAYS);
}

/* ---- Linking ---- */

static void fail(const struct tug_walk_entry *entry, enum tug_copy_step step, int error)
{
    tug_copy_fail(tug_copy_engine_of(entry->walk), entry->directory, entry->name,
                  entry->destination_name, step, error);
}

/* Makes one link, and makes sure that it is one to the copy. Returns 0 or a negative errno. */
static int link_once(const struct tug_walk_entry *entry, const struct tug_hard_link *link)
{
    struct tug_reach reach;
    struct statx statx;
    int at = entry->directory->destination;
    int error = tug_directory_reach(link->directory, link->destination_name, &reach);
    if (error != 0)
        return error;
    error = tug_sys_linkat(reach.at, reach.path, at, entry->destination_name, 0);
    tug_directory_reach_end(&reach);
    if (error != 0)
        return error;
    error = tug_sys_statx(at, entry->destination_name, AT_SYMLINK_NOFOLLOW, STATX_INO, &statx);
    if (error == 0 && tug_copy_identity_equal(tug_copy_identity_of(&statx), link->copy))
        return 0;
    tug_sys_unlinkat(at, entry->destination_name, 0);
    return error != 0 ? error : -ESTALE;
}

/* Something has the name of the link. Returns 0 if it is out of the way; 1 if there is nothing more
 * to do; negative for what has been reported. */
static int make_way(const struct tug_walk_entry *entry, const struct tug_hard_link *link)
{
    struct statx statx;
    char *backup;
    const struct tug_copy_subject subject = {
        tug_copy_engine_of(entry->walk), entry->directory, entry->name,
        entry->destination_name,         link->source,     TUG_COPY_NEWEST};
    if (tug_sys_statx(entry->directory->destination, entry->destination_name, AT_SYMLINK_NOFOLLOW,
                      STATX_INO, &statx) == 0 &&
        tug_copy_identity_equal(tug_copy_identity_of(&statx), link->copy))
        return 1;
    int found = tug_copy_check_existing(&subject, &statx);
    if (found != 2)
        return found;
    int error = tug_copy_clear_way(&subject, &backup);
    free(backup);
    return error;
}

/* Makes a name a link to a complete copy, and reports it. */
static void make_link(const struct tug_walk_entry *entry, const struct tug_hard_link *link)
{
    struct tug_copy_engine *engine = tug_copy_engine_of(entry->walk);
    int error = -ECANCELED;
    if (!tug_crew_stopped(engine->crew))
        error = link_once(entry, link);
    if (error == -EEXIST) {
        int way = make_way(entry, link);
        if (way < 0)
            return;
        error = way == 1 ? 0 : link_once(entry, link);
    }
    if (error != 0) {
        fail(entry, TUG_COPY_STEP_CREATE_HARD_LINK, error);
        return;
    }
    tug_copy_note_link(engine, entry->directory, entry->name, link->source);
    tug_copy_count(&engine->report->hard_links, 1);
    if (tug_copy_wants(engine, TUG_COPY_FINISHED))
        tug_copy_tell(engine, TUG_COPY_FINISHED, entry->type, 0, entry->directory, entry->name,
                      entry->destination_name);
}

/* ---- Names put aside ---- */

static void free_aside(struct aside *aside, bool pinned)
{
    if (pinned)
        tug_directory_done(aside->directory);
    else
        tug_directory_drop(aside->directory);
    free(aside);
}

static struct tug_walk_entry entry_of(const struct aside *aside, struct tug_crew_worker *worker)
{
    return (struct tug_walk_entry){
        .walk = aside->walk,
        .worker = worker,
        .directory = aside->directory,
        .name = aside->name,
        .destination_name = aside->destination_name,
        .type = aside->type,
        .follow = aside->follow,
    };
}

/* Opens the directory of a name again if that is necessary. False: it cannot be used; that has been
 * reported. */
static bool pin_aside(const struct aside *aside)
{
    struct tug_walk_entry entry = entry_of(aside, NULL);
    int error;
    do {
        error = tug_directory_pin(aside->directory);
        if (error != 0)
            fail(&entry, TUG_COPY_STEP_ACCESS, error);
    } while (error != 0 && tug_attempt_again(aside->walk->crew));
    return error == 0;
}

static void push_next(struct tug_hard_links *links, struct tug_hard_link *link);

/* A name whose turn has come to be copied. */
static void run_aside(struct tug_crew_job *job, struct tug_crew_worker *worker)
{
    struct aside *aside = (struct aside *)job;
    struct tug_hard_links *links = &tug_copy_engine_of(aside->walk)->links;
    struct tug_hard_link *link = aside->link;
    bool pinned = !tug_crew_stopped(aside->walk->crew) && pin_aside(aside);
    if (pinned) {
        struct tug_walk_entry entry = entry_of(aside, worker);
        aside->walk->visitor->visit(&entry);
    }
    free_aside(aside, pinned);
    push_next(links, link);
}

/* If nobody copies the file, and it has no copy, the next name put aside has to be. */
static void push_next(struct tug_hard_links *links, struct tug_hard_link *link)
{
    pthread_mutex_lock(&links->lock);
    struct aside *aside = link->state == VACANT ? link->aside : NULL;
    if (aside != NULL)
        link->aside = aside->next;
    pthread_mutex_unlock(&links->lock);
    if (aside == NULL)
        return;
    aside->job.run = run_aside;
    tug_crew_push(aside->walk->crew, &aside->job, true);
}

/* Under the lock. False: no memory. */
static bool put_aside(struct tug_hard_link *link, const struct tug_walk_entry *entry)
{
    size_t name_size = strlen(entry->name) + 1;
    size_t destination_size = strlen(entry->destination_name) + 1;
    struct aside *aside = malloc(sizeof(*aside) + name_size + destination_size);
    if (aside == NULL)
        return false;
    *aside = (struct aside){
        .next = link->aside,
        .walk = entry->walk,
        .link = link,
        .directory = entry->directory,
        .destination_name = aside->name + name_size,
        .type = entry->type,
        .follow = entry->follow,
    };
    memcpy(aside->name, entry->name, name_size);
    memcpy(aside->name + name_size, entry->destination_name, destination_size);
    link->aside = aside;
    /* The use stays; without a pin the directory may be closed meanwhile. */
    tug_directory_use(entry->directory);
    tug_directory_unpin(entry->directory);
    return true;
}

/* ---- The course of things ---- */

bool tug_hard_links_claim(const struct tug_walk_entry *entry, struct tug_copy_identity identity,
                          struct tug_hard_link **link)
{
    struct tug_hard_links *links = &tug_copy_engine_of(entry->walk)->links;
    pthread_mutex_lock(&links->lock);
    *link = find_or_add(links, identity);
    enum state state = *link != NULL ? (*link)->state : COPYING;
    bool kept = *link != NULL;
    if (state == VACANT)
        (*link)->state = COPYING;
    else if (kept && state == COPYING)
        kept = put_aside(*link, entry);
    pthread_mutex_unlock(&links->lock);
    if (state == COMPLETE)
        make_link(entry, *link);
    else if (!kept)
        fail(entry, TUG_COPY_STEP_MEMORY, -ENOMEM);
    return state == VACANT;
}

/* Makes links of all names put aside. */
static void link_all(struct aside *aside, const struct tug_hard_link *link)
{
    /* Each is an entry of its own, whatever has become of the one that was copied. */
    struct tug_attempt around = tug_attempt_begin(false);
    while (aside != NULL) {
        struct aside *next = aside->next;
        bool pinned = pin_aside(aside);
        if (pinned) {
            struct tug_walk_entry entry = entry_of(aside, NULL);
            do
                make_link(&entry, link);
            while (tug_attempt_again(entry.walk->crew));
        }
        free_aside(aside, pinned);
        aside = next;
    }
    tug_attempt_end(around);
}

void tug_hard_links_settle(struct tug_copy_engine *engine, struct tug_hard_link *link,
                           struct tug_directory *directory, const char *destination_name,
                           const struct tug_copy_identity *copy)
{
    struct tug_hard_links *links = &engine->links;
    struct aside *aside = NULL;
    char *name = copy != NULL ? strdup(destination_name) : NULL;
    if (name != NULL)
        tug_directory_hold(directory);
    pthread_mutex_lock(&links->lock);
    link->state = name != NULL ? COMPLETE : VACANT;
    if (name != NULL) {
        link->copy = *copy;
        link->directory = directory;
        link->destination_name = name;
        aside = link->aside;
        link->aside = NULL;
    }
    pthread_mutex_unlock(&links->lock);
    if (name != NULL)
        link_all(aside, link);
    else
        push_next(links, link);
}

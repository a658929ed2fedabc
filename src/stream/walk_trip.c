/* SPDX-License-Identifier: MIT */
/*
 * How a batch is filled. A trip goes on until the batch is full or has cost some directories' worth
 * of system calls: so many that the way to the pool and back does not count, so few that who asks
 * first does not wait for long.
 */
#include "stream/walk_trip.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <tug/sys.h>

#include "sys/call.h"

#define MOST_RECORDS 1024
#define MOST_TEXT ((size_t)96 << 10)
#define MOST_DIRECTORIES 64

/* ---- Batches ---- */

static void batch_free(struct tug_walk_batch *batch)
{
    if (batch == NULL)
        return;
    tug_sys_free(batch->records);
    tug_sys_free(batch->text);
    tug_sys_free(batch);
}

void tug_walk_batch_put(struct tug_walk_batch *batch)
{
    if (batch != NULL && __atomic_sub_fetch(&batch->references, 1, __ATOMIC_ACQ_REL) == 0)
        batch_free(batch);
}

static bool is_full(const struct tug_walk_trip *trip)
{
    const struct tug_walk_batch *batch = trip->batch;
    return batch->count >= MOST_RECORDS || batch->text_length >= MOST_TEXT ||
           (batch->count > 0 && trip->opened >= MOST_DIRECTORIES);
}

static int grow(void **memory, size_t *capacity, size_t wanted, size_t size)
{
    if (wanted <= *capacity)
        return 0;
    size_t more = *capacity * 2 + wanted;
    void *grown = tug_sys_realloc(*memory, more * size);
    if (grown == NULL)
        return -ENOMEM;
    *memory = grown;
    *capacity = more;
    return 0;
}

/* Adds a record with the path of the last level followed by `name`. */
static struct tug_walk_record *add(struct tug_walk_trip *trip, const char *name)
{
    struct tug_walk_batch *batch = trip->batch;
    size_t length = strlen(name) + 1;
    void *records = batch->records, *text = batch->text;
    int error = grow(&records, &batch->capacity, batch->count + 1, sizeof *batch->records);
    batch->records = records;
    if (error == 0)
        error =
            grow(&text, &batch->text_capacity, batch->text_length + trip->path_length + length, 1);
    batch->text = text;
    if (error != 0)
        return NULL;
    struct tug_walk_record *record = &batch->records[batch->count++];
    *record = (struct tug_walk_record){
        .path = batch->text_length,
        .name = batch->text_length + trip->path_length,
        .depth = (unsigned)trip->tree.depth,
    };
    if (trip->path_length > 0)
        memcpy(batch->text + record->path, trip->path, trip->path_length);
    memcpy(batch->text + record->name, name, length);
    batch->text_length += trip->path_length + length;
    return record;
}

static int add_error(struct tug_walk_trip *trip, const char *name, int error)
{
    struct tug_walk_record *record = add(trip, name);
    if (record == NULL)
        return -ENOMEM;
    record->error = error;
    return 0;
}

/* ---- The path of the last level ---- */

static int append_path(struct tug_walk_trip *trip, const char *name)
{
    size_t length = strlen(name);
    void *path = trip->path;
    int error = grow(&path, &trip->path_capacity, trip->path_length + length + 1, 1);
    trip->path = path;
    if (error != 0)
        return error;
    memcpy(trip->path + trip->path_length, name, length);
    trip->path_length += length;
    if (length == 0 || name[length - 1] != '/')
        trip->path[trip->path_length++] = '/';
    return 0;
}

/* ---- The steps ---- */

static uint8_t find_type(struct tug_walk_trip *trip, const char *name)
{
    struct statx statx;
    int fd = tug_tree_last(&trip->tree)->fd;
    if (tug_sys_statx(fd, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &statx) < 0)
        return DT_UNKNOWN;
    return (uint8_t)IFTODT(statx.stx_mode);
}

static int add_entry(struct tug_walk_trip *trip, const struct dirent64 *entry)
{
    struct tug_walk_record *record = add(trip, entry->d_name);
    if (record == NULL)
        return -ENOMEM;
    record->inode = entry->d_ino;
    record->type = entry->d_type != DT_UNKNOWN ? entry->d_type : find_type(trip, entry->d_name);
    if (record->type == DT_DIR && (trip->max_depth == 0 || record->depth < trip->max_depth))
        return tug_tree_keep(&trip->tree, entry->d_name);
    return 0;
}

static int descend(struct tug_walk_trip *trip)
{
    trip->opened++;
    int error = tug_tree_descend(&trip->tree);
    if (error == 0)
        return append_path(trip, tug_tree_last_name(&trip->tree));
    error = add_error(trip, tug_tree_kept(&trip->tree), error);
    tug_tree_forget(&trip->tree);
    return error;
}

static int read_on(struct tug_walk_trip *trip)
{
    int error = tug_tree_read(&trip->tree);
    if (error == 0)
        return 0;
    tug_tree_last(&trip->tree)->scanned = true;
    return add_error(trip, "", error);
}

static void leave_level(struct tug_walk_trip *trip)
{
    trip->path_length -= strlen(tug_tree_last_name(&trip->tree)) + 1;
    tug_tree_leave(&trip->tree);
}

static void leave(struct tug_walk_trip *trip)
{
    if (trip->tree.depth == 1) {
        trip->ended = true;
        return;
    }
    int error = tug_tree_open_parent(&trip->tree);
    if (error == 0)
        leave_level(trip);
    else
        trip->lost = tug_tree_find_back(&trip->tree, error);
}

/* Leaves a level that has not been found again. */
static int leave_lost(struct tug_walk_trip *trip)
{
    bool scanned = tug_tree_last(&trip->tree)->scanned;
    int error = 0;
    if (!scanned || tug_tree_kept(&trip->tree) != NULL)
        error = add_error(trip, "", trip->lost);
    if (trip->tree.depth == 1)
        trip->ended = true;
    else
        leave_level(trip);
    return error;
}

static int step(struct tug_walk_trip *trip)
{
    struct tug_tree *tree = &trip->tree;
    if (tug_tree_last(tree)->fd < 0)
        return leave_lost(trip);
    const struct dirent64 *entry = tug_tree_next(tree);
    if (entry != NULL)
        return add_entry(trip, entry);
    bool scanned = tug_tree_last(tree)->scanned;
    if (!scanned && tug_tree_has_room(tree))
        return read_on(trip);
    if (tug_tree_kept(tree) != NULL)
        return descend(trip);
    leave(trip);
    return 0;
}

static int begin(struct tug_walk_trip *trip)
{
    trip->begun = true;
    int error = tug_tree_open(&trip->tree, trip->directory, trip->root, 0);
    if (error == 0)
        return append_path(trip, trip->root);
    trip->ended = true;
    return add_error(trip, trip->root, error);
}

static int fill(struct tug_walk_trip *trip)
{
    int error = trip->begun ? 0 : begin(trip);
    while (error == 0 && !trip->ended && !is_full(trip))
        error = step(trip);
    return error;
}

/* ---- Trips ---- */

struct tug_walk_trip *tug_walk_trip_new(int directory, const char *path, unsigned max_depth)
{
    struct tug_walk_trip *trip = tug_sys_calloc(1, sizeof *trip);
    if (trip == NULL)
        return NULL;
    trip->directory = directory;
    trip->root = path;
    trip->max_depth = max_depth;
    size_t length = strlen(path);
    trip->root_length = length + (length == 0 || path[length - 1] != '/');
    return trip;
}

int64_t tug_walk_trip_run(void *argument)
{
    struct tug_walk_trip *trip = argument;
    trip->batch = trip->spare != NULL ? trip->spare : tug_sys_calloc(1, sizeof *trip->batch);
    trip->spare = NULL;
    int error = -ENOMEM;
    if (trip->batch != NULL) {
        trip->batch->references = 1;
        trip->batch->count = trip->batch->next = trip->batch->text_length = 0;
        trip->opened = 0;
        error = fill(trip);
    }
    if (error != 0)
        trip->ended = true;
    if (trip->ended)
        tug_tree_close(&trip->tree);
    return error;
}

void tug_walk_trip_free(void *argument)
{
    struct tug_walk_trip *trip = argument;
    tug_tree_close(&trip->tree);
    batch_free(trip->batch);
    batch_free(trip->spare);
    tug_sys_free(trip->path);
    tug_sys_free(trip);
}

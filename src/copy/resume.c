/* SPDX-License-Identifier: MIT */
/* Partial files and the decision what is finished. The record itself is in resume_record.c. */
#include "resume.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include <tug/sys.h>

#include "digest.h"
#include "resume_record.h"

/* Smaller files are copied anew, if nobody says otherwise. */
#define DEFAULT_SIZE ((uint64_t)64 << 20)

/* How long a name may be in any file system of note. */
#define LONGEST_NAME 255

struct tug_resume {
    pthread_mutex_t lock;
    struct tug_resume_record *record;
    char *part, *side; /* names, relative to the directory of the destination */
    int side_fd;
    bool recording;           /* under the lock: a worker is at it */
    uint64_t pause, earliest; /* ns: when the next record is made */
};

/* ---- Names ---- */

/* The name of what is beside a file: in the same directory, hidden, and the same for the same name
 * each time. Of one that would be too long, the digest takes the place of the end. */
static char *name_beside(const char *name, const char *suffix)
{
    const char *slash = strrchr(name, '/');
    int above = slash != NULL ? (int)(slash + 1 - name) : 0;
    const char *last = name + above;
    char *result = NULL;
    int length = (int)strlen(last), room = LONGEST_NAME - 1 - (int)strlen(suffix);
    if (length <= room)
        return asprintf(&result, "%.*s.%s%s", above, name, last, suffix) < 0 ? NULL : result;
    struct tug_copy_digest digest = tug_copy_digest_of(last, (size_t)length);
    if (asprintf(&result, "%.*s.%.*s-%016llx%s", above, name, room - 17, last,
                 (unsigned long long)digest.low, suffix) < 0)
        return NULL;
    return result;
}

static void free_resume(struct tug_copy_file *file)
{
    struct tug_resume *resume = file->resume;
    if (resume->side_fd >= 0)
        tug_sys_close(resume->side_fd);
    tug_resume_record_free(resume->record);
    free(resume->part);
    free(resume->side);
    pthread_mutex_destroy(&resume->lock);
    free(resume);
    file->resume = NULL;
}

static int new_resume(struct tug_copy_file *file, bool recorded)
{
    struct tug_resume *resume = calloc(1, sizeof(*resume));
    if (resume == NULL)
        return -ENOMEM;
    int error = -pthread_mutex_init(&resume->lock, NULL);
    if (error != 0) {
        free(resume);
        return error;
    }
    file->resume = resume;
    resume->side_fd = -1;
    resume->part = name_beside(file->destination_name, ".tug-part");
    resume->side = name_beside(file->destination_name, ".tug-side");
    if (recorded)
        resume->record = tug_resume_record_new(file->size);
    bool has_record = resume->record != NULL || !recorded;
    return resume->part == NULL || resume->side == NULL || !has_record ? -ENOMEM : 0;
}

/* Whether nothing is ever replaced. */
static bool keeps(const struct tug_copy_options *options)
{
    return options->existing == TUG_COPY_EXISTING_KEEP ||
           options->existing == TUG_COPY_EXISTING_REFUSE;
}

static bool is_large(const struct tug_copy_file *file)
{
    uint64_t size = file->engine->options->resume_size;
    return file->size >= (size != 0 ? size : DEFAULT_SIZE) &&
           (file->size > tug_copy_thresholds.piece || file->sparse);
}

/* Whether options decide about what exists. */
static bool decides(const struct tug_copy_options *options)
{
    return options->update || options->ask != NULL || options->backup != TUG_BACKUP_NONE ||
           keeps(options);
}

/* ---- What is finished ---- */

bool tug_resume_is_left_over(int at, const char *name)
{
    struct statx statx;
    return tug_sys_statx(at, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MODE, &statx) == 0 &&
           S_ISDIR(statx.stx_mode) &&
           (statx.stx_mode & 07777 & ~(mode_t)S_ISGID) == TUG_RESUME_DIRECTORY;
}

/* Removes what may be left beside a finished file: if the last copy ended between the two. */
static void clean(const struct tug_copy_file *file)
{
    static const char *const suffixes[] = {".tug-part", ".tug-side"};
    for (int i = 0; i < 2; i++) {
        char *name = name_beside(file->destination_name, suffixes[i]);
        if (name != NULL)
            tug_sys_unlinkat(file->directory->destination, name, 0);
        free(name);
    }
}

bool tug_resume_is_finished(const struct tug_copy_file *file, struct tug_copy_identity *copy)
{
    struct statx statx;
    if (!file->regular ||
        tug_sys_statx(file->directory->destination, file->destination_name, AT_SYMLINK_NOFOLLOW,
                      STATX_TYPE | STATX_INO | STATX_SIZE | STATX_MTIME, &statx) != 0)
        return false;
    *copy = tug_copy_identity_of(&statx);
    if (!S_ISREG(statx.stx_mode) || statx.stx_size != file->size ||
        statx.stx_mtime.tv_sec != file->modified.tv_sec ||
        statx.stx_mtime.tv_nsec != file->modified.tv_nsec ||
        tug_copy_identity_equal(*copy, file->identity))
        return false;
    if (is_large(file))
        clean(file);
    return true;
}

/* ---- The partial file ---- */

/* Whether a new file may take the final name: not that of a link, nor one of several names, unless
 * they are to be replaced. Returns 0, or what tug_resume_begin() does. */
static int examine_existing(const struct tug_copy_file *file)
{
    struct statx statx;
    int error = tug_sys_statx(file->directory->destination, file->destination_name,
                              AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_INO | STATX_NLINK, &statx);
    if (error == -ENOENT)
        return 0;
    /* What cannot be looked at, or is in the way, is for others to report. */
    bool simple = error == 0 && S_ISREG(statx.stx_mode) && statx.stx_nlink == 1;
    if (error != 0 || (!simple && !tug_copy_must_replace(file->engine, &statx)) ||
        tug_copy_identity_equal(tug_copy_identity_of(&statx), file->identity))
        return 1;
    const struct tug_copy_subject subject = tug_copy_file_subject(file);
    int found = tug_copy_check_existing(&subject, &statx);
    return found == 0 || found == 2 ? 0 : 2;
}

static int open_beside(const struct tug_copy_file *file, const char *name)
{
    int at = file->directory->destination;
    int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    int fd = tug_sys_openat(at, name, flags, 0600);
    if (fd == -EMFILE && tug_directory_set_shrink(file->directory->set))
        fd = tug_sys_openat(at, name, flags, 0600);
    return fd;
}

/* Opens and locks the partial file. -EBUSY: another copy is at it. */
static int open_part(struct tug_copy_file *file, struct statx *statx)
{
    struct statx named;
    int fd = open_beside(file, file->resume->part);
    if (fd < 0)
        return fd;
    file->destination = fd;
    int error = tug_sys_flock(fd, LOCK_EX | LOCK_NB);
    if (error != 0)
        return error == -EAGAIN ? -EBUSY : error;
    error = tug_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_SIZE | STATX_BTIME,
                          statx);
    if (error != 0)
        return error;
    /* Another may have finished and renamed it just before the lock was had. */
    if (tug_sys_statx(file->directory->destination, file->resume->part, AT_SYMLINK_NOFOLLOW,
                      STATX_INO, &named) != 0 ||
        !tug_copy_identity_equal(tug_copy_identity_of(statx), tug_copy_identity_of(&named)) ||
        !S_ISREG(statx->stx_mode))
        return -EBUSY;
    return 0;
}

/* Empties both. The record first: it must not be there when the part grows again. A part with holes
 * gets its length at once, since what is a hole at its end is finished without being written. */
static int start_anew(struct tug_copy_file *file)
{
    tug_resume_record_clear(file->resume->record);
    int error = tug_sys_ftruncate(file->resume->side_fd, 0);
    if (error == 0)
        error = tug_sys_ftruncate(file->destination, 0);
    if (error == 0 && file->sparse)
        error = tug_sys_ftruncate(file->destination, (int64_t)file->size);
    return error;
}

static int begin(struct tug_copy_file *file)
{
    struct statx statx;
    struct tug_resume *resume = file->resume;
    int error = open_part(file, &statx);
    if (error != 0)
        return error;
    if (resume->record == NULL)
        return tug_sys_ftruncate(file->destination, 0);
    const struct tug_resume_origin origin = {
        .source = file->identity,
        .part = tug_copy_identity_of(&statx),
        .size = file->size,
        .seconds = file->modified.tv_sec,
        .nanoseconds = file->modified.tv_nsec,
        .born = (statx.stx_mask & STATX_BTIME) != 0
                    ? statx.stx_btime.tv_sec * 1000000000 + statx.stx_btime.tv_nsec
                    : 0,
    };
    resume->side_fd = open_beside(file, resume->side);
    if (resume->side_fd < 0)
        return resume->side_fd;
    /* A part that is empty, or shorter than its record says, is not that part. */
    if (tug_resume_record_load(resume->record, resume->side_fd, &origin) && statx.stx_size > 0 &&
        tug_resume_record_end(resume->record) <= statx.stx_size)
        return 0;
    return start_anew(file);
}

int tug_resume_begin(struct tug_copy_file *file)
{
    const struct tug_copy_options *options = file->engine->options;
    bool recorded = is_large(file);
    if (!options->resume || !file->regular || options->make != TUG_COPY_MAKE_CONTENTS ||
        (!recorded && !decides(options)))
        return 1;
    int error = examine_existing(file);
    if (error != 0)
        return error;
    error = new_resume(file, recorded);
    if (error == 0)
        error = begin(file);
    if (error == 0) {
        file->created = file->solid = file->widen = true;
        return 0;
    }
    if (file->destination >= 0)
        tug_sys_close(file->destination);
    file->destination = -1;
    if (file->resume != NULL)
        free_resume(file);
    return error;
}

/* ---- Ranges ---- */

bool tug_resume_has(const struct tug_resume *resume, uint64_t offset)
{
    return resume->record != NULL && tug_resume_record_has(resume->record, offset);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Writes down what was finished before the call. Not by two workers at a time. */
static int record(struct tug_copy_file *file)
{
    struct tug_resume *resume = file->resume;
    pthread_mutex_lock(&resume->lock);
    tug_resume_record_take(resume->record);
    pthread_mutex_unlock(&resume->lock);
    int error = tug_sys_fdatasync(file->destination);
    return error == 0 ? tug_resume_record_save(resume->record, resume->side_fd) : error;
}

void tug_resume_add(struct tug_copy_file *file, uint64_t offset)
{
    struct tug_resume *resume = file->resume;
    if (resume->record == NULL)
        return;
    uint64_t begin = now();
    pthread_mutex_lock(&resume->lock);
    tug_resume_record_add(resume->record, offset);
    bool due = !resume->recording && begin >= resume->earliest;
    resume->recording = resume->recording || due;
    pthread_mutex_unlock(&resume->lock);
    if (!due)
        return;
    /* A record that cannot be written is missed when the copy is interrupted, not before. */
    record(file);
    uint64_t end = now();
    pthread_mutex_lock(&resume->lock);
    resume->earliest = end + 10 * (end - begin);
    resume->recording = false;
    pthread_mutex_unlock(&resume->lock);
}

/* ---- The end ---- */

int tug_resume_sync(const struct tug_copy_file *file)
{
    return file->resume->record != NULL ? tug_sys_fdatasync(file->destination) : 0;
}

/* What has come meanwhile is not replaced, if nothing is to be. */
static int rename_part(const struct tug_copy_file *file)
{
    int at = file->directory->destination;
    const char *part = file->resume->part;
    unsigned flags = keeps(file->engine->options) ? RENAME_NOREPLACE : 0;
    int error = tug_sys_renameat2(at, part, at, file->destination_name, flags);
    if (error == -EINVAL && flags != 0)
        error = tug_sys_renameat2(at, part, at, file->destination_name, 0);
    return error;
}

bool tug_resume_finish(struct tug_copy_file *file)
{
    struct tug_resume *resume = file->resume;
    const struct tug_copy_subject subject = tug_copy_file_subject(file);
    if (file->engine->options->backup != TUG_BACKUP_NONE &&
        tug_copy_clear_way(&subject, &file->backup) != 0) {
        tug_resume_keep(file);
        return false;
    }
    int error = rename_part(file);
    if (error != 0) {
        tug_copy_fail(file->engine, file->directory, file->name, file->destination_name,
                      TUG_COPY_STEP_CREATE, error);
        tug_resume_keep(file);
        return false;
    }
    if (resume->record != NULL)
        tug_sys_unlinkat(file->directory->destination, resume->side, 0);
    free_resume(file);
    return true;
}

void tug_resume_keep(struct tug_copy_file *file)
{
    struct tug_resume *resume = file->resume;
    int at = file->directory->destination;
    bool recorded = resume->record != NULL;
    bool kept = recorded && file->destination >= 0 && record(file) == 0;
    /* Nothing that could be used: then it need not be there. */
    if (file->destination >= 0 && (!kept || tug_resume_record_end(resume->record) == 0)) {
        tug_sys_unlinkat(at, resume->part, 0);
        if (recorded)
            tug_sys_unlinkat(at, resume->side, 0);
    }
    free_resume(file);
}

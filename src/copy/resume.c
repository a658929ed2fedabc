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

static int new_resume(struct tug_copy_file *file)
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
    resume->record = tug_resume_record_new(file->size);
    return resume->part == NULL || resume->side == NULL || resume->record == NULL ? -ENOMEM : 0;
}

static bool is_large(const struct tug_copy_file *file)
{
    uint64_t size = file->engine->options->resume_size;
    return file->regular && file->size >= (size != 0 ? size : DEFAULT_SIZE);
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

/* Whether a new file may take the final name: not that of a link, nor one of several names. */
static bool may_replace(const struct tug_copy_file *file)
{
    struct statx statx;
    int error = tug_sys_statx(file->directory->destination, file->destination_name,
                              AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_INO | STATX_NLINK, &statx);
    if (error == 0)
        return S_ISREG(statx.stx_mode) && statx.stx_nlink == 1 &&
               !tug_copy_identity_equal(tug_copy_identity_of(&statx), file->identity);
    return error == -ENOENT;
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
    if (!file->engine->options->resume || !is_large(file) || !may_replace(file))
        return 1;
    int error = new_resume(file);
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
    return tug_resume_record_has(resume->record, offset);
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
    return tug_sys_fdatasync(file->destination);
}

int tug_resume_finish(struct tug_copy_file *file)
{
    struct tug_resume *resume = file->resume;
    int at = file->directory->destination;
    int error = tug_sys_renameat2(at, resume->part, at, file->destination_name, 0);
    if (error != 0)
        return error;
    tug_sys_unlinkat(at, resume->side, 0);
    free_resume(file);
    return 0;
}

void tug_resume_keep(struct tug_copy_file *file)
{
    struct tug_resume *resume = file->resume;
    int at = file->directory->destination;
    bool kept = file->destination >= 0 && record(file) == 0;
    /* Nothing that could be used: then it need not be there. */
    if (file->destination >= 0 && (!kept || tug_resume_record_end(resume->record) == 0)) {
        tug_sys_unlinkat(at, resume->part, 0);
        tug_sys_unlinkat(at, resume->side, 0);
    }
    free_resume(file);
}

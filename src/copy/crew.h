/* SPDX-License-Identifier: MIT */
/*
 * The crew: jobs of the copy, and the few threads of the blocking pool that work on them.
 *
 * Waiting jobs are a stack, so that a walk goes into depth before it goes into breadth. A worker
 * takes jobs until there are none, then ends; whoever pushes a job starts a worker for it unless
 * there are as many as allowed. So no worker ever waits for another, one small job costs one
 * thread, and threads that are not needed go back to the pool.
 */
#ifndef TUG_COPY_CREW_H
#define TUG_COPY_CREW_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tug_runtime;
struct tug_task;
struct tug_crew;
struct tug_crew_worker;

/* Embedded in what it works on. run() may free it. After tug_crew_stop() jobs are still run, for
 * their cleanup: they look at tug_crew_stopped() and must not begin anything. */
struct tug_crew_job {
    struct tug_crew_job *next;
    void (*run)(struct tug_crew_job *job, struct tug_crew_worker *worker);
};

enum tug_crew_worker_state { TUG_CREW_ENDED, TUG_CREW_STARTING, TUG_CREW_ACTIVE };

/* A place for a worker; kept, with its memory, from one worker to the next in this place. */
struct tug_crew_worker {
    struct tug_crew *crew;
    struct tug_task *handle; /* of the last task in this place; NULL: none, or taken to be joined */
    enum tug_crew_worker_state state;
    unsigned char *buffer; /* for file contents, see tug_crew_buffer() */
    void *spare_batch;     /* one buffer for directory entries, owned by the walk */
};

/* What one read or write moves. */
#define TUG_CREW_BUFFER_SIZE ((size_t)1 << 20)

struct tug_crew {
    pthread_mutex_t lock;
    struct tug_crew_job *top;
    unsigned limit;              /* workers at most */
    unsigned active;             /* workers that will look at the stack again */
    uint32_t hungry;             /* atomic: no job waits, and there might be more workers */
    uint32_t stop;               /* atomic */
    struct tug_runtime *runtime; /* NULL: the calling thread is the only worker */
    unsigned place_count;
    struct tug_crew_worker places[];
};

/* Makes a crew of at most `limit` workers. Returns 0 or -ENOMEM. */
int tug_crew_create(struct tug_crew **crew, unsigned limit);
void tug_crew_destroy(struct tug_crew *crew);

/* Adds a job. `wake`: start a worker for it; without, it waits until a worker comes along, which
 * only the calling worker can promise. From a worker, or before tug_crew_run(). */
void tug_crew_push(struct tug_crew *crew, struct tug_crew_job *job, bool wake);

/* Works until there are no jobs. Suspends in a coroutine, else blocks. Returns 0; the reason of the
 * scope that was cancelled meanwhile: then the crew was stopped; or why no worker could start.
 * There are no jobs left in any case. */
int tug_crew_run(struct tug_crew *crew);

/* Asks all jobs to end soon. From any thread. */
void tug_crew_stop(struct tug_crew *crew);

static inline bool tug_crew_stopped(const struct tug_crew *crew)
{
    return __atomic_load_n(&crew->stop, __ATOMIC_RELAXED) != 0;
}

/* Whether it is worth while to share work with others. A hint. */
static inline bool tug_crew_hungry(const struct tug_crew *crew)
{
    return __atomic_load_n(&crew->hungry, __ATOMIC_RELAXED) != 0;
}

/* The worker's buffer of TUG_CREW_BUFFER_SIZE bytes, one of its own; NULL: no memory. */
unsigned char *tug_crew_buffer(struct tug_crew_worker *worker);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The crew: jobs of the copy, and the few threads of the blocking pool that work on them.
 *
 * Waiting jobs are a stack, so that a walk goes into depth before it goes into breadth. A worker
 * takes jobs until there are none, then ends; whoever pushes a job starts a worker for it unless
 * there are as many as wanted. So no worker ever waits for another, one small job costs one thread,
 * and threads that are not needed go back to the pool.
 *
 * The task that waits for the crew may be its first worker for a while: then little work needs no
 * thread at all.
 *
 * How many are wanted is said by whoever makes the crew, or else found out while they work: they
 * count what they do (tug_crew_tick()), and the controller draws its conclusions.
 */
#ifndef TUG_COPY_CREW_H
#define TUG_COPY_CREW_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller.h"

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

/* What a worker has done, ever. Atomic: it alone writes, others read. Times in ns. */
struct tug_crew_tally {
    uint64_t entries, bytes;
    uint64_t present, cpu, asleep; /* as in struct tug_controller_sample */
};

/* What the system says about a thread. */
struct tug_crew_usage {
    uint64_t time;                /* when it was asked */
    uint64_t cpu;                 /* ns on a processor */
    uint64_t sleeps, preemptions; /* how often it left it, of its own accord or not */
};

/* A place for a worker; kept, with its memory, from one worker to the next in this place. */
struct tug_crew_worker {
    struct tug_crew *crew;
    struct tug_task *handle; /* of the last task in this place; NULL: none, or taken to be joined */
    enum tug_crew_worker_state state;
    unsigned char *buffer; /* for file contents, see tug_crew_buffer() */
    size_t buffer_size;
    void *spare_batch; /* one buffer for directory entries, owned by the walk */
    struct tug_crew_tally tally;
    struct tug_crew_usage usage; /* when the tally's times were last added to */
    bool is_caller;              /* it is the task that waits for the crew */
    bool retires;                /* if so: it has done its part */
    uint64_t next_turn;          /* and when other tasks of its thread get a turn */
};

/* What one read or write moves. */
#define TUG_CREW_BUFFER_SIZE ((size_t)1 << 20)

/* What the controller is fed from (crew_meter.c). Whoever sets `taken` has all of it but
 * `next_look`. */
struct tug_crew_meter {
    uint32_t taken;              /* atomic */
    uint64_t next_look;          /* atomic: when to see again whether a sample is due */
    uint64_t begin;              /* of the interval */
    bool growing;                /* it begins when as many workers as wanted are at work */
    struct tug_crew_tally known; /* sums at its beginning */
    struct tug_controller controller;
};

struct tug_crew {
    pthread_mutex_t lock;
    struct tug_crew_job *top;
    unsigned waiting;            /* jobs in the stack */
    unsigned limit;              /* workers at most */
    unsigned level;              /* workers wanted, 1 to `limit`; read without the lock, too */
    unsigned active;             /* workers that will look at the stack again */
    unsigned most_active;        /* that there ever were */
    unsigned processors;         /* that there are */
    bool adaptive;               /* the level follows the controller */
    struct tug_crew_meter meter; /* if so */
    uint32_t hungry;             /* atomic: no job waits, and there might be more workers */
    uint32_t crowded;            /* atomic: there are more workers than wanted */
    uint32_t stop;               /* atomic */
    bool take_part;              /* whoever waits for the crew is its first worker, */
    uint64_t part_end;           /* until then */
    int reason;                  /* why the scope was cancelled while it worked, or 0; its own */
    struct tug_runtime *runtime; /* NULL: the calling thread is the only worker */
    unsigned place_count;
    struct tug_crew_worker places[];
};

/* Makes a crew of at most `jobs` workers; 0: as many as turn out to be of use. Returns 0 or a
 * negative errno. */
int tug_crew_create(struct tug_crew **crew, unsigned jobs);
void tug_crew_destroy(struct tug_crew *crew);

/* For how long a task takes part, and how often others of its thread have a turn meanwhile, in ns.
 * A system call may take long, and with much work nobody sees what one thread more costs. */
#define TUG_CREW_PART ((uint64_t)20000000)
#define TUG_CREW_TURN_PERIOD ((uint64_t)5000000)

/* Has the task that calls tug_crew_run() be the first worker from now on, for TUG_CREW_PART, so
 * that little work needs no other thread. Not where a task may move to another thread. Before
 * tug_crew_run(). */
void tug_crew_take_part(struct tug_crew *crew);

/* Lets other tasks of the thread have a turn, if the caller is the task that waits for the crew; so
 * they can stop it. For what may take long without tug_crew_tick(). */
void tug_crew_breathe(struct tug_crew *crew);

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

/* Whether there are so many workers that each should take small pieces. A hint. */
static inline bool tug_crew_is_wide(const struct tug_crew *crew)
{
    return __atomic_load_n(&crew->level, __ATOMIC_RELAXED) > 2 * crew->processors;
}

/* Whether there are more workers than wanted. A hint. */
static inline bool tug_crew_crowded(const struct tug_crew *crew)
{
    return __atomic_load_n(&crew->crowded, __ATOMIC_RELAXED) != 0;
}

/* Whether a worker that is sharing work with others should leave it to them and end its job. It
 * must not be the only one that knows of the work: it is to push it. A hint. */
static inline bool tug_crew_worker_is_spare(const struct tug_crew_worker *worker)
{
    return tug_crew_crowded(worker->crew) || worker->retires;
}

/* The time, in ns of a clock that only goes forward. */
uint64_t tug_crew_now(void);

/* The worker has finished so many entries or bytes of a large file, at the time `now`. Cheap: to be
 * called for all that took longer than some us, so that changes are noticed. */
void tug_crew_tick(struct tug_crew_worker *worker, uint64_t now, uint64_t entries, uint64_t bytes);

/* For crew.c. A worker begins, and ends; the crew begins to work. */
void tug_crew_meter_enter(struct tug_crew_worker *worker);
void tug_crew_meter_leave(struct tug_crew_worker *worker);
void tug_crew_meter_restart(struct tug_crew *crew);

/* Workers that are at work, or about to be. */
unsigned tug_crew_active(struct tug_crew *crew);

/* Sets the level, and starts workers for jobs that wait. */
void tug_crew_set_level(struct tug_crew *crew, unsigned level);

/* The worker's buffer of TUG_CREW_BUFFER_SIZE bytes, one of its own; NULL: no memory. */
unsigned char *tug_crew_buffer(struct tug_crew_worker *worker);

/* The same with at least `size` bytes, for what moves more at a time. What was in it is lost. */
unsigned char *tug_crew_large_buffer(struct tug_crew_worker *worker, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A pool of workers for operations on files: copies, moves, removals, new directories. Whoever
 * wants one done hands a request to the pool and waits for the reply, then or later.
 *
 *  - At most as many operations run at once as there are workers, and at most so many requests wait
 *    as the queue takes: who submits one more suspends until there is room.
 *  - Every request that was taken is answered exactly once, by a oneshot of its own, whatever
 *    becomes of the pool.
 *  - What the operations promise is what tug_copy(), tug_move() and tug_remove() do: no partial
 *    file after a failure or a cancellation, and no moment in which what is moved exists nowhere.
 *  - The end is orderly: no new requests; those that were taken are carried out, within a time;
 *    what is left then is cancelled, answered, and told of.
 */
#ifndef TUG_FILE_POOL_H
#define TUG_FILE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <tug/cancel.h>
#include <tug/config.h>
#include <tug/copy.h>
#include <tug/move.h>
#include <tug/oneshot.h>
#include <tug/remove.h>

TUG_BEGIN_DECLS

struct tug_file_pool;

/* A zero means the default. */
struct tug_file_pool_options {
    /* Operations at once, 1 to 1,024; 4. Each has jobs of its own on the blocking pool, see `jobs`
     * of its options. */
    unsigned workers;
    /* Requests that wait for a worker, at most, 1 to 1,000,000; 64. */
    unsigned queue;
};

enum tug_file_work {
    TUG_FILE_WORK_COPY,
    TUG_FILE_WORK_MOVE,
    TUG_FILE_WORK_REMOVE,
    TUG_FILE_WORK_CREATE_DIR
};

/*
 * One operation and its reply. Prepared by one of the functions below; its memory, and all that was
 * given there, is lent to the pool from the submission until the reply. `work`, `sources`, `count`
 * and `destination` are to be read, the rest is private.
 */
struct tug_file_request {
    enum tug_file_work work;
    const char *const *sources;
    size_t count;
    const char *destination;
    mode_t mode;
    const void *options;
    void *report;
    struct tug_oneshot reply;
    struct tug_token stop;
    struct tug_file_pool *pool;
    struct tug_file_request *next, *previous;
    uint8_t queued;
};

/* Prepare a request. The arguments are those of tug_copy(), tug_move(), tug_remove() and
 * tug_fs_create_dir_all(), whose result will be the reply. Do not suspend; cannot fail. */
TUG_API void tug_file_request_copy(struct tug_file_request *request,
                                   const struct tug_copy_options *options,
                                   const char *const *sources, size_t count,
                                   const char *destination, struct tug_copy_report *report);
TUG_API void tug_file_request_move(struct tug_file_request *request,
                                   const struct tug_move_options *options,
                                   const char *const *sources, size_t count,
                                   const char *destination, struct tug_move_report *report);
TUG_API void tug_file_request_remove(struct tug_file_request *request,
                                     const struct tug_remove_options *options,
                                     const char *const *paths, size_t count,
                                     struct tug_remove_report *report);
TUG_API void tug_file_request_create_dir(struct tug_file_request *request, const char *path,
                                         mode_t mode);

/*
 * Makes a pool on the current runtime, and starts its workers. `options` may be NULL. Does not
 * suspend. Returns 0; -EINVAL: an option is out of range; -EPERM: the caller is not a
 * coroutine; -ENOMEM; -ECANCELED: the runtime is shutting down.
 */
TUG_API int tug_file_pool_create(struct tug_file_pool **pool,
                                 const struct tug_file_pool_options *options);

/*
 * Hands a request to the pool; waits for room in the queue. Suspends; on a thread that runs no
 * tasks it blocks. Returns 0: the request will be answered, see tug_file_request_wait(); -EPIPE:
 * the pool is ending; the scope's reason: the request was not taken.
 */
TUG_API int tug_file_pool_submit(struct tug_file_pool *pool, struct tug_file_request *request);

/* The same without waiting: -EAGAIN if there is no room. Does not suspend. */
TUG_API int tug_file_pool_try_submit(struct tug_file_pool *pool, struct tug_file_request *request);

/*
 * Waits for the reply to a request that was submitted; to be called for each exactly once, by then
 * it belongs to the caller again. (The reply may be selected on before: its future is
 * `reply.future`.) Suspends. Returns the operation's
 * result. When the caller's scope is cancelled the operation is, too, and its end is still waited
 * for; then the reason takes the place of -ECANCELED. -EPERM: the caller is not a coroutine, and
 * the request goes on.
 */
TUG_API int64_t tug_file_request_wait(struct tug_file_request *request);

/* Cancels a request before its reply was received: one that waits is answered with -ECANCELED at
 * once, one that is being carried out as its operation ends. From any thread. Does not suspend. */
TUG_API void tug_file_request_cancel(struct tug_file_request *request);

/*
 * Removes a great many paths: in requests of at most `batch` (0: 64) each, which the workers share.
 * Waits for all of them. The other arguments are those of tug_remove(), and so is the result: of
 * the first batch, in the order given, that failed; `report` sums them up. A failure does not keep
 * other batches from being removed. Suspends. Also -ENOMEM; -EPIPE: the pool is ending, and what
 * had not been submitted stays.
 */
TUG_API int64_t tug_file_pool_remove(struct tug_file_pool *pool,
                                     const struct tug_remove_options *options,
                                     const char *const *paths, size_t count, size_t batch,
                                     struct tug_remove_report *report);

/* Counters of a pool. */
struct tug_file_pool_report {
    uint64_t succeeded; /* requests answered with a result >= 0 */
    uint64_t failed;    /* answered with an error of their own */
    uint64_t cancelled; /* answered with -ECANCELED */
    uint64_t waiting;   /* not begun */
    uint64_t running;
};

/* Reads the counters at any time, from any thread. */
TUG_API void tug_file_pool_read(struct tug_file_pool *pool, struct tug_file_pool_report *report);

/* What the end of a pool is told to do; zeroed: 30 s, 5 s, and nobody is told. */
struct tug_file_pool_end {
    /* ns for what was taken to be carried out; 0: 30 s. TUG_FOREVER: no limit. */
    uint64_t grace;
    /* ns for what was cancelled to come to its end; 0: 5 s. */
    uint64_t abort;
    /* Told of each request that had not come to its end when the grace was over, before it is
     * answered; and, with `stuck`, of those that have not ended after `abort` either. Never two at
     * a time, from any thread. Must not suspend, nor call the pool. May be NULL. */
    void (*late)(const struct tug_file_request *request, bool stuck, void *argument);
    void *argument;
};

/*
 * Ends a pool: takes no more requests, which -EPIPE tells those who wait for room or come later;
 * carries out those that were taken; cancels what is left when the time is up, or when the caller's
 * scope is cancelled, and waits for its end, which takes long only if the file system does not
 * answer. `end` and `report` may be NULL. Suspends.
 * Returns 0: all was carried out; -ETIMEDOUT: some was cancelled, and all is answered; -EBUSY: some
 * is not answered yet, and its requests are still lent; -EPERM: the caller is not a coroutine, and
 * nothing was done.
 */
TUG_API int tug_file_pool_shutdown(struct tug_file_pool *pool, const struct tug_file_pool_end *end,
                                   struct tug_file_pool_report *report);

/* Frees a pool that was shut down, when nobody will submit any more; NULL is allowed. Requests that
 * were not waited for may be so afterwards. From any thread. Does not suspend. */
TUG_API void tug_file_pool_destroy(struct tug_file_pool *pool);

TUG_END_DECLS

#endif
